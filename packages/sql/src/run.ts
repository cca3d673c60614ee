import { isRecord } from '@hongbao/core/internal'
import { sqlError, toInboxError, type SqlInboxErrorCode } from './errors.ts'
import type { Settings } from './options.ts'

/** A row of the inbox. */
export interface InboxRow {
  readonly pk: string
  readonly isApplied: boolean
}

/** Runs a statement of the inbox. Rejects with an `InboxError`; `fallback` is its code if the cause is unknown. */
export async function run<Tx>(
  { query }: Settings<Tx>,
  sql: string,
  value?: string,
  tx?: Tx,
  fallback?: SqlInboxErrorCode,
): Promise<unknown> {
  const values = value === undefined ? [] : [value]
  try {
    // An ORM may tell a transaction that is undefined from none.
    return await (tx === undefined ? query(sql, values) : query(sql, values, tx))
  } catch (error) {
    throw toInboxError(error, fallback)
  }
}

/** The same for a statement that returns rows of the inbox. */
export async function select<Tx>(
  settings: Settings<Tx>,
  sql: string,
  value?: string,
  tx?: Tx,
  fallback?: SqlInboxErrorCode,
): Promise<readonly InboxRow[]> {
  const rows = await run(settings, sql, value, tx, fallback)
  if (!Array.isArray(rows)) throw sqlError('sql-result-unexpected')
  return rows.map(readRow)
}

/** Drivers return a number as a number, a text, a bigint, or, if it is 0 or 1, as a boolean. */
function readRow(row: unknown): InboxRow {
  const { pk, applied } = isRecord(row) ? row : {}
  const key = String(pk)
  const state = String(typeof applied === 'boolean' ? Number(applied) : applied)
  // It becomes a part of a statement.
  if (!/^[0-9a-f.]+$/.test(key) || !/^[01]$/.test(state)) throw sqlError('sql-result-unexpected')
  return { pk: key, isApplied: state === '1' }
}
