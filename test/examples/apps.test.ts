import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { start as startExpress } from '../../examples/express/app.ts'
import { start as startFastify } from '../../examples/fastify/app.ts'
import { start as startHono } from '../../examples/hono/app.ts'
import { start as startKoa } from '../../examples/koa/app.ts'

const APPS = { express: startExpress, koa: startKoa, fastify: startFastify, hono: startHono }
const keys = createTestKeys()

describe.each(Object.entries(APPS))('the %s example', (name, start) => {
  let app: Awaited<ReturnType<typeof start>>
  beforeEach(async () => {
    app = await start(0, { publicKey: keys.publicKey, logger: false })
  })
  afterEach(() => app.close())

  it('answers its health check', async () => {
    const response = await fetch(`${app.url}/health`)

    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ ok: true })
  })

  it('parses JSON on its other routes', async () => {
    const placed = await postJson('/orders', { orderNo: '42', amountFen: 100 })

    expect(placed.status).toBe(201)
    expect(await placed.json()).toEqual({ orderNo: '42', amountFen: 100, status: 'placed' })
  })

  it.each([{ orderNo: '42' }, { orderNo: 42, amountFen: 100 }, { orderNo: '42', amountFen: 0.5 }])(
    'refuses %j, which is no order',
    async (input) => {
      expect((await postJson('/orders', input)).status).toBe(400)
    },
  )

  it('answers 404 for an order that it does not have', async () => {
    expect((await fetch(`${app.url}/orders/42`)).status).toBe(404)
  })

  it('moves an order forward with each notification, and never back [H1]', async () => {
    await postJson('/orders', { orderNo: '42', amountFen: 100 })
    const object = { id: 'red_1', order_no: '42', amount: 100 }

    const received = await notify(eventFixture('red_envelope.received', { object }))
    expect(await received.json()).toEqual({ outcome: 'handled' })
    expect(await statusOf('42')).toBe('received')

    const sent = await notify(eventFixture('red_envelope.sent', { object }))
    expect(await sent.json()).toEqual({ outcome: 'handled' })
    expect(await statusOf('42')).toBe('received')
  })

  it('gets a notification again that arrived before its order was placed', async () => {
    const event = eventFixture('charge.succeeded', { object: { order_no: '42', amount: 100 } })

    expect((await notify(event)).status).toBe(500)
    await postJson('/orders', { orderNo: '42', amountFen: 100 })
    expect((await notify(event)).status).toBe(200)
    expect(await statusOf('42')).toBe('paid')
  })

  it('rejects a notification with a forged signature', async () => {
    await postJson('/orders', { orderNo: '42', amountFen: 100 })
    const event = eventFixture('charge.succeeded', { object: { order_no: '42' } })

    expect((await notify(event, createTestKeys())).status).toBe(401)
    expect(await statusOf('42')).toBe('placed')
  })

  it.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT, as PM2 sends it', 'SIGINT'],
  ] as const)(
    'runs as a process of its own, logs a line per event, and ends on %s',
    async (_, signal) => {
      const child = spawn(process.execPath, [exampleFile(name)], {
        env: { ...process.env, PINGPP_PUBLIC_KEY: keys.publicKey, PORT: '0' },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      onTestFinished(() => void child.kill('SIGKILL'))
      const output = child.stdout.setEncoding('utf8')[Symbol.asyncIterator]()
      const [, url] = /^Listening on (\S+):/.exec(String((await output.next()).value)) ?? []
      const { headers, text } = signDelivery(
        eventFixture('refund.succeeded', { id: 'evt_1' }),
        keys,
      )

      const response = await fetch(`${url}/webhooks`, { method: 'POST', headers, body: text })
      expect(response.status).toBe(200)
      expect(String((await output.next()).value)).toBe('200 unhandled refund.succeeded evt_1\n')

      child.kill(signal)
      expect(await once(child, 'exit')).toEqual([0, null])
    },
  )

  function postJson(path: string, body: unknown): Promise<Response> {
    return fetch(app.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  }

  function notify(event: Parameters<typeof signDelivery>[0], signer = keys): Promise<Response> {
    return fetch(`${app.url}/webhooks`, signDelivery(event, signer).init())
  }

  async function statusOf(orderNo: string): Promise<unknown> {
    const order = (await (await fetch(`${app.url}/orders/${orderNo}`)).json()) as {
      status: unknown
    }
    return order.status
  }
})

function exampleFile(name: string): string {
  return fileURLToPath(new URL(`../../examples/${name}/app.ts`, import.meta.url))
}
