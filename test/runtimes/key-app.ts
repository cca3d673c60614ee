import { createWebhooks } from '@hongbao/core'
import { fetchWebhooks } from '@hongbao/core/fetch'

// A worker whose key is in a secret manager, whose address comes with each request.
let keyUrl = ''
const webhooks = createWebhooks({ publicKey: readKey, logger: false })
webhooks.on('red_envelope.sent', () => {})
const hook = fetchWebhooks(webhooks)

const asked = Promise.withResolvers<void>()

async function readKey(): Promise<string> {
  asked.resolve()
  const response = await fetch(keyUrl)
  if (!response.ok) throw new Error(`The secret manager answered ${response.status}.`)
  return response.text()
}

const worker: { fetch(request: Request, env: Env, context: object): Promise<Response> } = {
  async fetch(request, env, context) {
    keyUrl = env.KEY_URL
    const answer = hook(request, env, context)
    if (new URL(request.url).pathname !== '/left') return answer
    // Ends while the key is read, as a request does whose sender leaves.
    await asked.promise
    return Response.json({ outcome: 'not awaited' })
  },
}
export default worker

interface Env {
  readonly KEY_URL: string
}
