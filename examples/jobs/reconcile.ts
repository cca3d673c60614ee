// Reconcile: what no webhook told reaches the same handlers, at once and every 5 minutes.
import { createPingppClient, createReconciler } from '@hongbao/client'
import { createWebhooks } from '@hongbao/core'

const publicKey = process.env.PINGPP_PUBLIC_KEY
const webhooks = createWebhooks({ publicKey }) // mount this one
webhooks.on('red_envelope.failed', ({ data: { object: envelope } }) => {
  console.log('failed', envelope.order_no, envelope.failure_msg)
})

const pingpp = createPingppClient({
  apiKey: process.env.PINGPP_API_KEY,
  privateKey: process.env.PINGPP_PRIVATE_KEY,
  publicKey,
  baseUrl: process.env.PINGPP_BASE_URL,
})
export const reconciler = createReconciler({ pingpp, webhooks, app: 'app_1Gqj58ynP0mHeX1q' })
reconciler.start()
