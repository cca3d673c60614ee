/** What a host answers with: a status, headers and a short constant body. */
export interface Reply {
  readonly outcome: Outcome
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON with the outcome's name; never an error's text. */
  readonly body: string
}

/** How a delivery ended. */
export type Outcome = keyof typeof STATUS

/**
 * The reply table: the only place in hongbao with a status number.
 *
 * Ping++ reads the status alone: 2xx ends the deliveries of an event, anything else makes it send
 * the event again (guide, step 4 and note 5).
 */
const STATUS = {
  /** Every handler settled well and the inbox recorded it. */
  handled: 200,
  /** Applied before: no handler ran. */
  duplicate: 200,
  /** Verified, but nobody listens; 500 where `unhandled: 'reject'` asks for it. */
  unhandled: 200,
  /** A handler threw or rejected. */
  failed: 500,
  /** A handler is still running at the deadline; it keeps the event until it settles. */
  'timed-out': 500,
  /** Another process is applying the event now. */
  busy: 500,
  /** The inbox could not be asked. */
  unavailable: 500,
  /** `close` was called: what runs may finish, and nothing new begins. */
  closing: 500,
  /** An earlier parser read the body and left no raw bytes. */
  'body-consumed': 500,
  /** Signed, but not an event. */
  malformed: 400,
  /** The sender went away, or its bytes ended, before the body was complete. */
  aborted: 400,
  /** No signature. */
  unsigned: 401,
  /** A malformed or wrong signature. */
  forged: 401,
  /** Verified, but for another app or mode. */
  misdirected: 403,
  /** Verified, but outside the time the inbox can remember. */
  stale: 403,
  /** A host without a router was asked for another path. */
  elsewhere: 404,
  /** Not a POST. */
  method: 405,
  /** The body did not arrive in time. */
  slow: 408,
  /** The body is over the limit. */
  large: 413,
  /** The body is compressed; signatures cover the plain bytes. */
  encoded: 415,
} as const

const EXTRA_HEADERS: Partial<Record<Outcome, Readonly<Record<string, string>>>> = {
  method: { allow: 'POST' },
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one entry for every key of STATUS
const REPLIES = Object.fromEntries(
  outcomes().map((outcome) => [outcome, createReply(outcome, STATUS[outcome])]),
) as Readonly<Record<Outcome, Reply>>

const UNHANDLED_REJECTED = createReply('unhandled', STATUS.failed)

/** The reply of an outcome; `unhandled` says what an event without a handler gets. */
export function replyTo(outcome: Outcome, unhandled: 'accept' | 'reject' = 'accept'): Reply {
  if (outcome === 'unhandled' && unhandled === 'reject') return UNHANDLED_REJECTED
  return REPLIES[outcome]
}

/** Every outcome, in the order of the reply table. */
export function outcomes(): Outcome[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a constant of this file
  return Object.keys(STATUS) as Outcome[]
}

function createReply(outcome: Outcome, status: number): Reply {
  const body = JSON.stringify({ outcome })
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(body.length),
    'cache-control': 'no-store',
    ...EXTRA_HEADERS[outcome],
  }
  return Object.freeze({ outcome, status, headers: Object.freeze(headers), body })
}
