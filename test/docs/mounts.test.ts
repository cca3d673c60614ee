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
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { orders } from './host/orders.ts'
import { createWorkspace, DOCUMENTED, type Workspace } from './snippets.ts'

describe('the mounts', () => {
  const keys = createTestKeys()
  const stops: (() => unknown)[] = []
  let now: Workspace
  let older: Workspace

  beforeAll(() => {
    process.env['PINGPP_PUBLIC_KEY'] = keys.publicKey
    now = workspace()
    older = workspace((code) =>
      code.replace("from 'express'", "from 'express4'").replace("from 'koa'", "from 'koa2'"),
    )
  })
  afterAll(async () => {
    for (const stop of stops) await stop()
  })

  async function listening(server: Server): Promise<string> {
    if (!server.listening) await once(server, 'listening')
    stops.push(() => server.close())
    return `http://localhost:${(server.address() as AddressInfo).port}/webhooks`
  }

  type Send = (signed: SignedDelivery) => Promise<Response>
  const to =
    (url: string): Send =>
    (signed) =>
      fetch(url, signed.init())

  const mounts: Record<string, [used: () => Workspace, start: (from: Workspace) => Promise<Send>]> =
    {
      'Express 5': [() => now, express('express.ts')],
      'Express 4': [() => older, express('express.ts')],
      'Express 5 below express.json()': [() => now, express('express-json.ts')],
      'Express 4 below express.json()': [() => older, express('express-json.ts')],
      'Koa 3': [() => now, koa],
      'Koa 2': [() => older, koa],
      Fastify: [() => now, fastify],
      Hono: [() => now, hono],
      'node:http': [() => now, node],
      'Next.js': [() => now, next],
      Workers: [() => now, worker],
    }

  function express(name: string) {
    return async (from: Workspace): Promise<Send> => {
      const { app } = await from.import<{ app: Express }>(name)
      return to(await listening(app.listen(0)))
    }
  }
  async function koa(from: Workspace): Promise<Send> {
    const { app } = await from.import<{ app: Koa }>('koa.ts')
    return to(await listening(app.listen(0)))
  }
  async function fastify(from: Workspace): Promise<Send> {
    const { app } = await from.import<{ app: FastifyInstance }>('fastify.ts')
    stops.push(() => app.close())
    return to(`${await app.listen({ port: 0 })}/webhooks`)
  }
  async function hono(from: Workspace): Promise<Send> {
    const { app } = await from.import<{ app: Hono }>('hono.ts')
    return to(await listening(serve({ fetch: app.fetch, port: 0 }) as Server))
  }
  async function node(from: Workspace): Promise<Send> {
    const { server } = await from.import<{ server: Server }>('node.ts')
    return to(await listening(server.listen(0)))
  }
  async function next(from: Workspace): Promise<Send> {
    const { POST } = await from.import<{ POST: Answer }>('route.ts')
    return (signed) => POST(new Request('http://localhost/webhooks', signed.init()))
  }
  async function worker(from: Workspace): Promise<Send> {
    const { default: handler } = await from.import<{ default: { fetch: Answer } }>('worker.ts')
    return (signed) => handler.fetch(new Request('http://localhost/webhooks', signed.init()))
  }
  type Answer = (request: Request) => Promise<Response>

  describe.each(mounts)('%s', (host, used, start) => {
    let send: Send
    beforeAll(async () => {
      send = await start(used())
    })

    it('applies a signed event once, and answers 200', async () => {
      const { orders: book } = await used().import<{ orders: typeof orders }>('orders.ts')
      const orderNo = `${host} 红包`
      const event = eventFixture('red_envelope.sent', { object: { order_no: orderNo } })
      const signed = signDelivery(event, keys)

      const first = await send(signed)
      expect([first.status, await first.text()]).toEqual([200, '{"outcome":"handled"}'])
      expect(book.find(orderNo)).toEqual({
        status: 'sent',
        detail: event.data.object.transaction_no,
      })
      const second = await send(signed)
      expect([second.status, await second.text()]).toEqual([200, '{"outcome":"duplicate"}'])
    })

    it('answers 401 to a forgery', async () => {
      const forged = signDelivery(eventFixture('red_envelope.sent'), createTestKeys())
      const reply = await send(forged)
      expect([reply.status, await reply.text()]).toEqual([401, '{"outcome":"forged"}'])
    })
  })

  it('answers 404 to another path where no router is', async () => {
    const { default: handler } = await now.import<{ default: { fetch: Answer } }>('worker.ts')
    const reply = await handler.fetch(new Request('http://localhost/', { method: 'POST' }))
    expect(reply.status).toBe(404)
  })
})

