import type { CloseReport } from './shutdown.ts'
import { isBytes } from '../keys/bytes.ts'
import type { Logger } from '../options/logger.ts'
import { MAX_TIMEOUT_MS } from '../options/readers.ts'
import { createFailure, failureOf, type WebhookError } from '../reply/errors.ts'
import type { Reply } from '../reply/reply.ts'

/**
 * One HTTP request of Ping++ as a host hands it over. Adapters make these; nothing in core knows a
 * framework.
 */
export interface Delivery {
  /** The request method, upper case. */
  readonly method: string
  /**
   * The value of a header by its lower-case name. An array means that the header came more than
   * once; so does a value that the host joined with commas.
   */
  header(name: string): string | readonly string[] | undefined
  /**
   * Reads the raw bytes, once, as they came over the wire: never a string, never parsed and
   * serialised again.
   *
   * @throws WebhookError `body-too-large`, `body-too-slow`, `body-aborted` or `body-consumed`
   */
  body(limits: BodyLimits): Promise<Uint8Array>
  /**
   * Keeps the host's request alive until a promise settles, on hosts that freeze a request which was
   * answered. Called once for each event that is taken to the inbox, with a promise that never
   * rejects: it settles when the handlers have, those past their deadline included.
   */
  readonly waitUntil?: WaitUntil | undefined
  /**
   * When the delivery must be answered, on the clock of `performance.now`, on hosts that end a request
   * without an answer then. Handlers get `handlerTimeoutMs`, or until then if that is earlier.
   */
  readonly deadlineMs?: number | undefined
  /** The request's own logger, as Fastify's `request.log`: used if the receiver has no option `logger`. */
  readonly logger?: Logger | undefined
}

/** How long the host still waits, as a time that a timer can wait for. */
export function msUntil(deadlineMs: number): number {
  const leftMs = deadlineMs - performance.now()
  // False for NaN too.
  return leftMs < MAX_TIMEOUT_MS ? Math.max(leftMs, 0) : MAX_TIMEOUT_MS
}

/** Keeps a host's request alive until the promise settles: `(pending) => context.waitUntil(pending)`. */
export type WaitUntil = (pending: Promise<unknown>) => void

/** Bounds on reading a body. */
export interface BodyLimits {
  readonly maxBytes: number
  readonly timeoutMs: number
}

/** Answers deliveries: what an adapter mounts. */
export interface Receiver {
  /** Answers one delivery. Never throws and never rejects. */
  handle(delivery: Delivery): Promise<Reply>
  /** Resolves if events can be applied now, and rejects if not, with an error that says what to do. */
  ready(): Promise<void>
  /** Admits nothing from now on, and waits for what runs, within a bound. Never rejects. */
  close(): Promise<CloseReport>
}

/** What can be refused without touching the body. */
export function refuseUnread(delivery: Delivery): WebhookError | undefined {
  if (delivery.method !== 'POST') return createFailure('method-not-allowed')
  const encoding = delivery.header('content-encoding')
  if (encoding === undefined || isPlain(String(encoding))) return undefined
  return createFailure('body-encoded')
}

/** Some senders write the charset here (`Content-Encoding: UTF-8`), or `none`: neither changes any bytes. */
function isPlain(encodings: string): boolean {
  return encodings.split(',').every((each) => isPlainName(each.trim()))
}

function isPlainName(encoding: string): boolean {
  return /^(?:identity|none)?$/i.test(encoding) || isCharset(encoding)
}

/** Whether it is the label of a charset (WHATWG Encoding standard); a content coding is not. */
function isCharset(label: string): boolean {
  try {
    return new TextDecoder(label).encoding !== ''
  } catch {
    return false
  }
}

/** Reads the body of a delivery; an error that the host throws becomes a value. */
export function readBody(
  delivery: Delivery,
  limits: BodyLimits,
): Promise<Uint8Array | WebhookError> {
  try {
    // An adapter in JavaScript may return the bytes themselves; a promise is returned as it is.
    return Promise.resolve(delivery.body(limits)).then((body) => {
      if (!isBytes(body)) return createFailure('internal-error', NOT_BYTES)
      return body.byteLength > limits.maxBytes ? createFailure('body-too-large') : body
    }, failureOf)
  } catch (error) {
    return Promise.resolve(failureOf(error))
  }
}

const NOT_BYTES = 'The delivery of this adapter gave something else than bytes (Uint8Array).'

/** Gives a host's reading of a body a deadline. Not by `Promise.race`: that costs 2 points of the benchmark `refuse forged`. */
export function beforeDeadline<Body>(bytes: Promise<Body>, timeoutMs: number): Promise<Body> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(createFailure('body-too-slow')), timeoutMs)
    bytes.then(
      (body) => {
        clearTimeout(timer)
        resolve(body)
      },
      (error) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}
