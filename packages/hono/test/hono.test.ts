import { createWebhooks, type Webhooks, type WebhooksOptions } from '@hongbao/core'
import type { WaitUntil } from '@hongbao/core/adapter'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { honoWebhooks } from '@hongbao/hono'
import { Hono, type ExecutionContext, type Handler } from 'hono'
import { describe, expect, expectTypeOf, it, vi } from 'vitest'

const keys = createTestKeys()

describe('honoWebhooks', () => {
  it('fits app.post without a cast, with the bindings and variables of the app too', () => {
    const webhooks = createReceiver()
    new Hono().post('/webhooks', honoWebhooks(webhooks))
    new Hono<{ Bindings: { KV: string }; Variables: { user: string } }>()
      .basePath('/pay')
      .on('POST', '/webhooks', honoWebhooks(webhooks))
    expectTypeOf(honoWebhooks(webhooks)).toExtend<Handler>()
    new Hono().use(honoWebhooks(webhooks, { path: '/webhooks' }))
    expect(honoWebhooks(webhooks)).toHaveLength(2)
  })

  it('has a name among the routes of the app', () => {
    const app = new Hono().post('/webhooks', honoWebhooks(createReceiver()))
    expect(app.routes.map(({ handler }) => handler.name)).toEqual(['hongbaoWebhooks'])
  })

  it('with a path answers only that path of `app.use`, and passes on the others', async () => {
    const app = new Hono()
      .use(honoWebhooks(createReceiver(), { path: '/pay/webhooks' }))
      .get('/health', (c) => c.text('up'))
    const answered = await app.request('/pay/webhooks?from=pingpp', notification())
    expect(await answered.text()).toBe('{"outcome":"handled"}')
    expect(await (await app.request('/health')).text()).toBe('up')
    expect((await app.request('/pay', notification())).status).toBe(404)
  })

  it('refuses a path that could never match', () => {
    expect(() => honoWebhooks(createReceiver(), { path: 'webhooks' })).toThrow(
      '`path` must start with "/" and have no query.',
    )
  })

  it('answers without a server: app.request()', async () => {
    const app = new Hono().post('/webhooks', honoWebhooks(createReceiver()))
    const response = await app.request('/webhooks', notification())
    expect({ status: response.status, body: await response.text() }).toEqual({
      status: 200,
      body: '{"outcome":"handled"}',
    })
  })

  it('lets late handlers end by the `waitUntil` of the execution context, if there is one [F26]', async () => {
    const webhooks = createReceiver()
    const { honoWebhooks: mount } = await onWorkers()
    const app = new Hono().post('/webhooks', mount(webhooks))
    const pending: Promise<unknown>[] = []
    const context = { waitUntil: (each: Promise<unknown>) => void pending.push(each) }
    const response = await app.request('/webhooks', notification(), {}, context as ExecutionContext)
    expect(response.status).toBe(200)
    expect(await Promise.all(pending)).toEqual(['handled'])
    expect(await app.request('/webhooks', notification())).toMatchObject({ status: 200 })
  })

  it('prefers the option `waitUntil` [F26]', async () => {
    const pending: Promise<unknown>[] = []
    const waitUntil: WaitUntil = (each) => void pending.push(each)
    const app = new Hono().post('/webhooks', honoWebhooks(createReceiver(), { waitUntil }))
    expect(await app.request('/webhooks', notification())).toMatchObject({ status: 200 })
    expect(await Promise.all(pending)).toEqual(['handled'])
  })

  it('answers a failing handler without app.onError [G12]', async () => {
    const webhooks = createReceiver()
    webhooks.on('red_envelope.sent', () => {
      throw new Error('out of order')
    })
    const asked: unknown[] = []
    const app = new Hono().post('/webhooks', honoWebhooks(webhooks))
    app.onError((error, context) => {
      asked.push(error)
      return context.text('fine')
    })
    const response = await app.request('/webhooks', notification())
    expect({ status: response.status, body: await response.text(), asked }).toEqual({
      status: 500,
      body: '{"outcome":"failed","code":"handler-failed"}',
      asked: [],
    })
  })

  it('keeps the headers that the app sets before and after', async () => {
    const app = new Hono()
    app.use(async (context, next) => {
      context.header('x-before', '1')
      await next()
      context.header('x-after', '2')
    })
    app.post('/webhooks', honoWebhooks(createReceiver()))
    const { headers } = await app.request('/webhooks', notification())
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-before': '1',
      'x-after': '2',
      'content-type': 'application/json; charset=utf-8',
    })
  })

  it('answers 413 over the limit, although the app has read the body [A12]', async () => {
    const app = new Hono()
    app.use(async ({ req }, next) => {
      await req.text()
      await next()
    })
    app.post('/webhooks', honoWebhooks(createReceiver({ maxBodyBytes: 100 })))
    expect(await app.request('/webhooks', notification())).toMatchObject({ status: 413 })
  })

  it('answers 401, and not 200, if c.req.text() has dropped a byte order mark [A6]', async () => {
    const app = new Hono()
    app.use(async ({ req }, next) => {
      await req.text()
      await next()
    })
    app.post('/webhooks', honoWebhooks(createReceiver()))
    const marked = `\ufeff${JSON.stringify(eventFixture('red_envelope.sent'))}`
    const response = await app.request('/webhooks', signDelivery(marked, keys).init())
    expect(await response.text()).toBe('{"outcome":"rejected","code":"signature-mismatch"}')
  })
})

function createReceiver(options: Partial<WebhooksOptions> = {}): Webhooks {
  const webhooks = createWebhooks({ publicKey: keys.publicKey, logger: false, ...options })
  webhooks.on('red_envelope.sent', () => {})
  return webhooks
}

function notification() {
  return signDelivery(eventFixture('red_envelope.sent'), keys).init()
}

/** The adapter as Workers load it. */
async function onWorkers(): Promise<typeof import('@hongbao/hono')> {
  vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
  vi.resetModules()
  try {
    return await import('@hongbao/hono')
  } finally {
    vi.unstubAllGlobals()
  }
}
