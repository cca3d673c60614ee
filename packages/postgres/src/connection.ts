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
export interface Connection<Client extends PostgresClient> {
  readonly client: Client
  /** The transaction that it is in, once that has claimed a key. */
  xid: string | undefined
  /** The deadline of the inbox's own statement that Postgres has not answered yet. */
  unansweredUntil: Deadline | undefined
  /**
   * Runs the inbox's own SQL, and gives the result of its last statement. Rejects with an
   * `InboxError`, at the deadline at the latest.
   */
  run(deadline: Deadline, text: string, values?: string[]): Promise<PostgresResult>
  /** Calls the listener when the connection is lost, whatever the cause. */
  onLost(listener: (reason: PostgresFailure) => void): void
  /** Closes it at once: what runs on it fails, and so does what is still to come. */
  abandon(reason: PostgresFailure): void
  /** Gives it back, for others to use. */
  release(): void
}

/** Shows whether Postgres may still work on a connection that was closed. */
export type LastState = Pick<Connection<PostgresClient>, 'xid' | 'unansweredUntil'>

/**
 * Called once, after the connection was returned to the pool, or closed because it was lost. Called
 * with undefined if the pool lent none.
 */
type OnReturned = (connection: LastState | undefined, isLost: boolean) => void

export async function borrow<Client extends PostgresClient>(
  pool: PostgresPool<Client>,
  deadline: Deadline,
  onReturned: OnReturned,
): Promise<Connection<Client>> {
  let isLate = false
  try {
    const client = await before(deadline, 'postgres-pool-timed-out', async () => {
      const lent = await pool.connect()
      if (!isClient(lent)) throw postgresError('postgres-result-unexpected')
      // A connection that comes too late goes back at once, or the pool would be one short for ever.
      if (isLate) lent.release()
      return lent
    })
    return own(client, onReturned)
  } catch (error) {
    isLate = true
    onReturned(undefined, false)
    throw toInboxError(error)
  }
}

function own<Client extends PostgresClient>(
  client: Client,
  onReturned: OnReturned,
): Connection<Client> {
  const listeners: ((reason: PostgresFailure) => void)[] = []
  let lost: PostgresFailure | undefined
  let isReturned = false
  // A connection that is lost between two statements emits `error`, and an `error` event without a
  // listener ends the process.
  const stopListening = onError(client, (cause) => {
    lose(postgresError('postgres-unreachable', { cause }))
  })

  async function run(deadline: Deadline, text: string, values?: string[]): Promise<PostgresResult> {
    if (lost !== undefined) throw lost
    connection.unansweredUntil = deadline
    try {
      const results = await before(deadline, 'postgres-timed-out', () =>
        values === undefined ? client.query(text) : client.query(text, values),
      )
      connection.unansweredUntil = undefined
      return lastResult(results)
    } catch (error) {
      const failure = toInboxError(error)
      if (isAnswer(failure)) connection.unansweredUntil = undefined
      if (UNUSABLE.has(failure.code)) abandon(failure)
      throw failure
    }
  }

  function lose(reason: PostgresFailure): void {
    if (lost !== undefined) return
    lost = reason
    for (const listener of listeners) listener(reason)
  }

  function abandon(reason: PostgresFailure): void {
    lose(reason)
    release()
  }

  function release(): void {
    if (isReturned) return
    isReturned = true
    const isLost = lost !== undefined
    // A client that is closed may emit one more error.
    if (!isLost) stopListening()
    try {
      client.release(isLost)
    } finally {
      onReturned(connection, isLost)
    }
  }

  const connection: Connection<Client> = {
    client,
    xid: undefined,
    unansweredUntil: undefined,
    run,
    onLost: (listener) => listeners.push(listener),
    abandon,
    release,
  }
  return connection
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
  const { query, release } = Object(value)
  return typeof query === 'function' && typeof release === 'function'
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

function lastResult(results: PostgresResult | readonly PostgresResult[]): PostgresResult {
  const last: unknown = Array.isArray(results) ? results.at(-1) : results
  if (isResult(last)) return last
  throw postgresError('postgres-result-unexpected')
}

function isResult(value: unknown): value is PostgresResult {
  const { rows, command } = Object(value)
  return Array.isArray(rows) && typeof command === 'string'
}
