import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { ApiRequest } from './request.ts'

/** No answer is given: a fault cuts the connection, or whoever asked has left. */
export class ConnectionCut extends Error {
  override readonly name = 'ConnectionCut'
  /** As Node calls it, for clients that look at the cause of a failed `fetch`. */
  readonly code = 'ECONNRESET'
}

/**
 * Ends a request without an answer: with a RST over HTTP; in the same process by what a `fetch`
 * rejects with whose connection is cut, or whose caller gave up.
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
