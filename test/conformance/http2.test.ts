import { createAdaptorServer } from '@hono/node-server'
import type { Receiver } from '@hongbao/core'
import { fetchWebhooks } from '@hongbao/core/fetch'
import { nodeWebhooks } from '@hongbao/core/node'
import { fastifyWebhooks } from '@hongbao/fastify'
import { honoWebhooks } from '@hongbao/hono'
import { koaWebhooks } from '@hongbao/koa'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  connect,
  constants,
  createServer,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type Http2Server,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Listener, RunningHost } from './host.ts'
import {
  bodyOf,
  notification,
  open,
  type AnswerName,
  type Reception,
  type ReceptionOptions,
} from './reception.ts'

/** The hosts that speak HTTP/2 without encryption. Express does not. */
const http2Hosts: readonly {
  readonly name: string
  start(webhooks: Receiver): Promise<RunningHost>
}[] = [
  {
    name: 'node:http2',
    start: (webhooks) => serve(nodeWebhooks(webhooks, { path: '/webhooks' })),
  },
  {
    name: 'koa 3',
    start(webhooks) {
      const app = new Koa().use(koaWebhooks(webhooks, { path: '/webhooks' }))
      app.silent = true
      return serve(app.callback())
    },
  },
  {
    name: 'fastify 5',
    async start(webhooks) {
      const app = Fastify({ http2: true })
      await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
      await app.listen({ host: '127.0.0.1', port: 0 })
      const { port } = app.server.address() as AddressInfo
      return { port, close: () => app.close() }
    },
  },
  {
    name: 'hono',
    start: (webhooks) =>
      listen(
        createAdaptorServer({
          createServer,
          fetch: new Hono().all('/webhooks', honoWebhooks(webhooks)).fetch,
        }) as Http2Server,
      ),
  },
  {
    name: 'fetch',
    start: (webhooks) =>
      listen(createAdaptorServer({ createServer, fetch: fetchWebhooks(webhooks) }) as Http2Server),
  },
]

describe.each(http2Hosts)('HTTP/2 in $name', (host) => {
  it('applies an event and answers 200, then answers a redelivery as a duplicate [D14]', async () => {
    const { reception, session } = await openSession(host)
    const genuine = notification()
    expect(await post(session, genuine.headers, genuine.bytes)).toEqual(reply(200, 'handled'))
    expect(await post(session, genuine.headers, genuine.bytes)).toEqual(reply(200, 'duplicate'))
    expect(reception.handled).toHaveLength(1)
  })

  it('answers 401 when the signature is missing, and when it comes twice [B1, B5]', async () => {
    const { reception, session } = await openSession(host)
    const { headers, bytes } = notification()
    const { 'x-pingplusplus-signature': signature = '' } = headers
    expect(await post(session, {}, bytes)).toEqual(reply(401, 'signature-missing'))
    const twice = { 'x-pingplusplus-signature': [signature, signature] }
    expect(await post(session, twice, bytes)).toEqual(reply(401, 'signature-malformed'))
    expect(reception.handled).toEqual([])
  })

  it('answers 405 to a GET [D1]', async () => {
    const { session } = await openSession(host)
    const stream = session.request({ ':method': 'GET', ':path': '/webhooks' })
    expect(await answerOf(stream)).toEqual(reply(405, 'method-not-allowed'))
  })

  it('answers 413 over the limit, with a length and without [A11, A12]', async () => {
    const { reception, session } = await openSession(host, { maxBodyBytes: 100 })
    const { headers, bytes } = notification()
    const length = { 'content-length': String(bytes.length) }
    expect(await post(session, { ...headers, ...length }, bytes)).toEqual(
      reply(413, 'body-too-large'),
    )
    expect(await post(session, headers, bytes)).toEqual(reply(413, 'body-too-large'))
    expect(reception.handled).toEqual([])
  })

  it('answers 408 when the body stops half-way, and takes the next one [D10]', async () => {
    const { reception, session } = await openSession(host, { bodyTimeoutMs: 50 })
    const { headers, bytes } = notification()
    const stream = request(session, headers)
    stream.write(bytes.subarray(0, 100))
    expect(await answerOf(stream)).toEqual(reply(408, 'body-too-slow'))
    stream.destroy()
    expect(await post(session, headers, bytes)).toEqual(reply(200, 'handled'))
    expect(reception.handled).toHaveLength(1)
  })

  it('writes no connection header, of which Node would warn [D24]', async () => {
    const warnings: Error[] = []
    const note = (warning: Error): void => void warnings.push(warning)
    process.on('warning', note)
    onTestFinished(() => void process.off('warning', note))
    const { session } = await openSession(host, { bodyTimeoutMs: 20, maxBodyBytes: 100 })
    const { headers, bytes } = notification()
    const refused = [
      startPost(session, headers, bytes.subarray(0, 50)),
      startPost(session, {}, bytes),
      startPost(session, headers, bytes),
    ]
    const answers = await Promise.all(refused.map((stream) => once(stream, 'response')))
    const heads = answers.map(([answer]) => answer as Record<string, unknown>)
    expect(heads.map((answer) => answer[':status'])).toEqual([408, 401, 413])
    for (const answer of heads) expect(answer).not.toHaveProperty('connection')
    for (const stream of refused) stream.destroy()
    expect(warnings).toEqual([])
  })

  it('records nothing when the client resets the stream in the middle of the body [D6]', async () => {
    const { reception, session } = await openSession(host)
    const { headers, bytes } = notification()
    const stream = request(session, headers)
    await new Promise((resolve) => stream.write(bytes.subarray(0, 100), resolve))
    stream.destroy(new Error('gone'))
    const report = await reception.report(({ kind }) => kind === 'delivery')
    expect(report).toMatchObject({ outcome: 'rejected', code: 'body-aborted' })
    expect(await post(session, headers, bytes)).toEqual(reply(200, 'handled'))
    expect(reception.handled).toHaveLength(1)
  })
})

