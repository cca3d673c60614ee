// A Cloudflare Worker, without the types of Node.
import { createWebhooks, type WebhookHandler } from '@hongbao/core'
import { fetchWebhooks } from '@hongbao/core/fetch'

declare const env: { readonly PINGPP_PUBLIC_KEY: string }

const onSent: WebhookHandler<'red_envelope.sent'> = (_, { rawBody }) => rawBody?.byteLength

const webhooks = createWebhooks({
  publicKey: env.PINGPP_PUBLIC_KEY,
  on: { 'red_envelope.sent': onSent },
})
const hook = fetchWebhooks(webhooks)

export default {
  fetch: (request: Request, bindings: unknown, context: unknown): Promise<Response> =>
    hook(request, bindings, context),
}
