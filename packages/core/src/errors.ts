import type { Outcome } from './reply.ts'

/** What went wrong with a delivery: match on `code`, never on the message or with `instanceof`. */
export type ErrorCode =
  | 'method-not-allowed'
  | 'body-encoded'
  | 'body-too-large'
  | 'body-too-slow'
  | 'body-aborted'
  | 'body-consumed'
  | 'signature-missing'
  | 'signature-malformed'
  | 'signature-mismatch'
  | 'event-not-utf8'
  | 'event-not-json'
  | 'event-invalid'
  | 'app-mismatch'
  | 'mode-mismatch'
  | 'event-too-old'
  | 'event-from-future'
  | 'handler-failed'
  | 'handler-timed-out'
  | 'inbox-busy'
  | 'inbox-unavailable'
  | 'internal-error'

interface ErrorEntry {
  readonly outcome: Outcome
  /** How often the default log speaks of it: each time, once in the life of a receiver, or at most once a minute. */
  readonly log: 'always' | 'once' | 'sometimes'
  /** What happened, what was expected, what to do next. */
  readonly message: string
}

/** Error code → outcome and meaning: one table. `docs/errors.md` explains each at more length. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorEntry>> = {
  'method-not-allowed': {
    outcome: 'method',
    log: 'sometimes',
    message: 'Ping++ sends its webhooks by POST; this was another method.',
  },
  'body-encoded': {
    outcome: 'encoded',
    log: 'sometimes',
    message:
      'The body is compressed, but Ping++ signs and sends plain bytes. Look for a proxy that adds Content-Encoding.',
  },
  'body-too-large': {
    outcome: 'large',
    log: 'sometimes',
    message: 'The body is larger than `maxBodyBytes` allows.',
  },
  'body-too-slow': {
    outcome: 'slow',
    log: 'sometimes',
    message: 'The body did not arrive within `bodyTimeoutMs`.',
  },
  'body-aborted': {
    outcome: 'aborted',
    log: 'sometimes',
    message: 'The sender went away before the body was complete.',
  },
  'body-consumed': {
    outcome: 'body-consumed',
    log: 'once',
    message:
      'A parser before the webhook read the body and kept no raw bytes, so the signature cannot be checked.',
  },
  'signature-missing': {
    outcome: 'unsigned',
    log: 'sometimes',
    message: 'The x-pingplusplus-signature header is missing or empty. Ping++ always sends one.',
  },
  'signature-malformed': {
    outcome: 'forged',
    log: 'sometimes',
    message:
      'The x-pingplusplus-signature header is not one strict base64 signature as long as a configured key makes them.',
  },
  'signature-mismatch': {
    outcome: 'forged',
    log: 'sometimes',
    message:
      'The signature does not match the body under any configured key. If the delivery is genuine: is `publicKey` the Ping++ public key of this account (dashboard: company name, developer information, Ping++ public key), not your own? Does a proxy change the body?',
  },
  'event-not-utf8': {
    outcome: 'malformed',
    log: 'always',
    message: 'The body is signed, but it is not UTF-8 text.',
  },
  'event-not-json': {
    outcome: 'malformed',
    log: 'always',
    message: 'The body is signed, but it is not JSON that can be read in one way only.',
  },
  'event-invalid': {
    outcome: 'malformed',
    log: 'always',
    message: 'The body is signed JSON, but not a Ping++ event.',
  },
  'app-mismatch': {
    outcome: 'misdirected',
    log: 'sometimes',
    message:
      'The event belongs to another app than the `app` option names. Check the webhook URLs in the Ping++ dashboard.',
  },
  'mode-mismatch': {
    outcome: 'misdirected',
    log: 'sometimes',
    message:
      'The event is of the other mode (test or live) than the `livemode` option names. Check the webhook URLs in the Ping++ dashboard.',
  },
  'event-too-old': {
    outcome: 'stale',
    log: 'sometimes',
    message:
      'The event is older than the inbox can remember, so it cannot be told from a replay. See `maxEventAgeSeconds`.',
  },
  'event-from-future': {
    outcome: 'stale',
    log: 'sometimes',
    message: 'The event was created in the future. Check the clock of this machine.',
  },
  'handler-failed': {
    outcome: 'failed',
    log: 'always',
    message:
      'A handler failed; Ping++ sends the event again. The `observe` option sees the error itself.',
  },
  'handler-timed-out': {
    outcome: 'timed-out',
    log: 'always',
    message:
      'The handlers were still running after `handlerTimeoutMs`; Ping++ sends the event again, and their result counts when they settle.',
  },
  'inbox-busy': {
    outcome: 'busy',
    log: 'sometimes',
    message: 'Another process is applying this event now; Ping++ sends it again.',
  },
  'inbox-unavailable': {
    outcome: 'unavailable',
    log: 'always',
    message: 'The inbox failed, so the event does not count as applied; Ping++ sends it again.',
  },
  'internal-error': {
    outcome: 'unavailable',
    log: 'always',
    message: 'hongbao or an adapter failed unexpectedly; Ping++ sends the event again.',
  },
}

/** A delivery that did not end in `handled`, `duplicate` or `unhandled`. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  readonly code: ErrorCode
  readonly outcome: Outcome
  /** What is known of this one case, behind the code's own sentence. */
  readonly detail: string | undefined

  /** `detail` follows the code's own message; `cause` is kept as it came, whatever was thrown. */
  constructor(code: ErrorCode, detail?: string, options?: ErrorOptions) {
    super(describe(code, detail), options)
    this.code = code
    this.outcome = ERRORS[code].outcome
    this.detail = detail
  }
}

/** The sentence of a code, with what is known of this one case behind it. */
export function describe(code: ErrorCode, detail?: string): string {
  const { message } = ERRORS[code]
  return detail === undefined ? message : `${message} ${detail}`
}

/** Tells a `WebhookError` by its code, so that another copy of hongbao in the process counts too. */
export function isWebhookError(error: unknown): error is WebhookError {
  return error instanceof Error && 'code' in error && Object.hasOwn(ERRORS, String(error.code))
}

/** What can be wrong with the options, told at start-up. */
export type OptionErrorCode =
  | 'option-invalid'
  | 'key-missing'
  | 'key-unreadable'
  | 'key-ambiguous'
  | 'key-private'
  | 'key-not-rsa'
  | 'key-too-small'
  | 'key-weak-exponent'
  | 'key-published'

/** A wrong option: names the option and what was expected; never shows the value of a key. */
export class OptionError extends TypeError {
  override readonly name = 'OptionError'
  readonly code: OptionErrorCode

  constructor(code: OptionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
