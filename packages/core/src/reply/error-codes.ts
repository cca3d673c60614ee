/**
 * How a delivery or a dispatched event ended.
 *
 * - `handled`: every handler succeeded, and the inbox recorded it.
 * - `duplicate`: it was applied before; no handler ran.
 * - `unhandled`: verified, but no handler is registered for its type.
 * - `rejected`: the request was refused (4xx). Its error's `code` says why.
 * - `failed`: this side could not apply it (500), and it is retried. Its error's `code` says why.
 */
export type WebhookOutcome = 'handled' | 'duplicate' | 'unhandled' | 'rejected' | 'failed'

/** What went wrong with a delivery. Match on `code`, never on the message. */
export type WebhookErrorCode =
  | 'method-not-allowed'
  | 'path-mismatch'
  | 'body-encoded'
  | 'body-too-large'
  | 'body-too-slow'
  | 'body-aborted'
  | 'body-consumed'
  | 'signature-missing'
  | 'signature-malformed'
  | 'signature-mismatch'
  | 'key-unavailable'
  | 'event-not-utf8'
  | 'event-not-json'
  | 'event-invalid'
  | 'app-mismatch'
  | 'mode-mismatch'
  | 'event-too-old'
  | 'event-from-future'
  | 'no-handler'
  | 'handler-failed'
  | 'handler-timed-out'
  | 'inbox-busy'
  | 'inbox-unavailable'
  | 'shutting-down'
  | 'internal-error'

interface ErrorEntry {
  readonly outcome: 'rejected' | 'failed'
  /**
   * The HTTP status. Ping++ reads it and nothing else: 2xx ends the deliveries of an event, anything
   * else makes it send the event again (guide, step 4 and note 5).
   */
  readonly status: number
  readonly log: LogRule
  /** What becomes of a job of a queue: another try, or a dead letter, as another try would end the same way. */
  readonly job: 'again' | 'dead'
  /** What happened, what was expected, what to do next. `docs/errors.md` has more. */
  readonly message: string
}

/**
 * How the default log reports an error.
 *
 * - `each`: only Ping++ or this side can cause it: an error, each time.
 * - `error`: anybody can trigger it, but this side is at fault: an error, at most once a minute.
 * - `warning`: anybody can cause it: a warning, at most once a minute.
 */
type LogRule = 'each' | 'error' | 'warning'

/** Error code → everything about it: one table. */
export const ERRORS: Readonly<Record<WebhookErrorCode, ErrorEntry>> = {
  'method-not-allowed': rejected(405, 'The request was not a POST. Ping++ only posts.'),
  'path-mismatch': rejected(404, 'The request is for another path than the mounted `path`.'),
  'body-encoded': rejected(
    415,
    'The body is compressed; Ping++ sends plain bytes. Does a proxy compress it?',
  ),
  'body-too-large': rejected(413, 'The body is over `maxBodyBytes`.'),
  'body-too-slow': rejected(408, 'The body did not arrive within `bodyTimeoutMs`.'),
  'body-aborted': rejected(400, 'The connection closed before the body was complete.'),
  'body-consumed': failed(
    'A parser read the body first and kept no raw bytes to verify.',
    'error',
    'dead',
  ),
  'signature-missing': rejected(
    401,
    'The x-pingplusplus-signature header is missing or empty: the request did not come from Ping++, or a proxy removed the header.',
  ),
  'signature-malformed': rejected(
    401,
    'The signature is not strict base64 of the length that the keys make.',
  ),
  'signature-mismatch': rejected(
    401,
    'The signature matches no key. If the delivery is genuine: is `publicKey` the Ping++ public key of this account (dashboard), not your own? Does a proxy change the body?',
  ),
  'key-unavailable': failed(
    'The function `publicKey` failed to provide a usable key, so no signature can be verified; events are retried.',
    'error',
  ),
  'event-not-utf8': rejected(400, 'The body is signed, but not UTF-8.', 'each'),
  'event-not-json': rejected(400, 'The body is signed, but not strict JSON.', 'each'),
  'event-invalid': rejected(400, 'This is not an event as Ping++ sends it.', 'each'),
  'app-mismatch': rejected(
    403,
    'The event is of another app than `app`. Check the webhook URLs in the dashboard.',
  ),
  'mode-mismatch': rejected(
    403,
    'The event is of another mode than `livemode`. Check the webhook URLs in the dashboard.',
  ),
  'event-too-old': rejected(
    403,
    'The event is older than `maxEventAgeSeconds`, so it may be a replay. Raise that to accept it.',
  ),
  'event-from-future': rejected(
    403,
    "The event is from the future. Check the clock of this machine, or the sandbox's.",
  ),
  'no-handler': failed(
    "No handler is registered for this event type, and `unhandled` is 'fail'; the event is retried.",
    'each',
    'dead',
  ),
  'handler-failed': failed('A handler failed; the event is retried. `onError` receives its error.'),
  'handler-timed-out': failed('The handlers ran past `handlerTimeoutMs`; the event is retried.'),
  'inbox-busy': failed('Another process is applying the event; the event is retried.', 'warning'),
  'inbox-unavailable': failed('The inbox failed; events are retried.'),
  // This process is going; another one takes the job.
  'shutting-down': failed('This process is shutting down; events are retried.', 'warning'),
  'internal-error': failed('hongbao or its adapter failed; the event is retried.'),
}

/** A request that cannot succeed: another try of its job would end the same way. */
function rejected(status: number, message: string, log: LogRule = 'warning'): ErrorEntry {
  return { outcome: 'rejected', status, log, job: 'dead', message }
}

function failed(
  message: string,
  log: LogRule = 'each',
  job: ErrorEntry['job'] = 'again',
): ErrorEntry {
  return { outcome: 'failed', status: 500, log, job, message }
}

/** Returns the sentence of a code, and after it what is known of this one case. */
export function describe(code: WebhookErrorCode, detail?: string): string {
  const { message } = ERRORS[code]
  return detail === undefined ? message : `${message} ${detail}`
}
