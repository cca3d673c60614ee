import {
  checkKind,
  checkOptions,
  MIN_RETENTION_SECONDS,
  readConsumer,
  readTimeout,
  wrong,
} from '@hongbao/core/internal'
import type { PgPool, PostgresClient, PostgresPool } from './client.ts'
import { readTable, type InboxTable } from './table.ts'

/** Options of `postgresInbox`. Wrong ones are refused at start-up with an `OptionError`. */
export interface PostgresInboxOptions<Client extends PostgresClient = PostgresClient> {
  /**
   * A `Pool` of `pg`, or what `postgresJsPool` makes of `postgres`. It stays yours: the inbox
   * borrows a connection for each event, `options.max` of the pool at once, and closes none but broken
   * ones.
   */
  readonly pool: PgPool<Client> | PostgresPool<Client>
  /**
   * The name of the service whose effects are remembered, the same in all of its processes: `'orders'`.
   * Services that share a table need a name each, or an event that one of them has applied is a
   * duplicate for the others. 1 to 100 characters: letters (a to z, A to Z), digits, `-`, `_` and `.`.
   */
  readonly consumer: string
  /** The table of applied keys, with or without a schema. Default: `'hongbao_inbox'`. */
  readonly table?: string | undefined
  /** How long an applied key is remembered, in seconds: 27 h or more. Default: 30 days. */
  readonly retentionSeconds?: number | undefined
  /**
   * How long it may take until handlers start, a wait for the pool included, and again to commit, in
   * milliseconds. Default: 1,500.
   */
  readonly commandTimeoutMs?: number | undefined
  /**
   * How long a statement of a handler may wait for a lock, in milliseconds. Default: 2,000. The claim
   * waits no longer either, and less if `commandTimeoutMs` is over before.
   */
  readonly lockTimeoutMs?: number | undefined
  /**
   * How long handlers may hold their transaction, in milliseconds. It bounds as well for how long a
   * machine that vanished can block an event. Default: 30,000.
   */
  readonly transactionTimeoutMs?: number | undefined
  /** The isolation of the transaction. Default: `'read committed'`. */
  readonly isolation?: Isolation | undefined
  /**
   * How often keys past the retention are deleted, in seconds, by whichever process has just
   * applied an event. `false`: by nobody; call `cleanUp` yourself. Default: 3,600.
   */
  readonly cleanUpEverySeconds?: number | false | undefined
  /**
   * Whether a key that was recorded before `consumer` existed counts as applied, for every consumer.
   * Set it when you upgrade a table that has such keys, until they are past the retention; it costs a
   * second look at the index for each event. Default: false.
   */
  readonly readUnnamedKeys?: boolean | undefined
  /** Told that deleting old keys failed; no delivery fails of it. Default: a line on the console. */
  readonly onCleanUpFailed?: ((error: unknown) => unknown) | undefined
}

/** How much of other transactions a transaction sees (Postgres documentation, 13.2). */
export type Isolation = 'read committed' | 'repeatable read' | 'serializable'

/** The options, checked and completed. */
export interface Settings<Client extends PostgresClient> {
  readonly pool: PostgresPool<Client>
  readonly consumer: string
  readonly table: InboxTable
  readonly retentionSeconds: number
  readonly commandTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly transactionTimeoutMs: number
  readonly isolation: Isolation
  readonly cleanUpEveryMs: number
  readonly readUnnamedKeys: boolean
  readonly onCleanUpFailed: (error: unknown) => unknown
}

export const NAMES: Readonly<Record<keyof PostgresInboxOptions, true>> = {
  pool: true,
  consumer: true,
  table: true,
  retentionSeconds: true,
  commandTimeoutMs: true,
  lockTimeoutMs: true,
  transactionTimeoutMs: true,
  isolation: true,
  cleanUpEverySeconds: true,
  readUnnamedKeys: true,
  onCleanUpFailed: true,
}
const ISOLATIONS: readonly string[] = ['read committed', 'repeatable read', 'serializable']
// 31 years: a wrong unit rather than a wish.
const MAX_SECONDS = 1_000_000_000

export function readOptions<Client extends PostgresClient>(
  options: PostgresInboxOptions<Client>,
): Settings<Client> {
  checkOptions('`postgresInbox`', options, NAMES)
  const { onCleanUpFailed = warnCleanUpFailed, readUnnamedKeys = false } = options
  checkKind('onCleanUpFailed', onCleanUpFailed, ['function'], 'a function')
  checkKind('readUnnamedKeys', readUnnamedKeys, ['boolean'], 'true or false')
  return {
    pool: readPool(options.pool),
    consumer: readConsumer(options.consumer),
    table: readTable(options.table),
    retentionSeconds: readRetention(options.retentionSeconds ?? 30 * 24 * 60 * 60),
    commandTimeoutMs: readTimeout('commandTimeoutMs', options.commandTimeoutMs ?? 1500),
    lockTimeoutMs: readTimeout('lockTimeoutMs', options.lockTimeoutMs ?? 2000),
    transactionTimeoutMs: readTimeout(
      'transactionTimeoutMs',
      options.transactionTimeoutMs ?? 30_000,
    ),
    isolation: readIsolation(options.isolation ?? 'read committed'),
    cleanUpEveryMs: readCleanUpEvery(options.cleanUpEverySeconds ?? 3600) * 1000,
    readUnnamedKeys,
    onCleanUpFailed,
  }
}

function readPool<Client extends PostgresClient>(
  pool: PgPool<Client> | PostgresPool<Client>,
): PostgresPool<Client> {
  if (typeof pool?.connect === 'function') return pool
  throw wrong('pool', 'a `Pool` of pg, or what `postgresJsPool` makes of postgres')
}

function readIsolation(isolation: Isolation): Isolation {
  // It becomes a part of a statement.
  if (ISOLATIONS.includes(isolation)) return isolation
  throw wrong('isolation', `one of: ${ISOLATIONS.join(', ')}`)
}

function readRetention(seconds: number): number {
  const isKept = seconds >= MIN_RETENTION_SECONDS && seconds <= MAX_SECONDS
  if (Number.isSafeInteger(seconds) && isKept) return seconds
  throw wrong(
    'retentionSeconds',
    'a whole number of seconds from 97,200 (27 h; Ping++ sends again for 24 h 47 min) to 1,000,000,000',
  )
}

function readCleanUpEvery(seconds: number | false): number {
  if (seconds === false) return Infinity
  if (Number.isFinite(seconds) && seconds >= 1) return seconds
  throw wrong('cleanUpEverySeconds', 'a time in seconds of 1 or more, or false')
}

function warnCleanUpFailed(error: unknown): void {
  const why = error instanceof Error && 'code' in error ? String(error.code) : 'error'
  // oxlint-disable-next-line no-console -- the default of an option; pass `onCleanUpFailed` to silence it
  console.warn(`[hongbao] The Postgres inbox could not delete old keys (${why}). It tries again.`)
}
