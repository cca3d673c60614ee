import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Receiver } from './receive/delivery.ts'
import { createMount, type MountOptions } from './receive/mount.ts'
import { NODE_HINT, nodeDelivery, sendReply } from './receive/node-delivery.ts'
import { replyTo } from './reply/reply.ts'

export type { MountOptions } from './receive/mount.ts'

/**
 * A `node:http` listener that is a Connect middleware too. For a delivery it returns a promise, which
 * resolves when it is answered and never rejects: serverless hosts wait for it.
 */
export type NodeListener = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: () => void,
) => void

/**
 * Answers webhooks on `node:http`: `createServer(nodeWebhooks(webhooks))`.
 *
 * With `path`, other paths go to `next` where there is one, and get 404 otherwise.
 */
export function nodeWebhooks(receiver: Receiver, options: MountOptions = {}): NodeListener {
  const isMountedAt = createMount('nodeWebhooks', receiver, options)

  // Not async itself: an error that `next` throws would be a rejection, and not reach the caller.
  // oxlint-disable-next-line typescript/no-misused-promises -- see its type
  return function hongbaoWebhooks(request, response, next) {
    if (isMountedAt(request.url)) return answerOnNode(request, response)
    if (next === undefined) return sendReply(response, replyTo('path-mismatch'))
    return next()
  }

  async function answerOnNode(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      sendReply(response, await receiver.handle(nodeDelivery(request, NODE_HINT)))
    } catch {
      // A wrapper around the response, as compression and sessions are, threw an error. Without an
      // answer Ping++ sends the event again.
      response.destroy()
    }
  }
}
