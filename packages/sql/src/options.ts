import type { Logger, OnWarning } from '@hongbao/core'
import {
  callback,
  checkOptions,
  must,
  optional,
  readConsumer,
  readEach,
  readLogger,
  readSettings,
  readWarn,
  retention,
  type Readers,
  type Warn,
} from '@hongbao/core/internal'
import { readDialect, type SqlDialect } from './dialect.ts'
import type { SqlInboxWarningCode } from './errors.ts'
import { statementsFor, type Statements } from './statements.ts'
import { readTable } from './table.ts'

/** What every inbox of `@hongbao/sql` has. Wrong options are refused at start-up with an `OptionError`. */
export interface SqlInboxCommonOptions {
  /**
   * The name of the service whose effects are remembered, the same in all of its processes: `'orders'`.
   * Services that share a table need different names, or an event that one of them has applied is a
   * duplicate for the others. 1 to 100 characters: letters (a to z, A to Z), digits, `-`, `_` and `.`.
   */
  readonly consumer: string
  /** The table of keys, with or without a schema or database. Default: `'hongbao_inbox'`. */
  readonly table?: string | undefined
  /** How long an applied key is remembered, in seconds: 27 h or more. Default: 30 days. */
  readonly retentionSeconds?: number | undefined
  /**
   * How often keys past the retention are deleted, in seconds, by a process that has just applied an
   * event. `false`: never; call `cleanUp` yourself. Default: 3,600.
   */
  readonly cleanUpEverySeconds?: number | false | undefined
  /**
   * Called with an `InboxError` with the code `sql-clean-up-failed` when deleting old keys failed;
   * deliveries are not affected. May be async; errors thrown by the hook are ignored. Default: one
   * line to `logger`.
   */
  readonly onWarning?: OnWarning<SqlInboxWarningCode> | undefined
  /** Gets a line for each warning if there is no `onWarning`; `false` for none. Default: `console`. */
  readonly logger?: Logger | false | undefined
}

/** Options of `sqlInbox`. Wrong ones are refused at start-up with an `OptionError`. */
export interface SqlInboxOptions<Tx> extends SqlInboxCommonOptions {
  /** The SQL of the database. */
  readonly dialect: SqlDialect
  /**
   * Runs one statement: in the transaction `tx` if there is one, else by itself, committed at once, on
   * the same database. Resolves with the list of rows of a `select`; the result of other statements
   * is ignored. `values` has one value at the most; its placeholder is `?` for MySQL, `$1` for Postgres.
   */
  readonly query: (sql: string, values: string[], tx?: Tx) => Promise<unknown>
  /**
   * Begins a transaction, calls `run` with it once, waits, and commits; or rolls back and rejects if
   * `run` rejects.
   */
  readonly transaction: (run: (tx: Tx) => Promise<void>) => Promise<unknown>
}

/** The options, checked and completed. */
export interface Settings<Tx> extends Pick<SqlInboxOptions<Tx>, 'query' | 'transaction'> {
  readonly dialect: SqlDialect
  readonly consumer: string
  readonly table: string | undefined
  readonly retentionSeconds: number
  readonly statements: Statements
  readonly cleanUpEveryMs: number
  readonly warn: Warn<SqlInboxWarningCode>
}

const COMMON = {
  consumer: readConsumer,
  table: (table: string | undefined): string | undefined => table,
  retentionSeconds: optional(retention, 30 * 24 * 60 * 60),
  cleanUpEverySeconds: optional(must('a time in seconds of 1 or more, or false', isInterval), 3600),
  onWarning: optional(callback<OnWarning<SqlInboxWarningCode>>()),
  logger: readLogger,
}

export function readOptions<Tx>(options: SqlInboxOptions<Tx>): Settings<Tx> {
  const { cleanUpEverySeconds, onWarning, logger, ...rest } = readSettings('`sqlInbox`', options, {
    ...COMMON,
    dialect: readDialect,
    query: callback<SqlInboxOptions<Tx>['query']>('a function that runs one statement'),
    transaction: callback<SqlInboxOptions<Tx>['transaction']>(
      'a function that runs a function in a transaction',
    ),
  })
  return {
    ...rest,
    statements: statementsFor(
      rest.dialect,
      readTable(rest.dialect, rest.table),
      rest.retentionSeconds,
    ),
    cleanUpEveryMs: cleanUpEverySeconds === false ? Infinity : cleanUpEverySeconds * 1000,
    warn: readWarn({ onWarning, logger }),
  }
}

/**
 * Reads the options of a ready-made inbox: its own by these readers; returns those of every inbox
 * beside them as they are, for `sqlInbox`.
 *
 * @throws OptionError for an option that neither of them has, or a wrong one of its own
 */
export function readOwnOptions<Options extends SqlInboxCommonOptions, Own>(
  owner: string,
  options: Options,
  readers: Readers<Options, Own>,
): { readonly own: Own; readonly common: SqlInboxCommonOptions } {
  checkOptions(owner, options, { ...readers, ...COMMON })
  const { consumer, table, retentionSeconds, cleanUpEverySeconds, onWarning, logger } = options
  return {
    own: readEach(options, readers),
    common: { consumer, table, retentionSeconds, cleanUpEverySeconds, onWarning, logger },
  }
}

function isInterval(seconds: number | false): boolean {
  return seconds === false || (Number.isFinite(seconds) && seconds >= 1)
}
