import { PingppError } from '@hongbao/client'
import { expressWebhooks } from '@hongbao/express'
import express from 'express'
import { createTable, findOrder, pool, saveOrder } from './orders.ts'
import { reconciler, sendEnvelope, webhooks } from './red-envelopes.ts'

await createTable()
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
  const order = await saveOrder(orderNo, openid, 888) // first: a webhook may be faster than the response
  try {
    if (order?.envelope_id === null) await sendEnvelope(order)
    response.status(201).json(await findOrder(orderNo))
  } catch (error) {
    if (!(error instanceof PingppError)) throw error
    // The envelope may exist. Post the order again with the same number, never with a new one.
    // 红包可能已发出：只能用原订单号重试，不能换新号。
    response.status(502).json({ error: error.code })
  }
})

app.get('/orders/:orderNo', async (request, response) => {
  const order = await findOrder(request.params.orderNo)
  response.status(order ? 200 : 404).json(order ?? { error: 'no such order' })
})

app.get('/health', async (_request, response) => {
  await webhooks.ready() // Postgres takes events
  response.json({ ok: true })
})

const { PORT = '3000' } = process.env
const server = app.listen(Number(PORT), () => console.log(`Listening on port ${PORT}`))
reconciler.start()

async function shutDown() {
  const closed = server[Symbol.asyncDispose]()
  await reconciler.close()
  await webhooks.close() // waits for running handlers, at most 10 s
  server.closeIdleConnections()
  await closed
  await pool.end()
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void shutDown())
