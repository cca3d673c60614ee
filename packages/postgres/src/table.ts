import { wrong } from '@hongbao/core/internal'

/** The table of an inbox, named for SQL. */
export interface InboxTable {
  /** As it was given: `hongbao_inbox`, or `app.hongbao_inbox`. */
  readonly name: string
  /** Quoted, with the schema where one was given. */
  readonly sql: string
  /** The name of the index that cleaning uses; it lies in the schema of the table. */
  readonly indexSql: string
}

// Postgres cuts names at 63 bytes, and two that are alike up to there would be one.
const MAX_NAME_BYTES = 63
const INDEX_SUFFIX = '_applied_at'
const NAME = /^[\p{L}_][\p{L}\p{N}_$]*$/u

export function readTable(table: string = 'hongbao_inbox'): InboxTable {
  const parts = typeof table === 'string' ? table.split('.') : []
  const name = parts.at(-1) ?? ''
  const isNamed = [1, 2].includes(parts.length) && parts.every((part) => NAME.test(part))
  const fits = parts.every((part) => Buffer.byteLength(part) <= MAX_NAME_BYTES)
  if (!isNamed || !fits || Buffer.byteLength(name + INDEX_SUFFIX) > MAX_NAME_BYTES) {
    throw wrong('table', 'the name of a table of 52 bytes at the most, for one "app.hongbao_inbox"')
  }
  return {
    name: table,
    sql: parts.map(quote).join('.'),
    indexSql: quote(name + INDEX_SUFFIX),
  }
}

function quote(name: string): string {
  return `"${name}"`
}
