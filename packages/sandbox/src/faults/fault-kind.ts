/** Faults of a webhook on its way to the app. */
export type WebhookFaultKind =
  /** The app receives the notification, but its answer is lost: the sandbox sends again. */
  | 'answer-lost'
  /** The app receives the notification, but no answer comes in time. */
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
  /** Non-ASCII text as `\uXXXX`, signed over the plain text: as from a tool that parses and serialises again. */
  | 'escaped-body'
  /** The body ends before its announced length. */
  | 'truncated-body'
  /** The body drips in, `chunkBytes` every `chunkMs`. */
  | 'slow-body'
  /** The connection is reset before the body is complete: the app never receives the notification. */
  | 'connection-reset'

/** Faults of the API. */
export type ApiFaultKind =
  /** Answers `status` (default 500) in Ping++'s error dialect, and does nothing. */
  | 'api-error'
  /** Answers `latencyMs` late, on the wall clock. */
  | 'api-latency'
  /** Does not answer until the client leaves, or until a reset or the end of the sandbox. */
  | 'api-hang'
  /** Resets the connection before anything is done. */
  | 'api-reset'
  /** Carries out the request, then resets the connection: the answer is lost. */
  | 'api-answer-lost'
  /** The channel refuses: 402 with `code` (default `red_system_busy`); with `committed`, the envelope was created. */
  | 'channel-failure'

export type FaultKind = WebhookFaultKind | ApiFaultKind

/** When a fault fires, and how. */
export interface FaultRule {
  readonly kind: FaultKind
  /** Which attempt of an event (1 is the first), or a range of them. Only for webhook faults. Default: any. */
  readonly attempt?: number | readonly [from: number, to: number] | undefined
  /** How often it fires at most; `Infinity` for always. Default: 1, or with a range of attempts as many as it has. */
  readonly times?: number | undefined
  /** Only for this event type, envelope, order number or API operation. Default: any. */
  readonly match?: FaultMatch | undefined
  /** Fires with this probability, by the sandbox's seed. Default: 1. */
  readonly probability?: number | undefined
  /** `duplicate`: how many there are in all. Default: 2. */
  readonly copies?: number | undefined
  /** `duplicate`: together, or one after another. Default: `'in-sequence'`. */
  readonly how?: 'at-once' | 'in-sequence' | undefined
  /** `delay`: how long; `reorder`: how long at most. On the sandbox's clock. Default: 60,000. */
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
  /** `channel-failure`: the envelope was created, so sending the same order again finds it. Default: false. */
  readonly committed?: boolean | undefined
}

/** All given fields must match. */
export interface FaultMatch {
  readonly type?: string | undefined
  /** `red_…` */
  readonly envelope?: string | undefined
  readonly orderNo?: string | undefined
  readonly operation?: ApiOperation | undefined
}

/** Requests of the API. */
export type ApiOperation = 'create' | 'retrieve' | 'list' | 'retrieve-event'

/**
 * Kind → what it changes. Faults of different aspects can fire together; of one aspect, only one
 * fires at a time.
 */
export const ASPECTS: Readonly<Record<FaultKind, string>> = {
  'answer-lost': 'ending',
  timeout: 'ending',
  'truncated-body': 'ending',
  'connection-reset': 'ending',
  duplicate: 'copies',
  reorder: 'time',
  delay: 'time',
  'tampered-body': 'body',
  'escaped-body': 'body',
  'tampered-signature': 'signature',
  'missing-signature': 'signature',
  'wrong-key': 'signature',
  'slow-body': 'pace',
  'api-latency': 'api-pace',
  'api-error': 'api-ending',
  'api-hang': 'api-ending',
  'api-reset': 'api-ending',
  'api-answer-lost': 'api-ending',
  'channel-failure': 'api-ending',
}

export function isFaultKind(kind: unknown): kind is FaultKind {
  return typeof kind === 'string' && Object.hasOwn(ASPECTS, kind)
}

export function isWebhookFault(kind: FaultKind): kind is WebhookFaultKind {
  return !ASPECTS[kind].startsWith('api-')
}
