import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { getRawBody, type Decoder, type Options } from 'raw-body'
import { isBytes, joinBytes, type JoinedBytes } from '../keys/bytes.ts'
import { discardRest } from './connection.ts'
import type { BodyLimits } from './delivery.ts'
import { createFailure, WebhookError, type WebhookErrorCode } from '../reply/errors.ts'

/** Where an earlier parser may have left the body. Used only if it is bytes, or a stream of them as `body`. */
export interface KeptBody {
  readonly rawBody?: unknown
  readonly body?: unknown
}

/**
 * The raw bytes of a Node request: those that an earlier parser of this framework has `kept`, or those still
 * in the stream, read under a limit and a deadline. `hint` says what to change when a parser came first.
 * A string is not used, though some parsers keep one: text is no longer the bytes that were signed.
 *
 * @throws WebhookError `body-too-large`, `body-too-slow`, `body-aborted` or `body-consumed`
 */
export function readRawBody(
  request: IncomingMessage,
  limits: BodyLimits,
  kept: KeptBody,
  hint: string,
): Promise<Uint8Array> {
  if (isBytes(kept.rawBody)) return Promise.resolve(kept.rawBody)
  if (isBytes(kept.body)) return Promise.resolve(kept.body)
  // In Fastify, a `preParsing` hook may have read the request and put another stream in its place.
  const stream = isStream(kept.body) ? kept.body : request
  if (stream.destroyed && !stream.readableDidRead) {
    return Promise.reject(createFailure('body-aborted'))
  }
  if (
    stream.readableDidRead ||
    stream.readableEnded ||
    (stream.readableEncoding ?? null) !== null
  ) {
    return Promise.reject(createFailure('body-consumed', hint))
  }
  return readStream(stream, request, limits, hint)
}

/** Whether it is a stream, also one of `readable-stream`, which is not an instance of Node's class. */
export function isStream(body: unknown): body is Readable {
  const { pipe, on }: { readonly pipe?: unknown; readonly on?: unknown } = Object(body)
  return typeof pipe === 'function' && typeof on === 'function'
}

function readStream(
  stream: Readable,
  request: IncomingMessage,
  { maxBytes, timeoutMs }: BodyLimits,
  hint: string,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const joined = joinBytes()
    const length = stream === request ? request.headers['content-length'] : undefined
    const options = { limit: maxBytes, length: length ?? null, ...decodeInto(joined, hint) }
    const timer = setTimeout(() => fail(createFailure('body-too-slow')), timeoutMs)
    getRawBody(stream, options, (error) => {
      clearTimeout(timer)
      if (error === null || error === undefined) resolve(joined.all())
      else fail(error)
    })
    // An earlier middleware may have paused the request; listeners do not resume it.
    stream.resume()

    function fail(error: unknown): void {
      // raw-body does not know of the deadline, and would go on collecting.
      stream.removeAllListeners('data')
      discardRest(request)
      reject(fromRawBody(error, hint))
    }
  })
}

/** raw-body keeps every chunk until the end, except when a decoder takes them. */
function decodeInto(
  joined: JoinedBytes,
  hint: string,
): Pick<Options, 'decoder'> & { encoding: string } {
  const decoder: Decoder = {
    write(chunk) {
      // A hook may have put a stream of objects in the place of the request.
      if (!isBytes(chunk)) throw createFailure('body-consumed', hint)
      joined.add(chunk)
      return ''
    },
    end: () => '',
  }
  return { encoding: 'binary', decoder: () => decoder }
}

/** What raw-body says that it failed by → the code. */
const CODES: ReadonlyMap<string, WebhookErrorCode> = new Map([
  ['entity.too.large', 'body-too-large'],
  ['stream.encoding.set', 'body-consumed'],
  ['stream.not.readable', 'body-consumed'],
])

/** An error of no such type is the stream's own (ECONNRESET, Z_DATA_ERROR): the body cannot be had. */
function codeOf(error: unknown): WebhookErrorCode {
  const type = error instanceof Error && 'type' in error ? String(error.type) : ''
  return CODES.get(type) ?? 'body-aborted'
}

function fromRawBody(error: unknown, hint: string): WebhookError {
  if (error instanceof WebhookError) return error
  const code = codeOf(error)
  return createFailure(code, code === 'body-consumed' ? hint : undefined, { cause: error })
}
