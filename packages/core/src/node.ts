import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Delivery, Receiver } from './delivery.ts'
import { readRawBody, type KeptBody } from './raw-body.ts'
import { replyTo, type Reply } from './reply.ts'

export type { KeptBody } from './raw-body.ts'

/** Where a host without a router mounts the receiver. */
export interface MountOptions {
  /** The path to answer, say `'/webhooks'`; every other one passes. Default: whatever arrives. */
  readonly path?: string | undefined
}

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
  return function hongbaoWebhooks(request, response, next) {
    if (isMountedAt(options.path, request.url)) {
      const delivery = nodeDelivery(request, NODE_HINT)
      void receiver.handle(delivery).then((reply) => sendReply(response, reply))
    } else if (next === undefined) {
      sendReply(response, replyTo('elsewhere'))
    } else {
      next()
    }
  }
}

const NODE_HINT = 'Answer the webhook before anything reads the request.'

/** Tells whether a request target is for the path of a mount, whatever its query. */
export function isMountedAt(path: string | undefined, target = '/'): boolean {
  return path === undefined || path === target.split('?', 1)[0]
}

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
  response.writeHead(reply.status, { ...reply.headers })
  response.end(reply.body)
}
