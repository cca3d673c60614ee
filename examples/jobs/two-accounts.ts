// Two accounts of Ping++, each with its own key, app and path. The handlers are the same.
import { createWebhooks, type WebhookHandlers } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import express from 'express'

const on: WebhookHandlers = {
  'red_envelope.sent': ({ data: { object: envelope } }) => {
    console.log('sent', envelope.order_no, envelope.amount)
  },
}
const north = createWebhooks({ publicKey: process.env.NORTH_PUBLIC_KEY, app: 'app_north', on })
const south = createWebhooks({ publicKey: process.env.SOUTH_PUBLIC_KEY, app: 'app_south', on })

const app = express()
app.post('/webhooks/north', expressWebhooks(north))
app.post('/webhooks/south', expressWebhooks(south))
export const server = app.listen(Number(process.env.PORT ?? 3000))
