import { wrong } from './settings.ts'

/** The table of an inbox, named for SQL. */
export interface InboxTable {
  /** As it was given: `hongbao_inbox`, or `app.hongbao_inbox`. */
  readonly name: string
  /** Quoted, with the schema or database if one was given. */
  readonly sql: string
  /** The name of the index that cleaning uses; it lies in the schema of the table. */
  readonly indexSql: string
}

// Postgres cuts names at 63 bytes, and two that are alike up to there would be one.
const MAX_NAME_BYTES = 63
const NAME = /^[\p{L}_][\p{L}\p{N}_$]*$/u

/** Reads the option `table`. `column` is that of the index; `quote` encloses names in the SQL. */
export function readTable(
  table: string = 'hongbao_inbox',
  column: 'applied_at' | 'created_at' = 'applied_at',
  quote: '"' | '`' = '"',
): InboxTable {
  const parts = typeof table === 'string' ? table.split('.') : []
  const indexName = `${parts.at(-1)}_${column}`
  const isNamed = [1, 2].includes(parts.length) && parts.every((part) => NAME.test(part))
  if (!isNamed || [...parts, indexName].some((name) => byteLength(name) > MAX_NAME_BYTES)) {
    throw wrong('table', 'the name of a table of 52 bytes at the most, for one "app.hongbao_inbox"')
  }
  const quoted = (name: string): string => quote + name + quote
  return { name: table, sql: parts.map(quoted).join('.'), indexSql: quoted(indexName) }
}

function byteLength(name: string): number {
  return new TextEncoder().encode(name).length
}
