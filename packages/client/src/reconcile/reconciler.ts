import { callSafely, originOf, textOf } from '@hongbao/core/internal'
import { waitByTimer } from '../http/retries.ts'
import { createReportLog } from './log.ts'
import { jitter, PLAN_ENDS_MS } from './poll-plan.ts'
import {
  readReconcilerOptions,
  readRunOptions,
  type ReconcilerOptions,
  type ReconcilerRunOptions,
  type ReconcilerSeams,
  type ReconcilerSettings,
  type RunRange,
} from './reconciler-options.ts'
import type { ReconcilerReport } from './reconciler-report.ts'
import { runOnce } from './run.ts'
import { backoffMs, createTracker } from './tracker.ts'

export type { ReconcilerSeams } from './reconciler-options.ts'

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
 * An envelope never goes back: a status behind the furthest one seen is not dispatched, and neither is a
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
export function createReconcilerWith(
  options: ReconcilerOptions,
  seams: ReconcilerSeams,
): Reconciler {
  const settings = readReconcilerOptions(options, seams)
  const { now, random, overlapSeconds, logger, open, onReport, onError } = settings
  const memoryMs = Math.max(PLAN_ENDS_MS, overlapSeconds * 1000) + DAY_MS
  const tracker = createTracker({ now, random, memoryMs })
  const log = createReportLog({ logger, now, memoryMs })
  let { sweptUntil } = settings
  let lastRun: Promise<unknown> = Promise.resolve()

  async function run(runOptions: ReconcilerRunOptions = {}): Promise<ReconcilerReport> {
    const range = readRunOptions(runOptions)
    const ending = lastRun.then(() => runNow(range))
    lastRun = ending.catch(() => {})
    return ending
  }

  async function runNow(range: RunRange): Promise<ReconcilerReport> {
    const { dryRun } = range
    const memory = dryRun ? tracker.copy() : tracker
    // A clock that was ahead has moved it too far.
    const mark = Math.min(sweptUntil, Math.floor(now() / 1000))
    const { report, cause } = await runOnce(settings, memory, range, mark)
    if (!dryRun) {
      sweptUntil = report.sweptUntil
      tracker.prune(open === undefined)
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

const DAY_MS = 24 * 60 * 60 * 1000

/** Runs again and again, from `start` to `close`. */
function createLoop(
  run: Reconciler['run'],
  { logger, intervalMs, random, wait }: ReconcilerSettings,
): Pick<Reconciler, 'start' | 'close'> {
  let loop: { readonly controller: AbortController; readonly ended: Promise<void> } | undefined

  async function repeat(signal: AbortSignal): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- one run after another
      const { error } = await run({ signal })
      failures = error === null ? 0 : failures + 1
      const retryAfterMs = Math.min(error?.retryAfterMs ?? 0, DAY_MS)
      const pauseMs = failures === 0 ? 0 : Math.max(retryAfterMs, backoffMs(failures, random()))
      // oxlint-disable-next-line no-await-in-loop -- as above
      await wait(Math.max(jitter(intervalMs, random()), pauseMs), signal)
    }
  }

  function start(): void {
    if (loop?.controller.signal.aborted === false) return
    const controller = new AbortController()
    const ended = repeat(controller.signal).catch(function endLoop(thrown: unknown) {
      // Only the caller's own clock can do this.
      callSafely(() => logger.error(`${LOOP_BROKE}${originOf(thrown)}${textOf(thrown)}`))
      controller.abort()
    })
    loop = { controller, ended }
  }

  async function close(): Promise<void> {
    const ending = loop
    ending?.controller.abort()
    await ending?.ended
  }

  return { start, close }
}

const LOOP_BROKE = '[hongbao] reconciler: the loop has ended, because `now` threw.'
