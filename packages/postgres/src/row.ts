import { postgresError } from './errors.ts'

/**
 * The only column of the only row, which is a text. It has no name here: `transform` of `postgres`
 * may have changed that.
 */
export function onlyText([row]: readonly unknown[]): string {
  const [value]: unknown[] = Object.values(Object(row))
  if (typeof value === 'string') return value
  throw postgresError('postgres-result-unexpected')
}
