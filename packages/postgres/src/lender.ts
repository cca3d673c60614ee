import type { PostgresClient } from './client.ts'
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
  readonly settings: LenderSettings<Client>
  /** `max` of the pool, if it shows it. */
  readonly max: number | undefined
  readonly abandoned: Set<Abandoned>
  readonly waiting: Queue<void>
  lent: number
  isAsking: boolean
}

type LenderSettings<Client extends PostgresClient> = Pick<
  Settings<Client>,
  'pool' | 'commandTimeoutMs' | 'transactionTimeoutMs'
>

export function createLender<Client extends PostgresClient>(
  settings: LenderSettings<Client>,
): Lender<Client> {
  const { max } = Object(Object(settings.pool).options)
  return {
    settings,
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
  return borrow(lender.settings.pool, deadline, (connection) => {
    lender.lent -= 1
    noteLoss(lender, connection)
    serve(lender)
  })
}

function noteLoss(lender: Lender<PostgresClient>, connection: Connection | undefined): void {
  if (connection?.lost === undefined) return
  const { xid, unansweredUntil } = connection
  if (xid !== undefined) {
    lender.abandoned.add({ xid, until: deadlineIn(lender.settings.transactionTimeoutMs) })
  } else if (unansweredUntil !== undefined) {
    lender.abandoned.add({ xid, until: unansweredUntil + lender.settings.commandTimeoutMs })
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

function hasRoom(lender: Lender<PostgresClient>): boolean {
  const abandoned = countAbandoned(lender)
  // If the pool does not show its `max`, the pool decides, until a connection is abandoned.
  const max = lender.max ?? (abandoned === 0 ? Infinity : DEFAULT_MAX)
  return lender.lent + abandoned < max
}

function isFull(lender: Lender<PostgresClient>): boolean {
  return countAbandoned(lender) >= (lender.max ?? DEFAULT_MAX)
}

function countAbandoned({ abandoned }: Lender<PostgresClient>): number {
  for (const entry of abandoned) {
    if (entry.xid === undefined) forgetPast(abandoned, entry)
  }
  return abandoned.size
}

function forgetPast(abandoned: Set<Abandoned>, entry: Abandoned): void {
  if (entry.until <= performance.now()) abandoned.delete(entry)
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
  const asked = [...abandoned].filter(({ xid }) => xid !== undefined)
  try {
    const running = asked.length === 0 ? [] : await askRunning(lender, asked)
    for (const entry of asked) if (!running.includes(`${entry.xid}`)) abandoned.delete(entry)
    return postgresError('postgres-timed-out')
  } catch (error) {
    const failure = toInboxError(error)
    if (NOT_ASKED.has(failure.code)) return failure
    for (const entry of asked) forgetPast(abandoned, entry)
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
  asked: readonly Abandoned[],
): Promise<string[]> {
  const deadline = deadlineIn(lender.settings.commandTimeoutMs)
  const connection = await borrow(lender.settings.pool, deadline, (lost) => noteLoss(lender, lost))
  try {
    const xids = asked.map(({ xid }) => xid).join(',')
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
