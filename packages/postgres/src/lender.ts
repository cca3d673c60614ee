import type { PostgresClient, PostgresPool } from './client.ts'
import { borrow, type Connection } from './connection.ts'
import { deadlineIn, type Deadline } from './deadline.ts'
import { postgresError, type PostgresFailure, type PostgresInboxErrorCode } from './errors.ts'
import { onlyText } from './row.ts'

/** Borrows a connection from the pool, or rejects with an `InboxError` at the deadline. */
export type Lender<Client extends PostgresClient> = (
  deadline: Deadline,
) => Promise<Connection<Client>>

/** A connection that was closed while Postgres may have been working on it. */
interface Abandoned {
  /** The transaction that it was in, if it has claimed a key. */
  readonly xid: string | undefined
  /** When its claim is over at the latest: the server has its own time-outs for that. */
  readonly until: number
}

/**
 * Lends the connections of a pool, and counts those that were closed too early. A backend does not
 * notice that its client has gone while it waits, for a lock or in COMMIT for a synchronous standby,
 * but a pool opens another connection at once. So those count as connections in use until their
 * backend is known to have ended their transaction: together they are never more than the pool may have.
 *
 * A claim ends by the time-outs that were sent with it. For a transaction with a claim, the locks of
 * Postgres tell whether it still runs, behind PgBouncer too. COMMIT is not canceled: Postgres would
 * commit without its standby, and the next delivery be answered 200 as a duplicate.
 */
export function createLender<Client extends PostgresClient>(
  pool: PostgresPool<Client>,
  commandTimeoutMs: number,
): Lender<Client> {
  const max = maxOf(pool)
  const abandoned = new Set<Abandoned>()
  let inUse = 0
  let asking: Promise<void> | undefined

  function lend(deadline: Deadline): Promise<Connection<Client>> {
    inUse += 1
    return abandoned.size === 0 ? borrow(pool, deadline, takeBack) : lendIfRoom(deadline)
  }

  async function lendIfRoom(deadline: Deadline): Promise<Connection<Client>> {
    try {
      await expectRoom()
    } catch (error) {
      inUse -= 1
      throw error
    }
    return borrow(pool, deadline, takeBack)
  }

  function takeBack(xid: string | undefined, lost: PostgresFailure | undefined): void {
    inUse -= 1
    noteLoss(xid, lost)
  }

  function noteLoss(xid: string | undefined, lost: PostgresFailure | undefined): void {
    if (lost === undefined) return
    if (TIMED_OUT.has(lost.code) || xid !== undefined)
      abandoned.add({ xid, until: deadlineIn(commandTimeoutMs) })
  }

  async function expectRoom(): Promise<void> {
    forgetClaims()
    if (hasRoom()) return
    asking ??= forgetEnded().finally(() => (asking = undefined))
    await asking
    if (!hasRoom()) throw postgresError('postgres-timed-out')
  }

  function hasRoom(): boolean {
    return abandoned.size === 0 || inUse + abandoned.size <= max
  }

  function forgetClaims(): void {
    const now = performance.now()
    for (const entry of abandoned) {
      if (entry.xid === undefined && entry.until <= now) abandoned.delete(entry)
    }
  }

  async function forgetEnded(): Promise<void> {
    const asked = [...abandoned].filter(({ xid }) => xid !== undefined)
    if (asked.length === 0) return
    const running = await askRunning(asked.map(({ xid }) => xid).join(','))
    for (const entry of asked) {
      if (!running.has(entry.xid)) abandoned.delete(entry)
    }
  }

  /** Which of these transactions still run. */
  async function askRunning(xids: string): Promise<ReadonlySet<string | undefined>> {
    const deadline = deadlineIn(commandTimeoutMs)
    const connection = await borrow(pool, deadline, noteLoss)
    try {
      const { rows } = await connection.run(deadline, RUNNING, [xids])
      return new Set(onlyText(rows).split(','))
    } finally {
      connection.release()
    }
  }

  return lend
}

const TIMED_OUT: ReadonlySet<PostgresInboxErrorCode> = new Set([
  'postgres-timed-out',
  'postgres-transaction-timed-out',
])

/** A transaction holds a lock on its own id until it is over (Postgres documentation, 53.13). */
const RUNNING = `select coalesce(string_agg(xid, ','), '') as running
from unnest(string_to_array($1, ',')) as xid
where exists (
  select from pg_locks
  where locktype = 'transactionid' and granted and transactionid = xid::xid8::xid
)`

// The default of pg and of `postgresJsPool`.
const DEFAULT_MAX = 10

function maxOf(pool: unknown): number {
  const { max } = Object(Object(pool).options)
  return Number.isSafeInteger(max) && max >= 1 ? max : DEFAULT_MAX
}
