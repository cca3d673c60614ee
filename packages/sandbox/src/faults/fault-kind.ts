/** Faults of a webhook on its way to the app. Every one is fired by rule, never by accident. */
export type WebhookFaultKind =
  /** The app gets the notification, and its answer is lost: the sandbox sends again. */
  | 'answer-lost'
  /** The app gets the notification, and no answer comes in time. */
  | 'timeout'
  /** Sent `copies` times, at once or one after another. */
  | 'duplicate'
  /** Held back until another notification has been sent, or for `delayMs`. */
  | 'reorder'
  /** Sent `delayMs` late, on the sandbox's clock. */
  | 'delay'
  /** One byte of the body differs from what was signed. */
  | 'tampered-body'
  /** One character of the signature differs. */
  | 'tampered-signature'
  /** No signature header. */
  | 'missing-signature'
  /** Signed with another key. */
  | 'wrong-key'
  /** Non-ASCII text as `\uXXXX`, signed over the plain text: what a tool makes that parses and writes again. */
  | 'escaped-body'
  /** The body ends before its announced length. */
  | 'truncated-body'
  /** The body drips in, `chunkBytes` every `chunkMs`. */
  | 'slow-body'
  /** The connection is reset before the body is complete: the app never has the notification. */
  | 'connection-reset'

/** Faults of the API. */
export type ApiFaultKind =
  /** Answers `status` (default 500) in Ping++'s error dialect, and does nothing. */
  | 'api-error'
  /** Answers `latencyMs` late, on the wall clock. */
  | 'api-latency'
  /** Never answers. The wait is over when the client leaves, and at a reset or the end of the sandbox. */
  | 'api-hang'
  /** Resets the connection before anything is done. */
  | 'api-reset'
  /** Does what was asked, then resets the connection: the answer is lost. */
  | 'api-answer-lost'
  /** The channel refuses: 402 with `code` (default `red_system_busy`); with `committed`, the envelope exists all the same. */
  | 'channel-failure'

export type FaultKind = WebhookFaultKind | ApiFaultKind

/** When a fault fires, and how. */
export interface FaultRule {
  readonly kind: FaultKind
  /** Which attempt of an event (1 is the first), or a range of them. Webhook faults alone. Default: any. */
  readonly attempt?: number | readonly [from: number, to: number] | undefined
  /** How often it fires at the most; `Infinity` for always. Default: 1, or with a range of attempts as many as it has. */
  readonly times?: number | undefined
  /** Event type, envelope, order number or API operation that it is for. Default: any. */
  readonly match?: FaultMatch | undefined
  /** Fires with this probability, by the sandbox's seed. Default: 1. */
  readonly probability?: number | undefined
  /** `duplicate`: how many there are in all. Default: 2. */
  readonly copies?: number | undefined
  /** `duplicate`: together, or one after another. Default: `'in-sequence'`. */
  readonly how?: 'at-once' | 'in-sequence' | undefined
  /** `delay`: how long; `reorder`: how long at the most. On the sandbox's clock. Default: 60,000. */
  readonly delayMs?: number | undefined
  /** `slow-body`: bytes at a time. Default: 64. */
  readonly chunkBytes?: number | undefined
  /** `slow-body`: wall-clock pause between them. Default: 20. */
  readonly chunkMs?: number | undefined
  /** `api-error`. Default: 500. */
  readonly status?: number | undefined
  /** `api-error`, `channel-failure`: Ping++'s error code. */
  readonly code?: string | undefined
  /** `api-error`: value of `Retry-After`, in seconds. */
  readonly retryAfterSeconds?: number | undefined
  /** `api-latency`. Default: 1,000. */
  readonly latencyMs?: number | undefined
  /** `channel-failure`: the envelope was made all the same, so sending the same order again finds it. Default: false. */
  readonly committed?: boolean | undefined
}

/** What a rule may be narrowed to. */
export interface FaultMatch {
  readonly type?: string | undefined
  /** `red_…` */
  readonly envelope?: string | undefined
  readonly orderNo?: string | undefined
  readonly operation?: ApiOperation | undefined
}

/** What can be asked of the API. */
export type ApiOperation = 'create' | 'retrieve' | 'list' | 'retrieve-event'
