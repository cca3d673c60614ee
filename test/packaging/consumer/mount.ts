// Compiled against the installed packages: every adapter mounts on its framework without a cast,
// and what is wrong is a compile error.
import { createServer } from 'node:http'
import { createClient, isClientError, reconcile } from '@hongbao/client'
import {
  createWebhooks,
  isWebhookError,
  memoryInbox,
  unlisted,
  type Inbox,
  type RedEnvelope,
  type Report,
} from '@hongbao/core'
import { fetchWebhooks } from '@hongbao/core/fetch'
import { nodeWebhooks } from '@hongbao/core/node'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { expressWebhooks } from '@hongbao/express'
import { fastifyWebhooks } from '@hongbao/fastify'
import { honoWebhooks } from '@hongbao/hono'
import { koaWebhooks } from '@hongbao/koa'
import { startSandbox, type Sandbox } from '@hongbao/sandbox'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'

export const webhooks = createWebhooks({
  publicKey: process.env['PINGPP_PUBLIC_KEY'],
  inbox: memoryInbox({ maxKeys: 1000 }),
  observe: (report: Report) => console.log(report.outcome, report.durations.totalMs),
})

webhooks.on('red_envelope.sent', async ({ data: { object: envelope } }, { signal, receivedAt }) => {
  const exact: 'sent' = envelope.status
  const amount: number = envelope.amount
  const whole: RedEnvelope<'sent'> = envelope
  const stopped: boolean = signal.aborted
  console.log(exact, amount, whole, stopped, receivedAt.getTime())
  // @ts-expect-error -- a sent envelope has not been received
  const wrong: 'received' = envelope.status
  // @ts-expect-error -- the payload has no such property
  console.log(wrong, envelope.orderNo)
})

// @ts-expect-error -- a misspelt event type
webhooks.on('red_envelope.send', () => {})

// @ts-expect-error -- a handler gets an event and a context, not a request and a response
webhooks.on('red_envelope.received', (event, context, next: () => void) => next())

webhooks.on(unlisted('coupon.created'), (event) => {
  const payload: Readonly<Record<string, unknown>> = event.data.object
  console.log(payload)
})
webhooks.on('*', (event) => console.log(event.type, event.created))

// @ts-expect-error -- a key is required
createWebhooks({})

declare const transactional: Inbox<{ readonly tx: { query(sql: string): Promise<void> } }>
createWebhooks({ publicKey: '', inbox: transactional }).on(
  'charge.succeeded',
  async (event, { tx }) => {
    await tx.query(`update orders set paid = true where no = '${event.data.object.order_no}'`)
  },
)

express().post('/webhooks', expressWebhooks(webhooks))
express().use(expressWebhooks(webhooks, { path: '/webhooks' }))
new Koa().use(koaWebhooks(webhooks, { path: '/webhooks' }))
start(fastify().register(fastifyWebhooks, { webhooks, path: '/webhooks' }))
new Hono().post('/webhooks', honoWebhooks(webhooks))
createServer(nodeWebhooks(webhooks))
export const POST: (request: Request) => Promise<Response> = fetchWebhooks(webhooks)

// @ts-expect-error -- Fastify's plugin needs the receiver
start(fastify().register(fastifyWebhooks, { path: '/webhooks' }))

// @ts-expect-error -- no such option
expressWebhooks(webhooks, { paht: '/webhooks' })

const signed = signDelivery(eventFixture('red_envelope.received'), createTestKeys())
start(webhooks.handle(signed.delivery()))

export const client = createClient({ apiKey: process.env['PINGPP_API_KEY'] })
start(reconcile({ client, webhooks, app: 'app_1Gqj58ynP0mHeX1q' }).once({ dryRun: true }))
webhooks.on('red_envelope.refund', ({ data: { object } }) => {
  const exact: 'refund' = object.status
  console.log(exact, object.order_no)
})

// @ts-expect-error -- an amount is an integer in fen
start(client.redEnvelopes.create({ order_no: '1', amount: '1.00' }))

export const sandbox: Promise<Sandbox> = startSandbox({ clock: 'virtual', target: POST })

export function explain(error: unknown): string {
  if (isClientError(error)) return error.outcomeUnknown ? `ask for ${error.orderNo}` : error.code
  return isWebhookError(error) ? error.code : 'unknown'
}

/** CommonJS has no top-level await. */
function start(promise: PromiseLike<unknown>): void {
  void promise.then(() => undefined)
}
