// Error tracking: what a handler, the inbox or a key function threw goes to your tracker.
import { createWebhooks } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import express from 'express'
import { inspect } from 'node:util'

const webhooks = createWebhooks({
  publicKey: process.env.PINGPP_PUBLIC_KEY,
  async onError(error, { eventType, eventId }) {
    const body = JSON.stringify({ error: inspect(error), eventType, eventId })
    await fetch(process.env.TRACKER_URL ?? '', { method: 'POST', body })
  },
})
webhooks.on('red_envelope.sent', ({ data: { object: envelope } }) => {
  throw new Error(`Order ${envelope.order_no} is not saved yet.`)
})

const app = express()
app.post('/webhooks', expressWebhooks(webhooks))
export const server = app.listen(Number(process.env.PORT ?? 3000))
