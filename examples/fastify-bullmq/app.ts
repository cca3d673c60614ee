// The app: takes orders, sends their envelopes, and answers a webhook when Redis has stored it.
import { PingppError } from '@hongbao/client'
import { fastifyWebhooks } from '@hongbao/fastify'
import { fastify } from 'fastify'
import { advanceOrder, createTable, findOrder, pool, saveOrder, type Order } from './orders.ts'
import { app as id, pingpp, publicKey, queue } from './pingpp.ts'

await createTable()
const webhooks = queue.receiver({ publicKey, app: id })
const app = fastify()
await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })

const schema = {
  body: {
    type: 'object',
    required: ['orderNo', 'openid'],
    properties: { orderNo: { type: 'string', pattern: '^\\d{1,28}$' }, openid: { type: 'string' } },
  },
}

// It sends money: put it behind your login. 会发钱，须放在登录校验之后。
app.post<{ Body: { orderNo: string; openid: string } }>(
  '/orders',
  { schema },
  async (request, reply) => {
    const { orderNo, openid } = request.body
    const order = await saveOrder(orderNo, openid, 888) // first: a webhook may be faster than the response
    try {
      if (order?.envelope_id === null) await sendEnvelope(order)
      return reply.code(201).send(await findOrder(orderNo))
    } catch (error) {
      if (!(error instanceof PingppError)) throw error
      // The envelope may exist. Post the order again with the same number, never with a new one.
      // 红包可能已发出：只能用原订单号重试，不能换新号。
      return reply.code(502).send({ error: error.code })
    }
  },
)

app.get<{ Params: { orderNo: string } }>('/orders/:orderNo', async (request, reply) => {
  const order = await findOrder(request.params.orderNo)
  return reply.code(order ? 200 : 404).send(order ?? { error: 'no such order' })
})

app.get('/health', async () => {
  await webhooks.ready() // Redis takes jobs
  return { ok: true }
})

const { PORT = '3000' } = process.env
console.log('Listening on', await app.listen({ port: Number(PORT), host: '0.0.0.0' }))

async function shutDown() {
  await app.close() // waits for the requests that run
  await webhooks.close()
  await queue.close()
  await pool.end()
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void shutDown())

async function sendEnvelope({ order_no, openid, amount }: Order): Promise<void> {
  const envelope = await pingpp.redEnvelopes.create({
    channel: 'wx_pub', // WeChat
    order_no,
    amount,
    currency: 'cny',
    recipient: openid,
    subject: '新年红包', // at most ten Chinese characters
    body: '恭喜发财',
    description: '感谢您的订单',
    extra: { send_name: '红包商店' },
  })
  await advanceOrder(pool, envelope, envelope.status)
}
