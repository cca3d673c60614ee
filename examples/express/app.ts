import { createWebhooks, type Webhooks, type WebhooksOptions } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import express, { type Express } from 'express'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createOrderBook, handleOrders, type OrderBook } from '../tour/order-handlers.ts'
import { shutDown } from '../tour/shutdown.ts'

/** An Express app that receives webhooks of Ping++ beside its own JSON routes. */
export function createApp(webhooks: Webhooks, orders: OrderBook): Express {
  const app = express()
  // Above express.json(): the signature covers the bytes as they came. 放在 express.json() 之前：验签需要原始请求体。
  app.post('/webhooks', expressWebhooks(webhooks))

  app.use(express.json())
  app.get('/health', (_request, response) => void response.json({ ok: true }))
  app.get('/orders/:orderNo', (request, response) => {
    const order = orders.find(request.params.orderNo)
    response.status(order ? 200 : 404).json(order ?? { error: 'no such order' })
  })
  app.post('/orders', (request, response) => {
    const order = orders.place(request.body)
    response.status(order ? 201 : 400).json(order ?? { error: 'expected orderNo and amountFen' })
  })
  return app
}

/** Listens only on this machine; port 0 takes a free one. `close` lets running handlers finish. */
export async function start(
  port: number,
  options: WebhooksOptions,
  orders: OrderBook = createOrderBook(),
): Promise<{ url: string; close(): Promise<void> }> {
  const webhooks = createWebhooks(options)
  handleOrders(webhooks, orders)
  const server = createApp(webhooks, orders).listen(port, '127.0.0.1')
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
