import * as bullmq from '@hongbao/bullmq'
import { createWebhooks, type Inbox, type Receiver, type Webhooks } from '@hongbao/core'
import { createTestKeys, type TestKeys } from '@hongbao/core/testing'
import * as pgBoss from '@hongbao/pg-boss'
import {
  postgresInbox,
  postgresJsPool,
  type PostgresClient,
  type PostgresPool,
} from '@hongbao/postgres'
import { redisInbox, type RedisClient } from '@hongbao/redis'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { Client, Pool } from 'pg'
import postgres from 'postgres'
import { createClient } from 'redis'
import { CLAIM, COMPLETE } from '../../packages/redis/src/scripts.ts'
import type { Host } from '../conformance/host.ts'
import { express5Host } from '../conformance/hosts/express5.ts'
import { fastifyHost } from '../conformance/hosts/fastify.ts'
import { honoHost } from '../conformance/hosts/hono.ts'
import { koa3Host } from '../conformance/hosts/koa3.ts'
import { openBoss } from '../servers/pg-boss.ts'
import { startPostgres } from '../servers/postgres.ts'
import { hasRedis, startRedis } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'

/** An app with a store that can fail. */
export interface Subject {
  readonly name: string
  readonly isHere: boolean
  readonly host: Host
  startServer(): Promise<TestServer>
  /** Opens the store as an app does that is never started again. */
  open(ports: Ports, patience: Patience): Promise<OpenSubject>
  /** What the app sends on behalf of one event, in order, and how to know it. */
  readonly steps: readonly (readonly [step: string, request: RegExp])[]
}

/** The app goes by the proxy; what looks on, and workers, go to the server itself. */
export interface Ports {
  readonly proxy: number
  readonly server: number
}

/** How long the app waits for its store. */
export type Patience = 'default' | 'short'

export interface OpenSubject {
  readonly receiver: Receiver
  /** How often the event of this id was applied. */
  countEffects(id: string): Promise<number>
  close(): Promise<unknown>
}

/** A key pair in Ping++'s place. */
export const PINGPP: TestKeys = createTestKeys()

const STEPS_OF_POSTGRES: Subject['steps'] = [
  ['the claim', /pg_try_advisory_xact_lock/],
  ['the effect', /insert into effects/],
  ['COMMIT', /;\s*commit/],
]

const STEPS_OF_REDIS: Subject['steps'] = [
  ['the claim', new RegExp(CLAIM.sha1)],
  ['the mark', new RegExp(COMPLETE.sha1)],
]

export const POSTGRES_INBOXES: readonly Subject[] = [
  {
    name: '@hongbao/postgres over pg, in Express',
    isHere: true,
    host: express5Host,
    startServer: () => startPostgres(),
    steps: STEPS_OF_POSTGRES,
    open(ports, patience) {
      const pool = new Pool(addressOf(ports.proxy))
      return openPostgres({ pool, end: () => pool.end() }, ports, patience)
    },
  },
  {
    name: '@hongbao/postgres over postgres, in Koa',
    isHere: true,
    host: koa3Host,
    startServer: () => startPostgres(),
    steps: STEPS_OF_POSTGRES,
    open(ports, patience) {
      const options = { ...addressOf(ports.proxy), max: 1, fetch_types: false, onnotice() {} }
      const pool = postgresJsPool(() => postgres(options))
      return openPostgres({ pool, end: () => pool.end() }, ports, patience)
    },
  },
]

export const REDIS_INBOXES: readonly Subject[] = [
  {
    name: '@hongbao/redis over ioredis, in Fastify',
    isHere: hasRedis,
    host: fastifyHost,
    startServer: startSafeRedis,
    steps: STEPS_OF_REDIS,
    async open(ports, patience) {
      const client = new Redis({ host: '127.0.0.1', port: ports.proxy, retryStrategy: () => 20 })
      client.on('error', () => {})
      return openRedis({ client, end: () => client.disconnect() }, patience)
    },
  },
  {
    name: '@hongbao/redis over node-redis, in Hono',
    isHere: hasRedis,
    host: honoHost,
    startServer: startSafeRedis,
    steps: STEPS_OF_REDIS,
    async open(ports, patience) {
      const socket = { host: '127.0.0.1', port: ports.proxy, reconnectStrategy: 20 }
      const client = createClient({ socket })
      client.on('error', () => {})
      await client.connect()
      return openRedis({ client, end: () => client.destroy() }, patience)
    },
  },
]

export const PG_BOSS_HAND_OFF: Subject = {
  name: '@hongbao/pg-boss, in Fastify',
  isHere: true,
  host: fastifyHost,
  startServer: () => startPostgres(),
  steps: [['the job', /insert into pgboss/i]],
  open: openPgBoss,
}

export const HAND_OFFS: readonly Subject[] = [
  {
    name: '@hongbao/bullmq, in Koa',
    isHere: hasRedis,
    host: koa3Host,
    startServer: startSafeRedis,
    // What `add` sends has the event in it; what comes next asks for the state of the job.
    steps: [
      ['the job', /evalsha[^]*keyFingerprint/],
      ['the state of the job', /evalsha(?![^]*keyFingerprint)/],
    ],
    open: openBullmq,
  },
  PG_BOSS_HAND_OFF,
]

