import { InboxError } from '@hongbao/core'
import { inboxErrors } from '@hongbao/core/internal'

/** Code → what happened, what was expected, what to do. */
const ERRORS = {
  'postgres-pool-timed-out':
    'Timed out waiting for a connection of the pool: all are in use, or Postgres is down. A connection that was closed while Postgres worked on it counts until that has ended. Handlers that take a second connection of this pool wait for each other: use `tx`, or another pool. Otherwise raise `max`.',
  'postgres-timed-out':
    'Postgres did not answer within `commandTimeoutMs`, and the connection was closed; or it still works on as many closed connections as the pool may have. Is Postgres up, near enough, and its synchronous standby there? If `cause` says that `pg_locks` cannot be read, allow it: the inbox waits for `transactionTimeoutMs` otherwise.',
  'postgres-unreachable':
    'The connection to Postgres failed, was lost, or was given up by the client (`query_timeout` of pg). See `cause`.',
  'postgres-full': 'Postgres has no connection, memory or disk left. See `cause`.',
  'postgres-read-only':
    'Postgres is read-only: this is a replica, or one since a failover. Connect to the primary.',
  'postgres-forbidden':
    'Postgres refuses this user. It needs SELECT, INSERT and DELETE on the table of the inbox.',
  'postgres-login-refused':
    'Postgres refused the login: user, password, or a rule in pg_hba.conf. Correct the connection settings of the pool. See `cause`.',
  'postgres-database-missing':
    'The database does not exist. Create it, or correct the connection settings of the pool.',
  'postgres-table-unfit':
    'The table of the inbox is not as `schemaSql()` creates it. It needs `key` (uuid, with a primary key or unique index on it alone that is not DEFERRABLE) and `applied_at` (timestamptz, with the default). Other columns must be nullable or have a default. It must not be UNLOGGED or temporary. See `cause`, if there is one.',
  'postgres-refused': 'Postgres refused a statement of the inbox. See `cause`.',
  'postgres-table-missing':
    'The table of the inbox does not exist. Put `schemaSql()` in a migration, or call `ensureSchema()` at start-up.',
  'postgres-lock-timed-out':
    'Timed out waiting for a lock. If it was the claim: does a migration hold the table of the inbox?',
  'postgres-statement-canceled':
    'A statement was canceled, by a time-out of the server or an administrator.',
  'postgres-serialization-failed':
    'Postgres rolled this transaction back because it conflicts with another one. The event is applied when it is sent again.',
  'postgres-constraint-violated':
    'The handlers wrote something that violates a constraint checked at COMMIT, and nothing was committed.',
  'postgres-statement-failed':
    'Postgres commits nothing: a statement of a handler failed and its error was swallowed. Let the error reject, or use a savepoint around what may fail.',
  'postgres-rolled-back':
    'Postgres answered COMMIT with ROLLBACK: a statement of a handler failed and its error was swallowed. Let the error reject, or use a savepoint around what may fail.',
  'postgres-transaction-left':
    'A handler ended the transaction of the inbox. What it wrote before that may be committed, without the rest. Leave COMMIT and ROLLBACK to the inbox.',
  'postgres-transaction-timed-out':
    'The handlers ran for longer than `transactionTimeoutMs`, and their transaction was rolled back.',
  'postgres-transaction-over':
    '`tx` was used after the transaction had ended. Await everything that uses it before the handler resolves.',
  'postgres-transaction-control':
    '`tx` is inside the transaction of the inbox, which begins and ends it. To undo a part, use SAVEPOINT and ROLLBACK TO; to undo all, let the handler reject.',
  'postgres-result-unexpected':
    'The pool returned no client, or a result has no `rows` and `command`. Expected a `Pool` of pg, or an adapter that returns both.',
}

const WARNINGS = {
  'postgres-clean-up-failed':
    'Keys past the retention could not be deleted; deliveries are not affected. The inbox tries again after `cleanUpEverySeconds`; until that succeeds, the table grows. See `cause`.',
}

/** The `code` of an `InboxError` of this inbox: why an event could not be admitted. */
export type PostgresInboxErrorCode = keyof typeof ERRORS

/** The `code` of a warning: what threatens the promise although no delivery failed. */
export type PostgresInboxWarningCode = keyof typeof WARNINGS

export const MESSAGES: typeof ERRORS & typeof WARNINGS = { ...ERRORS, ...WARNINGS }

/** SQLSTATE, or the two characters of its class → code (Postgres documentation, appendix A). */
const STATES: Readonly<Record<string, PostgresInboxErrorCode>> = {
  '08': 'postgres-unreachable',
  '57P01': 'postgres-unreachable',
  '57P02': 'postgres-unreachable',
  '57P03': 'postgres-unreachable',
  '57P05': 'postgres-unreachable',
  '25P03': 'postgres-unreachable',
  '53': 'postgres-full',
  '28': 'postgres-login-refused',
  '3D000': 'postgres-database-missing',
  '42703': 'postgres-table-unfit',
  '42804': 'postgres-table-unfit',
  '42P10': 'postgres-table-unfit',
  '25006': 'postgres-read-only',
  '42501': 'postgres-forbidden',
  '42P01': 'postgres-table-missing',
  '3F000': 'postgres-table-missing',
  '55P03': 'postgres-lock-timed-out',
  '57014': 'postgres-statement-canceled',
  '40001': 'postgres-serialization-failed',
  '40P01': 'postgres-serialization-failed',
  '23': 'postgres-constraint-violated',
  '25P02': 'postgres-statement-failed',
}

/** An error of the inbox, as it is passed round in it. */
export type PostgresFailure = InboxError<PostgresInboxErrorCode>

/** The error of a code: what the inbox rejects with if Postgres or the transaction failed, and a warning's. */
export const postgresError: <Code extends keyof typeof MESSAGES>(
  code: Code,
  options?: ErrorOptions,
) => InboxError<Code> = inboxErrors(MESSAGES)

/** Names what a client rejected with. */
export function toInboxError(cause: unknown): PostgresFailure {
  if (isPostgresError(cause)) return cause
  const state = sqlStateOf(cause)
  // Without a word of Postgres it is the socket, the name server or the client that failed.
  if (state === undefined) return postgresError('postgres-unreachable', { cause })
  const code = STATES[state] ?? STATES[state.slice(0, 2)] ?? 'postgres-refused'
  return postgresError(code, { cause })
}

export function isPostgresError(thrown: unknown): thrown is PostgresFailure {
  return thrown instanceof InboxError && Object.hasOwn(MESSAGES, thrown.code)
}

/** The SQLSTATE of an error of Postgres: five digits and capitals. EPIPE looks like one and is none. */
export function sqlStateOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && code !== 'EPIPE'
    ? code
    : undefined
}
