import { createWebhooks, type Webhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { koaWebhooks } from '@hongbao/koa'
import Koa, { type Middleware } from 'koa'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest'

const keys = createTestKeys()

describe('koaWebhooks', () => {
  it('fits app.use without a cast, with the state and context of the app too', () => {
    const webhooks = createReceiver()
    new Koa().use(koaWebhooks(webhooks))
    new Koa<{ user: string }, { trace: string }>().use(koaWebhooks(webhooks))
    expectTypeOf(koaWebhooks(webhooks)).toExtend<Middleware>()
    expect(koaWebhooks(webhooks)).toHaveLength(2)
  })

  it('has a name in the stack of the app', () => {
    const app = new Koa().use(koaWebhooks(createReceiver()))
    expect(app.middleware.map(({ name }) => name)).toEqual(['hongbaoWebhooks'])
  })

  it('awaits the rest of the app for every other path, and does not run it for its own', async () => {
    const ran: string[] = []
    const app = new Koa()
    app.use(koaWebhooks(createReceiver(), { path: '/webhooks' }))
    app.use(async (context) => {
      await Promise.resolve()
      ran.push(context.path)
      context.status = 299
    })
    const url = await listen(app)
    expect(await fetch(`${url}/webhooks/more`, notification())).toMatchObject({ status: 299 })
    expect(await fetch(`${url}/webhooks?x=1`, notification())).toMatchObject({ status: 200 })
    expect(ran).toEqual(['/webhooks/more'])
  })

  it('passes an error of the rest of the app to the app', async () => {
    const app = new Koa()
    app.silent = true
    app.use(koaWebhooks(createReceiver(), { path: '/webhooks' }))
    app.use((context) => context.throw(418))
    const response = await fetch(`${await listen(app)}/elsewhere`, notification())
    expect(response.status).toBe(418)
  })

  it('shows its answer to the surrounding middleware, in the context', async () => {
    const seen: unknown[] = []
    const app = new Koa()
    app.use(async (context, next) => {
      await next()
      seen.push(context.status, context.body, context.type)
    })
    app.use(koaWebhooks(createReceiver()))
    await fetch(await listen(app), notification())
    expect(seen).toEqual([200, '{"outcome":"handled"}', 'application/json'])
  })

  it('answers a failing handler without an error event of the app [G12]', async () => {
    const webhooks = createReceiver()
    webhooks.on('red_envelope.sent', () => {
      throw new Error('out of order')
    })
    const heard: unknown[] = []
    const app = new Koa().use(koaWebhooks(webhooks))
    app.on('error', (error) => void heard.push(error))
    const response = await fetch(await listen(app), notification())
    expect({ status: response.status, body: await response.text(), heard }).toEqual({
      status: 500,
      body: '{"outcome":"failed","code":"handler-failed"}',
      heard: [],
    })
  })

  it.each([
    ['Koa', {}, 'move the router with router.post('],
    ['Egg', { config: { bodyParser: {} } }, 'set config.bodyParser.ignore = '],
    ['Midway', { getMiddleware: () => [] }, 'this.app.getMiddleware().insertFirst('],
  ])('says in the log how to mount it above the parser of %s [G23]', async (_name, own, advice) => {
    const lines: string[] = []
    const logger = { warn: () => {}, error: (line: string) => void lines.push(line) }
    const app = Object.assign(new Koa(), own)
    app.use(async ({ req }, next) => {
      await buffer(req)
      await next()
    })
    app.use(koaWebhooks(createWebhooks({ publicKey: keys.publicKey, logger })))
    expect(await fetch(await listen(app), notification())).toMatchObject({ status: 500 })
    expect(lines).toEqual([expect.stringContaining(advice)])
  })

  it('keeps the headers that the app has set', async () => {
    const app = new Koa()
    app.use((context, next) => {
      context.set('x-request-id', '7')
      return next()
    })
    app.use(koaWebhooks(createReceiver()))
    const { headers } = await fetch(await listen(app), notification())
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-request-id': '7',
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    })
  })
})

function createReceiver(): Webhooks {
  const webhooks = createWebhooks({ publicKey: keys.publicKey, logger: false })
  webhooks.on('red_envelope.sent', () => {})
  return webhooks
}

function notification() {
  return signDelivery(eventFixture('red_envelope.sent'), keys).init()
}

async function listen(app: Pick<Koa, 'callback'>): Promise<string> {
  const answer = app.callback()
  const server = createServer((request, response) => void answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
