import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { ApiRequest } from './request.ts'

/** There is no answer: a fault cuts the connection, or the caller has left. */
export class ConnectionCut extends Error {
  override readonly name = 'ConnectionCut'
  /** As Node calls it, for clients that look at the cause of a failed `fetch`. */
  readonly code = 'ECONNRESET'
}

/**
 * Ends a request without an answer: over HTTP with a RST; in the same process with the error of a
 * `fetch` whose connection is cut, or whose caller has left.
 *
 * @throws TypeError in the same process
 */
export function cutConnection({ incoming, signal }: ApiRequest, cause: ConnectionCut): Response {
  if (incoming === undefined) {
    signal.throwIfAborted()
    throw new TypeError('fetch failed', { cause })
  }
  const { socket } = incoming
  if (!socket.destroyed) socket.resetAndDestroy()
  return RESPONSE_ALREADY_SENT
}
