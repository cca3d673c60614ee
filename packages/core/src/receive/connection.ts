import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { WebhookErrorCode } from '../reply/errors.ts'

// As much as a body may have by default: to read and throw away that much costs less than a new connection.
const LINGER_BYTES = 256 * 1024
const LINGER_MS = 2000

/**
 * Returns whether a refused request keeps its connection. An unread body of a known, small size does;
 * any other could be endless, and so could a body that came too slowly.
 *
 * @param code why it was refused
 * @param length the `content-length`
 * @param coding the `transfer-encoding`
 */
export function canStayOpen(
  code: WebhookErrorCode | undefined,
  length: string | null | undefined,
  coding: string | null | undefined,
): boolean {
  return code !== 'body-too-slow' && (coding ?? '') === '' && Number(length ?? 0) <= LINGER_BYTES
}

/**
 * The stream of a request of `node:http2`. The version does not show it: Node's parser of HTTP/1 passes on
 * requests that say HTTP/2.0 or HTTP/0.9, and serverless platforms make up requests with any version.
 */
export function http2StreamOf(request: IncomingMessage): Http2ServerRequest['stream'] | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Node's requests of HTTP/2 stand in for those of HTTP/1
  const { stream } = request as unknown as Partial<Http2ServerRequest>
  return typeof stream?.rstCode === 'number' ? stream : undefined
}

/**
 * Lets the connection close in stages (RFC 9112, section 9.6). Node closes it right after the answer, and
 * what the sender has on its way is then answered with RST, by which it may lose the answer. So the
 * rest of the body is read and thrown away first: up to 256 KiB, for up to 2 s.
 */
export function closeInStages(request: IncomingMessage): void {
  const { socket } = request
  if (typeof socket?.destroySoon !== 'function') return
  const close = socket.destroySoon.bind(socket)
  // Before the answer, or Node would throw the rest away without telling about it.
  request.resume()
  // Node calls this when the answer is written.
  socket.destroySoon = function linger() {
    socket.destroySoon = close
    if (request.complete) return close()
    socket.end()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
    let rest = LINGER_BYTES
    request.on('data', (chunk: Uint8Array) => {
      rest -= chunk.byteLength
      if (rest < 0) socket.destroy()
    })
    request.once('end', close)
  }
}

/**
 * Ends a body of which no more is wanted. On HTTP/1 the rest is thrown away until the connection closes;
 * left paused, a sender that goes on would block until Node's `requestTimeout` (300 s). On HTTP/2 the
 * sender is held back by flow control, and after the answer the stream is closed (RFC 9113, section 8.1).
 */
export function discardRest(request: IncomingMessage): void {
  const stream = http2StreamOf(request)
  if (stream === undefined) {
    request.resume()
    return
  }
  request.pause()
  // Not at once: a client that sees the end before it has read the answer may drop it.
  stream.once('finish', () => setTimeout(() => stream.destroy(), LINGER_MS).unref())
}
