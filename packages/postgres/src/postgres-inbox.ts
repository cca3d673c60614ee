import type { Admission, Inbox } from '@hongbao/core'
import { wrong } from '@hongbao/core/internal'
import { deleteExpired } from './clean-up.ts'
import { outliveLosses, type PostgresClient } from './client.ts'
import { abandon, release, type Connection } from './connection.ts'
import { deadlineIn, expireAt, type Deadline } from './deadline.ts'
import { postgresError } from './errors.ts'
import { lockOf, storeKey, type KeySpace } from './key.ts'
import { createLender, lend, type Lender } from './lender.ts'
import { readOptions, type PostgresInboxOptions, type Settings } from './options.ts'
import { checkReady } from './ready.ts'
import { createSchema } from './schema.ts'
import { beginFor, claim, commit, rollBack } from './transaction/transaction.ts'
import { guardTransaction } from './transaction/transaction-guard.ts'

/** What a Postgres inbox adds to the context of handlers. */
export interface PgContext<Client = PostgresClient> {
  /**
   * The connection, inside the transaction of the event: what is written through it is committed with
   * the event's key, or not at all. It is over when the handler has resolved.
   */
  readonly tx: Client
}

/** Options of {@link PostgresInbox.cleanUp}. */
export interface CleanUpOptions {
  /** How many keys a transaction deletes at the most. Default: 5,000. */
  readonly batchSize?: number | undefined
}

/** An inbox on Postgres. */
export interface PostgresInbox<Client extends PostgresClient = PostgresClient> extends Inbox<
  PgContext<Client>
> {
  /**
   * Resolves if the inbox can apply events: Postgres answers within `commandTimeoutMs`, is writable,
   * and has a table into which a claim can be written, which this user may use. Triggers, check
   * constraints and row policies that you added are not run. Else it rejects with an
   * `InboxError` that says what to do. For start-up and health checks; it writes nothing.
   */
  ready(): Promise<void>
  /**
   * Creates the table and its index unless they are there; any number of processes may call it at
   * once. For those who put `schemaSql()` in a migration it does nothing.
   */
  ensureSchema(): Promise<void>
  /**
   * Deletes keys that are past the retention, and resolves with how many. One process at a time
   * does so; another one deletes nothing meanwhile.
   */
  cleanUp(options?: CleanUpOptions): Promise<number>
}

/**
 * Remembers applied events in Postgres, for any number of processes, and lends handlers the
 * transaction in which it does.
 *
 * Promise: every event that was answered 200 has what its handlers wrote through `tx` committed, and
 * nothing that they wrote through it is committed twice. Not promised: what handlers do outside
 * `tx`, and durability beyond that of the server itself, a failover to a replica that lags say.
 *
 * If Postgres is down, slow or read-only, `admit` rejects with an `InboxError`, and no
 * handler runs.
 *
 * @throws OptionError for a wrong option
 */
export function postgresInbox<Client extends PostgresClient>(
  options: PostgresInboxOptions<Client>,
): PostgresInbox<Client> {
  const settings = readOptions(options)
  const { pool, table, retentionSeconds, cleanUpEveryMs, transactionTimeoutMs } = settings
  const store: Store<Client> = {
    settings,
    lender: createLender(settings),
    keys: { ...settings, tableLock: lockOf(table.name) },
    begin: beginFor(settings),
    // A random moment of the first interval, so that processes that end before it is over clean up too.
    cleanUpAt: performance.now() + cleanUpEveryMs * (1 - Math.random()),
  }
  outliveLosses(pool)

  return {
    retentionSeconds,
    admit: (key, work) => admit(store, key, work),
    ready: () => ready(store),
    cleanUp: (bounds) => cleanUp(store, bounds),
    ensureSchema: () =>
      withConnection(store, deadlineIn(transactionTimeoutMs), (connection) =>
        createSchema(connection, table, transactionTimeoutMs),
      ),
  }
}

interface Store<Client extends PostgresClient> {
  readonly settings: Settings<Client>
  readonly lender: Lender<Client>
  readonly keys: KeySpace
  readonly begin: ReturnType<typeof beginFor>
  cleanUpAt: number
}

type Work<Client> = (context: PgContext<Client>) => Promise<void>

/** Claims in a new transaction → works in it → commits; if any step fails, rolls back. */
async function admit<Client extends PostgresClient>(
  store: Store<Client>,
  key: string,
  work: Work<Client>,
): Promise<Admission> {
  const { commandTimeoutMs, transactionTimeoutMs } = store.settings
  const deadline = deadlineIn(commandTimeoutMs)
  const connection = await lend(store.lender, deadline)
  try {
    const result = await claim(connection, store.begin, storeKey(key, store.keys), deadline)
    if (result !== 'claimed') {
      await rollBack(connection, deadline)
      return result
    }
    await runWork(connection, work, transactionTimeoutMs)
    await commit(connection, deadlineIn(commandTimeoutMs))
    return 'applied'
  } catch (error) {
    await rollBack(connection, deadlineIn(commandTimeoutMs))
    throw error
  } finally {
    release(connection)
    cleanUpWhenDue(store)
  }
}

/** Runs the work with `tx`, until it settles or the time is up. */
async function runWork<Client extends PostgresClient>(
  connection: Connection<Client>,
  work: Work<Client>,
  timeoutMs: number,
): Promise<void> {
  const guarded = guardTransaction(connection.client)
  connection.onLost = ({ code, cause }) => guarded.end(code, cause)
  const cancel = expireAt(deadlineIn(timeoutMs), () => {
    abandon(connection, postgresError('postgres-transaction-timed-out'))
  })
  try {
    await work({ tx: guarded.tx })
  } finally {
    cancel()
    guarded.end('postgres-transaction-over')
  }
}

async function ready(store: Store<PostgresClient>): Promise<void> {
  const { commandTimeoutMs, table } = store.settings
  const deadline = deadlineIn(commandTimeoutMs)
  await withConnection(store, deadline, async (connection) => {
    try {
      await checkReady(connection, table, deadline)
    } finally {
      await rollBack(connection, deadlineIn(commandTimeoutMs))
    }
  })
}

async function cleanUp(
  store: Store<PostgresClient>,
  { batchSize = 5000 }: CleanUpOptions = {},
): Promise<number> {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw wrong('batchSize', 'a whole number of keys, 1 or more')
  }
  const deadline = deadlineIn(store.settings.transactionTimeoutMs)
  return await withConnection(store, deadline, (connection) =>
    deleteExpired(connection, store.settings, batchSize),
  )
}

/** No timer: nothing grows old faster than events arrive, and nothing has to be stopped. */
function cleanUpWhenDue(store: Store<PostgresClient>): void {
  const { cleanUpEveryMs, warn } = store.settings
  if (performance.now() < store.cleanUpAt) return
  store.cleanUpAt = performance.now() + cleanUpEveryMs
  cleanUp(store).catch((cause: unknown) =>
    warn(postgresError('postgres-clean-up-failed', { cause })),
  )
}

async function withConnection<Value>(
  { lender }: Store<PostgresClient>,
  deadline: Deadline,
  use: (connection: Connection) => Promise<Value>,
): Promise<Value> {
  const connection = await lend(lender, deadline)
  try {
    return await use(connection)
  } finally {
    release(connection)
  }
}
