// Compiled against the installed packages: every adapter mounts on its framework without a cast,
// every inbox takes its drivers and every hand-off its queue, and what is wrong is a compile error.
import { createServer } from 'node:http'
import * as bullmq from '@hongbao/bullmq'
import { createPingppClient, createReconciler, PingppError } from '@hongbao/client'
import {
  createWebhooks,
  memoryInbox,
  unlisted,
  WebhookError,
  type Inbox,
  type RedEnvelope,
  type WebhookReport,
} from '@hongbao/core'
import { fetchWebhooks } from '@hongbao/core/fetch'
import { lambdaWebhooks } from '@hongbao/core/lambda'
import { nodeWebhooks } from '@hongbao/core/node'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { expressWebhooks } from '@hongbao/express'
import { fastifyWebhooks } from '@hongbao/fastify'
import type { EventQueue } from '@hongbao/hand-off'
import { honoWebhooks } from '@hongbao/hono'
import { koaWebhooks } from '@hongbao/koa'
import * as pgBoss from '@hongbao/pg-boss'
import { postgresInbox, type PostgresClient } from '@hongbao/postgres'
import { postgresJsPool } from '@hongbao/postgres/postgres-js'
import { redisInbox } from '@hongbao/redis'
import { startSandbox, type Sandbox } from '@hongbao/sandbox'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { Cluster, Redis } from 'ioredis'
import Koa from 'koa'
import { Pool, type PoolClient } from 'pg'
// pg-boss is nothing but ES modules, of which CommonJS may import only types under `node16`.
import type { PgBoss } from 'pg-boss' with { 'resolution-mode': 'import' }
import postgres from 'postgres'
import { createClient as createRedisClient, createClientPool, createCluster } from 'redis'

export const webhooks = createWebhooks({
  publicKey: process.env['PINGPP_PUBLIC_KEY'],
  inbox: memoryInbox({ maxKeys: 1000 }),
  onReport: (report: WebhookReport) => console.log(report.outcome, report.durations.totalMs),
})

webhooks.on('red_envelope.sent', async ({ data: { object: envelope } }, { signal, receivedAt }) => {
  const sent: 'sent' | 'refunding' | 'received' | 'failed' | 'refund' = envelope.status
  const amount: number = envelope.amount
  const whole: RedEnvelope = envelope
  const stopped: boolean = signal.aborted
  console.log(sent, amount, whole, stopped, receivedAt.getTime())
  // @ts-expect-error -- a sent envelope is not on its way any more
  const wrong: 'sending' = envelope.status
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
export const handler: (event: object, context: object) => Promise<{ statusCode: number }> =
  lambdaWebhooks(webhooks)

// @ts-expect-error -- Fastify's plugin needs the receiver
start(fastify().register(fastifyWebhooks, { path: '/webhooks' }))

// @ts-expect-error -- no such option
expressWebhooks(webhooks, { paht: '/webhooks' })

const signed = signDelivery(eventFixture('red_envelope.received'), createTestKeys())
start(webhooks.handle(signed.delivery()))

export const pingpp = createPingppClient({ apiKey: process.env['PINGPP_API_KEY'] })
start(createReconciler({ pingpp, webhooks, app: 'app_1Gqj58ynP0mHeX1q' }).run({ dryRun: true }))
webhooks.on('red_envelope.refund', ({ data: { object } }) => {
  const exact: 'refund' = object.status
  console.log(exact, object.order_no)
})

// @ts-expect-error -- an amount is an integer in fen
start(pingpp.redEnvelopes.create({ order_no: '1', amount: '1.00' }))

export const sandbox: Promise<Sandbox> = startSandbox({ clock: 'virtual', target: POST })

export function explain(error: unknown): string {
  if (error instanceof PingppError)
    return error.notCreated ? error.code : `ask for ${error.orderNo}`
  return error instanceof WebhookError ? error.code : 'unknown'
}

const publicKey = process.env['PINGPP_PUBLIC_KEY']
const pool = new Pool()
export const overPg = createWebhooks({
  publicKey,
  inbox: postgresInbox({ pool, consumer: 'orders' }),
})
overPg.on('red_envelope.sent', async ({ data: { object } }, { tx, signal }) => {
  const lent: PoolClient = tx
  const { rows } = await tx.query<{ paid: number }>('select paid from orders', [object.order_no])
  const paid: number | undefined = rows[0]?.paid
  console.log(lent, paid, signal.aborted)
})
// @ts-expect-error -- Postgres lends a transaction, and no lease
overPg.on('red_envelope.sent', (_, { lease }) => console.log(lease))

const sqlPool = postgresJsPool(() => postgres({ max: 1, fetch_types: false }), { max: 5 })
const overPostgres = createWebhooks({
  publicKey,
  inbox: postgresInbox({ pool: sqlPool, consumer: 'orders' }),
})
overPostgres.on('red_envelope.sent', async ({ data: { object } }, { tx }) => {
  const lent: PostgresClient = tx
  await tx`update orders set paid = ${object.amount} where no = ${object.order_no}`
  console.log(lent)
})

// @ts-expect-error -- a single connection is no pool
postgresInbox({ pool: postgres(), consumer: 'orders' })

// @ts-expect-error -- an instance of `postgres` may replace a connection without its holder noticing
postgresJsPool(postgres())

for (const driver of [
  new Redis(),
  new Cluster([]),
  createRedisClient(),
  createClientPool(),
  createCluster({ rootNodes: [] }),
  { sendCommand: (args: string[]) => Promise.resolve(args) },
]) {
  const overRedis = createWebhooks({
    publicKey,
    inbox: redisInbox({ client: driver, consumer: 'orders' }),
  })
  overRedis.on('red_envelope.sent', (_, { lease }) => {
    const token: number = lease.token
    const lost: AbortSignal = lease.signal
    console.log(token, lost, lease.isTakeover)
  })
  // @ts-expect-error -- Redis lends a lease, and no transaction
  overRedis.on('red_envelope.sent', (_, { tx }) => console.log(tx))
}

// @ts-expect-error -- nothing that could send a command
redisInbox({ client: { get: (key: string) => Promise.resolve(key) }, consumer: 'orders' })

// @ts-expect-error -- misspelt
redisInbox({ client: new Redis(), consumer: 'orders', leaseMS: 60_000 })

const connection = { host: '127.0.0.1', port: 6379 }
const queue: EventQueue = bullmq.bullmqQueue({ connection, attempts: 5 })
express().post('/queue', expressWebhooks(queue.receiver({ publicKey })))
start(
  queue.work(overPg, {
    onDeadLetter: ({ eventType, eventId, reason }) => console.error(eventType, eventId, reason),
  }),
)
start(queue.redrive().then((count: number) => console.log(count)))

// @ts-expect-error -- a connection is needed
bullmq.bullmqQueue({ name: 'hongbao' })

// @ts-expect-error -- the receiver of a queue has no handlers
queue.receiver({ publicKey }).on('*', () => {})

declare const boss: PgBoss
start(pgBoss.pgBossQueue({ boss }).work(overPg, { concurrency: 2 }))

// @ts-expect-error -- misspelt
pgBoss.pgBossQueue({ boss, attempt: 3 })

/** CommonJS has no top-level await. */
function start(promise: PromiseLike<unknown>): void {
  void promise.then(() => undefined)
}
