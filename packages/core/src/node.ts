import type { IncomingMessage, ServerResponse } from 'node:http'
import { nodeHeaders } from './connection.ts'
import type { Delivery, Receiver } from './delivery.ts'
import { readMount, type MountOptions } from './mount.ts'
import { readRawBody, type KeptBody } from './raw-body.ts'
import { replyTo, type Reply } from './reply.ts'

export { nodeHeaders } from './connection.ts'
export { checkMount, readMount, type MountOptions } from './mount.ts'
export type { KeptBody } from './raw-body.ts'

/** A `node:http` listener that is a Connect middleware too. */
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
  const isMountedAt = readMount('nodeWebhooks', receiver, options)

  return function hongbaoWebhooks(request, response, next) {
    if (isMountedAt(request.url)) answer(receiver, nodeDelivery(request, NODE_HINT), response)
    else if (next === undefined) sendReply(response, replyTo('elsewhere'))
    else next()
  }
}

/**
 * Answers a delivery on a Node response. Where somebody's wrapper around the response throws, as
 * compression or sessions may, `onError` hears of it; the default ends the connection, and Ping++
 * sends again.
 */
export function answer(
  receiver: Receiver,
  delivery: Delivery,
  response: ServerResponse,
  onError: (error: unknown) => void = () => response.destroy(),
): void {
  receiver
    .handle(delivery)
    .then((reply) => sendReply(response, reply))
    .catch(onError)
}

const NODE_HINT = 'Answer the webhook before anything reads the request.'

/**
 * Makes a delivery of a Node request.
 *
 * @param hint what to move in this framework when a parser came first
 * @param kept where this framework's parsers leave what they read. Default: on the request
 */
export function nodeDelivery(
  request: IncomingMessage,
  hint: string,
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- but it is, where `@koa/bodyparser` does not extend the type
  kept: KeptBody = request as KeptBody,
): Delivery {
  return {
    method: request.method ?? '',
    header: (name) => request.headers[name],
    body: (limits) => readRawBody(request, limits, kept, hint),
  }
}

/** Answers a Node request with a reply, unless somebody has answered it already. */
export function sendReply(response: ServerResponse, reply: Reply): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(reply.status, nodeHeaders(response.req, reply))
  response.end(reply.body)
}
