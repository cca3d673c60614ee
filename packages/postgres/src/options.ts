import type { Logger, OnWarning } from '@hongbao/core'
import {
  callback,
  readWarn,
  milliseconds,
  must,
  oneOf,
  optional,
  readConsumer,
  readLogger,
  readSettings,
  readTable,
  retention,
  wrong,
  type Completed,
  type InboxTable,
  type Warn,
} from '@hongbao/core/internal'
import type { PgPool, PostgresClient, PostgresPool } from './client.ts'
import type { PostgresInboxWarningCode } from './errors.ts'

/** Options of `postgresInbox`. Wrong ones are refused at start-up with an `OptionError`. */
export interface PostgresInboxOptions<Client extends PostgresClient = PostgresClient> {
  /**
   * A `Pool` of `pg`, or the result of `postgresJsPool`. The inbox borrows a connection for each event,
   * `options.max` of the pool at once, and closes only broken ones. It does not end the pool.
   */
  readonly pool: PgPool<Client> | PostgresPool<Client>
  /**
   * The name of the service whose effects are remembered, the same in all of its processes: `'orders'`.
   * Services that share a table need different names, or an event that one of them has applied is a
   * duplicate for the others. 1 to 100 characters: letters (a to z, A to Z), digits, `-`, `_` and `.`.
   */
  readonly consumer: string
  /** The table of applied keys, with or without a schema. Default: `'hongbao_inbox'`. */
  readonly table?: string | undefined
  /** How long an applied key is remembered, in seconds: 27 h or more. Default: 30 days. */
  readonly retentionSeconds?: number | undefined
  /**
   * Timeout until handlers start, including a wait for the pool, and again for the commit, in
   * milliseconds. Default: 1,500.
   */
  readonly commandTimeoutMs?: number | undefined
  /**
   * How long a statement of a handler may wait for a lock, in milliseconds. Default: 2,000. The claim
   * waits no longer either, and less if `commandTimeoutMs` ends earlier.
   */
  readonly lockTimeoutMs?: number | undefined
  /**
   * How long handlers may keep their transaction open, in milliseconds. It also limits how long a crashed
   * machine can block an event. Default: 30,000.
   */
  readonly transactionTimeoutMs?: number | undefined
  /** The isolation level of the transaction. Default: `'read committed'`. */
  readonly isolation?: Isolation | undefined
  /**
   * How often keys past the retention are deleted, in seconds, by a process that has just applied an
   * event. `false`: never; call `cleanUp` yourself. Default: 3,600.
   */
  readonly cleanUpEverySeconds?: number | false | undefined
  /**
   * Called with an `InboxError` with the code `postgres-clean-up-failed` when deleting old keys failed;
   * deliveries are not affected. May be async; errors thrown by the hook are ignored. Default: one
   * line to `logger`.
   */
  readonly onWarning?: OnWarning<PostgresInboxWarningCode> | undefined
  /** Gets a line for each warning if there is no `onWarning`; `false` for none. Default: `console`. */
  readonly logger?: Logger | false | undefined
}

/** Isolation level of a transaction (Postgres documentation, 13.2). */
export type Isolation = 'read committed' | 'repeatable read' | 'serializable'

/** The options, checked and completed. */
export interface Settings<Client extends PostgresClient> extends Completed<
  Omit<
    PostgresInboxOptions<Client>,
    'pool' | 'table' | 'cleanUpEverySeconds' | 'onWarning' | 'logger'
  >
> {
  readonly pool: PostgresPool<Client>
  readonly table: InboxTable
  readonly cleanUpEveryMs: number
  readonly warn: Warn<PostgresInboxWarningCode>
}

export function readOptions<Client extends PostgresClient>(
  options: PostgresInboxOptions<Client>,
): Settings<Client> {
  const { cleanUpEverySeconds, onWarning, logger, ...rest } = readSettings(
    '`postgresInbox`',
    options,
    {
      pool: readPool<Client>,
      consumer: readConsumer,
      table: (table: string | undefined) => readTable(table),
      retentionSeconds: optional(retention, 30 * 24 * 60 * 60),
      commandTimeoutMs: optional(milliseconds, 1500),
      lockTimeoutMs: optional(milliseconds, 2000),
      transactionTimeoutMs: optional(milliseconds, 30_000),
      // It becomes part of a statement.
      isolation: optional(
        oneOf('read committed', 'repeatable read', 'serializable'),
        'read committed',
      ),
      cleanUpEverySeconds: optional(
        must('a time in seconds of 1 or more, or false', isInterval),
        3600,
      ),
      onWarning: optional(callback()),
      logger: readLogger,
    },
  )
  return {
    ...rest,
    cleanUpEveryMs: cleanUpEverySeconds === false ? Infinity : cleanUpEverySeconds * 1000,
    warn: readWarn({ onWarning, logger }),
  }
}

function readPool<Client extends PostgresClient>(
  pool: PgPool<Client> | PostgresPool<Client>,
): PostgresPool<Client> {
  if (typeof pool?.connect === 'function') return pool
  throw wrong('pool', 'a `Pool` of pg, or the pool returned by postgresJsPool()')
}

function isInterval(seconds: number | false): boolean {
  return seconds === false || (Number.isFinite(seconds) && seconds >= 1)
}
