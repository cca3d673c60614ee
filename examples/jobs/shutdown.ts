// Shut down: no new connections, running handlers end, and Ping++ gets their replies.
import { createWebhooks } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import express from 'express'

const webhooks = createWebhooks({ publicKey: process.env.PINGPP_PUBLIC_KEY })
webhooks.on('red_envelope.sent', async ({ data: { object: envelope } }, { signal }) => {
  const url = `${process.env.ORDERS_URL}/${envelope.order_no}`
  const { ok } = await fetch(url, { method: 'PUT', body: 'sent', signal })
  if (!ok) throw new Error(`The order ${envelope.order_no} was not saved.`)
})

const app = express()
app.post('/webhooks', expressWebhooks(webhooks))
const server = app.listen(Number(process.env.PORT ?? 3000))

async function shutDown() {
  server.close()
  await webhooks.close() // at most 10 s
  server.closeIdleConnections()
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, shutDown) // PM2 sends SIGINT
