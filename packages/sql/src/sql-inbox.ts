import type { Admission, Inbox } from '@hongbao/core'
import { createHash } from 'node:crypto'
import { deleteExpired, type CleanUpOptions } from './clean-up.ts'
import { sqlError, toInboxError } from './errors.ts'
import { readOptions, type Settings, type SqlInboxOptions } from './options.ts'
import { run, select } from './run.ts'
import { createStatement } from './schema.ts'

/** What an SQL inbox adds to the context of handlers. */
export interface SqlContext<Tx> {
  /**
   * The transaction of the event, an object of your ORM or driver: what is written through it is
   * committed with the event's key, or not at all. It is over when the handler has resolved.
   */
  readonly tx: Tx
}

/** An inbox on a database that your ORM or driver is connected to. */
export interface SqlInbox<Tx> extends Inbox<SqlContext<Tx>> {
  /**
   * Resolves if the inbox can apply events: it applies one of its own, in which it writes nothing but
   * its key, and rolls that back. Else it rejects with an `InboxError` that says what to do. For
   * start-up and health checks.
   */
  ready(): Promise<void>
  /**
   * Creates the table unless it is there; any number of processes may call it at once. For those who
   * put `sqlSchema()` in a migration it does nothing.
   */
  ensureSchema(): Promise<void>
  /**
   * Deletes keys that are past the retention, and resolves with how many. It leaves out keys that are
   * being applied, and those that another process deletes.
   */
  cleanUp(options?: CleanUpOptions): Promise<number>
}

/**
 * Remembers applied events in the database of your ORM or driver, for any number of processes, and
 * lends handlers the transaction in which it does.
 *
 * Promise: every event that was answered 200 has what its handlers wrote through `tx` committed, and
 * nothing that they wrote through it is committed twice. Not promised: what handlers do outside
 * `tx`, and durability beyond that of the server itself, a failover to a replica that lags say.
 *
 * If the database is down or read-only, `admit` rejects with an `InboxError`, and no handler runs.
 *
 * @throws OptionError for a wrong option
 */
export function sqlInbox<Tx>(options: SqlInboxOptions<Tx>): SqlInbox<Tx> {
  const settings = readOptions(options)
  const { cleanUpEveryMs, warn } = settings
  // A random moment of the first interval, so that processes that end before it is over clean up too.
  let cleanUpAt = performance.now() + cleanUpEveryMs * (1 - Math.random())

  /** No timer: nothing grows old faster than events arrive, and nothing has to be stopped. */
  function cleanUpWhenDue(): void {
    if (performance.now() < cleanUpAt) return
    cleanUpAt = performance.now() + cleanUpEveryMs
    deleteExpired(settings).catch((cause: unknown) =>
      warn(sqlError('sql-clean-up-failed', { cause })),
    )
  }

  return {
    retentionSeconds: settings.retentionSeconds,
    async admit(key, work) {
      try {
        return await admit(settings, idOf(settings.consumer, key), work)
      } finally {
        cleanUpWhenDue()
      }
    },
    ready: () => rehearse(settings),
    ensureSchema: () => createTable(settings),
    cleanUp: (bounds) => deleteExpired(settings, bounds),
  }
}

type Work<Tx> = (context: SqlContext<Tx>) => Promise<void>

/**
 * The SHA-256 of `consumer:key`, in hexadecimal digits: of one length, and the same in every encoding
 * and collation. A consumer has no colon in its name, so the first one ends it.
 */
function idOf(consumer: string, key: string): string {
  return createHash('sha256').update(`${consumer}:${key}`, 'utf8').digest('hex')
}

/** How far the one call of `run` is that an event may have. */
interface Attempt {
  isStarted: boolean
  /** Its result, once it has one that may be committed. */
  admission?: Admission
  /** Why it must not count as applied, whatever `transaction` does then. */
  failure?: { readonly error: unknown }
}

