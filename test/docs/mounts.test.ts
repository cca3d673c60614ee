import type { Webhooks } from '@hongbao/core'
import type { LambdaHandler } from '@hongbao/core/lambda'
import {
  createTestKeys,
  eventFixture,
  signDelivery,
  type SignedDelivery,
} from '@hongbao/core/testing'
import { serve } from '@hono/node-server'
import type { Express } from 'express'
import type { FastifyInstance } from 'fastify'
import type { Hono } from 'hono'
import type Koa from 'koa'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { orders } from './host/orders.ts'
import { createWorkspace, removeWorkspaces, type Workspace } from './snippets.ts'

const keys = createTestKeys()
const stranger = createTestKeys()
const stops: (() => unknown)[] = []

/** The modules of docs/mounting.md, and the same with the older majors of Express and Koa. */
const workspaces = {
  now: createWorkspace(),
  older: createWorkspace((code) =>
    code.replace("from 'express'", "from 'express4'").replace("from 'koa'", "from 'koa2'"),
  ),
}

beforeAll(() => {
  vi.stubEnv('PINGPP_PUBLIC_KEY', keys.publicKey)
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  vi.spyOn(console, 'error').mockImplementation(() => {})
})

afterAll(async () => {
  for (const stop of stops) await stop()
  removeWorkspaces()
})

/** Delivers to a snippet that was started. */
type Send = (signed: SignedDelivery) => Promise<Response>

const MOUNTS: [host: string, version: keyof typeof workspaces, start: Start][] = [
  ['Express 5', 'now', express('express.ts')],
  ['Express 4', 'older', express('express.ts')],
  ['Express 5 below express.json()', 'now', express('express-json.ts')],
  ['Express 4 below express.json()', 'older', express('express-json.ts')],
  ['Koa 3', 'now', koa],
  ['Koa 2', 'older', koa],
  ['Fastify', 'now', fastify],
  ['Hono', 'now', hono],
  ['node:http', 'now', node],
  ['the App Router of Next.js', 'now', next],
  ['the Pages Router of Next.js', 'now', nextPages],
  ['Workers', 'now', worker],
  ['Workers whose key comes with the request', 'now', workerKey],
  ['AWS Lambda', 'now', lambda],
]

describe.each(MOUNTS)('the mount in %s', (host, version, start) => {
  const workspace = workspaces[version]
  let send: Send
  beforeAll(async () => {
    send = await start(workspace)
  })

  it('applies a signed event once, and answers 200', async () => {
    const { orders: book } = await workspace.import<{ orders: typeof orders }>('orders.ts')
    const orderNo = `${host} 红包`
    const event = eventFixture('red_envelope.sent', { object: { order_no: orderNo } })
    await book.insert(orderNo, { amount: 888 })
    const signed = signDelivery(event, keys)

    const first = await send(signed)
    expect([first.status, await first.text()]).toEqual([200, '{"outcome":"handled"}'])
    const detail = event.data.object.transaction_no
    expect(book.find(orderNo)).toEqual({ status: 'sent', detail })

    const second = await send(signed)
    expect([second.status, await second.text()]).toEqual([200, '{"outcome":"duplicate"}'])
  })

  it('answers 401 to a forgery', async () => {
    const reply = await send(signDelivery(eventFixture('red_envelope.sent'), stranger))
    expect([reply.status, await reply.text()]).toEqual([
      401,
      '{"outcome":"rejected","code":"signature-mismatch"}',
    ])
  })
})

describe('the mount below express.json()', () => {
  it.each(['now', 'older'] as const)(
    'accepts as large a body as any mount, %s',
    async (version) => {
      const send = await express('express-json.ts')(workspaces[version])
      const { orders: book } = await workspaces[version].import<{ orders: typeof orders }>(
        'orders.ts',
      )
      const object = { body: '红'.repeat(80_000), order_no: '888' }
      await book.insert('888', { amount: 888 })
      const reply = await send(signDelivery(eventFixture('red_envelope.sent', { object }), keys))
      expect([reply.status, await reply.text()]).toEqual([200, '{"outcome":"handled"}'])
    },
  )
})

describe('a GET', () => {
  const get = async (from: Promise<Send>): Promise<number> => {
    const { url } = await (await from)(signDelivery(eventFixture('red_envelope.sent'), keys))
    return (await fetch(url)).status
  }

  it.each([
    ['Express', 404, express('express.ts')],
    ['Koa', 404, koa],
    ['Hono', 404, hono],
    ['Fastify', 405, fastify],
    ['node:http', 405, node],
  ])('is answered in %s as docs/retries.md says: %i', async (_host, status, start) => {
    expect(await get(start(createWorkspace()))).toBe(status)
  })
})