// All hosts at once: some leave an answer two seconds to arrive.
it('HTTP/2 in every host: ends the stream of a body that is refused, and keeps the session [D22]', async () => {
  const ends = await Promise.all(
    http2Hosts.map((host) =>
      refuseBodies(host).catch((error: unknown) => ({ name: host.name, error })),
    ),
  )
  expect(ends).toEqual(
    http2Hosts.map(({ name }) => ({
      name,
      streams: [401, 413].map((status) => ({ status, rstCode: constants.NGHTTP2_NO_ERROR })),
      next: reply(413, 'body-too-large'),
      handled: [],
    })),
  )
})

/** Sends bodies that a host refuses before they have ended. Returns how their streams end. */
async function refuseBodies(host: (typeof http2Hosts)[number]) {
  const { reception, session } = await openSession(host, { maxBodyBytes: 100 })
  const { headers, bytes } = notification()
  const streams = []
  for (const signature of [{}, headers]) {
    const stream = startPost(session, signature, Buffer.alloc(1024 * 1024))
    const closed = once(stream, 'close')
    const { status } = await answerOf(stream)
    await closed
    streams.push({ status, rstCode: stream.rstCode })
  }
  const next = await post(session, headers, bytes)
  return { name: host.name, streams, next, handled: reception.handled }
}

/** HTTP/2 of Node has requests and responses that behave like those of `node:http`. */
function serve(listener: Listener): Promise<RunningHost> {
  return listen(
    createServer((incoming, outgoing) => {
      const response: unknown = outgoing
      const message: unknown = incoming
      listener(message as IncomingMessage, response as ServerResponse)
    }),
  )
}

async function listen(server: Http2Server): Promise<RunningHost> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

async function openSession(
  host: (typeof http2Hosts)[number],
  options?: ReceptionOptions,
): Promise<{ reception: Reception; session: ClientHttp2Session }> {
  const reception = await open(host, options)
  const session = connect(`http://127.0.0.1:${reception.port}`)
  onTestFinished(() => session.destroy())
  await once(session, 'connect')
  return { reception, session }
}

function request(session: ClientHttp2Session, headers: OutgoingHttpHeaders): ClientHttp2Stream {
  const stream = session.request({ ...headers, ':method': 'POST', ':path': '/webhooks' })
  // A server may reset what it does not want to read; the answer is what counts.
  stream.on('error', () => {})
  return stream
}

/** Sends a part of a body, and no more. */
function startPost(session: ClientHttp2Session, headers: OutgoingHttpHeaders, bytes: Uint8Array) {
  const stream = request(session, headers)
  stream.write(bytes)
  return stream
}

function post(session: ClientHttp2Session, headers: OutgoingHttpHeaders, bytes: Uint8Array) {
  const stream = request(session, headers)
  stream.end(bytes)
  return answerOf(stream)
}

async function answerOf(stream: ClientHttp2Stream) {
  const [headers] = (await once(stream, 'response')) as [Record<string, string | number>]
  return { status: headers[':status'], body: await text(stream) }
}

function reply(status: number, name: AnswerName) {
  return { status, body: bodyOf(status, name) }
}