/** Records the key by itself; locks it in a transaction, and works in that. */
async function admit<Tx>(settings: Settings<Tx>, id: string, work: Work<Tx>): Promise<Admission> {
  await run(settings, settings.statements.insert, id)
  const attempt: Attempt = { isStarted: false }
  try {
    await settings.transaction((tx) => applyOnce(settings, attempt, { id, tx, work }))
  } catch (error) {
    attempt.failure ??= { error: toInboxError(error) }
  }
  // What handlers threw, itself: an ORM may have wrapped it, or swallowed it.
  if (attempt.failure !== undefined) throw attempt.failure.error
  if (attempt.admission === undefined) throw sqlError('sql-transaction-skipped')
  if (attempt.admission === 'applied') await confirmCommit(settings, id)
  return attempt.admission
}

/**
 * COMMIT succeeds although it rolls back: on Postgres if a statement that was not awaited has failed after
 * `confirm`, on MySQL if it was a deadlock. Only the row, read outside the transaction, shows it.
 */
async function confirmCommit<Tx>(settings: Settings<Tx>, id: string): Promise<void> {
  const [row] = await select(settings, settings.statements.find, id)
  if (row?.isApplied !== true) throw sqlError('sql-transaction-left')
}

interface Event<Tx> {
  readonly id: string
  readonly tx: Tx
  readonly work: Work<Tx>
}

async function applyOnce<Tx>(
  settings: Settings<Tx>,
  attempt: Attempt,
  event: Event<Tx>,
): Promise<void> {
  try {
    if (attempt.isStarted) throw sqlError('sql-transaction-repeated')
    attempt.isStarted = true
    attempt.admission = await apply(settings, event)
  } catch (error) {
    attempt.failure ??= { error }
    throw error
  }
}

/** Locks the key, works, and has the key marked as applied: all of it in the transaction, or none. */
async function apply<Tx>(settings: Settings<Tx>, { id, tx, work }: Event<Tx>): Promise<Admission> {
  const { lock, see, mark, confirm } = settings.statements
  const [row] = await select(settings, lock, id, tx)
  if (row === undefined) {
    if ((await select(settings, see, id, tx)).length > 0) return 'busy'
    throw sqlError('sql-claim-missing')
  }
  if (row.isApplied) return 'duplicate'
  if (mark !== undefined) await run(settings, mark, row.pk, tx)
  await work({ tx })
  const confirmed = await select(settings, confirm, row.pk, tx, 'sql-transaction-left')
  if (confirmed.length === 0) throw sqlError('sql-transaction-left')
  return 'applied'
}

/** Applies an event of its own in a transaction that fails at its end, and checks that nothing stays. */
async function rehearse<Tx>(settings: Settings<Tx>): Promise<void> {
  const { lock, findExpired, erase, autocommit } = settings.statements
  const [session] = autocommit === undefined ? [] : await select(settings, autocommit)
  if (session?.isApplied === false) throw sqlError('sql-claim-missing')
  await select(settings, findExpired(1))
  // Nothing is deleted; it shows whether the user may.
  await run(settings, erase(['0']))
  const id = idOf(settings.consumer, 'ready')
  let isRehearsed = false
  const transaction: typeof settings.transaction = (runOnce) =>
    settings.transaction(async (tx) => {
      await runOnce(tx)
      isRehearsed = true
      throw new Error('A rehearsal of the inbox, to be rolled back.')
    })
  await admit({ ...settings, transaction }, id, async () => {}).catch((error: unknown) => {
    if (!isRehearsed) throw error
  })
  // With a lock: READ UNCOMMITTED would show the mark of another process that rehearses.
  const [row] = await select(settings, lock, id)
  if (row?.isApplied === true) throw sqlError('sql-rollback-missing')
}

async function createTable<Tx>(settings: Settings<Tx>): Promise<void> {
  const { dialect, table = 'hongbao_inbox', statements } = settings
  try {
    // If the table is there, a user without the right to create tables needs none.
    await select(settings, statements.see, '')
  } catch (error) {
    if (toInboxError(error).code !== 'sql-table-missing') throw error
    await run(settings, createStatement({ dialect, table }))
  }
}
