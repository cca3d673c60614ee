import { request as openRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { lateAnswer, postErrorOf } from './post-error.ts'
import type { AttemptResponse } from '../engine/sandbox-event.ts'
import { createAnswer, piecesOf, type Post, type PostError, type PostResult } from './sender.ts'
import type { Posting, Sender } from './sender.ts'
import { createConnect, createTurnstile, portOf } from './target-connection.ts'

// A thousand connections at once would overflow the queue of an app that listens: 511 in Node.
const MAX_CONNECTIONS = 64

/**
 * Posts to a URL by `node:http`, which tells a refused connection from a reset one, and can break one.
 *
 * Every post has a connection of its own. A kept one may be closed by the app at the very moment in
 * which it is used: that would look like a delivery that failed, and to repeat it could make one that
 * nobody asked for. Kept ones would be twice as fast; these are still faster than `fetch`, which keeps
 * its own (6,200 against 5,000 posts per CPU second on the machine that this was written on).
 */
export function urlSender(url: URL, allowRemote: boolean): Sender {
  const turnstile = createTurnstile(MAX_CONNECTIONS)
  const port = portOf(url)
  const options = {
    method: 'POST',
    createConnection: createConnect(url, allowRemote),
    host: url.hostname,
    port,
    defaultPort: url.port === '' ? port : 0,
    path: url.pathname + url.search,
  }

  function post(given: Post): Posting {
    const { promise: result, resolve } = Promise.withResolvers<PostResult>()
    const answer = createAnswer()
    let request: ClientRequest | undefined
    let deadline: NodeJS.Timeout | undefined
    let isOver = false
    turnstile.wait(start)
    return { result, giveUp }

    /** Waiting for one's turn is not the app's time. */
    function start(): void {
      if (isOver) {
        turnstile.leave()
        return
      }
      deadline = setTimeout(giveUp, given.timeoutMs)
      const headers = { ...given.headers, 'content-length': given.body.length }
      request = openRequest({ ...options, headers })
      request.on('error', (error) => fail(postErrorOf(error, url)))
      request.once('response', read)
      request.once('upgrade', read)
      void write(request, given).then((broken) => {
        if (broken !== undefined) fail(broken)
      })
    }

    function read(response: IncomingMessage): void {
      answer.begin(response.statusCode ?? 0, flatten(response))
      response.on('data', (chunk: Buffer) => {
        if (!answer.add(chunk)) finish(answer.take(false))
      })
      response.once('end', () => finish(answer.take(response.complete)))
      response.on('error', (error) => fail(postErrorOf(error, url)))
    }

    function giveUp(): void {
      fail(lateAnswer(given.timeoutMs))
    }

    /** A status that has come counts, whatever became of the rest. */
    function fail(error: PostError): void {
      finish(answer.take(false), error)
    }

    function finish(response: AttemptResponse | undefined, error?: PostError): void {
      if (isOver) return
      isOver = true
      if (response !== undefined) resolve({ response })
      else if (error !== undefined) resolve(error)
      if (request === undefined) return
      clearTimeout(deadline)
      request.destroy()
      turnstile.leave()
    }
  }

  return { name: url.href, post }
}

/**
 * Sends the body. Where a fault breaks it off, that ends the post at once for a reset, and after the
 * app's complaint for a connection that was only closed.
 */
async function write(request: ClientRequest, post: Post): Promise<PostError | undefined> {
  const { body, drip, bodyEnds } = post
  if (drip === undefined && bodyEnds === 'whole') {
    request.end(body)
    return undefined
  }
  for await (const piece of piecesOf(post)) {
    if (request.destroyed) return undefined
    await new Promise((sent) => request.write(piece, sent))
  }
  if (bodyEnds === 'whole') request.end()
  else if (bodyEnds === 'cut') request.socket?.end()
  else return reset(request)
  return undefined
}

function reset(request: ClientRequest): PostError {
  // TLS has no RST of its own; there the connection is closed without a word.
  if (request.socket instanceof TLSSocket) request.destroy()
  else request.socket?.resetAndDestroy()
  return { code: 'connection-reset', error: 'The connection was reset.' }
}

function flatten({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
