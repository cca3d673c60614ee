import type { PostgresClient, PostgresPool } from './client.ts'
import { borrow, type Connection, type LastState } from './connection.ts'
import { deadlineIn, expireAt, type Deadline } from './deadline.ts'
import {
  postgresError,
  toInboxError,
  type PostgresFailure,
  type PostgresInboxErrorCode,
} from './errors.ts'
import type { Settings } from './options.ts'
import { onlyText } from './row.ts'

/** Borrows a connection from the pool, or rejects with an `InboxError` at the deadline. */
export type Lender<Client extends PostgresClient> = (
  deadline: Deadline,
) => Promise<Connection<Client>>

/** A connection that was closed while Postgres may have been working on it. */
interface Abandoned {
  /** The transaction that it was in, if it has claimed a key. */
  readonly xid: string | undefined
  /** When its statement is over at the latest, by the time-outs that the server has for it. */
  readonly until: Deadline
}

/** A caller that waits until a connection may be borrowed. */
interface Waiting {
  readonly lend: () => void
  readonly refuse: (error: PostgresFailure) => void
}

/**
 * Lends the connections of a pool, and counts those that were closed too early. A backend does not
 * notice that its client has gone while it waits, for a lock or in COMMIT for a synchronous standby,
 * but a pool opens another connection at once. So those count as connections in use until their
 * backend is known to have ended their transaction: together they are never more than the pool may
 * have. Callers beyond that wait here and not in the pool, which would open a connection for them.
 *
 * A claim ends by the time-outs that were sent with it. For a transaction with a claim, the locks of
 * Postgres show whether it still runs, through PgBouncer too; if the user may not read them, it counts
 * until its own time-outs are over. COMMIT is not canceled: Postgres would commit without its standby,
 * and the next delivery be answered 200 as a duplicate.
 */
export function createLender<Client extends PostgresClient>(
  pool: PostgresPool<Client>,
  settings: Pick<Settings<Client>, 'commandTimeoutMs' | 'transactionTimeoutMs'>,
): Lender<Client> {
  const { commandTimeoutMs, transactionTimeoutMs } = settings
  const max = maxOf(pool)
  const abandoned = new Set<Abandoned>()
  /** First come, first served. */
  const waiting = new Set<Waiting>()
  let lent = 0
  let isAsking = false

  function lend(deadline: Deadline): Promise<Connection<Client>> {
    return waiting.size === 0 && hasRoom() ? lendNow(deadline) : lendLater(deadline)
  }

  function lendNow(deadline: Deadline): Promise<Connection<Client>> {
    lent += 1
    return borrow(pool, deadline, takeBack)
  }

  function lendLater(deadline: Deadline): Promise<Connection<Client>> {
    return new Promise((resolve, reject) => {
      const cancel = expireAt(deadline, () => {
        waiting.delete(caller)
        reject(postgresError(isFull() ? 'postgres-timed-out' : 'postgres-pool-timed-out'))
      })
      const caller: Waiting = {
        lend() {
          cancel()
          resolve(lendNow(deadline))
        },
        refuse(error) {
          cancel()
          reject(error)
        },
      }
      waiting.add(caller)
      if (abandoned.size > 0) askOnce()
    })
  }

  function takeBack(connection: LastState | undefined, isLost: boolean): void {
    lent -= 1
    noteLoss(connection, isLost)
    serve()
  }

  function noteLoss(connection: LastState | undefined, isLost: boolean): void {
    if (connection === undefined || !isLost) return
    const { xid, unansweredUntil } = connection
    if (xid !== undefined) abandoned.add({ xid, until: deadlineIn(transactionTimeoutMs) })
    else if (unansweredUntil !== undefined) {
      abandoned.add({ xid, until: unansweredUntil + commandTimeoutMs })
    }
  }

  function serve(): void {
    for (const caller of waiting) {
      if (!hasRoom()) break
      waiting.delete(caller)
      caller.lend()
    }
    if (waiting.size > 0 && isFull()) askOnce()
  }

  function hasRoom(): boolean {
    // If the pool does not show its `max`, the pool decides, until a connection is abandoned.
    if (abandoned.size === 0) return lent < (max ?? Infinity)
    forgetPast((entry) => entry.xid === undefined)
    return lent + abandoned.size < (max ?? DEFAULT_MAX)
  }

  function isFull(): boolean {
    return abandoned.size >= (max ?? DEFAULT_MAX)
  }

  function askOnce(): void {
    if (isAsking) return
    isAsking = true
    void forgetEnded().then((failure) => {
      isAsking = false
      if (isFull()) refuseAll(failure ?? postgresError('postgres-timed-out'))
      serve()
    })
  }

  function refuseAll(error: PostgresFailure): void {
    for (const caller of waiting) caller.refuse(error)
    waiting.clear()
  }

  /** Resolves with why Postgres could not be asked, if it could not. */
  async function forgetEnded(): Promise<PostgresFailure | undefined> {
    forgetPast((entry) => entry.xid === undefined)
    const asked = [...abandoned].filter(({ xid }) => xid !== undefined)
    if (asked.length === 0) return undefined
    try {
      const running = await askRunning(asked.map(({ xid }) => xid).join(','))
      for (const entry of asked) {
        if (!running.has(entry.xid)) abandoned.delete(entry)
      }
      return undefined
    } catch (error) {
      const failure = toInboxError(error)
      if (NOT_ASKED.has(failure.code)) return failure
      forgetPast(() => true)
      return postgresError('postgres-timed-out', { cause: failure.cause ?? failure })
    }
  }

  function forgetPast(isMeant: (entry: Abandoned) => boolean): void {
    const now = performance.now()
    for (const entry of abandoned) {
      if (entry.until <= now && isMeant(entry)) abandoned.delete(entry)
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

/** After these errors Postgres may answer the next time. After any other it refuses to be asked. */
const NOT_ASKED: ReadonlySet<PostgresInboxErrorCode> = new Set([
  'postgres-pool-timed-out',
  'postgres-timed-out',
  'postgres-unreachable',
  'postgres-full',
  'postgres-login-refused',
  'postgres-database-missing',
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

function maxOf(pool: unknown): number | undefined {
  const { max } = Object(Object(pool).options)
  return Number.isSafeInteger(max) && max >= 1 ? max : undefined
}
