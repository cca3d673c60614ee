import { createWebhooks, isWebhookError, type PublicKeyInput, type Webhooks } from '@hongbao/core'
import { fetchWebhooks } from '@hongbao/core/fetch'
import { honoWebhooks } from '@hongbao/hono'
import { Hono } from 'hono'

// The app that every runtime serves. Bun, Deno and Workers all take a default export with `fetch`.

/** Put in by the bundler. */
declare const PUBLIC_KEY: string

const heard: Heard[] = []

/** What a handler heard. */
export interface Heard {
  readonly route: string
  readonly subject: string
  readonly amount: number
  readonly bytes: number | undefined
}

const app = new Hono()
app.post('/hono', honoWebhooks(createReceiver('/hono')))
const fetchRoute = fetchWebhooks(createReceiver('/fetch'), { path: '/fetch' })
app.all('/fetch', (context) => fetchRoute(context.req.raw))
app.get('/heard', (context) => context.json(heard))
app.get('/bad-keys', (context) => context.json(refusals()))

export default { fetch: (request: Request): Response | Promise<Response> => app.fetch(request) }

// Made where modules are loaded, as people write it: Workers allow neither timers nor randomness there.
function createReceiver(route: string): Webhooks {
  const webhooks = createWebhooks({ publicKey: PUBLIC_KEY, logger: false })
  webhooks.on('red_envelope.sent', async ({ data: { object } }, { rawBody }) => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    const { subject, amount } = object
    heard.push({ route, subject, amount, bytes: rawBody?.byteLength })
  })
  return webhooks
}

/** What keys that are none do at start-up: the name and code of the error. */
function refusals(): string[] {
  const keys: (PublicKeyInput | undefined)[] = [
    undefined,
    'not a key',
    PUBLIC_KEY.slice(0, 120),
    { path: '/nowhere/public.pem' },
  ]
  return keys.map((publicKey) => {
    try {
      createWebhooks({ publicKey })
      return 'accepted'
    } catch (error) {
      if (!(error instanceof TypeError) || isWebhookError(error)) throw error
      return `${error.name} ${'code' in error ? String(error.code) : 'without a code'}`
    }
  })
}
