import { onError, type PostgresClient, type PostgresPool, type PostgresResult } from './client.ts'
import { before, type Deadline } from './deadline.ts'
import {
  postgresError,
  sqlStateOf,
  toInboxError,
  type PostgresFailure,
  type PostgresInboxErrorCode,
} from './errors.ts'

/** A connection that the inbox has borrowed: released once, and closed if its state is unknown. */
export interface Connection<Client extends PostgresClient = PostgresClient> {
  readonly client: Client
  /** The transaction that it is in, once that has claimed a key. */
  xid?: string
  /** The deadline of the inbox's own statement that Postgres has not answered yet. */
  unansweredUntil?: Deadline | undefined
  /** Why it is lost, if it is. */
  lost?: PostgresFailure
  /** Called when it is lost, whatever the cause. */
  onLost?: (reason: PostgresFailure) => void
  isReleased: boolean
  stopListening(): void
  readonly onReleased: OnReleased
}

/** Called once, when the pool has the connection back, or, with undefined, if it lent none. */
type OnReleased = (connection: Connection | undefined) => void

/** Borrows a connection from the pool. Rejects with an `InboxError`, at the deadline at the latest. */
export async function borrow<Client extends PostgresClient>(
  pool: PostgresPool<Client>,
  deadline: Deadline,
  onReleased: OnReleased,
): Promise<Connection<Client>> {
  let isLate = false

  async function connect(): Promise<Client> {
    const lent = await pool.connect()
    if (!isClient(lent)) throw postgresError('postgres-result-unexpected')
    // A connection that comes too late goes back at once, or the pool would be one short for ever.
    if (isLate) lent.release()
    return lent
  }

  try {
    return own(await before(deadline, 'postgres-pool-timed-out', connect()), onReleased)
  } catch (error) {
    isLate = true
    onReleased(undefined)
    throw toInboxError(error)
  }
}

function own<Client extends PostgresClient>(
  client: Client,
  onReleased: OnReleased,
): Connection<Client> {
  const connection: Connection<Client> = {
    client,
    isReleased: false,
    // A connection that is lost between two statements emits `error`, and an `error` event without a
    // listener ends the process.
    stopListening: onError(client, (cause) => {
      lose(connection, postgresError('postgres-unreachable', { cause }))
    }),
    onReleased,
  }
  return connection
}

/**
 * Runs the inbox's own SQL, and resolves with the result of its last statement. Rejects with an
 * `InboxError`, at the deadline at the latest.
 */
export async function run(
  connection: Connection,
  deadline: Deadline,
  text: string,
): Promise<PostgresResult> {
  if (connection.lost !== undefined) throw connection.lost
  connection.unansweredUntil = deadline
  try {
    const results = await before(deadline, 'postgres-timed-out', connection.client.query(text))
    connection.unansweredUntil = undefined
    return lastResult(results)
  } catch (error) {
    const failure = toInboxError(error)
    if (isAnswer(failure)) connection.unansweredUntil = undefined
    if (UNUSABLE.has(failure.code)) abandon(connection, failure)
    throw failure
  }
}

function lose(connection: Connection, reason: PostgresFailure): void {
  if (connection.lost !== undefined) return
  connection.lost = reason
  connection.onLost?.(reason)
}

/** Closes the connection at once: running and later statements fail. */
export function abandon(connection: Connection, reason: PostgresFailure): void {
  lose(connection, reason)
  release(connection)
}

/** Returns the connection to the pool, which closes it if it is lost. */
export function release(connection: Connection): void {
  if (connection.isReleased) return
  connection.isReleased = true
  const isLost = connection.lost !== undefined
  // A client that is closed may emit one more error.
  if (!isLost) connection.stopListening()
  try {
    connection.client.release(isLost)
  } finally {
    connection.onReleased(connection)
  }
}

/**
 * Whether Postgres itself ended the statement. Without an SQLSTATE the client gave up, as with
 * `query_timeout` of pg; with one of class 08 PgBouncer did, as with its own `query_timeout`.
 */
function isAnswer({ cause }: PostgresFailure): boolean {
  const state = sqlStateOf(cause)
  return state !== undefined && !state.startsWith('08')
}

/** Only pools resolve `connect` with a client; a client has the method too. */
function isClient(value: unknown): boolean {
  const { query, release: giveBack } = Object(value)
  return typeof query === 'function' && typeof giveBack === 'function'
}

/**
 * After these a connection is closed. With the first three it is unknown whether the statement ran or
 * will run. One that is read-only stays so when its name has moved to another server.
 */
const UNUSABLE: ReadonlySet<PostgresInboxErrorCode> = new Set([
  'postgres-timed-out',
  'postgres-unreachable',
  'postgres-result-unexpected',
  'postgres-read-only',
])

function lastResult(results: unknown): PostgresResult {
  const last: unknown = Array.isArray(results) ? results.at(-1) : results
  const { rows, command } = Object(last)
  if (Array.isArray(rows) && typeof command === 'string') return { rows, command }
  throw postgresError('postgres-result-unexpected')
}
