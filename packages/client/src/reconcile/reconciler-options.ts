import type { Logger, Webhooks } from '@hongbao/core'
import {
  abortSignal,
  callback,
  clock,
  flag,
  guard,
  must,
  optional,
  readApp,
  readLogger,
  readSettings,
  wrong,
  type Completed,
} from '@hongbao/core/internal'
import type { PingppClient } from '../client.ts'
import { readMoment, type ReadOpen } from './open-envelopes.ts'
import type { ReconcilerReport } from './reconciler-report.ts'

/** Options of `createReconciler`. Wrong ones are refused at once with an `OptionError`. */
export interface ReconcilerOptions {
  /** The client that queries Ping++, returned by `createPingppClient`. */
  readonly pingpp: PingppClient
  /** The receiver to dispatch events to, with its handlers and its inbox. */
  readonly webhooks: Pick<Webhooks, 'dispatch'>
  /** Id of the app (`app_…`) whose envelopes are reconciled; Ping++ lists by app. */
  readonly app: string
  /**
   * Returns the envelopes that are open in your own table, without a final status: then only they are
   * dispatched, one without an id is found by its order number, and a row's amount and receiver are
   * compared. Default: all envelopes that the sweep finds. Given but undefined, it is
   * refused: leave it out for the default.
   */
  readonly open?: ReadOpen
  /**
   * Requests per second, including pages of lists and retries of the client; also the largest burst.
   * Default: 5.
   */
  readonly requestsPerSecond?: number | undefined
  /**
   * How long before the end of the last sweep the next one starts, in seconds. It also covers the
   * difference between your clock and Ping++'s. Default: 259,200 (72 h).
   */
  readonly overlapSeconds?: number | undefined
  /** Pause between two runs of the loop, in seconds; ±10 %. Default: 300 (5 min). */
  readonly intervalSeconds?: number | undefined
  /**
   * The end of the last sweep of an earlier process: `sweptUntil` of its last report. A Date, or Unix
   * time in seconds. Default: now, so that the first run sweeps only the overlap.
   */
  readonly sweptUntil?: number | Date | undefined
  /** Called with the report of every run. Errors that it throws are ignored. Default: none. */
  readonly onReport?: ((report: ReconcilerReport) => void | Promise<void>) | undefined
  /**
   * Called after `onReport` when a run ended early, with the error of the client, of `open` or of the
   * inbox. Not called for a run that was aborted, for example by `close`. Handlers' errors go to
   * `onError` of your webhooks. Errors that it throws are ignored. Default: none.
   */
  readonly onError?:
    | ((error: unknown, report: ReconcilerReport) => void | Promise<void>)
    | undefined
  /** Gets a line for failed runs, and for new conflicts and overdue envelopes. Default: `console`. */
  readonly logger?: Logger | false | undefined
  /**
   * The clock, in milliseconds since 1970. For tests: that of a sandbox is `sandbox.clock.now`.
   * Default: `Date.now`.
   */
  readonly now?: (() => number) | undefined
}

/** The options, checked and completed. `sweptUntil` is Unix time in seconds. */
export interface ReconcilerSettings
  extends
    Completed<Omit<ReconcilerOptions, 'open' | 'sweptUntil' | 'onReport' | 'onError' | 'logger'>>,
    Pick<ReconcilerOptions, 'onReport' | 'onError'> {
  readonly open: ReadOpen | undefined
  readonly sweptUntil: number | undefined
  readonly logger: Logger
}

/** Options of one run. */
export interface ReconcilerRunOptions {
  /**
   * Start of the sweep, by `created`: a Date, or Unix time in seconds. Default: the last sweep less the
   * overlap.
   */
  readonly from?: number | Date | undefined
  /** End of the sweep. Default: now. */
  readonly to?: number | Date | undefined
  /**
   * Dispatches nothing, remembers nothing, and reports what would be dispatched. It still queries Ping++,
   * which in test mode moves envelopes on. Default: `false`.
   */
  readonly dryRun?: boolean | undefined
  /** Ends the run; its report has everything done until then. */
  readonly signal?: AbortSignal | undefined
}

/** The options of a run, checked. */
export interface RunRange {
  readonly from: number | undefined
  readonly to: number | undefined
  readonly dryRun: boolean
  readonly signal: AbortSignal | undefined
}

const DAY = 24 * 60 * 60

/** @throws OptionError */
export function readReconcilerOptions(options: ReconcilerOptions): ReconcilerSettings {
  return readSettings('`createReconciler`', options, {
    pingpp: must<PingppClient>(
      'the client returned by createPingppClient()',
      (pingpp) => typeof pingpp?.redEnvelopes?.list === 'function',
    ),
    webhooks: must<ReconcilerOptions['webhooks']>(
      'the receiver returned by createWebhooks()',
      (webhooks) => typeof webhooks?.dispatch === 'function',
    ),
    app: readApp,
    open: guard(
      'dispatch all envelopes that the sweep finds',
      optional(callback('a function that returns your open envelopes')),
    ),
    requestsPerSecond: optional(must('a number above 0', isPositive), 5),
    overlapSeconds: optional(
      must('a time in seconds, 0 or more', (value) => value === 0 || isPositive(value)),
      3 * DAY,
    ),
    intervalSeconds: optional(
      must(
        'a time in seconds above 0, at most 86,400 (a day)',
        (value) => isPositive(value) && value <= DAY,
      ),
      5 * 60,
    ),
    sweptUntil: optional(readMoment),
    onReport: optional(callback()),
    onError: optional(callback()),
    logger: readLogger,
    now: optional(clock, Date.now),
  })
}

function isPositive(value: number): boolean {
  return Number.isFinite(value) && value > 0
}

/** @throws OptionError */
export function readRunOptions(options: ReconcilerRunOptions): RunRange {
  const range = readSettings('`run`', options, {
    from: optional(readMoment),
    to: optional(readMoment),
    dryRun: optional(flag, false),
    signal: optional(abortSignal()),
  })
  const { from, to } = range
  if (from !== undefined && to !== undefined && from > to) throw wrong('from', 'before `to`')
  return range
}
