import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { getRawBody, type Decoder, type Options, type RawBodyError } from 'raw-body'
import { isBytes, joinBytes, type JoinedBytes } from '../keys/bytes.ts'
import { discardRest } from './connection.ts'
import { beforeDeadline, type BodyLimits } from './delivery.ts'
import { WebhookError, type WebhookErrorCode } from '../reply/errors.ts'

/** Where an earlier parser may have left the body. Used only if it is bytes, or a stream of them as `body`. */
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
  if (isBytes(kept.rawBody)) return kept.rawBody
  if (isBytes(kept.body)) return kept.body
  // In Fastify, a `preParsing` hook may have read the request and put another stream in its place.
  const stream = kept.body instanceof Readable ? kept.body : request
  if (stream.destroyed && !stream.readableDidRead) throw new WebhookError('body-aborted')
  if (isSpent(stream)) throw new WebhookError('body-consumed', hint)
  return readStream(stream, request, limits, hint)
}

function isSpent(stream: Readable): boolean {
  return stream.readableDidRead || stream.readableEnded || stream.readableEncoding !== null
}

async function readStream(
  stream: Readable,
  request: IncomingMessage,
  { maxBytes, timeoutMs }: BodyLimits,
  hint: string,
): Promise<Uint8Array> {
  const length = stream === request ? request.headers['content-length'] : undefined
  const joined = joinBytes()
  try {
    const options = { limit: maxBytes, length: length ?? null, ...decodeInto(joined) }
    const whole = getRawBody(stream, options)
    // An earlier middleware may have paused the request; listeners alone do not wake it.
    stream.resume()
    await beforeDeadline(whole, timeoutMs)
    return joined.all()
  } catch (error) {
    // Nobody collects any more: raw-body does not know of the deadline.
    stream.removeAllListeners('data')
    discardRest(request)
    throw fromRawBody(error, hint)
  }
}

/** raw-body keeps every chunk until the end, except when a decoder takes them. */
function decodeInto(joined: JoinedBytes): Pick<Options, 'decoder'> & { encoding: string } {
  const decoder: Decoder = {
    write(chunk) {
      joined.add(chunk)
      return ''
    },
    end: () => '',
  }
  return { encoding: 'binary', decoder: () => decoder }
}

const CODES: Readonly<Record<NonNullable<RawBodyError['type']>, WebhookErrorCode>> = {
  'entity.too.large': 'body-too-large',
  'request.aborted': 'body-aborted',
  'request.size.invalid': 'body-aborted',
  'stream.encoding.set': 'body-consumed',
  'stream.not.readable': 'body-consumed',
  'encoding.unsupported': 'internal-error',
}

function fromRawBody(error: unknown, hint: string): WebhookError {
  if (error instanceof WebhookError) return error
  // Without a type it is the stream's own error (ECONNRESET): the sender is gone.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- raw-body rejects with nothing else
  const code = CODES[(error as RawBodyError).type ?? 'request.aborted']
  return new WebhookError(code, code === 'body-consumed' ? hint : undefined, { cause: error })
}
