// Two accounts of Ping++, each with its own key, app and path. The handlers are the same.
import { createWebhooks, type WebhookHandlers } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import express from 'express'

const { NORTH_PUBLIC_KEY, SOUTH_PUBLIC_KEY, PORT = '3000' } = process.env
const on: WebhookHandlers = {
  'red_envelope.sent': ({ data: { object: envelope } }) => {
    console.log('sent', envelope.order_no, envelope.amount)
  },
}
const north = createWebhooks({ publicKey: NORTH_PUBLIC_KEY, app: 'app_north', on })
const south = createWebhooks({ publicKey: SOUTH_PUBLIC_KEY, app: 'app_south', on })

const app = express()
app.post('/webhooks/north', expressWebhooks(north))
app.post('/webhooks/south', expressWebhooks(south))
app.listen(Number(PORT))
