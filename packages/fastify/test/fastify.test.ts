import { createWebhooks, type Webhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { fastifyWebhooks } from '@hongbao/fastify'
import Fastify, { type FastifyPluginAsync } from 'fastify'
import { createGunzip, gzipSync } from 'node:zlib'
import { describe, expect, expectTypeOf, it, onTestFinished, vi } from 'vitest'

const keys = createTestKeys()

describe('fastifyWebhooks', () => {
  it('fits app.register without a cast', async () => {
    const app = Fastify({ logger: false })
    await app.register(fastifyWebhooks, { webhooks: createReceiver(), path: '/webhooks' })
    expectTypeOf(fastifyWebhooks).toExtend<FastifyPluginAsync<{ webhooks: Webhooks }>>()
    expect(app.hasRoute({ method: 'POST', url: '/webhooks' })).toBe(true)
  })

  it('answers below the prefix of the plugin', async () => {
    const app = Fastify()
    const webhooks = createReceiver()
    await app.register(fastifyWebhooks, { webhooks, prefix: '/pay', path: '/webhooks' })
    await app.register(fastifyWebhooks, { webhooks, prefix: '/bare' })
    expect(await app.inject({ url: '/pay/webhooks', ...notification() })).toMatchObject(HANDLED)
    expect(await app.inject({ url: '/bare', ...notification() })).toMatchObject(HANDLED)
    expect(await app.inject({ url: '/webhooks', ...notification() })).toMatchObject({
      statusCode: 404,
    })
  })

  it('mounts several receivers in one app', async () => {
    const app = Fastify()
    await app.register(fastifyWebhooks, { webhooks: createReceiver(), path: '/live' })
    await app.register(fastifyWebhooks, { webhooks: createReceiver(), path: '/test' })
    const same = notification()
    expect(await app.inject({ url: '/live', ...same })).toMatchObject(HANDLED)
    expect(await app.inject({ url: '/test', ...same })).toMatchObject(HANDLED)
  })

  it('does not change the parsers and headers of the app [G10]', async () => {
    const app = Fastify()
    app.addContentTypeParser('text/red', { parseAs: 'string' }, async () => 'red')
    await app.register(fastifyWebhooks, { webhooks: createReceiver(), path: '/webhooks' })
    app.post('/echo', async ({ body, headers }) => ({ body, type: headers['content-type'] }))
    const json = await app.inject({ method: 'POST', url: '/echo', payload: { amount: 100 } })
    expect(json.json()).toEqual({ body: { amount: 100 }, type: 'application/json' })
    const red = { headers: { 'content-type': 'text/red' }, payload: 'x' }
    const text = await app.inject({ method: 'POST', url: '/echo', ...red })
    expect(text.json()).toEqual({ body: 'red', type: 'text/red' })
    const unknown = { headers: { 'content-type': 'text/blue' }, payload: 'x' }
    expect(await app.inject({ method: 'POST', url: '/echo', ...unknown })).toMatchObject({
      statusCode: 415,
    })
  })

  it('works with any parsers and body limit of the app [G10]', async () => {
    const app = Fastify({ bodyLimit: 10 })
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'string' }, async () => 'parsed')
    await app.register(fastifyWebhooks, { webhooks: createReceiver(), path: '/webhooks' })
    expect(await app.inject({ url: '/webhooks', ...notification() })).toMatchObject(HANDLED)
  })

  describe('in an app whose preParsing hook decompresses bodies', () => {
    async function post(label: Record<string, string>): Promise<[number, string]> {
      const app = Fastify()
      app.addHook('preParsing', async (_request, _reply, payload) => payload.pipe(createGunzip()))
      await app.register(fastifyWebhooks, { webhooks: createReceiver(), path: '/webhooks' })
      const url = await app.listen({ host: '127.0.0.1', port: 0 })
      onTestFinished(() => app.close())
      const { headers, bytes } = signDelivery(eventFixture('red_envelope.sent'), keys)
      const init = { method: 'POST', headers: { ...headers, ...label }, body: gzipSync(bytes) }
      const response = await fetch(`${url}/webhooks`, init)
      return [response.status, await response.text()]
    }

    it('verifies the bytes that the hook made [G21]', async () => {
      expect(await post({})).toEqual([200, '{"outcome":"handled"}'])
    })

    it('refuses a body that is labelled as compressed, as everywhere [A16, G21]', async () => {
      const answer = [415, '{"outcome":"rejected","code":"body-encoded"}']
      expect(await post({ 'content-encoding': 'gzip' })).toEqual(answer)
    })
  })

  it('answers a failing handler without the error handler of the app [G12]', async () => {
    const webhooks = createReceiver()
    webhooks.on('red_envelope.sent', () => {
      throw new Error('out of order')
    })
    const asked: unknown[] = []
    const app = Fastify()
    app.setErrorHandler((error, _request, reply) => {
      asked.push(error)
      return reply.code(200).send('fine')
    })
    await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
    expect(await app.inject({ url: '/webhooks', ...notification() })).toMatchObject({
      statusCode: 500,
      body: '{"outcome":"failed","code":"handler-failed"}',
    })
    expect(asked).toEqual([])
  })

  it('logs failures to `request.log`, with the id of the request and the facts as fields', async () => {
    const lines: Record<string, unknown>[] = []
    const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
    const app = Fastify({ logger: { level: 'warn', stream }, genReqId: () => 'req-7' })
    const webhooks = createWebhooks({ publicKey: keys.publicKey })
    webhooks.on('red_envelope.sent', () => {
      throw new RangeError('declined')
    })
    await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
    await app.inject({ url: '/webhooks', ...notification() })
    expect(lines).toEqual([
      expect.objectContaining({
        level: 50,
        reqId: 'req-7',
        msg: expect.stringContaining('[hongbao] handler-failed (red_envelope.sent evt_') as string,
        code: 'handler-failed',
        outcome: 'failed',
        eventType: 'red_envelope.sent',
        errorName: 'RangeError',
      }),
    ])
  })

  it('logs failures to `console` if the app has no logger, and to the receiver’s own first', async () => {
    const onConsole = vi.spyOn(console, 'warn').mockReturnValue()
    const own = vi.fn<(line: string) => void>()
    const written: string[] = []
    const apps = [
      Fastify(),
      Fastify({ logger: { level: 'warn', stream: { write: (line) => void written.push(line) } } }),
    ]
    const { publicKey } = keys
    const receivers = [
      createWebhooks({ publicKey }),
      createWebhooks({ publicKey, logger: { warn: own, error() {} } }),
    ]
    for (const [index, app] of apps.entries()) {
      const webhooks = receivers[index] as Webhooks
      await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
      await app.inject({ method: 'POST', url: '/webhooks', payload: '{}' })
    }
    expect(onConsole).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('signature-missing'))
    expect(own).toHaveBeenCalledOnce()
    expect(written).toEqual([])
    onConsole.mockRestore()
  })

  it('logs failures to a logger of the app that has no `level`', async () => {
    const warn = vi.fn<(line: string, fields: object) => void>()
    const noop = (): void => {}
    const own = { warn, info: noop, error: noop, debug: noop, fatal: noop, trace: noop }
    const loggerInstance = { ...own, child: () => loggerInstance }
    // @ts-expect-error -- Fastify declares `level`, and does not need it
    const app = Fastify({ loggerInstance })
    const webhooks = createWebhooks({ publicKey: keys.publicKey })
    await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
    await app.inject({ method: 'POST', url: '/webhooks', payload: '{}' })
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining('signature-missing'),
      expect.objectContaining({ code: 'signature-missing' }),
    )
  })

  it('passes the answer to the hooks of the app', async () => {
    const seen: unknown[] = []
    const app = Fastify()
    app.addHook('onSend', async (_request, reply, payload) => {
      seen.push(reply.statusCode, payload)
      return payload
    })
    await app.register(fastifyWebhooks, { webhooks: createReceiver(), path: '/webhooks' })
    await app.inject({ url: '/webhooks', ...notification() })
    expect(seen).toEqual([200, '{"outcome":"handled"}'])
  })
})

const HANDLED = { statusCode: 200, body: '{"outcome":"handled"}' }

function createReceiver(): Webhooks {
  const webhooks = createWebhooks({ publicKey: keys.publicKey, logger: false })
  webhooks.on('red_envelope.sent', () => {})
  return webhooks
}

function notification() {
  return signDelivery(eventFixture('red_envelope.sent'), keys).inject()
}
