import { createWebhooks, type Webhooks, type WebhooksOptions } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { expressWebhooks } from '@hongbao/express'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest'

const keys = createTestKeys()

describe('expressWebhooks', () => {
  it('fits app.post, router.post and app.use without a cast', () => {
    const webhooks = createReceiver()
    express().post('/webhooks', expressWebhooks(webhooks))
    express.Router().post('/webhooks', express.raw(), expressWebhooks(webhooks))
    express().use(expressWebhooks(webhooks, { path: '/webhooks' }))
    expectTypeOf(expressWebhooks(webhooks)).toExtend<RequestHandler>()
    expect(expressWebhooks(webhooks)).toHaveLength(3)
  })

  it('has a name in the stack of the router', () => {
    const app = express().use(expressWebhooks(createReceiver()))
    expect(app.router.stack.map(({ name }) => name)).toEqual(['hongbaoWebhooks'])
  })

  it('passes an error of the response to the error handler of the app, and the process continues', async () => {
    const errors: unknown[] = []
    const app = express().use((_request, response, next) => {
      response.writeHead = () => {
        throw new Error('a wrapper of another library')
      }
      next()
    })
    app.use(expressWebhooks(createReceiver()))
    const onError: ErrorRequestHandler = (error, _request, response, _next) => {
      errors.push(error)
      response.socket?.destroy()
    }
    app.use(onError)
    await expect(fetch(await listen(app), notification())).rejects.toThrow('fetch failed')
    expect(errors).toEqual([new Error('a wrapper of another library')])
  })

  it('passes every other path on, exactly once', async () => {
    let passed = 0
    const app = express().use(expressWebhooks(createReceiver(), { path: '/webhooks' }))
    app.use((_request, response) => {
      passed += 1
      response.status(299).end()
    })
    const url = await listen(app)
    for (const path of ['/', '/webhooks/', '/webhooks/more', '//webhooks', '/?/webhooks']) {
      expect(await fetch(url + path, notification())).toMatchObject({ status: 299 })
    }
    expect(passed).toBe(5)
    expect(await fetch(`${url}/webhooks?x=1`, notification())).toMatchObject({ status: 200 })
    expect(passed).toBe(5)
  })

  it('takes its path relative to where it is mounted, as Express does', async () => {
    const app = express().use('/pay', expressWebhooks(createReceiver(), { path: '/webhooks' }))
    const url = await listen(app)
    expect(await fetch(`${url}/pay/webhooks`, notification())).toMatchObject({ status: 200 })
    expect(await fetch(`${url}/webhooks`, notification())).toMatchObject({ status: 404 })
  })

  it('answers a failing handler without the error handler of the app [G12]', async () => {
    const webhooks = createReceiver()
    webhooks.on('red_envelope.sent', () => {
      throw new Error('out of order')
    })
    const asked: unknown[] = []
    const onError: ErrorRequestHandler = (error, _request, response, _next) => {
      asked.push(error)
      response.status(200).end()
    }
    const app = express().post('/webhooks', expressWebhooks(webhooks)).use(onError)
    const response = await fetch(`${await listen(app)}/webhooks`, notification())
    expect({ status: response.status, body: await response.text(), asked }).toEqual({
      status: 500,
      body: '{"outcome":"failed","code":"handler-failed"}',
      asked: [],
    })
  })

  it('keeps an answer that other code has sent, and still counts the event as applied', async () => {
    const webhooks = createReceiver()
    const early: RequestHandler = (_request, response, next) => {
      response.status(202).end()
      next()
    }
    const url = await listen(express().post('/webhooks', early, expressWebhooks(webhooks)))
    const again = await listen(express().post('/webhooks', expressWebhooks(webhooks)))
    const same = notification()
    expect(await fetch(`${url}/webhooks`, same)).toMatchObject({ status: 202 })
    const response = await fetch(`${again}/webhooks`, same)
    expect(await response.text()).toBe('{"outcome":"duplicate"}')
  })

  it('answers 415 to gzip, although express.json({ verify }) kept what it decompressed [G2, A16]', async () => {
    const keep = express.json({
      verify: (request, _response, bytes) => void Object.assign(request, { rawBody: bytes }),
    })
    const url = await listen(express().post('/webhooks', keep, expressWebhooks(createReceiver())))
    const { headers, body } = notification()
    const response = await fetch(`${url}/webhooks`, {
      method: 'POST',
      headers: { ...headers, 'content-encoding': 'gzip' },
      body: gzipSync(body),
    })
    expect(response.status).toBe(415)
  })

  it('answers a form after express.json(), which does not read it [A37, G1]', async () => {
    const app = express().use(express.json()).post('/webhooks', expressWebhooks(createReceiver()))
    const { headers, body } = notification()
    const response = await fetch(`${await listen(app)}/webhooks`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body,
    })
    expect(await response.text()).toBe('{"outcome":"handled"}')
  })

  it('answers 413 to a body that express.raw() has read, if it exceeds the limit of hongbao', async () => {
    const webhooks = createReceiver({ maxBodyBytes: 100 })
    const app = express().use(express.raw({ type: '*/*' }))
    const url = await listen(app.post('/webhooks', expressWebhooks(webhooks)))
    expect(await fetch(`${url}/webhooks`, notification())).toMatchObject({ status: 413 })
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

async function listen(app: Express): Promise<string> {
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
