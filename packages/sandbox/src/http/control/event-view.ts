import type { Attempt, SandboxEvent } from '../../engine/engine.ts'

/** An event in a list. Times are ISO 8601, on the sandbox's clock. */
export interface EventView extends Pick<SandboxEvent, 'id' | 'type' | 'status'> {
  readonly created: string
  readonly envelope: string | null
  readonly orderNo: string | null
  /** Length of the body. */
  readonly bytes: number
  readonly attemptCount: number
  readonly lastAttempt: AttemptView | null
  readonly nextAttempt: string | null
}

/** An event with body and attempts. */
export interface EventDetail extends EventView {
  /** The body as text; every attempt sends the same bytes. */
  readonly body: string
  /** Value of the signature header. */
  readonly signature: string
  readonly attempts: readonly AttemptDetail[]
}

export interface AttemptView extends Pick<Attempt, 'n' | 'kind' | 'ms' | 'ok' | 'faults'> {
  readonly started: string
  readonly status: number | null
  readonly error: string | null
}

export interface AttemptDetail extends AttemptView {
  readonly response: {
    readonly headers: Readonly<Record<string, string>>
    /** Decoded as UTF-8, also if it is binary. */
    readonly body: string
    readonly truncated: boolean
  } | null
}

export function viewEvent(event: SandboxEvent): EventView {
  const { id, type, status, attempts, envelope = null, orderNo = null, nextAttemptMs } = event
  const last = attempts.at(-1)
  return {
    id,
    type,
    created: isoTime(event.created * 1000),
    envelope,
    orderNo,
    status,
    bytes: event.bytes.byteLength,
    attemptCount: attempts.length,
    lastAttempt: last === undefined ? null : viewAttempt(last),
    nextAttempt: nextAttemptMs === undefined ? null : isoTime(nextAttemptMs),
  }
}

export function detailEvent(event: SandboxEvent): EventDetail {
  return {
    ...viewEvent(event),
    body: event.bytes.toString(),
    signature: event.signature,
    attempts: event.attempts.map(detailAttempt),
  }
}

function viewAttempt(attempt: Attempt): AttemptView {
  const { n, kind, startedMs, ms, ok, response, error = null, faults } = attempt
  const status = response?.status ?? null
  return { n, kind, started: isoTime(startedMs), ms, ok, status, error, faults }
}

function detailAttempt(attempt: Attempt): AttemptDetail {
  if (attempt.response === undefined) return { ...viewAttempt(attempt), response: null }
  const { headers, body, truncated } = attempt.response
  return { ...viewAttempt(attempt), response: { headers, body: body.toString(), truncated } }
}

/** Milliseconds since 1970 as ISO 8601. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
