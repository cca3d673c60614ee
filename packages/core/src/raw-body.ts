import type { IncomingMessage } from 'node:http'
import { getRawBody, type RawBodyError } from 'raw-body'
import { beforeDeadline, type BodyLimits } from './delivery.ts'
import { isWebhookError, WebhookError, type ErrorCode } from './errors.ts'

/** Where an earlier parser may have left the body. Used only where it is bytes. */
export interface KeptBody {
  readonly rawBody?: unknown
  readonly body?: unknown
}

/**
 * The raw bytes of a Node request: those that an earlier parser kept, or those still in the stream,
 * read under a limit and a deadline.
 *
 * A string is not used, though some parsers keep one: text is no longer the bytes that were signed.
 *
 * @param kept where this framework's parsers leave what they read
 * @param hint what to change in this framework when a parser came first
 * @throws WebhookError `body-too-large`, `body-too-slow`, `body-aborted` or `body-consumed`
 */
export async function readRawBody(
  request: IncomingMessage,
  limits: BodyLimits,
  kept: KeptBody,
  hint: string,
): Promise<Uint8Array> {
  if (kept.rawBody instanceof Uint8Array) return kept.rawBody
  if (kept.body instanceof Uint8Array) return kept.body
  if (request.destroyed && !request.readableDidRead) throw new WebhookError('body-aborted')
  if (isSpent(request)) throw new WebhookError('body-consumed', hint)
  return readStream(request, limits, hint)
}

function isSpent(request: IncomingMessage): boolean {
  return request.readableDidRead || request.readableEnded || request.readableEncoding !== null
}

async function readStream(
  request: IncomingMessage,
  { maxBytes, timeoutMs }: BodyLimits,
  hint: string,
): Promise<Uint8Array> {
  const length = request.headers['content-length'] ?? null
  try {
    const bytes = getRawBody(request, { limit: maxBytes, length })
    // An earlier middleware may have paused the request; listeners alone do not wake it.
    request.resume()
    return await beforeDeadline(bytes, timeoutMs)
  } catch (error) {
    // Nobody collects any more: raw-body does not know of the deadline.
    request.removeAllListeners('data')
    // raw-body leaves the stream paused, and a sender that goes on would block until Node's
    // `requestTimeout` (300 s). What still comes is thrown away, as Node does with unread bodies.
    request.resume()
    throw fromRawBody(error, hint)
  }
}

const CODES: Readonly<Record<NonNullable<RawBodyError['type']>, ErrorCode>> = {
  'entity.too.large': 'body-too-large',
  'request.aborted': 'body-aborted',
  'request.size.invalid': 'body-aborted',
  'stream.encoding.set': 'body-consumed',
  'stream.not.readable': 'body-consumed',
  'encoding.unsupported': 'internal-error',
}

function fromRawBody(error: unknown, hint: string): WebhookError {
  if (isWebhookError(error)) return error
  // Without a type it is the stream's own error (ECONNRESET): the sender is gone.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- raw-body rejects with nothing else
  const code = CODES[(error as RawBodyError).type ?? 'request.aborted']
  return new WebhookError(code, code === 'body-consumed' ? hint : undefined, { cause: error })
}
