import { createWebhooks, type Webhooks, type WebhooksOptions } from '@hongbao/core'
import { honoWebhooks } from '@hongbao/hono'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createOrderBook, handleOrders, type OrderBook } from '../tour/order-handlers.ts'
import { shutDown } from '../tour/shutdown.ts'

/** A Hono app that receives webhooks of Ping++ beside its own JSON routes. */
export function createApp(webhooks: Webhooks, orders: OrderBook): Hono {
  const app = new Hono()
  // Anywhere: Hono parses a body only on demand. 位置不限：Hono 只在需要时才解析请求体。
  app.post('/webhooks', honoWebhooks(webhooks))

  app.get('/health', (c) => c.json({ ok: true }))
  app.get('/orders/:orderNo', (c) => {
    const order = orders.find(c.req.param('orderNo'))
    return order ? c.json(order) : c.json({ error: 'no such order' }, 404)
  })
  app.post('/orders', async (c) => {
    const order = orders.place(await c.req.json().catch(() => undefined))
    return order ? c.json(order, 201) : c.json({ error: 'expected orderNo and amountFen' }, 400)
  })
  return app
}

/** Listens on Node, only on this machine; port 0 takes a free one. `close` lets running handlers finish. */
export async function start(
  port: number,
  options: WebhooksOptions,
  orders: OrderBook = createOrderBook(),
): Promise<{ url: string; close(): Promise<void> }> {
  const webhooks = createWebhooks(options)
  handleOrders(webhooks, orders)
  const server = serve({ fetch: createApp(webhooks, orders).fetch, port, hostname: '127.0.0.1' })
  await once(server, 'listening')
  const { port: bound } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${bound}`,
    close: () => shutDown(webhooks, () => server[Symbol.asyncDispose]()),
  }
}

// PINGPP_PUBLIC_KEY_PATH=ping.pem PORT=8080 node app.ts
if (import.meta.main) {
  const { PINGPP_PUBLIC_KEY, PINGPP_PUBLIC_KEY_PATH: path, PORT = '8080' } = process.env
  const app = await start(Number(PORT), {
    publicKey: PINGPP_PUBLIC_KEY ?? (path === undefined ? undefined : { path }),
    onReport: ({ outcome, status, eventType = '-', eventId = '-' }) =>
      console.log(status, outcome, eventType, eventId),
  })
  console.log(`Listening on ${app.url}: Ping++ may post to ${app.url}/webhooks`)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void app.close())
}
