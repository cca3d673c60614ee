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
  | 'shutting-down'
  | 'internal-error'

interface ErrorEntry {
  readonly outcome: Outcome
  /** What happened, what was expected, what to do next. `docs/errors.md` has more. */
  readonly message: string
}

/** Error code → outcome and meaning: one table. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorEntry>> = {
  'method-not-allowed': { outcome: 'method', message: 'Ping++ sends by POST; this was not one.' },
  'body-encoded': {
    outcome: 'encoded',
    message: 'The body is compressed; Ping++ sends plain bytes. Does a proxy compress it?',
  },
  'body-too-large': { outcome: 'large', message: 'The body is over `maxBodyBytes`.' },
  'body-too-slow': { outcome: 'slow', message: 'The body took longer than `bodyTimeoutMs`.' },
  'body-aborted': { outcome: 'aborted', message: 'The sender left before the body was complete.' },
  'body-consumed': {
    outcome: 'body-consumed',
    message: 'A parser read the body first and kept no raw bytes to verify.',
  },
  'signature-missing': {
    outcome: 'unsigned',
    message:
      'The x-pingplusplus-signature header is missing or empty: a stranger, or a proxy that drops it.',
  },
  'signature-malformed': {
    outcome: 'forged',
    message: 'The signature is not strict base64 of the length that the keys make.',
  },
  'signature-mismatch': {
    outcome: 'forged',
    message:
      'The signature matches no key. If the delivery is genuine: is `publicKey` the Ping++ public key of this account (dashboard), not your own? Does a proxy change the body?',
  },
  'event-not-utf8': { outcome: 'malformed', message: 'The body is signed, but not UTF-8.' },
  'event-not-json': { outcome: 'malformed', message: 'The body is signed, but not strict JSON.' },
  'event-invalid': { outcome: 'malformed', message: 'This is not an event as Ping++ sends it.' },
  'app-mismatch': {
    outcome: 'misdirected',
    message: 'The event is of another app than `app`. Check the webhook URLs in the dashboard.',
  },
  'mode-mismatch': {
    outcome: 'misdirected',
    message:
      'The event is of another mode than `livemode`. Check the webhook URLs in the dashboard.',
  },
  'event-too-old': {
    outcome: 'stale',
    message:
      'The event is older than `maxEventAgeSeconds`, so it may be a replay. Raise that to accept it.',
  },
  'event-from-future': {
    outcome: 'stale',
    message: "The event is from the future. Check the clock of this machine, or the sandbox's.",
  },
  'handler-failed': {
    outcome: 'failed',
    message: 'A handler failed; the event is tried again. `observe` sees its error.',
  },
  'handler-timed-out': {
    outcome: 'timed-out',
    message: 'The handlers ran past `handlerTimeoutMs`; the event is tried again.',
  },
  'inbox-busy': {
    outcome: 'busy',
    message: 'Another process is applying the event; it is tried again.',
  },
  'inbox-unavailable': {
    outcome: 'unavailable',
    message: 'The inbox failed; events are tried again.',
  },
  'shutting-down': {
    outcome: 'closing',
    message: 'This process is shutting down; events are tried again.',
  },
  'internal-error': {
    outcome: 'unavailable',
    message: 'hongbao or its adapter failed; the event is tried again.',
  },
}

/**
 * Makes `instanceof` true for errors of another copy of hongbao in the process, ESM beside CommonJS
 * say: the brand of a class is the same in every copy.
 */
export function brand(type: ErrorClass, name: string): void {
  const mark = Symbol.for(`hongbao.error.${name}`)
  Object.defineProperty(type.prototype, mark, { value: true })
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, thrown: unknown): boolean {
      // A subclass inherits this, and has no brand of its own.
      if (this !== type) return Function.prototype[Symbol.hasInstance].call(this, thrown)
      return typeof thrown === 'object' && thrown !== null && mark in thrown
    },
  })
}

interface ErrorClass {
  readonly prototype: Error
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

/** What can be wrong with the options, told at start-up. */
export type OptionErrorCode =
  | 'option-invalid'
  | 'key-missing'
  | 'key-unreadable'
  | 'key-ambiguous'
  | 'key-private'
  | 'key-public'
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

/**
 * An inbox could not admit an event: what `admit`, `ready` and `flush` of every store reject with.
 * Each store has its codes, with its own prefix: `redis-…`, `postgres-…`.
 */
export class InboxError<Code extends string = string> extends Error {
  override readonly name = 'InboxError'
  readonly code: Code

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Where an error of hongbao has its sentence for the log; the same in every copy of hongbao. */
const SENTENCE: unique symbol = Symbol.for('hongbao.sentence')

/**
 * Lets the default log show the code of such errors, and a sentence about each that never holds a
 * secret, whatever an app has put into the error since.
 */
export function vouchFor<Thrown extends Error>(
  type: { readonly prototype: Thrown },
  sentence: (error: Thrown) => string,
): void {
  Object.defineProperty(type.prototype, SENTENCE, {
    get(this: Thrown): string {
      return sentence(this)
    },
  })
}

/** The sentence of an error of hongbao; undefined for every other one. */
export function sentenceOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !(SENTENCE in thrown)) return undefined
  const { [SENTENCE]: sentence } = thrown
  return typeof sentence === 'string' ? sentence : undefined
}

/**
 * How a store makes its errors: from its own table of codes and sentences. The log shows the table's
 * sentence; of an `InboxError` that an app has made itself, it shows neither code nor message.
 */
export function inboxErrors<Code extends string>(
  sentences: Readonly<Record<Code, string>>,
): <Of extends Code>(code: Of, options?: ErrorOptions) => InboxError<Of> {
  return function inboxError(code, options) {
    const error = new InboxError(code, sentences[code], options)
    return Object.defineProperty(error, SENTENCE, { value: sentences[code] })
  }
}

brand(WebhookError, 'WebhookError')
brand(OptionError, 'OptionError')
brand(InboxError, 'InboxError')
vouchFor(WebhookError, ({ code, detail }) => describe(code, detail))
vouchFor(OptionError, ({ message }) => message)
