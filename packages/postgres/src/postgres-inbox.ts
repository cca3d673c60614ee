import type { Admission, Inbox } from '@hongbao/core'
import { deleteExpired } from './clean-up.ts'
import { outliveLosses, type PostgresClient } from './client.ts'
import type { Connection } from './connection.ts'
import { deadlineIn, expireAt } from './deadline.ts'
import { postgresError } from './errors.ts'
import { lockOf, storeKey } from './key.ts'
import { createLender } from './lender.ts'
import { guardTransaction } from './transaction/transaction-guard.ts'
import { wrong } from '@hongbao/core/internal'
import { readOptions, type PostgresInboxOptions } from './options.ts'
import { checkReady } from './ready.ts'
import { createSchema } from './schema.ts'
import { createTransactions } from './transaction/transaction.ts'

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
  const { pool, table, retentionSeconds, commandTimeoutMs } = settings
  const { transactionTimeoutMs, cleanUpEveryMs, warn } = settings
  const transactions = createTransactions(settings)
  const keys = { ...settings, tableLock: lockOf(table.name) }
  const borrow = createLender(pool, settings)
  // A random moment of the first interval, so that processes that end before it is over clean up too.
  let cleanUpAt = performance.now() + cleanUpEveryMs * (1 - Math.random())
  outliveLosses(pool)

  /** claim in a new transaction → work in it → commit; if any step fails, roll back. */
  async function admit(
    key: string,
    work: (context: PgContext<Client>) => Promise<void>,
  ): Promise<Admission> {
    const deadline = deadlineIn(commandTimeoutMs)
    const connection = await borrow(deadline)
    try {
      const claim = await transactions.claim(connection, storeKey(key, keys), deadline)
      if (claim.state !== 'claimed') {
        await transactions.rollBack(connection, deadline)
        return claim.state
      }
      await runWork(connection, work)
      await transactions.commit(connection, claim.xid, deadlineIn(commandTimeoutMs))
      return 'applied'
    } catch (error) {
      await transactions.rollBack(connection, deadlineIn(commandTimeoutMs))
      throw error
    } finally {
      connection.release()
      cleanUpWhenDue()
    }
  }

  /** Runs the work with `tx`, until it settles or `transactionTimeoutMs` is over. */
  async function runWork(
    connection: Connection<Client>,
    work: (context: PgContext<Client>) => Promise<void>,
  ): Promise<void> {
    const guarded = guardTransaction(connection.client)
    connection.onLost(({ code, cause }) => guarded.end(code, cause))
    const cancel = expireAt(deadlineIn(transactionTimeoutMs), () => {
      connection.abandon(postgresError('postgres-transaction-timed-out'))
    })
    try {
      await work({ tx: guarded.tx })
    } finally {
      cancel()
      guarded.end('postgres-transaction-over')
    }
  }

  async function ready(): Promise<void> {
    const deadline = deadlineIn(commandTimeoutMs)
    await withConnection(async (connection) => {
      try {
        await checkReady(connection, table, deadline)
      } finally {
        await transactions.rollBack(connection, deadlineIn(commandTimeoutMs))
      }
    }, deadline)
  }

  async function ensureSchema(): Promise<void> {
    await withConnection((connection) => createSchema(connection, table, transactionTimeoutMs))
  }

  async function cleanUp({ batchSize = 5000 }: CleanUpOptions = {}): Promise<number> {
    if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
      throw wrong('batchSize', 'a whole number of keys, 1 or more')
    }
    return await withConnection((connection) =>
      deleteExpired(connection, table, retentionSeconds, batchSize, transactionTimeoutMs),
    )
  }

  /** No timer: nothing grows old faster than events arrive, and nothing has to be stopped. */
  function cleanUpWhenDue(): void {
    if (performance.now() < cleanUpAt) return
    cleanUpAt = performance.now() + cleanUpEveryMs
    cleanUp().catch((cause: unknown) => warn(postgresError('postgres-clean-up-failed', { cause })))
  }

  async function withConnection<Value>(
    use: (connection: Connection<Client>) => Promise<Value>,
    deadline = deadlineIn(transactionTimeoutMs),
  ): Promise<Value> {
    const connection = await borrow(deadline)
    try {
      return await use(connection)
    } finally {
      connection.release()
    }
  }

  return { retentionSeconds, admit, ready, ensureSchema, cleanUp }
}
