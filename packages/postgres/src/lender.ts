import type { PostgresClient, PostgresPool } from './client.ts'
import { borrow, release, run, type Connection } from './connection.ts'
import { deadlineIn, nextIn, waitIn, type Deadline, type Queue } from './deadline.ts'
import {
  postgresError,
  toInboxError,
  type PostgresFailure,
  type PostgresInboxErrorCode,
} from './errors.ts'
import type { Settings } from './options.ts'
import { onlyText } from './row.ts'

/** A connection that was closed while Postgres may have been working on it. */
interface Abandoned {
  /** The transaction that it was in, if it has claimed a key. */
  readonly xid: string | undefined
  /** When its statement is over at the latest, by the time-outs that the server has for it. */
  readonly until: Deadline
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
export interface Lender<Client extends PostgresClient> {
  readonly pool: PostgresPool<Client>
  readonly commandTimeoutMs: number
  readonly transactionTimeoutMs: number
  /** `max` of the pool, if it shows it. */
  readonly max: number | undefined
  readonly abandoned: Set<Abandoned>
  readonly waiting: Queue<void>
  lent: number
  isAsking: boolean
}

export function createLender<Client extends PostgresClient>({
  pool,
  commandTimeoutMs,
  transactionTimeoutMs,
}: Settings<Client>): Lender<Client> {
  const { max } = Object(Object(pool).options)
  return {
    pool,
    commandTimeoutMs,
    transactionTimeoutMs,
    max: Number.isSafeInteger(max) && max >= 1 ? max : undefined,
    abandoned: new Set(),
    waiting: new Set(),
    lent: 0,
    isAsking: false,
  }
}

/** Borrows a connection from the pool. Rejects with an `InboxError`, at the deadline at the latest. */
export async function lend<Client extends PostgresClient>(
  lender: Lender<Client>,
  deadline: Deadline,
): Promise<Connection<Client>> {
  if (lender.waiting.size === 0 && hasRoom(lender)) lender.lent += 1
  else {
    if (lender.abandoned.size > 0) void ask(lender)
    await waitIn(lender.waiting, deadline, () =>
      postgresError(isFull(lender) ? 'postgres-timed-out' : 'postgres-pool-timed-out'),
    )
  }
  return borrow(lender.pool, deadline, (connection) => {
    lender.lent -= 1
    noteLoss(lender, connection)
    serve(lender)
  })
}

function noteLoss(lender: Lender<PostgresClient>, connection: Connection | undefined): void {
  if (connection?.lost === undefined) return
  const { xid, unansweredUntil } = connection
  if (xid !== undefined) {
    lender.abandoned.add({ xid, until: deadlineIn(lender.transactionTimeoutMs) })
  } else if (unansweredUntil !== undefined) {
    lender.abandoned.add({ xid, until: unansweredUntil + lender.commandTimeoutMs })
  }
}

function serve(lender: Lender<PostgresClient>): void {
  while (lender.waiting.size > 0 && hasRoom(lender)) {
    lender.lent += 1
    nextIn(lender.waiting)?.resolve()
  }
  if (lender.waiting.size > 0 && isFull(lender)) void ask(lender)
}

// The default of pg and of `postgresJsPool`.
const DEFAULT_MAX = 10

function hasRoom({ lent, max, abandoned }: Lender<PostgresClient>): boolean {
  // If the pool does not show its `max`, the pool decides, until a connection is abandoned.
  if (abandoned.size === 0) return lent < (max ?? Infinity)
  forget(abandoned, ({ xid, until }) => xid === undefined && isPast(until))
  return lent + abandoned.size < (max ?? DEFAULT_MAX)
}

function isFull({ max, abandoned }: Lender<PostgresClient>): boolean {
  return abandoned.size >= (max ?? DEFAULT_MAX)
}

function forget(abandoned: Set<Abandoned>, isOver: (entry: Abandoned) => boolean): void {
  for (const entry of abandoned) if (isOver(entry)) abandoned.delete(entry)
}

function isPast(deadline: Deadline): boolean {
  return deadline <= performance.now()
}

/** Asks Postgres which abandoned transactions still run, once at a time, and serves the callers. */
async function ask(lender: Lender<PostgresClient>): Promise<void> {
  if (lender.isAsking) return
  lender.isAsking = true
  const failure = await forgetEnded(lender)
  lender.isAsking = false
  if (isFull(lender)) {
    for (const caller of lender.waiting) caller.reject(failure)
    lender.waiting.clear()
  }
  serve(lender)
}

/** Resolves with the error for callers if as many still run as the pool may have. */
async function forgetEnded(lender: Lender<PostgresClient>): Promise<PostgresFailure> {
  const { abandoned } = lender
  forget(abandoned, ({ xid, until }) => xid === undefined && isPast(until))
  const asked = new Set([...abandoned].filter(({ xid }) => xid !== undefined))
  try {
    const running = asked.size === 0 ? [] : await askRunning(lender, asked)
    forget(abandoned, (entry) => asked.has(entry) && !running.includes(`${entry.xid}`))
    return postgresError('postgres-timed-out')
  } catch (error) {
    const failure = toInboxError(error)
    if (NOT_ASKED.has(failure.code)) return failure
    forget(abandoned, ({ until }) => isPast(until))
    return postgresError('postgres-timed-out', { cause: failure.cause ?? failure })
  }
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

/**
 * Resolves with the ids of the transactions that still run. A transaction holds a lock on its own id
 * until it is over (Postgres documentation, 53.13).
 */
async function askRunning(
  lender: Lender<PostgresClient>,
  asked: ReadonlySet<Abandoned>,
): Promise<string[]> {
  const deadline = deadlineIn(lender.commandTimeoutMs)
  const connection = await borrow(lender.pool, deadline, (lost) => noteLoss(lender, lost))
  try {
    const xids = [...asked].map(({ xid }) => xid).join(',')
    const { rows } = await run(
      connection,
      deadline,
      `select coalesce(string_agg(xid, ','), '') as running
from unnest(string_to_array('${xids}', ',')) as xid
where exists (
  select from pg_locks
  where locktype = 'transactionid' and granted and transactionid = xid::xid8::xid
)`,
    )
    return onlyText(rows).split(',')
  } finally {
    release(connection)
  }
}
