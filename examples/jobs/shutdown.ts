// Shut down: no new connections, running handlers end, and Ping++ gets their replies.
import { createWebhooks } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import express from 'express'

const { PINGPP_PUBLIC_KEY: publicKey, ORDERS_URL, PORT = '3000' } = process.env
const webhooks = createWebhooks({ publicKey })
webhooks.on('red_envelope.sent', async ({ data: { object: envelope } }, { signal }) => {
  const url = `${ORDERS_URL}/${envelope.order_no}`
  const { ok } = await fetch(url, { method: 'PUT', body: 'sent', signal })
  if (!ok) throw new Error(`The order ${envelope.order_no} was not saved.`)
})

const app = express()
app.post('/webhooks', expressWebhooks(webhooks))
const server = app.listen(Number(PORT))

async function shutDown() {
  server.close()
  await webhooks.close() // at most 10 s
  server.closeIdleConnections()
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void shutDown()) // PM2 sends SIGINT
