import { Agent, request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as TlsAgent, request as requestHttps } from 'node:https'
import { TLSSocket } from 'node:tls'
import { bareHost } from './loopback.ts'
import { lateAnswer, postErrorOf } from './post-error.ts'
import { createAnswer, piecesOf, type Post, type PostError, type PostResult } from './sender.ts'
import type { Posting, Sender } from './sender.ts'
import { createLookup } from './target-address.ts'

/**
 * How many connections are open at a time. Every post has its own: a kept one may be closed by the
 * app at the very moment in which it is used, and that would look like a delivery that failed.
 */
const MAX_SOCKETS = 64

/** Posts to a URL by `node:http`, which tells a refused connection from a reset one, and can break one. */
export function urlSender(url: URL, allowRemote: boolean): Sender {
  const isSecure = url.protocol === 'https:'
  const send = isSecure ? requestHttps : requestHttp
  const target = {
    method: 'POST',
    agent: new (isSecure ? TlsAgent : Agent)({ keepAlive: false, maxSockets: MAX_SOCKETS }),
    lookup: createLookup(allowRemote),
    protocol: url.protocol,
    hostname: bareHost(url.hostname),
    port: url.port,
    path: url.pathname + url.search,
  }

  function post(given: Post): Posting {
    const { promise: result, resolve } = Promise.withResolvers<PostResult>()
    const headers = { ...given.headers, 'content-length': given.body.length }
    const request = send({ ...target, headers })
    const answer = createAnswer()
    let deadline: NodeJS.Timeout | undefined

    // Waiting for a free connection is not the app's time.
    request.once('socket', () => {
      deadline = setTimeout(giveUp, given.timeoutMs)
    })
    request.on('error', (error) => end(postErrorOf(error, url)))
    request.once('response', read)
    request.once('upgrade', read)
    void write(request, given).then(end)
    return { result, giveUp }

    function read(response: IncomingMessage): void {
      answer.begin(response.statusCode ?? 0, flatten(response))
      response.on('data', (chunk: Buffer) => {
        if (!answer.add(chunk)) end()
      })
      response.once('end', () => end(undefined, response.complete))
      response.once('error', (error) => end(postErrorOf(error, url)))
    }

    function giveUp(): void {
      end(lateAnswer(given.timeoutMs))
    }

    /** A status that has come counts, whatever became of the rest. */
    function end(error?: PostError, isWhole = false): void {
      const response = answer.take(isWhole)
      if (response === undefined && error === undefined) return
      clearTimeout(deadline)
      if (response !== undefined) resolve({ response })
      else if (error !== undefined) resolve(error)
      request.destroy()
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
