import { InboxError } from '@hongbao/core'
import { inboxErrors } from '@hongbao/core/internal'

/** Code → what happened, what was expected, what to do. */
const ERRORS = {
  'sql-unreachable':
    'The connection to the database failed or was lost. Is the database up, and its address right? See `cause`.',
  'sql-full':
    'The database has no connection, memory or disk left. Lower the size of the pools, or raise the limit of the database. See `cause`.',
  'sql-read-only':
    'The database is read-only: this is a replica, or one since a failover. Connect to the primary.',
  'sql-login-refused':
    'The database refused the login. Correct the user and password of the connection. See `cause`.',
  'sql-database-missing':
    'The database of the connection does not exist. Create it, or correct the connection settings.',
  'sql-forbidden':
    'The database refuses this user. It needs SELECT, INSERT, UPDATE and DELETE on the table of the inbox.',
  'sql-table-missing':
    'The table of the inbox does not exist. Put `sqlSchema()` in a migration, or call `ensureSchema()` at start-up.',
  'sql-table-unfit':
    'The table of the inbox is not as `sqlSchema()` creates it. Another inbox may have the same name for its table: then set `table`. See `cause`.',
  'sql-conflict':
    'The database rolled the transaction back because it conflicts with another one (deadlock, lock timeout or serialization failure). The event is applied when it is sent again.',
  'sql-refused':
    'The database or the ORM refused a statement of the inbox, or to begin or commit its transaction. See `cause`.',
  'sql-result-unexpected':
    '`query` did not resolve with the rows of a SELECT. Expected a list of objects, without the list of fields that some drivers put beside it.',
  'sql-claim-missing':
    'The key was recorded, but the transaction does not see it. `query` without `tx` must commit at once (is `autocommit` off?) and run on the same database as `transaction`, not on a replica. If the key is older than the retention, clean-up has just deleted it: then it is applied when it is sent again.',
  'sql-statement-failed':
    'Postgres commits nothing: a statement of a handler failed and its error was swallowed. Let the error reject, or use a savepoint around what may fail.',
  'sql-transaction-left':
    'The transaction was over before the handlers had resolved: a handler ended it, it ran into a timeout of the ORM, or the error of a statement that was rolled back with it (a deadlock) was swallowed. What was written after that may be committed. Leave COMMIT and ROLLBACK to the inbox, and let errors reject.',
  'sql-transaction-repeated':
    '`transaction` called `run` more than once. Expected one call for each event: turn off the retries of the ORM, because Ping++ sends the event again.',
  'sql-transaction-skipped':
    '`transaction` resolved before `run` had. Expected it to call `run` with the transaction, and to wait for its promise.',
  'sql-rollback-missing':
    'What was written in a transaction that failed is there nevertheless. Expected `transaction` to roll back when `run` rejects, `query` to run in the `tx` that it gets, and a table with transactions (InnoDB).',
  'sql-transaction-over':
    '`tx` was used after the transaction had ended. Await everything that uses it before the handler resolves.',
  'sql-transaction-control':
    '`tx` is inside the transaction of the inbox, which begins and ends it; statements such as CREATE TABLE would commit it. To undo a part, use SAVEPOINT and ROLLBACK TO; to undo all, let the handler reject.',
}

const WARNINGS = {
  'sql-clean-up-failed':
    'Keys past the retention could not be deleted; deliveries are not affected. The inbox tries again after `cleanUpEverySeconds`; until that succeeds, the table grows. See `cause`.',
}

/** The `code` of an `InboxError` of this inbox: why an event could not be admitted. */
export type SqlInboxErrorCode = keyof typeof ERRORS

/** The `code` of a warning: what threatens the promise although no delivery failed. */
export type SqlInboxWarningCode = keyof typeof WARNINGS

export const MESSAGES: typeof ERRORS & typeof WARNINGS = { ...ERRORS, ...WARNINGS }

/** The error of a code. */
export const sqlError: <Code extends keyof typeof MESSAGES>(
  code: Code,
  options?: ErrorOptions,
) => InboxError<Code> = inboxErrors(MESSAGES)

/**
 * What databases and drivers call an error → code. Numbers are of MySQL and MariaDB; five characters
 * are an SQLSTATE, two its class (Postgres documentation, appendix A); the others are of Node, mysql2,
 * Prisma, and, from 45000 on, of the connector `mariadb`.
 */
