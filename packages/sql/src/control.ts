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

export function endsTransaction(dialect: SqlDialect, sql: string): boolean {
  return CONTROL[dialect].test(sql)
}

/**
 * On MySQL a deadlock ends a transaction, and with autocommit what a handler that swallows the error writes
 * next is committed at once. So autocommit is off as long as the inbox has the connection.
 */
export const AUTOCOMMIT_OFF = 'set autocommit = 0'
export const AUTOCOMMIT_ON = 'set autocommit = 1'
