// Reconcile: a status without a webhook reaches the same handlers, at once and every 5 minutes.
import { createPingppClient, createReconciler } from '@hongbao/client'
import { createWebhooks } from '@hongbao/core'

const {
  PINGPP_API_KEY: apiKey,
  PINGPP_PRIVATE_KEY: privateKey, // your own
  PINGPP_PUBLIC_KEY: publicKey, // Ping++'s
  PINGPP_BASE_URL: baseUrl, // the sandbox; unset in production
} = process.env
const webhooks = createWebhooks({ publicKey }) // mount it as well
webhooks.on('red_envelope.failed', ({ data: { object: envelope } }) => {
  console.log('failed', envelope.order_no, envelope.failure_msg)
})

const pingpp = createPingppClient({ apiKey, privateKey, publicKey, baseUrl })
createReconciler({ pingpp, webhooks, app: 'app_1Gqj58ynP0mHeX1q' }).start()
