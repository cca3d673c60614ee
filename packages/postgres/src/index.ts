export { postgresInbox } from './postgres-inbox.ts'
export type { CleanUpOptions, PostgresInbox, TransactionContext } from './postgres-inbox.ts'
export type { Isolation, PostgresInboxOptions } from './options.ts'
export { schemaSql } from './schema.ts'
export { PostgresInboxError } from './errors.ts'
export type { PostgresInboxErrorCode } from './errors.ts'
export type { PgPool, PostgresClient, PostgresPool, PostgresResult } from './client.ts'
export { postgresJsPool } from './postgres-js.ts'
export type {
  PostgresJs,
  PostgresJsPool,
  PostgresJsPoolOptions,
  PostgresJsResult,
  ReservedPostgresJs,
} from './postgres-js.ts'
