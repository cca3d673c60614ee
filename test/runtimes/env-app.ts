import { createWebhooks } from '@hongbao/core'
import { fetchWebhooks } from '@hongbao/core/fetch'

// The README's worker: its key comes from the environment, where modules are loaded.
const webhooks = createWebhooks({ publicKey: process.env['PINGPP_PUBLIC_KEY'], logger: false })
webhooks.on('red_envelope.sent', () => {})

const worker: { readonly fetch: ReturnType<typeof fetchWebhooks> } = {
  fetch: fetchWebhooks(webhooks, { path: '/webhooks' }),
}
export default worker
