import type { AttemptResult } from './admission.ts'
import { eventKey } from '../events/event-key.ts'
import type { WebhookEvent } from '../events/event.ts'
import type { WebhookError, WebhookErrorCode } from '../reply/errors.ts'
import { Failure } from '../reply/failure.ts'
import type { HandlerSource } from './handlers.ts'
import { callSafely } from '../options/logger.ts'
import type { FailureLog } from './log.ts'
import type { ReplyName } from '../reply/reply.ts'

/**
 * What happened to one delivery: the base of logs, metrics and traces. Holds no body and no key.
 * `outcome` tells the two kinds apart: only a `rejected` or `failed` one has `code` and `error`.
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

/** What is noted of a delivery while it is on its way. */
export interface Sighting {
  readonly kind: WebhookReport['kind']
  readonly source: HandlerSource
  readonly receivedAt: Date
  readonly startedMs: number
  readMs: number | undefined
  verifiedMs: number | undefined
  event: WebhookEvent | undefined
  keyFingerprint: string | undefined
  /** The bytes of the signature that was verified. */
  signature: Uint8Array | undefined
  /** The result of the attempt that it started or shares, once its handlers have settled. */
  end: Promise<AttemptResult> | undefined
  shared: boolean
}

/** A result as it is reported: an attempt's, or that nobody listens. */
export type Result = AttemptResult | 'unhandled'

/** Turns sightings into reports and log lines. Errors thrown by hooks and loggers are ignored. */
export interface Observer {
  /** `receivedAt` is now unless somebody else received it. */
  start(kind: WebhookReport['kind'], source: HandlerSource, receivedAt?: Date): Sighting
  end(sighting: Sighting, result: Result, status?: number): void
}

export function createObserver(
  { onReport, onError }: Hooks,
  log: FailureLog,
  now: () => number,
): Observer {
  /** A failure reaches the deliveries that share it, and the late report: its error is told once. */
  const told = new WeakSet<Failure>()

  function start(
    kind: WebhookReport['kind'],
    source: HandlerSource,
    receivedAt: Date = new Date(now()),
  ): Sighting {
    return {
      kind,
      source,
      receivedAt,
      startedMs: performance.now(),
      readMs: undefined,
      verifiedMs: undefined,
      event: undefined,
      keyFingerprint: undefined,
      signature: undefined,
      end: undefined,
      shared: false,
    }
  }

  function end(sighting: Sighting, result: Result, status?: number): void {
    if (result instanceof Failure && !sighting.shared)
      callSafely(() => log(result, subjectOf(sighting)))
    const thrown = onError === undefined ? undefined : newlyThrown(result)
    if (onReport === undefined && thrown === undefined) return
    const report = createReport(sighting, result, status)
    if (onReport !== undefined) callSafely(() => onReport(report))
    if (onError !== undefined && thrown !== undefined)
      callSafely(() => onError(thrown.cause, report))
  }

  function newlyThrown(result: Result): Failure | undefined {
    if (!(result instanceof Failure) || !result.hasCause || result.outcome === 'rejected')
      return undefined
    if (told.has(result)) return undefined
    told.add(result)
    return result
  }

  return { start, end }
}

/** The outcome of a result, or the code of its failure. */
export function nameOf(result: Result): ReplyName {
  return result instanceof Failure ? result.code : result
}

function createReport(
  sighting: Sighting,
  result: Result,
  status: number | undefined,
): WebhookReport {
  const { kind, source, event, keyFingerprint, shared, receivedAt } = sighting
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
    durations: durationsOf(sighting, performance.now()),
    ...endOf(result),
  }
}

function endOf(
  result: Result,
): Pick<AcceptedReport, 'outcome'> | Pick<RefusedReport, 'outcome' | 'code' | 'error'> {
  if (!(result instanceof Failure)) return { outcome: result }
  return { outcome: result.outcome, code: result.code, error: result.toError() }
}

function durationsOf(sighting: Sighting, endedMs: number): WebhookReport['durations'] {
  const { startedMs, readMs, verifiedMs, event } = sighting
  return {
    totalMs: endedMs - startedMs,
    readMs: readMs === undefined ? undefined : readMs - startedMs,
    verifyMs: verifiedMs === undefined || readMs === undefined ? undefined : verifiedMs - readMs,
    handleMs: event === undefined ? undefined : endedMs - (verifiedMs ?? startedMs),
  }
}

function subjectOf({ event }: Sighting): string | undefined {
  if (event === undefined) return undefined
  return `${event.type} ${event.id ?? 'without id'}`
}
