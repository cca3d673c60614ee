import { callSafely, logLine, originFields, originOf, textOf } from '@hongbao/core/internal'
import { waitByTimer, type Seams } from '../http/retries.ts'
import { createReportLog } from './log.ts'
import { backoffMs, DAY_MS, jitter, PLAN_ENDS_MS } from './poll-plan.ts'
import {
  readReconcilerOptions,
  readRunOptions,
  type ReconcilerOptions,
  type ReconcilerRunOptions,
  type ReconcilerSettings,
  type RunRange,
} from './reconciler-options.ts'
import type { ReconcilerReport } from './reconciler-report.ts'
import { runOnce } from './run.ts'
import { createTokenBucket } from './token-bucket.ts'
import { createTracker, forgetEnvelopes, forgetSearches, isOpen } from './tracker.ts'

/** Queries Ping++ for events that its webhooks have not delivered. */
export interface Reconciler extends AsyncDisposable {
  /**
   * Runs once, after the run in progress if there is one. Does not reject because of Ping++, your
   * table or your handlers: see `error` and `failed` of the report.
   *
   * @throws OptionError for a wrong option
   */
  run(options?: ReconcilerRunOptions): Promise<ReconcilerReport>
  /** Runs now and then every `intervalSeconds`, until `close`. Does nothing while it is running. */
  start(): void
  /** Ends the loop. Resolves when its run has ended, running handlers included. */
  close(): Promise<void>
}

/**
 * Creates a reconciler: it sweeps the list of red envelopes, queries those that are open and due (2 min,
 * 10 min, 1 h, 6 h, 24 h 15 min, 26 h, 48 h and 72 h after they were created), and dispatches their status
 * as typed events with `source: 'poll'`. They go through the same inbox as webhooks, so an event that a
 * webhook delivered is a duplicate. It is the only source of `failed`, `refunding` and `refund`, which have
 * no webhook.
 *
 * An envelope never goes back: a status before the furthest one seen is not dispatched, and neither is a
 * second final status. Run it in one process; a second one is harmless if the inbox is shared, and queries
 * everything twice.
 *
 * In test mode the query by id itself moves an envelope on and sends the webhook (guide, note 4), so both
 * may arrive at the same time; handlers run once.
 *
 * @throws OptionError for a wrong option
 */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  return createReconcilerWith(options, { wait: waitByTimer, random: Math.random })
}

/** `createReconciler` with waits and jitter that a test controls. Not exported by the package. */
export function createReconcilerWith(options: ReconcilerOptions, seams: Seams): Reconciler {
  const read = { ...readReconcilerOptions(options), ...seams }
  const settings = { ...read, takeToken: createTokenBucket(read) }
  const { now, overlapSeconds, open, onReport, onError } = settings
  const memoryMs = Math.max(PLAN_ENDS_MS, overlapSeconds * 1000) + DAY_MS
  const tracker = createTracker()
  const log = createReportLog(settings, memoryMs)
  let { sweptUntil = Math.floor(now() / 1000) } = settings
  let lastRun: Promise<unknown> = Promise.resolve()

  async function run(runOptions: ReconcilerRunOptions = {}): Promise<ReconcilerReport> {
    const range = readRunOptions(runOptions)
    const ending = lastRun.then(() => runNow(range))
    lastRun = ending.catch(() => {})
    return ending
  }

  async function runNow(range: RunRange): Promise<ReconcilerReport> {
    // A clock that was ahead has moved it too far.
    const mark = Math.min(sweptUntil, Math.floor(now() / 1000))
    const own = range.dryRun ? structuredClone(tracker) : tracker
    // Before the run: the next one may be a week away.
    forgetSearches(own, now() - memoryMs)
    const { report, cause } = await runOnce(settings, own, range, mark)
    if (!range.dryRun) {
      sweptUntil = report.sweptUntil
      // After the run, which may have seen them again. Without a table only the tracker knows what is open.
      forgetEnvelopes(
        tracker,
        now() - memoryMs,
        (envelope) => open === undefined && isOpen(envelope),
      )
      log(report, cause)
    }
    const { error } = report
    callSafely(() => onReport?.(report))
    if (error !== null && error.code !== 'run-aborted') callSafely(() => onError?.(cause, report))
    return report
  }

  const { start, close } = createLoop(run, settings)
  return { run, start, close, [Symbol.asyncDispose]: close }
}

function createLoop(
  run: Reconciler['run'],
  { logger, intervalSeconds, random, wait }: ReconcilerSettings & Seams,
): Pick<Reconciler, 'start' | 'close'> {
  let controller: AbortController | undefined
  let ended: Promise<void> | undefined

  async function repeat(signal: AbortSignal): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- one run after another
      const { error } = await run({ signal })
      failures = error === null ? 0 : failures + 1
      const retryAfterMs = Math.min(error?.retryAfterMs ?? 0, DAY_MS)
      const pauseMs = failures === 0 ? 0 : Math.max(retryAfterMs, backoffMs(failures, random()))
      // oxlint-disable-next-line no-await-in-loop -- as above
      await wait(Math.max(jitter(intervalSeconds * 1000, random()), pauseMs), signal)
    }
  }

  function start(): void {
    if (controller?.signal.aborted === false) return
    const current = new AbortController()
    controller = current
    ended = repeat(current.signal).catch(function endLoop(thrown: unknown) {
      // Only the caller's own clock can do this.
      const fields = { code: 'reconciler-stopped', ...originFields(thrown) }
      logLine(logger, 'error', `${LOOP_BROKE}${originOf(thrown)}${textOf(thrown)}`, fields)
      current.abort()
    })
  }

  async function close(): Promise<void> {
    controller?.abort()
    await ended
  }

  return { start, close }
}

const LOOP_BROKE = '[hongbao] reconciler: the loop has ended, because `now` threw.'
