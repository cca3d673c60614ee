import type { AttemptResult } from './attempts.ts'
import { inboxKey, type WebhookEvent } from './event.ts'
import type { ErrorCode, WebhookError } from './errors.ts'
import { Failure } from './failure.ts'
import type { EventSource } from './handlers.ts'
import { contain, type FailureLog } from './log.ts'
import type { Outcome } from './reply.ts'

/** What happened to one delivery: the base of logs, metrics and traces. Holds no body and no key. */
export interface Report {
  /**
   * - `delivery`: one HTTP request was answered. Exactly one report for each.
   * - `dispatch`: an event given to `webhooks.dispatch` was dealt with.
   * - `late`: handlers that had passed their deadline settled; this is their result.
   */
  readonly kind: 'delivery' | 'dispatch' | 'late'
  readonly outcome: Outcome
  /** The HTTP status answered; undefined where nothing was answered. */
  readonly status: number | undefined
  /** Why, for every outcome but `handled`, `duplicate` and `unhandled`. */
  readonly code: ErrorCode | undefined
  /** A `WebhookError` with that code; its `cause` is what a handler or the inbox threw, as it was thrown. */
  readonly error: WebhookError | undefined
  readonly eventType: string | undefined
  readonly eventId: string | undefined
  /** The key under which the inbox knows the event. */
  readonly inboxKey: string | undefined
  readonly source: EventSource
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

/** Gets every report. May be async; what it throws or rejects with is ignored. */
export type Observe = (report: Report) => void | Promise<void>

/** What is noted of a delivery while it is on its way. */
export interface Sighting {
  readonly kind: Report['kind']
  readonly source: EventSource
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

/** Turns sightings into reports and log lines. Nothing that `observe` or a logger does comes back. */
export interface Observer {
  /** `receivedAt` is now unless somebody else received it. */
  start(kind: Report['kind'], source: EventSource, receivedAt?: Date): Sighting
  end(sighting: Sighting, result: Result, status?: number): void
}

export function createObserver(
  observe: Observe | undefined,
  log: FailureLog,
  now: () => number,
): Observer {
  function start(
    kind: Report['kind'],
    source: EventSource,
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
      contain(() => log(result, subjectOf(sighting)))
    if (observe !== undefined) contain(() => observe(createReport(sighting, result, status)))
  }

  return { start, end }
}

/** The outcome of a result. */
export function outcomeOf(result: Result): Outcome {
  return result instanceof Failure ? result.outcome : result
}

function createReport(sighting: Sighting, result: Result, status: number | undefined): Report {
  const { kind, source, event, keyFingerprint, shared, receivedAt } = sighting
  const failure = result instanceof Failure ? result : undefined
  return {
    kind,
    outcome: outcomeOf(result),
    status,
    code: failure?.code,
    error: failure?.toError(),
    eventType: event?.type,
    eventId: event?.id,
    inboxKey: event === undefined ? undefined : inboxKey(event),
    source,
    keyFingerprint,
    shared,
    receivedAt,
    durations: durationsOf(sighting, performance.now()),
  }
}

function durationsOf(sighting: Sighting, endedMs: number): Report['durations'] {
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
