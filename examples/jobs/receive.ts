// Receive in Express.
import { createWebhooks } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import express from 'express'

const webhooks = createWebhooks({ publicKey: process.env.PINGPP_PUBLIC_KEY })
webhooks.on('red_envelope.sent', ({ data: { object: envelope } }) => {
  console.log('sent', envelope.order_no, envelope.amount) // in fen
})

const app = express()
app.post('/webhooks', expressWebhooks(webhooks)) // before express.json(): it needs the raw body
export const server = app.listen(Number(process.env.PORT ?? 3000))
