import type { IncomingMessage, ServerResponse } from 'node:http'
import { canStayOpen, closeInStages, http2StreamOf } from './connection.ts'
import type { Delivery } from './delivery.ts'
import { isStream, readRawBody, type KeptBody } from './raw-body.ts'
import { codeOfReply, type Reply } from '../reply/reply.ts'

export const NODE_HINT: string =
  'Answer the webhook before anything reads the request. In the pages router of Next.js: export const config = { api: { bodyParser: false } }.'

/**
 * Makes a delivery of a Node request. `hint` says what to move in this framework when a parser came first,
 * `kept` is where its parsers leave what they read.
 */
export function nodeDelivery(
  request: IncomingMessage,
  hint: string,
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- but it is, where `@koa/bodyparser` does not extend the type
  kept: KeptBody = request as KeptBody,
): Delivery {
  // It may fail when nothing reads it (any more), and an error without a listener ends the process.
  if (isStream(kept.body)) kept.body.on('error', () => {})
  return {
    method: request.method ?? '',
    header: (name) => request.headers[name],
    body: (limits) => readRawBody(request, limits, kept, hint),
  }
}

/** Answers a Node request with a reply, unless it was answered already. */
export function sendReply(response: ServerResponse, reply: Reply): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(reply.status, nodeHeaders(response.req, reply))
  response.end(reply.body)
}

/**
 * The headers of a reply to a Node request. An answer before the end of a body closes the connection
 * unless the rest is known to be small: Node would read and throw away all that the sender sends.
 * HTTP/2 has no `connection` header (RFC 9113, section 8.2.2), and Node ends streams that are not read.
 */
export function nodeHeaders(
  request: IncomingMessage | undefined,
  reply: Reply,
): Record<string, string> {
  if (request === undefined || !mayContinue(request)) return { ...reply.headers }
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers
  if (canStayOpen(codeOfReply(reply), length, coding)) return { ...reply.headers }
  closeInStages(request)
  return { ...reply.headers, connection: 'close' }
}

/** Returns whether more of a body may arrive. Requests that tests and serverless platforms make may not know. */
function mayContinue(request: IncomingMessage): boolean {
  return 'complete' in request && !request.complete && http2StreamOf(request) === undefined
}
