import { OptionError, type Logger, type Webhooks } from '@hongbao/core'
import {
  checkKind,
  readApp,
  readLogger,
  refuseUnset,
  refuseUnknown,
  wrong,
} from '@hongbao/core/internal'
import type { PingppClient } from '../client.ts'
import { readTime, type ReadOpen } from './open-envelopes.ts'
import type { ReconcilerReport } from './reconciler-report.ts'
import { createTokenBucket, type TokenBucket, type Wait } from './token-bucket.ts'
import { untilAborted } from '../http/retries.ts'

/** Options of `createReconciler`. Wrong ones are refused at once with an `OptionError`. */
export interface ReconcilerOptions {
  /** The client that queries Ping++: what `createPingppClient` returns. */
  readonly pingpp: PingppClient
  /** What the events are dispatched to: the receiver of your webhooks, with its handlers and its inbox. */
  readonly webhooks: Pick<Webhooks, 'dispatch'>
  /** Id of the app (`app_…`) whose envelopes are meant; Ping++ lists by app. */
  readonly app: string
  /**
   * Gives the envelopes that your own table has open, those whose end it does not know: only they are
   * dispatched then, one without an id is found by its order number, and what a row says of amount or
   * receiver is compared. Default: all envelopes that the sweep shows. Given but undefined, it is
   * refused: leave it out for the default.
   */
  readonly open?: ReadOpen
  /**
   * Requests per second, pages of lists and what the client sends again included; the same number
   * may come at once. Default: 5.
   */
  readonly requestsPerSecond?: number | undefined
  /**
   * How far behind the last sweep the next one starts, in seconds: it bears the difference between
   * your clock and Ping++'s too. Default: 259,200 (72 h).
   */
  readonly overlapSeconds?: number | undefined
  /** Pause between two runs of the loop, in seconds; ±10 %. Default: 300 (5 min). */
  readonly intervalSeconds?: number | undefined
  /**
   * Up to when an earlier process has swept: `sweptUntil` of its last report. A Date, or Unix time in
   * seconds. Default: now, so that the first run sweeps the overlap alone.
   */
  readonly sweptUntil?: number | Date | undefined
  /** Called with the report of every run. Errors that it throws are ignored. Default: none. */
  readonly onReport?: ((report: ReconcilerReport) => void | Promise<void>) | undefined
  /**
   * Called after `onReport` when a run ended early, with what was thrown: by the client, by `open` or
   * by the inbox. Not for a run that was aborted, by `close` for example. Handlers' errors go to
   * `onError` of your webhooks. Errors that it throws are ignored. Default: none.
   */
  readonly onError?:
    | ((error: unknown, report: ReconcilerReport) => void | Promise<void>)
    | undefined
  /** Told of runs that failed, and of conflicts and overdue envelopes when they are new. Default: `console`. */
  readonly logger?: Logger | false | undefined
  /**
   * The clock, in milliseconds since 1970. For tests: that of a sandbox is `sandbox.clock.now`.
   * Default: `Date.now`.
   */
  readonly now?: (() => number) | undefined
}

/** What a test has in its hands besides the clock. */
export interface ReconcilerSeams {
  /** Resolves after a time in milliseconds, or when the signal fires. */
  readonly wait: Wait
  /** From 0 up to, but not including, 1: spreads due times and pauses by ±10 %. */
  readonly random: () => number
}

/** The options, checked and completed. */
export interface ReconcilerSettings {
  readonly pingpp: PingppClient
  readonly webhooks: Pick<Webhooks, 'dispatch'>
  readonly app: string
  readonly open: ReadOpen | undefined
  readonly bucket: TokenBucket
  readonly overlapSeconds: number
  readonly intervalMs: number
  /** Unix time in seconds. */
  readonly sweptUntil: number
  readonly onReport: ReconcilerOptions['onReport']
  readonly onError: ReconcilerOptions['onError']
  readonly logger: Logger
  readonly now: () => number
  readonly wait: Wait
  readonly random: () => number
}

/** Options of one run. */
export interface ReconcilerRunOptions {
  /** Where the sweep starts, by `created`: a Date, or Unix time in seconds. Default: the last sweep less the overlap. */
  readonly from?: number | Date | undefined
  /** Where it ends. Default: now. */
  readonly to?: number | Date | undefined
  /**
   * Dispatch nothing, remember nothing, and say what would have been dispatched. Ping++ is asked all
   * the same, and in test mode that moves envelopes on. Default: `false`.
   */
  readonly dryRun?: boolean | undefined
  /** Ends the run; what it had done until then is in its report. */
  readonly signal?: AbortSignal | undefined
}

