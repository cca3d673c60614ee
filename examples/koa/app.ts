import { createWebhooks, type Webhooks, type WebhooksOptions } from '@hongbao/core'
import { koaWebhooks } from '@hongbao/koa'
import Koa from 'koa'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { createOrderBook, handleOrders, type OrderBook } from '../tour/order-handlers.ts'
import { shutDown } from '../tour/shutdown.ts'

/** A Koa app that receives webhooks of Ping++ beside its own JSON routes. */
export function createApp(webhooks: Webhooks, orders: OrderBook): Koa {
  const app = new Koa()
  // Above any body parser. With a router: router.post('/webhooks', koaWebhooks(webhooks)).
  // 放在 bodyParser 之前：验签需要原始请求体。
  app.use(koaWebhooks(webhooks, { path: '/webhooks' }))

  app.use(async (context) => {
    const [, resource, orderNo] = context.path.split('/')
    if (resource === 'health') {
      context.body = { ok: true }
    } else if (resource === 'orders' && context.method === 'POST') {
      const order = orders.place(await json(context.req).catch(() => undefined))
      context.status = order ? 201 : 400
      context.body = order ?? { error: 'expected orderNo and amountFen' }
    } else if (resource === 'orders' && orderNo !== undefined) {
      const order = orders.find(orderNo)
      context.status = order ? 200 : 404
      context.body = order ?? { error: 'no such order' }
    }
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
