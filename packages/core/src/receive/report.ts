import { copyOf, WebhookError, type WebhookErrorCode } from '../reply/errors.ts'
import type { ExecutionResult } from './admission.ts'
import { callSafely } from '../options/logger.ts'
import type { FailureLog } from './log.ts'
import { factsOf, type Trace, type TraceFacts } from './trace.ts'

/**
 * What happened to one delivery: the base of logs, metrics and traces. Holds no body and no key.
 * `outcome` distinguishes the two kinds: only a `rejected` or `failed` one has `code` and `error`.
 */
export type WebhookReport = AcceptedReport | RefusedReport

interface ReportBase extends TraceFacts {
  /** Whether it shared the outcome of the same event, which was already running in this process. */
  readonly shared: boolean
  readonly receivedAt: Date
  readonly durations: {
    readonly totalMs: number
    /** Receiving the body. */
    readonly readMs: number | undefined
    /** Checking the signature. */
    readonly verifyMs: number | undefined
    /** Inbox and handlers. */
    readonly handleMs: number | undefined
  }
}

/** Of an event that was applied, or had been, or needs no handler. */
interface AcceptedReport extends ReportBase {
  readonly outcome: 'handled' | 'duplicate' | 'unhandled'
}

/** Of a delivery that was refused, or could not be applied. */
interface RefusedReport extends ReportBase {
  readonly outcome: 'rejected' | 'failed'
  readonly code: WebhookErrorCode
  /** Has that code; its `cause` is what a handler, the inbox or `publicKey` threw, as it was thrown. */
  readonly error: WebhookError
}

/** The hooks of `createWebhooks`. Either may be async; what it throws or rejects with is ignored. */
export interface Hooks {
  readonly onReport?: ((report: WebhookReport) => void | Promise<void>) | undefined
  readonly onError?: ((error: unknown, report: WebhookReport) => void | Promise<void>) | undefined
}

/** The result of an execution, or that no handler is registered. */
export type Result = ExecutionResult | 'unhandled'

/** Reports a result to the log and to the hooks. Errors that hooks and loggers throw are ignored. */
export type Reporter = (trace: Trace, result: Result, status?: number) => void

export function createReporter({ onReport, onError }: Hooks, log: FailureLog): Reporter {
  /** A failure reaches the deliveries that share it, and the late report: `onError` gets it once. */
  const reported = new WeakSet<WebhookError>()

  return function report(trace, result, status) {
    const failure = result instanceof WebhookError ? result : undefined
    if (failure !== undefined && trace.shared !== true) log(failure, trace, status)
    const isNew = onError !== undefined && failure !== undefined && isNewlyThrown(failure)
    if (onReport === undefined && !isNew) return
    const details = createReport(trace, result, status)
    if (onReport !== undefined) callSafely(() => onReport(details))
    if (isNew) callSafely(() => onError(failure.cause, details))
  }

  function isNewlyThrown(failure: WebhookError): boolean {
    if (!('cause' in failure) || failure.outcome === 'rejected' || reported.has(failure))
      return false
    reported.add(failure)
    return true
  }
}

export function createReport(trace: Trace, result: Result, status?: number): WebhookReport {
  const { shared = false, receivedAt } = trace
  return {
    ...factsOf(trace, status),
    shared,
    receivedAt,
    durations: durationsOf(trace, performance.now()),
    ...(result instanceof WebhookError
      ? { outcome: result.outcome, code: result.code, error: copyOf(result) }
      : { outcome: result }),
  }
}

function durationsOf(
  { startedMs, readMs, verifiedMs, event }: Trace,
  endedMs: number,
): WebhookReport['durations'] {
  return {
    totalMs: endedMs - startedMs,
    readMs: readMs === undefined ? undefined : readMs - startedMs,
    verifyMs: verifiedMs === undefined || readMs === undefined ? undefined : verifiedMs - readMs,
    handleMs: event === undefined ? undefined : endedMs - (verifiedMs ?? startedMs),
  }
}