/** The options of a run, checked. */
export interface RunRange {
  readonly from: number | undefined
  readonly to: number | undefined
  readonly dryRun: boolean
  readonly signal: AbortSignal | undefined
}

const NAMES: Readonly<Record<keyof ReconcilerOptions, true>> = {
  pingpp: true,
  webhooks: true,
  app: true,
  open: true,
  requestsPerSecond: true,
  overlapSeconds: true,
  intervalSeconds: true,
  sweptUntil: true,
  onReport: true,
  onError: true,
  logger: true,
  now: true,
}
const RUN_NAMES: Readonly<Record<keyof ReconcilerRunOptions, true>> = {
  from: true,
  to: true,
  dryRun: true,
  signal: true,
}
const OVERLAP_SECONDS = 72 * 60 * 60
const INTERVAL_SECONDS = 5 * 60
const MAX_INTERVAL_SECONDS = 24 * 60 * 60

/** @throws OptionError */
export function readReconcilerOptions(
  options: ReconcilerOptions,
  { wait, random }: ReconcilerSeams,
): ReconcilerSettings {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError('option-invalid', '`createReconciler` expects an object of options.')
  }
  refuseUnknown(options, NAMES)
  refuseUnset(options, { open: 'dispatch all envelopes that the sweep shows' })
  const { pingpp, webhooks, open, onReport, onError, now = Date.now } = options
  checkPartners(pingpp, webhooks)
  checkKind('open', open, OPTIONAL_FUNCTION, 'a function that gives your open envelopes')
  checkKind('onReport', onReport, OPTIONAL_FUNCTION, 'a function')
  checkKind('onError', onError, OPTIONAL_FUNCTION, 'a function')
  checkKind('now', now, ['function'], 'a function that gives milliseconds')
  const seams = { now, random, wait: endingWith(wait) }
  const perSecond = readRate(options.requestsPerSecond ?? 5)
  return {
    pingpp,
    webhooks,
    app: readApp(options.app),
    open,
    bucket: createTokenBucket({ perSecond, ...seams }),
    overlapSeconds: readOverlap(options.overlapSeconds ?? OVERLAP_SECONDS),
    intervalMs: 1000 * readInterval(options.intervalSeconds ?? INTERVAL_SECONDS),
    sweptUntil: readMoment('sweptUntil', options.sweptUntil) ?? Math.floor(seams.now() / 1000),
    onReport,
    onError,
    logger: readLogger(options.logger),
    ...seams,
  }
}

function checkPartners(pingpp: unknown, webhooks: unknown): void {
  if (!isObject(pingpp) || !isObject(pingpp['redEnvelopes'])) {
    throw wrong('pingpp', 'what `createPingppClient` returns')
  }
  if (!isObject(webhooks) || typeof webhooks['dispatch'] !== 'function') {
    throw wrong('webhooks', 'what `createWebhooks` returns')
  }
}

/** @throws OptionError */
export function readRunOptions(options: ReconcilerRunOptions): RunRange {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError('option-invalid', '`run` expects an object of options.')
  }
  refuseUnknown(options, RUN_NAMES)
  const { dryRun = false, signal } = options
  checkKind('dryRun', dryRun, ['boolean'], 'true or false')
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw wrong('signal', 'an AbortSignal')
  }
  const from = readMoment('from', options.from)
  const to = readMoment('to', options.to)
  if (from !== undefined && to !== undefined && from > to) throw wrong('from', 'before `to`')
  return { from, to, dryRun, signal }
}

const OPTIONAL_FUNCTION: readonly string[] = ['undefined', 'function']

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** In whole seconds, as `created` is. */
function readMoment(option: string, value: number | Date | undefined): number | undefined {
  if (value === undefined) return undefined
  const seconds = readTime(value)
  if (seconds !== undefined) return Math.floor(seconds)
  throw wrong(option, 'a Date, or Unix time in seconds')
}

function readRate(perSecond: number): number {
  if (Number.isFinite(perSecond) && perSecond > 0) return perSecond
  throw wrong('requestsPerSecond', 'a number above 0')
}

function readInterval(seconds: number): number {
  if (Number.isFinite(seconds) && seconds > 0 && seconds <= MAX_INTERVAL_SECONDS) return seconds
  throw wrong('intervalSeconds', 'a time in seconds above 0, at most 86,400 (a day)')
}

function readOverlap(seconds: number): number {
  if (Number.isFinite(seconds) && seconds >= 0) return seconds
  throw wrong('overlapSeconds', 'a time in seconds, 0 or more')
}

/** A wait that ends with its signal, even where the one that was given knows no signal. */
function endingWith(wait: Wait): Wait {
  return async function waitOrEnd(ms, signal) {
    if (!signal.aborted) await untilAborted(wait(ms, signal), signal)
  }
}