describe('the receiver for Next.js', () => {
  it('is loaded without a key, as `next build` loads it [C29]', async () => {
    vi.stubEnv('PINGPP_PUBLIC_KEY', undefined)
    try {
      const { webhooks } = await createWorkspace().import<KeyedWorker>('next-webhooks.ts')
      await expect(webhooks.ready()).rejects.toMatchObject({ code: 'key-unavailable' })
    } finally {
      vi.stubEnv('PINGPP_PUBLIC_KEY', keys.publicKey)
    }
  })
})

describe('a mount with a path', () => {
  const post = { method: 'POST' }

  it('answers 404 to other paths in a worker', async () => {
    const { default: handler } = await workspaces.now.import<WorkerModule>('worker.ts')
    expect((await handler.fetch(new Request('http://localhost/', post))).status).toBe(404)
  })

  it('answers 404 to other paths on node:http', async () => {
    const { server } = await workspaces.now.import<{ server: Server }>('node.ts')
    expect((await fetch(new URL('/', await listening(server)), post)).status).toBe(404)
  })
})

type Start = (from: Workspace) => Promise<Send>
type Answer = (request: Request) => Promise<Response>
interface WorkerModule {
  readonly default: { fetch: Answer }
}

interface KeyedWorker {
  readonly webhooks: Webhooks
  readonly default: { fetch(request: Request, env: object, context: object): Promise<Response> }
}

function express(name: string): Start {
  return async function start(from) {
    const { app } = await from.import<{ app: Express }>(name)
    return over(await listening(app.listen(0)))
  }
}

async function koa(from: Workspace): Promise<Send> {
  const { app } = await from.import<{ app: Koa }>('koa.ts')
  return over(await listening(app.listen(0)))
}

async function fastify(from: Workspace): Promise<Send> {
  const { app } = await from.import<{ app: FastifyInstance }>('fastify.ts')
  stops.push(() => app.close())
  return over(`${await app.listen({ port: 0 })}/webhooks`)
}

async function hono(from: Workspace): Promise<Send> {
  const { app } = await from.import<{ app: Hono }>('hono.ts')
  return over(await listening(serve({ fetch: app.fetch, port: 0 }) as Server))
}

async function node(from: Workspace): Promise<Send> {
  const { server } = await from.import<{ server: Server }>('node.ts')
  return over(await listening(server.listen(0)))
}

async function next(from: Workspace): Promise<Send> {
  const { POST } = await from.import<{ POST: Answer }>('route.ts')
  return (signed) => POST(new Request('http://localhost/webhooks', signed.init()))
}

async function nextPages(from: Workspace): Promise<Send> {
  const { default: handler } = await from.import<{ default: RequestListener }>('pages-api.ts')
  return over(await listening(createServer(handler).listen(0)))
}

async function worker(from: Workspace): Promise<Send> {
  const { default: handler } = await from.import<WorkerModule>('worker.ts')
  return (signed) => handler.fetch(new Request('http://localhost/webhooks', signed.init()))
}

async function workerKey(from: Workspace): Promise<Send> {
  const { default: handler, webhooks } = await from.import<KeyedWorker>('worker-key.ts')
  const { orders: book } = await from.import<{ orders: typeof orders }>('orders.ts')
  webhooks.on('red_envelope.sent', ({ data: { object } }) =>
    book.markSent(object.order_no, object.transaction_no),
  )
  const env = { PINGPP_PUBLIC_KEY: keys.publicKey }
  return (signed) => handler.fetch(new Request('http://localhost/webhooks', signed.init()), env, {})
}

async function lambda(from: Workspace): Promise<Send> {
  const { handler } = await from.import<{ handler: LambdaHandler }>('lambda.ts')
  const requestContext = { http: { method: 'POST' } }
  return async ({ text, headers }) => {
    const result = await handler({ requestContext, headers, body: text, isBase64Encoded: false })
    return new Response(result.body, { status: result.statusCode })
  }
}

function over(url: string): Send {
  return (signed) => fetch(url, signed.init())
}

async function listening(server: Server): Promise<string> {
  if (!server.listening) await once(server, 'listening')
  stops.push(() => server.close())
  return `http://localhost:${(server.address() as AddressInfo).port}/webhooks`
}
