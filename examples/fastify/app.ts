import { createWebhooks, type Webhooks, type WebhooksOptions } from '@hongbao/core'
import { fastifyWebhooks } from '@hongbao/fastify'
import { fastify, type FastifyInstance } from 'fastify'
import { createOrderBook, handleOrders, type OrderBook } from '../tour/order-handlers.ts'
import { shutDown } from '../tour/shutdown.ts'

/** A Fastify app that receives webhooks of Ping++ beside its own JSON routes. */
export function createApp(webhooks: Webhooks, orders: OrderBook): FastifyInstance {
  const app = fastify()
  // Encapsulated: only in here do bodies stay bytes. 只有这里保留原始请求体，其他路由照常解析 JSON。
  app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })

  app.get('/health', () => ({ ok: true }))
  app.get<{ Params: { orderNo: string } }>('/orders/:orderNo', (request, reply) => {
    const order = orders.find(request.params.orderNo)
    return reply.code(order ? 200 : 404).send(order ?? { error: 'no such order' })
  })
  app.post('/orders', (request, reply) => {
    const order = orders.place(request.body)
    return reply.code(order ? 201 : 400).send(order ?? { error: 'expected orderNo and amountFen' })
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
  const app = createApp(webhooks, orders)
  const url = await app.listen({ port, host: '127.0.0.1' })
  return { url, close: () => shutDown(webhooks, () => app.close()) }
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
