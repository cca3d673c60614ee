const { createPingppClient, createReconciler, PingppError } = require('@hongbao/client')
const { createWebhooks } = require('@hongbao/core')
const { expressWebhooks } = require('@hongbao/express')
const express = require('express')
const { advanceOrder, findOrder, openOrders, saveOrder } = require('./orders.js')

const {
  PINGPP_APP: appId,
  PINGPP_API_KEY: apiKey,
  PINGPP_PRIVATE_KEY: privateKey, // your own
  PINGPP_PUBLIC_KEY: publicKey, // Ping++'s
  PINGPP_BASE_URL: baseUrl, // the sandbox; unset in production
  PORT = '3000',
} = process.env

const webhooks = createWebhooks({
  publicKey,
  app: appId,
  onError(error) {
    console.error(error) // the default log leaves the text of errors out
  },
})
// Ping++ has webhooks for the first two. The reconciler finds the others. 后三种没有 webhook，由查询得到。
for (const status of ['sent', 'received', 'failed', 'refunding', 'refund']) {
  webhooks.on(`red_envelope.${status}`, ({ data }) => advanceOrder(data.object, status))
}

const pingpp = createPingppClient({ apiKey, privateKey, publicKey, baseUrl, app: appId })
const reconciler = createReconciler({ pingpp, webhooks, app: appId, open: openOrders })

const app = express()
app.post('/webhooks', expressWebhooks(webhooks)) // before express.json(): it needs the raw body
app.use(express.json())

// It sends money: put it behind your login. 会发钱，须放在登录校验之后。
app.post('/orders', async (request, response) => {
  const { orderNo, openid } = request.body ?? {}
  if (!/^\d{1,28}$/.test(orderNo) || typeof openid !== 'string') {
    response.status(400).json({ error: 'expected orderNo, 1 to 28 digits, and openid' })
    return
  }
  const order = saveOrder(orderNo, openid, 888) // first: a webhook may be faster than the response
  try {
    if (order.envelope_id === null) await sendEnvelope(order)
    response.status(201).json(findOrder(orderNo))
  } catch (error) {
    if (!(error instanceof PingppError)) throw error
    // The envelope may exist. Post the order again with the same number, never with a new one.
    // 红包可能已发出：只能用原订单号重试，不能换新号。
    response.status(502).json({ error: error.code })
  }
})

app.get('/orders/:orderNo', (request, response) => {
  const order = findOrder(request.params.orderNo)
  response.status(order ? 200 : 404).json(order ?? { error: 'no such order' })
})

app.get('/health', (_request, response) => {
  response.json({ ok: true })
})

const server = app.listen(Number(PORT), () => console.log(`Listening on port ${PORT}`))
reconciler.start()

async function shutDown() {
  server.close()
  await reconciler.close()
  await webhooks.close() // waits for running handlers, at most 10 s
  server.closeIdleConnections()
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void shutDown())

async function sendEnvelope({ order_no, openid, amount }) {
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
  advanceOrder(envelope, envelope.status)
}
