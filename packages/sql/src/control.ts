import type { SqlDialect } from './dialect.ts'

/**
 * Statements that end a transaction. On MySQL the last ones do so implicitly (MySQL documentation,
 * "Statements That Cause an Implicit Commit"), and if the handler failed after one of them, the event
 * would be a duplicate.
 */
const CONTROL: Readonly<Record<SqlDialect, RegExp>> = {
  mysql:
    /^\s*(?:begin|start\s+transaction|commit|rollback(?!\s+(?:work\s+)?to\b)|set\s+(?:session\s+|local\s+|@@(?:session\.|local\.)?)?autocommit|(?:create(?:\s+or\s+replace)?|drop)(?!\s+(?:or\s+replace\s+)?temporary\b)|alter|rename|truncate|grant|revoke|(?:un)?lock\s+tables?)\b/i,
  postgres:
    /^\s*(?:commit|end|abort|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b)|prepare\s+transaction)\b/i,
}

/**
 * Comments, which are left out, and quoted texts, which may look like statements. What is in a comment such
 * as `/*! commit *\/` MySQL executes.
 */
const OPAQUE: Readonly<Record<SqlDialect, RegExp>> = {
  mysql:
    /\/\*(?!M?!)[^]*?(?:\*\/|$)|\/\*M?!\d*|\*\/|(?:--(?=\s)|#)[^\n]*|'(?:\\[^]|[^'\\])*(?:'|$)|"(?:\\[^]|[^"\\])*(?:"|$)|`[^`]*(?:`|$)/g,
  postgres:
    /\/\*[^]*?(?:\*\/|$)|--[^\n]*|\bE'(?:\\[^]|[^'\\])*(?:'|$)|'[^']*(?:'|$)|"[^"]*(?:"|$)|(?<![\w$])\$((?:[a-z_]\w*)?)\$[^]*?(?:\$\1\$|$)/gi,
}

/** Whether any statement of a text ends the transaction that it is sent in. */
export function endsTransaction(dialect: SqlDialect, sql: string): boolean {
  const bare = /[;*#'"`]|--/.test(sql) ? sql.replace(OPAQUE[dialect], ' ') : sql
  return bare.split(';').some((statement) => CONTROL[dialect].test(statement))
}

/**
 * On MySQL a deadlock ends a transaction, and with autocommit what a handler that swallows the error writes
 * next is committed at once. So autocommit is off as long as the inbox has the connection.
 */
export const AUTOCOMMIT_OFF = 'set autocommit = 0'
export const AUTOCOMMIT_ON = 'set autocommit = 1'
