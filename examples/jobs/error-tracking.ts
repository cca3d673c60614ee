// Error tracking: what a handler, the inbox or a key function threw goes to your tracker.
import { createWebhooks } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import express from 'express'
import { inspect } from 'node:util'

const { PINGPP_PUBLIC_KEY: publicKey, TRACKER_URL = '', PORT = '3000' } = process.env
const webhooks = createWebhooks({
  publicKey,
  async onError(error, { eventType, eventId }) {
    const body = JSON.stringify({ error: inspect(error), eventType, eventId })
    await fetch(TRACKER_URL, { method: 'POST', body })
  },
})
webhooks.on('red_envelope.sent', ({ data: { object: envelope } }) => {
  throw new Error(`Order ${envelope.order_no} is not saved yet.`)
})

const app = express()
app.post('/webhooks', expressWebhooks(webhooks))
app.listen(Number(PORT))