const CODES: Readonly<Record<string, SqlInboxErrorCode>> = {
  1040: 'sql-full',
  1203: 'sql-full',
  1226: 'sql-full',
  1021: 'sql-full',
  1114: 'sql-full',
  53: 'sql-full',
  1290: 'sql-read-only',
  1792: 'sql-read-only',
  1836: 'sql-read-only',
  25006: 'sql-read-only',
  1045: 'sql-login-refused',
  28: 'sql-login-refused',
  1049: 'sql-database-missing',
  '3D000': 'sql-database-missing',
  1044: 'sql-forbidden',
  1142: 'sql-forbidden',
  1143: 'sql-forbidden',
  42501: 'sql-forbidden',
  1146: 'sql-table-missing',
  '42P01': 'sql-table-missing',
  '3F000': 'sql-table-missing',
  1054: 'sql-table-unfit',
  1364: 'sql-table-unfit',
  42703: 'sql-table-unfit',
  42804: 'sql-table-unfit',
  '42P10': 'sql-table-unfit',
  23502: 'sql-table-unfit',
  1020: 'sql-conflict',
  1205: 'sql-conflict',
  1213: 'sql-conflict',
  40: 'sql-conflict',
  '55P03': 'sql-conflict',
  '25P02': 'sql-statement-failed',
  1053: 'sql-unreachable',
  1927: 'sql-unreachable',
  4031: 'sql-unreachable',
  '08': 'sql-unreachable',
  '57P01': 'sql-unreachable',
  '57P02': 'sql-unreachable',
  '57P03': 'sql-unreachable',
  '57P05': 'sql-unreachable',
  '25P03': 'sql-unreachable',
  PROTOCOL_CONNECTION_LOST: 'sql-unreachable',
  ECONNREFUSED: 'sql-unreachable',
  ECONNRESET: 'sql-unreachable',
  EPIPE: 'sql-unreachable',
  ETIMEDOUT: 'sql-unreachable',
  ENOTFOUND: 'sql-unreachable',
  EAI_AGAIN: 'sql-unreachable',
  P1001: 'sql-unreachable',
  P1017: 'sql-unreachable',
  45004: 'sql-unreachable',
  45009: 'sql-unreachable',
  45012: 'sql-unreachable',
  45013: 'sql-unreachable',
  45026: 'sql-unreachable',
  // `fatal: true` of mysql2: the connection is closed.
  true: 'sql-unreachable',
}

/** Names what `query` or `transaction` rejected with; `fallback` if nothing in it is known. */
export function toInboxError(
  cause: unknown,
  fallback: SqlInboxErrorCode = 'sql-refused',
): InboxError<SqlInboxErrorCode> {
  if (isSqlError(cause)) return cause
  return sqlError(codeOf(cause) ?? fallback, { cause })
}

function codeOf(cause: unknown): SqlInboxErrorCode | undefined {
  try {
    return namesOf(cause)
      .flatMap((name) => [name, classOf(name)])
      .filter((name) => Object.hasOwn(CODES, name))
      .map((name) => CODES[name])[0]
  } catch {
    // A getter of the error has thrown.
    return undefined
  }
}

function isSqlError(thrown: unknown): thrown is InboxError<SqlInboxErrorCode> {
  return thrown instanceof InboxError && Object.hasOwn(MESSAGES, thrown.code)
}

/** The class of an SQLSTATE. */
function classOf(state: string): string {
  return /^[0-9A-Z]{5}$/.test(state) ? state.slice(0, 2) : ''
}

/**
 * Every code and number in an error, the innermost first: ORMs wrap the error of the driver, each
 * under a name of its own.
 */
function namesOf(error: unknown, depth = 0): string[] {
  if (typeof error !== 'object' || error === null || depth > MAX_DEPTH) return []
  const inner = WRAPPED.flatMap((name) => namesOf(Reflect.get(error, name), depth + 1))
  const own = NAMED.map((name): unknown => Reflect.get(error, name))
  return [...inner, ...own.filter((name) => typeof name !== 'object').map(String)]
}

const MAX_DEPTH = 4
const WRAPPED = ['cause', 'original', 'driverError', 'meta', 'driverAdapterError']
const NAMED = ['errno', 'originalCode', 'code', 'fatal']
