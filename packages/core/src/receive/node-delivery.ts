import type { IncomingMessage, ServerResponse } from 'node:http'
import { nodeHeaders } from './connection.ts'
import type { Delivery, Receiver } from './delivery.ts'
import { readRawBody, type KeptBody } from './raw-body.ts'
import type { Reply } from '../reply/reply.ts'

/**
 * Answers a delivery on a Node response. If a wrapper around the response throws an error, as
 * compression or sessions may, `onError` gets it; the default ends the connection, and Ping++ sends
 * the event again.
 */
export async function answer(
  receiver: Receiver,
  delivery: Delivery,
  response: ServerResponse,
  onError: (error: unknown) => void = () => response.destroy(),
): Promise<void> {
  try {
    sendReply(response, await receiver.handle(delivery))
  } catch (error) {
    onError(error)
  }
}

export const NODE_HINT: string = 'Answer the webhook before anything reads the request.'

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
