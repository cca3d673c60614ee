import { createPingppClient, PingppError } from '@hongbao/client'
import {
  createWebhooks,
  WebhookError,
  type PublicKeyInput,
  type TracedDelivery,
  type Webhooks,
} from '@hongbao/core'
import { fetchWebhooks } from '@hongbao/core/fetch'
import { honoWebhooks } from '@hongbao/hono'
import { Hono, type ExecutionContext } from 'hono'

// The app that every runtime serves. Bun, Deno and Workers all take a default export with `fetch`.

/** Put in by the bundler: Ping++'s key, and the merchant's own. */
declare const PUBLIC_KEY: string
declare const PRIVATE_KEY: string

const heard: Heard[] = []

/** What a handler received. */
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
app.get('/create', async (context) => context.json(await createEnvelope(context.req.query())))

app.post('/slow/hono', honoWebhooks(createSlowReceiver(300)))
app.get('/runs', (context) => context.json(runs.get(context.req.query('order') ?? '') ?? NONE))
const slowFetch = fetchWebhooks(createSlowReceiver(300), { path: '/slow/fetch' })
const slowBare = fetchWebhooks(createSlowReceiver(300), { path: '/slow/bare' })
const patient = fetchWebhooks(createSlowReceiver(60_000), { path: '/patient' })

export default {
  fetch(request: Request, ...context: unknown[]): Response | Promise<Response> {
    const { pathname } = new URL(request.url)
    if (pathname === '/slow/fetch') return slowFetch(request, ...context)
    // As on a host without `waitUntil`: only the request.
    if (pathname === '/slow/bare') return slowBare(request)
    if (pathname === '/patient') return patient(request)
    if (pathname === '/left') return answerWithoutHandlers(request)
    if (pathname === '/traced') return answerTraced(request)
    return app.fetch(request, ...(context as [object, ExecutionContext]))
  },
}

/** Answers while its handlers run, so that their request ends before their deadline. */
async function answerWithoutHandlers(request: Request): Promise<Response> {
  const url = new URL(request.url)
  const order = url.searchParams.get('order') ?? ''
  void patient(new Request(new URL('/patient', url), request))
  while (!runs.has(order)) {
    // There is no signal when a handler begins.
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return Response.json({ outcome: 'not awaited' })
}

const traced = fetchWebhooks(createReceiver('/traced'), { path: '/traced' })
const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error']

/** Answers with what subscribers of the tracing channel saw; one throws at the event that the query names. */
async function answerTraced(request: Request): Promise<Response> {
  const channels = process.getBuiltinModule('node:diagnostics_channel')
  const throwsAt = new URL(request.url).searchParams.get('throws')
  // Except on Workers, where the publisher gets it, the error of a subscriber is an uncaught exception.
  if (throwsAt !== null) process.on('uncaughtException', () => {})
  const seen: unknown[] = []
  const subscribers = EVENTS.map((event) => {
    const name = `tracing:hongbao:delivery:${event}`
    const subscriber = (message: unknown): void => {
      seen.push([event, (message as TracedDelivery).report?.outcome])
      if (event === throwsAt) throw new Error('tracing is down')
    }
    channels.subscribe(name, subscriber)
    return () => channels.unsubscribe(name, subscriber)
  })
  const { status } = await traced(request)
  for (const unsubscribe of subscribers) unsubscribe()
  return Response.json({ status, seen })
}

/** How often handlers began and ended for an order. */
export interface Runs {
  begun: number
  ended: number
}

const NONE: Runs = { begun: 0, ended: 0 }
const runs = new Map<string, Runs>()

/** A receiver whose handler waits for a server at its first run, and is quick after that. */
function createSlowReceiver(handlerTimeoutMs: number): Webhooks {
  const webhooks = createWebhooks({ publicKey: PUBLIC_KEY, handlerTimeoutMs, logger: false })
  webhooks.on('red_envelope.sent', async ({ data: { object } }) => {
    const run = runs.get(object.order_no) ?? { ...NONE }
    runs.set(object.order_no, run)
    run.begun += 1
    if (run.begun === 1) await fetch(object.description).then((response) => response.text())
    run.ended += 1
  })
  return webhooks
}

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
      if (!(error instanceof TypeError) || error instanceof WebhookError) throw error
      return `${error.name} ${'code' in error ? String(error.code) : 'without a code'}`
    }
  })
}

/** Creates an envelope and queries it: the answers, or the code of the error. */
async function createEnvelope({
  baseUrl,
  timeoutMs,
  orderNo = '',
}: Record<string, string>): Promise<object> {
  const client = createPingppClient({
    apiKey: 'sk_test_ibbTe5jLGCi5rzfH4OqPW9KC',
    privateKey: PRIVATE_KEY,
    publicKey: PUBLIC_KEY,
    baseUrl,
    timeoutMs: Number(timeoutMs),
    retries: 1,
  })
  try {
    const { id } = await client.redEnvelopes.create({
      app: { id: 'app_1Gqj58ynP0mHeX1q' },
      channel: 'wx_pub',
      order_no: orderNo,
      amount: 100,
      currency: 'cny',
      recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
      subject: '新年红包 🧧',
      body: '恭喜发财',
      description: '春节活动',
      extra: { send_name: '红包商店' },
    })
    return await client.redEnvelopes.retrieve(id)
  } catch (error) {
    if (!(error instanceof PingppError)) throw error
    return { code: error.code, attempts: error.attempts, notCreated: error.notCreated }
  }
}
