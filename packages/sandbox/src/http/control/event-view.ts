import type { Attempt, SandboxEvent } from '../../engine/engine.ts'

/** An event as the control API lists it. */
export interface EventView {
  readonly id: string
  readonly type: string
  /** ISO 8601, on the sandbox's clock, as all times here. */
  readonly created: string
  readonly envelope: string | null
  readonly orderNo: string | null
  readonly status: SandboxEvent['status']
  /** Length of the body. */
  readonly bytes: number
  readonly attemptCount: number
  readonly lastAttempt: AttemptView | null
  readonly nextAttempt: string | null
}

/** An event with all that is known of it. */
export interface EventDetail extends EventView {
  /** The body as text; every attempt sends the same bytes. */
  readonly body: string
  /** Value of the signature header. */
  readonly signature: string
  readonly attempts: readonly AttemptDetail[]
}

export interface AttemptView {
  readonly n: number
  readonly kind: Attempt['kind']
  readonly started: string
  /** Wall-clock milliseconds. */
  readonly ms: number
  readonly ok: boolean
  readonly status: number | null
  readonly error: string | null
  readonly faults: readonly string[]
}

export interface AttemptDetail extends AttemptView {
  readonly response: {
    readonly headers: Readonly<Record<string, string>>
    /** As UTF-8, whatever it is: for people to read. */
    readonly body: string
    readonly truncated: boolean
  } | null
}

export function viewEvent(event: SandboxEvent): EventView {
  const { id, type, status, attempts } = event
  const last = attempts.at(-1)
  return {
    id,
    type,
    created: isoTime(event.created * 1000),
    envelope: event.envelope ?? null,
    orderNo: event.orderNo ?? null,
    status,
    bytes: event.bytes.byteLength,
    attemptCount: attempts.length,
    lastAttempt: last === undefined ? null : viewAttempt(last),
    nextAttempt: event.nextAttemptMs === undefined ? null : isoTime(event.nextAttemptMs),
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
  const { response } = attempt
  if (response === undefined) return { ...viewAttempt(attempt), response: null }
  const { headers, body, truncated } = response
  return { ...viewAttempt(attempt), response: { headers, body: body.toString(), truncated } }
}

/** Milliseconds since 1970 as ISO 8601. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
