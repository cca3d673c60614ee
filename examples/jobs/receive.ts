// Receive in Express.
import { createWebhooks } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import express from 'express'

const { PINGPP_PUBLIC_KEY: publicKey, PORT = '3000' } = process.env
const webhooks = createWebhooks({ publicKey })
webhooks.on('red_envelope.sent', ({ data: { object: envelope } }) => {
  console.log('sent', envelope.order_no, envelope.amount) // in fen
})

const app = express()
app.post('/webhooks', expressWebhooks(webhooks)) // before express.json(): it needs the raw body
app.listen(Number(PORT))
