import { createPingppClient, createReconciler, PingppError } from '@hongbao/client'
import { createWebhooks } from '@hongbao/core'
import { honoWebhooks } from '@hongbao/hono'
import { Hono } from 'hono'
import { advanceOrder, findOrder, openOrders, saveOrder, type Order } from './orders.ts'

const {
  PINGPP_APP: appId = '',
  PINGPP_API_KEY: apiKey,
  PINGPP_PRIVATE_KEY: privateKey, // your own
  PINGPP_PUBLIC_KEY: publicKey, // Ping++'s
  PINGPP_BASE_URL: baseUrl, // the sandbox; unset in production
} = process.env

// The memory of an isolate is short: an event may be applied twice, which changes nothing. 内存去重不可靠，故更新须幂等。
const webhooks = createWebhooks({ publicKey, app: appId })
// Ping++ has webhooks for the first two. The reconciler finds the others. 后三种没有 webhook，由查询得到。
for (const status of ['sent', 'received', 'failed', 'refunding', 'refund'] as const) {
  webhooks.on(`red_envelope.${status}`, ({ data }) => advanceOrder(data.object, status))
}

const pingpp = createPingppClient({ apiKey, privateKey, publicKey, baseUrl, app: appId })
const reconciler = createReconciler({ pingpp, webhooks, app: appId, open: openOrders })

const app = new Hono()
app.post('/webhooks', honoWebhooks(webhooks))

// It sends money: put it behind your login. 会发钱，须放在登录校验之后。
app.post('/orders', async (c) => {
  const { orderNo, openid } = await c.req.json()
  if (!/^\d{1,28}$/.test(orderNo) || typeof openid !== 'string') {
    return c.json({ error: 'expected orderNo, 1 to 28 digits, and openid' }, 400)
  }
  const order = await saveOrder(orderNo, openid, 888) // first: a webhook may be faster than the response
  try {
    if (order?.envelope_id === null) await sendEnvelope(order)
    return c.json(await findOrder(orderNo), 201)
  } catch (error) {
    if (!(error instanceof PingppError)) throw error
    // The envelope may exist. Post the order again with the same number, never with a new one.
    // 红包可能已发出：只能用原订单号重试，不能换新号。
    return c.json({ error: error.code }, 502)
  }
})

app.get('/orders/:orderNo', async (c) => {
  const order = await findOrder(c.req.param('orderNo'))
  return order ? c.json(order) : c.json({ error: 'no such order' }, 404)
})

app.get('/health', (c) => c.json({ ok: true }))

const worker: ExportedHandler = {
  fetch: app.fetch,
  /** By the cron trigger of wrangler.jsonc. */
  async scheduled() {
    await reconciler.run()
  },
}
export default worker

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
  await advanceOrder(envelope, envelope.status)
}