/** With `everysec`, a Redis that is killed can forget what it has answered two seconds before. */
function startSafeRedis(): Promise<TestServer> {
  return startRedis({ settings: { appendfsync: 'always' } })
}

function addressOf(port: number) {
  return { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' }
}

const SHORT_MS = 200

function createReceiver<Context extends object>(
  inbox: Inbox<Context>,
  patience: Patience,
): Webhooks<Context> {
  const { publicKey } = PINGPP
  const handlerTimeoutMs = patience === 'short' ? 4 * SHORT_MS : undefined
  return createWebhooks<Context>({ publicKey, inbox, handlerTimeoutMs, logger: false })
}

/** The effect commits with the key; it is counted past the proxy. */
async function openPostgres<Lent extends PostgresClient>(
  { pool, end }: { readonly pool: PostgresPool<Lent>; readonly end: () => Promise<void> },
  ports: Ports,
  patience: Patience,
): Promise<OpenSubject> {
  const short = { commandTimeoutMs: SHORT_MS, transactionTimeoutMs: 2 * SHORT_MS }
  const inbox = postgresInbox({ pool, ...(patience === 'short' && short) })
  await inbox.ensureSchema()
  await ask(ports.server, 'create table if not exists effects (id text not null)')
  const receiver = createReceiver(inbox, patience)
  receiver.on('*', async ({ id }, { tx }) => {
    // Told apart by its text, so that no client sends the name of a prepared statement in its place.
    await tx.query(`insert into effects (id) values ($1) -- ${id}`, [id])
  })
  return {
    receiver,
    async countEffects(id) {
      return (await ask(ports.server, 'select from effects where id = $1', [id])).length
    },
    close: end,
  }
}

/** By a connection of its own, which no outage has met. */
async function ask(port: number, text: string, values: string[] = []): Promise<unknown[]> {
  const client = new Client(addressOf(port))
  await client.connect()
  try {
    return (await client.query<object>(text, values)).rows
  } finally {
    await client.end()
  }
}

/** The effect is in this process, which outlives all outages. */
function openRedis(
  { client, end }: { readonly client: RedisClient; readonly end: () => void },
  patience: Patience,
): OpenSubject {
  const commandTimeoutMs = patience === 'short' ? SHORT_MS : undefined
  // An event whose claim was lost with the server waits for its lease to end.
  const inbox = redisInbox({ client, commandTimeoutMs, leaseMs: 2000, onWarning() {} })
  const effects = createEffects()
  const receiver = createReceiver(inbox, patience).on('*', effects.apply)
  return { receiver, countEffects: effects.count, close: async () => end() }
}

async function openBullmq(ports: Ports, patience: Patience): Promise<OpenSubject> {
  const connection = { host: '127.0.0.1', retryStrategy: () => 20 }
  const queue = new Queue('events', { connection: { ...connection, port: ports.proxy } })
  queue.on('error', () => {})
  await queue.waitUntilReady()
  const effects = createEffects()
  const worker = bullmq.createEventWorker(effects.receiver, {
    name: 'events',
    connection: { ...connection, port: ports.server },
    logger: false,
    // A job that its worker lost with the server is found after a second, not after half a minute.
    worker: { lockDuration: 500, stalledInterval: 500 },
  })
  const confirmTimeoutMs = patience === 'short' ? SHORT_MS : undefined
  const handOff = bullmq.handOff(queue, { confirmTimeoutMs, logger: false })
  return {
    receiver: createReceiver(bullmq.handOffInbox(), patience).on('*', handOff),
    countEffects: effects.count,
    async close() {
      // A connection that is on its way back cannot be closed.
      await queue.getJobCounts()
      await Promise.all([worker.close(), queue.close()])
    },
  }
}

async function openPgBoss(ports: Ports, patience: Patience): Promise<OpenSubject> {
  const options = { supervise: false, schedule: false }
  const [boss, working] = await Promise.all([
    openBoss(addressOf(ports.proxy), options),
    openBoss(addressOf(ports.server), options),
  ])
  const effects = createEffects()
  const worker = await pgBoss.createEventWorker(effects.receiver, {
    boss: working,
    logger: false,
    pollingIntervalSeconds: 0.5,
  })
  const confirmTimeoutMs = patience === 'short' ? SHORT_MS : undefined
  const handOff = await pgBoss.handOff(boss, { confirmTimeoutMs })
  return {
    receiver: createReceiver(pgBoss.handOffInbox(), patience).on('*', handOff),
    countEffects: effects.count,
    async close() {
      await worker.close()
      await Promise.all([boss.stop({ graceful: false }), working.stop({ graceful: false })])
    },
  }
}

/** Effects of this process, and a receiver with a memory inbox that applies them, for workers. */
function createEffects() {
  const applied: (string | undefined)[] = []
  const apply = ({ id }: { readonly id?: string | undefined }): void => void applied.push(id)
  return {
    apply,
    receiver: createWebhooks({ publicKey: PINGPP.publicKey, logger: false }).on('*', apply),
    count: (id: string) => Promise.resolve(applied.filter((each) => each === id).length),
  }
}
