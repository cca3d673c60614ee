import { readAll } from '../keys/bytes.ts'
import { canStayOpen } from './connection.ts'
import { beforeDeadline, type BodyLimits, type Delivery, type WaitUntil } from './delivery.ts'
import { createFailure, WebhookError } from '../reply/errors.ts'
import { codeOfReply, type Reply } from '../reply/reply.ts'

/**
 * Makes a delivery of a `Request`. `readBytes` reads the whole body, where the host has a better way than the
 * request itself; `hint` says what to move if the body was read first; `waitUntil` keeps the host's request
 * alive for handlers that pass their deadline.
 */
export function fetchDelivery(
  request: Request,
  readBytes?: () => Promise<ArrayBuffer>,
  hint: string = FETCH_HINT,
  waitUntil?: WaitUntil,
): Delivery {
  return {
    method: request.method,
    header: (name) => request.headers.get(name) ?? undefined,
    body: (limits) => readRequest(request, readBytes, limits, hint),
    waitUntil,
  }
}

export const FETCH_HINT: string =
  'Pass the request on before anything reads its body, or pass request.clone().'

/** Makes a `Response` of a reply; with the request, one that ends a connection whose body is unread. */
export function toResponse(reply: Reply, request?: Request): Response {
  const headers = request === undefined ? reply.headers : fetchHeaders(request, reply)
  return new Response(reply.body, { status: reply.status, headers })
}

/**
 * The headers of a reply to a `Request`. An answer before the end of a body closes the connection unless
 * the rest is known to be small: the server would read and throw away all that the sender sends.
 */
export function fetchHeaders(
  { bodyUsed, headers: given }: Request,
  reply: Reply,
): Record<string, string> {
  const { headers } = reply
  const code = codeOfReply(reply)
  const isRead = bodyUsed && code !== 'body-too-large' && code !== 'body-too-slow'
  // HTTP/2 has `:authority` in the place of `host`, and no `connection` (RFC 9113, sections 8.2.2 and 8.3.1).
  if (isRead || !given.has('host')) return { ...headers }
  const stays = canStayOpen(code, given.get('content-length'), given.get('transfer-encoding'))
  return stays ? { ...headers } : { ...headers, connection: 'close' }
}

// A host that collects the chunks itself keeps each as an object of about 500 bytes: 2 MB at the most.
const MAX_HOST_BYTES = 4096

async function readRequest(
  request: Request,
  readBytes: (() => Promise<ArrayBuffer>) | undefined,
  limits: BodyLimits,
  hint: string,
): Promise<Uint8Array> {
  const { bodyUsed, headers } = request
  const length = headers.get('content-length')
  if (Number(length) > limits.maxBytes) throw createFailure('body-too-large')
  const isShort = length !== null && Number(length) <= MAX_HOST_BYTES
  try {
    // The host's own way is the only one for a body that it has kept, and spares @hono/node-server
    // the making of a stream. It is bounded by the length that the host's parser enforced; without
    // one, or with a long one, count while reading.
    if (readBytes !== undefined && (bodyUsed || isShort)) {
      return new Uint8Array(await beforeDeadline(readBytes(), limits.timeoutMs))
    }
    if (bodyUsed) throw createFailure('body-consumed', hint)
    return await readStream(request, limits)
  } catch (error) {
    if (error instanceof WebhookError) throw error
    const isConsumed = bodyUsed || (isTypeError(error) && !hasLeft(request))
    if (isConsumed) throw createFailure('body-consumed', hint, { cause: error })
    throw createFailure('body-aborted', undefined, { cause: error })
  }
}

/**
 * Reading a body twice is a TypeError everywhere (Fetch standard, "consume body"); of another realm under
 * Jest. Servers throw one as well for a body whose sender left.
 */
function isTypeError(error: unknown): boolean {
  return error instanceof Error && error.name === 'TypeError'
}

async function readStream(
  request: Request,
  { maxBytes, timeoutMs }: BodyLimits,
): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array()
  const reader = request.body.getReader()
  try {
    const bytes = await beforeDeadline(readAll(reader, maxBytes), timeoutMs)
    if (bytes === undefined) throw createFailure('body-too-large')
    if (isCut(request, bytes)) throw createFailure('body-aborted')
    return bytes
  } finally {
    void reader.cancel().catch(() => {})
  }
}

/** Whether the sender left before the end. On Node 22 the stream of such a body ends as a whole one does. */
function isCut(request: Request, { byteLength }: Uint8Array): boolean {
  const length = request.headers.get('content-length')
  return (length === null || byteLength < Number(length)) && hasLeft(request)
}

/** Requests that frameworks and tests make up may have no signal. */
function hasLeft({ signal }: { readonly signal?: AbortSignal }): boolean {
  return signal?.aborted === true
}
