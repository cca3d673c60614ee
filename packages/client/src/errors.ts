import { brand, vouchFor } from '@hongbao/core/internal'

/** What went wrong with a call: match on `code`, never on the message. */
export type PingppErrorCode =
  | 'parameter-invalid'
  | 'request-invalid'
  | 'api-key-invalid'
  | 'not-found'
  | 'order-number-used'
  | 'channel-failed'
  | 'channel-busy'
  | 'rate-limited'
  | 'server-failed'
  | 'pingpp-unreachable'
  | 'request-timed-out'
  | 'request-aborted'
  | 'response-invalid'
  | 'response-forged'

interface ErrorEntry {
  readonly message: string
  /** Whether a create with this code has certainly created no envelope, if nothing else is known. */
  readonly notCreated: boolean
  /** Whether a retry may succeed. So it may after some statuses, whatever the code is. */
  readonly isPassing: boolean
}

const refused = (message: string): ErrorEntry => ({ message, notCreated: true, isPassing: false })
const unclear = (message: string): ErrorEntry => ({ message, notCreated: false, isPassing: false })
const passing = (message: string): ErrorEntry => ({ message, notCreated: false, isPassing: true })

export const ERRORS: Readonly<Record<PingppErrorCode, ErrorEntry>> = {
  'parameter-invalid': refused('Nothing was sent, because of a parameter.'),
  'request-invalid': refused('Ping++ refused the request.'),
  'api-key-invalid': refused('Ping++ refused the API key, or the signature of the request.'),
  'not-found': refused('No such object. Test and live mode have separate objects.'),
  'order-number-used': unclear(
    'The order_no was used before: for this envelope, or for another one.',
  ),
  'channel-failed': refused('The channel (WeChat) refused the envelope, or failed.'),
  'channel-busy': passing('The channel (WeChat) is busy.'),
  'rate-limited': refused('Ping++ refused the request: too many at a time, or too fast.'),
  'server-failed': unclear('Ping++ failed.'),
  'pingpp-unreachable': passing('The connection to Ping++ failed.'),
  'request-timed-out': passing('Ping++ did not respond within `timeoutMs`.'),
  'request-aborted': unclear('The `signal` ended the call, or `beforeAttempt` failed.'),
  'response-invalid': unclear(
    'The response is not one that Ping++ sends. Check `baseUrl`, and proxies on the way.',
  ),
  'response-forged': unclear('The response is not signed by `publicKey`, so it was discarded.'),
}

/** An error as Ping++ sent it, with the members that it had. API keys are masked. */
export interface PingppApiError {
  /** `invalid_request_error`, `api_error`, `channel_error`, … */
  readonly type?: string
  /** `channel_request_error`, `red_system_busy`, … */
  readonly code?: string
  /** The parameter that it is about: `amount`, `app[id]`. */
  readonly param?: string
  readonly message?: string
}

/** What is known of a call or of one of its requests. */
export interface PingppErrorFacts extends Partial<Omit<PingppError, keyof Error | 'code'>> {
  /** What is known of this one case; follows the code's own sentence. */
  readonly detail?: string | undefined
  /** Instead of both: the message of the request that failed last. */
  readonly lastMessage?: string
}

/** A call that failed. Holds no key, and of what was sent only the order number. */
export class PingppError extends Error {
  override readonly name = 'PingppError'
  readonly code: PingppErrorCode
  /** The HTTP status of the last answer, if there was one. */
  readonly status: number | undefined
  /** Ping++'s id of the request, if it sent one: its support asks for it. */
  readonly requestId: string | undefined
  /** The error of Ping++, if it sent one. */
  readonly api: PingppApiError | undefined
  /** The parameter that it is about, as Ping++ writes it: `amount`, `extra[send_name]`. */
  readonly param: string | undefined
  /** How many requests the call made, those without a connection included. */
  readonly attempts: number
  /** How long Ping++ asked to wait, in milliseconds, if it did. */
  readonly retryAfterMs: number | undefined
  /** The `order_no` of a create. */
  readonly orderNo: string | undefined
  /**
   * True only if it is certain that this `create` created no envelope: nothing was sent, or Ping++
   * refused every request. False if a request ended without such an answer, if the number was used
   * before, and for every call that creates nothing. If false after a `create`, look for `orderNo`, or
   * create again with the same number, never with a new one.
   *
   * It is about this call only. After an earlier one with the same `order_no` that was not certain, the
   * envelope may exist.
   */
  readonly notCreated: boolean

  constructor(code: PingppErrorCode, facts: PingppErrorFacts = {}, options?: ErrorOptions) {
    super(describe(code, facts), options)
    this.code = code
    this.status = facts.status
    this.requestId = facts.requestId
    this.api = facts.api
    this.param = facts.param ?? facts.api?.param
    this.attempts = facts.attempts ?? 0
    this.retryAfterMs = facts.retryAfterMs
    this.orderNo = facts.orderNo
    this.notCreated = facts.notCreated ?? false
    // Without the detail, which may quote Ping++.
    vouchFor(this, ERRORS[code].message)
  }
}

brand(PingppError, 'PingppError')

/** The failure of one request. Whether it has created an envelope is as certain as its code is. */
export function requestFailed(
  code: PingppErrorCode,
  facts: PingppErrorFacts = {},
  options?: ErrorOptions,
): PingppError {
  return new PingppError(code, { notCreated: ERRORS[code].notCreated, ...facts }, options)
}

function describe(code: PingppErrorCode, facts: PingppErrorFacts): string {
  const { detail, lastMessage, attempts = 0, retryAfterMs = 0, orderNo, notCreated = false } = facts
  const sentences = [lastMessage ?? ERRORS[code].message, detail]
  if (attempts > 1) sentences.push(`It was tried ${attempts} times.`)
  // Only the error of the whole call has both.
  if (attempts > 0 && retryAfterMs > 0) {
    sentences.push(`Ping++ asks to wait for ${Math.ceil(retryAfterMs / 1000)} s.`)
  }
  if (orderNo !== undefined && !notCreated) {
    sentences.push(
      `Whether the envelope was created is unknown: look for order_no ${orderNo} in redEnvelopes.list, or create it again with the same order_no, never with a new one.`,
    )
  }
  return sentences.filter((sentence) => sentence !== undefined).join(' ')
}
