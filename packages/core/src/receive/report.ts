import { copyOf, WebhookError, type WebhookErrorCode } from '../reply/errors.ts'
import type { ExecutionResult } from './admission.ts'
import { eventKey } from '../events/event-key.ts'
import type { WebhookEvent } from '../events/event.ts'
import type { HandlerSource } from './handlers.ts'
import { callSafely } from '../options/logger.ts'
import type { FailureLog } from './log.ts'

/**
 * What happened to one delivery: the base of logs, metrics and traces. Holds no body and no key.
 * `outcome` distinguishes the two kinds: only a `rejected` or `failed` one has `code` and `error`.
 */
export type WebhookReport = AcceptedReport | RefusedReport

interface ReportBase {
  /**
   * - `delivery`: one HTTP request was answered. Exactly one report for each.
   * - `dispatch`: an event given to `webhooks.dispatch` was processed.
   * - `late`: handlers that had passed their deadline settled; this is their result.
   */
  readonly kind: 'delivery' | 'dispatch' | 'late'
  /** The HTTP status answered; undefined if there was no HTTP request to answer. */
  readonly status: number | undefined
  readonly eventType: string | undefined
  readonly eventId: string | undefined
  /** The idempotency key, under which the inbox knows the event. */
  readonly key: string | undefined
  readonly source: HandlerSource
  /** SHA-256 (hexadecimal) of the key that verified the delivery. */
  readonly keyFingerprint: string | undefined
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

/** What a delivery went through, as far as it came. */
export interface Trace {
  readonly kind: WebhookReport['kind']
  readonly source: HandlerSource
  readonly receivedAt: Date
  readonly startedMs: number
  readonly readMs?: number | undefined
  readonly verifiedMs?: number | undefined
  readonly keyFingerprint?: string | undefined
  readonly event?: WebhookEvent | undefined
  /** Whether it shared the execution of another delivery. */
  readonly shared?: boolean | undefined
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
    if (failure !== undefined && trace.shared !== true) {
      callSafely(() => log(failure, subjectOf(trace)))
    }
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

function createReport(trace: Trace, result: Result, status: number | undefined): WebhookReport {
  const { kind, source, event, keyFingerprint, shared = false, receivedAt } = trace
  return {
    kind,
    status,
    eventType: event?.type,
    eventId: event?.id,
    key: event === undefined ? undefined : eventKey(event),
    source,
    keyFingerprint,
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

function subjectOf({ event }: Trace): string | undefined {
  if (event === undefined) return undefined
  return `${event.type} ${event.id ?? 'without id'}`
}
