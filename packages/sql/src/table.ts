import { wrong } from '@hongbao/core/internal'
import type { SqlDialect } from './dialect.ts'

/** The table of an inbox, named for SQL. */
export interface InboxTable {
  /** Quoted, with the schema or database if one was given. */
  readonly sql: string
  /** The name of the index that cleaning uses; it lies in the schema of the table. */
  readonly indexSql: string
}

// Postgres cuts names at 63 bytes, and two that are alike up to there would be one.
const MAX_NAME_BYTES = 63
const INDEX_SUFFIX = '_created_at'
const NAME = /^[\p{L}_][\p{L}\p{N}_$]*$/u

export function readTable(dialect: SqlDialect, table: string = 'hongbao_inbox'): InboxTable {
  const parts = typeof table === 'string' ? table.split('.') : []
  const indexName = `${parts.at(-1)}${INDEX_SUFFIX}`
  const isNamed = [1, 2].includes(parts.length) && parts.every((part) => NAME.test(part))
  if (!isNamed || [...parts, indexName].some((name) => Buffer.byteLength(name) > MAX_NAME_BYTES)) {
    throw wrong('table', 'the name of a table of 52 bytes at the most, for one "app.hongbao_inbox"')
  }
  const quote = (name: string): string => (dialect === 'mysql' ? `\`${name}\`` : `"${name}"`)
  return { sql: parts.map(quote).join('.'), indexSql: quote(indexName) }
}
