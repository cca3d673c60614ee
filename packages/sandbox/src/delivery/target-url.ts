import * as http from 'node:http'
import type {
  ClientRequest,
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
} from 'node:http'
import * as https from 'node:https'
import { TLSSocket } from 'node:tls'
import { isLoopback } from '../loopback.ts'
import { postErrorOf } from './post-error.ts'
import {
  exchange,
  isCutOff,
  piecesOf,
  type Answer,
  type Post,
  type PostError,
  type PostResult,
  type Sender,
} from './sender.ts'
import { createLookup } from './target-address.ts'

// A thousand connections at once would overflow the queue of an app that listens: 511 in Node.
const MAX_CONNECTIONS = 64

/**
 * Posts to a URL by `node:http`, which reports why a connection failed, and can break one.
 *
 * Every post has a connection of its own. The app may close a kept one at the very moment in which
 * it is used: that would look like a failed delivery, and a repeated post could be a duplicate. Kept
 * connections would be twice as fast; these are still faster than `fetch`, which keeps its own (6,200
 * against 5,000 posts per CPU second on the machine that this was written on).
 */
export function urlSender(url: URL, allowRemote: boolean): Sender {
  const limit = createLimit(MAX_CONNECTIONS)
  const { Agent, request: open } = url.protocol === 'https:' ? https : http
  const connectedEvent = url.protocol === 'https:' ? 'secureConnect' : 'connect'
  const agent = new Agent({
    keepAlive: false,
    lookup: createLookup(allowRemote),
    // Tries all addresses of a name, even if the process has switched that off.
    autoSelectFamily: true,
    // By default 250 ms, after which a connection that waits for this process counts as failed. A loopback
    // address without a listener refuses at once.
    ...(isLoopback(url.hostname) ? { autoSelectFamilyAttemptTimeout: 10_000 } : {}),
  })

  function send(request: ClientRequest, post: Post, answer: Answer): void {
    const fail = (error: Error): void => answer.fail(postErrorOf(error, url))
    function read(response: IncomingMessage): void {
      answer.begin(response.statusCode ?? 0, flatten(response.headers))
      response.on('data', (chunk: Buffer) => answer.add(chunk))
      response.once('end', () => answer.end(response.complete))
      response.on('error', fail)
    }
    request.on('error', fail)
    request.once('socket', (socket) => socket.once(connectedEvent, () => answer.connected()))
    request.once('response', read)
    request.once('upgrade', read)
    void write(request, post).then((broken) => broken && answer.fail(broken))
  }

  async function sendNow(post: Post, signal: AbortSignal): Promise<PostResult> {
    const headers = { ...post.headers, 'content-length': post.body.length, connection: 'close' }
    let sent: OutgoingHttpHeaders = headers
    // Not before: a post that was given up while it waited opens no connection.
    const outcome = await exchange(post, signal, (answer) => {
      const request = open(url, { agent, method: post.method ?? 'POST', headers })
      sent = request.getHeaders()
      send(request, post, answer)
      return () => request.destroy()
    })
    return { url: url.href, headers: flatten(sent), ...outcome }
  }

  return {
    name: url.href,
    // The timeout starts when there is a free connection.
    post: (post, signal) => limit(() => sendNow(post, signal)),
  }
}

/** Runs at most so many works at a time; the others wait. */
function createLimit(max: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = []
  let running = 0

  return async function limit(work) {
    if (running < max) running += 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}

/**
 * Sends the body. If a fault breaks it off: a reset ends the post at once; after a close, the app can
 * still answer.
 */
async function write(request: ClientRequest, post: Post): Promise<PostError | undefined> {
  if (post.drip === undefined && !isCutOff(post)) {
    request.end(post.body)
    return undefined
  }
  for await (const piece of piecesOf(post)) {
    if (request.destroyed) return undefined
    await new Promise((sent) => request.write(piece, sent))
  }
  if (post.ending === 'reset') return reset(request)
  if (post.ending === 'cut') request.socket?.end()
  else request.end()
  return undefined
}

function reset(request: ClientRequest): PostError {
  // TLS has no RST of its own; there the connection is closed without an alert.
  if (request.socket instanceof TLSSocket) request.destroy()
  else request.socket?.resetAndDestroy()
  return { code: 'connection-reset', error: 'The connection was reset.' }
}

function flatten(headers: IncomingHttpHeaders | OutgoingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
