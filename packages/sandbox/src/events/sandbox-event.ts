/** A notification and its delivery so far. The value never changes; `event(id)` returns the current one. */
export interface SandboxEvent {
  readonly id: string
  readonly type: string
  /** Unix time in seconds, on the sandbox's clock. */
  readonly created: number
  readonly envelope: string | undefined
  readonly orderNo: string | undefined
  /** The API request that caused it. */
  readonly request: string | undefined
  /** The event that it is an edited copy of. */
  readonly from: string | undefined
  /** The body, the same bytes on every attempt. */
  readonly bytes: Buffer
  /** The header's value; signed once. Empty for an edited copy that is sent without one. */
  readonly signature: string
  /** `undelivered`: there is no target. */
  readonly status: 'pending' | 'delivered' | 'exhausted' | 'undelivered'
  readonly attempts: readonly Attempt[]
  /** When it is sent again, in milliseconds since 1970 on the sandbox's clock. */
  readonly nextAttemptMs: number | undefined
}

/** All statuses of an event. */
export const EVENT_STATUSES = ['pending', 'delivered', 'exhausted', 'undelivered'] as const

/** Why an attempt was made. */
export type AttemptKind = 'scheduled' | 'duplicate' | 'manual'

/** One delivery attempt: one POST of a notification. */
export interface Attempt {
  /** 1 to 11 by the schedule; duplicates share the number of their attempt, and manual ones have that of the last. */
  readonly n: number
  readonly kind: AttemptKind
  /** On the sandbox's clock. */
  readonly startedMs: number
  /** Where it was sent: a URL, or `in-process`. */
  readonly target: string
  /** What was really sent, also if a fault changed it. */
  readonly sent: AttemptRequest
  /** How long it took, in wall-clock milliseconds. */
  readonly ms: number
  readonly timings: AttemptTimings
  /** Whether it counts as received: 2xx, and no fault that lost the answer. */
  readonly ok: boolean
  /** What the app answered, even if a fault then lost it; undefined if no answer came. */
  readonly response: AttemptResponse | undefined
  /** Why no answer came or counted: a sentence. */
  readonly error: string | undefined
  readonly errorCode: AttemptErrorCode | undefined
  /** Kinds of the faults that fired; `pingpp_tc=001` and `pingpp_tc=002` for Ping++'s own test cases. */
  readonly faults: readonly string[]
}

/** What was sent in an attempt. */
export interface AttemptRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** The event's own bytes, unless a fault changed them or cut them off. */
  readonly body: Buffer
}

/** Wall-clock milliseconds from the beginning of an attempt. */
export interface AttemptTimings {
  /** Until the connection was open; null if it was not, or in the same process. */
  readonly connectMs: number | null
  /** Until the head of the answer came; null if it did not. */
  readonly firstByteMs: number | null
  readonly totalMs: number
}

/** Why no answer came or counted. */
export type AttemptErrorCode =
  | 'connection-refused'
  | 'connection-reset'
  | 'timeout'
  | 'tls'
  | 'dns'
  | 'target-remote'
  /** A target that is a function threw, or did not return a `Response`. */
  | 'app-threw'
  /** A fault broke the connection or lost the answer. */
  | 'fault'
  | 'failed'

/** What the app answered. */
export interface AttemptResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The first 64 KB. */
  readonly body: Buffer
  readonly truncated: boolean
}
