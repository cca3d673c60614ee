import { bullmqQueue } from '@hongbao/bullmq'
import {
  createWebhooks,
  type Inbox,
  type NoContext,
  type Receiver,
  type Webhooks,
} from '@hongbao/core'
import { createTestKeys, type TestKeys } from '@hongbao/core/testing'
import type { EventQueue, QueueReceiver } from '@hongbao/hand-off'
import { pgBossQueue } from '@hongbao/pg-boss'
import {
  postgresInbox,
  schemaSql,
  type PostgresClient,
  type PostgresPool,
  type PgContext,
} from '@hongbao/postgres'
import { postgresJsPool } from '@hongbao/postgres/postgres-js'
import { redisInbox, type RedisContext, type RedisClient } from '@hongbao/redis'
import { Redis } from 'ioredis'
import { Client, Pool } from 'pg'
import type { PgBoss } from 'pg-boss'
import postgres from 'postgres'
import { createClient, type RedisClientType } from 'redis'
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
import { runReadme, type Program } from './outage-readmes.ts'

/** An app with a store that can fail. */
export interface Subject {
  readonly name: string
  readonly isHere: boolean
  readonly host: Host
  startServer(): Promise<TestServer>
  /** Opens the store as an app does that is never started again. */
  open(ports: Ports, patience: Patience): Promise<OpenSubject>
  /** Runs the app that the README of its package shows, with effects that can be counted. */
  openReadme(ports: Ports): Promise<OpenSubject>
  /** How many connections that one has at the most. */
  readonly connections: number
  /** What the app sends on behalf of one event, in order, and how to know it. */
  readonly steps: readonly [Step, ...Step[]]
}

type Step = readonly [step: string, request: RegExp]

/** The app goes by the proxy; what looks on, and workers, go to the server itself. */
export interface Ports {
  readonly proxy: number
  readonly server: number
}

/** How long the app waits for its store: as ever, for handlers no longer than 1.8 s, or hardly at all. */
export type Patience = 'default' | '1.8 s' | 'short'

export interface OpenSubject {
  readonly receiver: Receiver
  /** How often the event of this id was applied. */
  countEffects(id: string): Promise<number>
  close(): Promise<unknown>
}

/** A key pair in Ping++'s place. */
export const PINGPP: TestKeys = createTestKeys()

/** The step that is a statement of the handler, and no concern of an inbox. */
export const EFFECT = 'the effect'

const STEPS_OF_POSTGRES: Subject['steps'] = [
  ['the claim', /pg_try_advisory_xact_lock/],
  [EFFECT, /insert into effects/],
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
    openReadme: (ports) => openPostgresReadme(['postgres', 0], ports),
    connections: 10,
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
    openReadme: (ports) => openPostgresReadme(['postgres', 1], ports),
    connections: 10,
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
    async openReadme(ports) {
      const app = await openProgram<RedisApp & { redis: Redis }>(['redis', 0], ports)
      return { ...countEffectsOf(app), close: async () => app.redis.disconnect() }
    },
    connections: 1,
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
    async openReadme(ports) {
      const app = await openProgram<RedisApp & { redis: RedisClientType }>(['redis', 2], ports)
      return { ...countEffectsOf(app), close: async () => app.redis.destroy() }
    },
    connections: 1,
  },
]

export const PG_BOSS_HAND_OFF: Subject = {
  name: '@hongbao/pg-boss, in Fastify',
  isHere: true,
  host: fastifyHost,
  startServer: () => startPostgres(),
  steps: [['the job', /insert into pgboss/i]],
  open: openPgBoss,
  async openReadme(ports) {
    const { receiver, boss } = await openProgram<QueueApp & { boss: PgBoss }>(['pg-boss', 0], ports)
    const work = await workPgBoss(ports)
    return {
      receiver,
      countEffects: work.countEffects,
      close: () => Promise.all([work.close(), boss.stop({ graceful: false })]),
    }
  },
  connections: 10,
}

export const BULLMQ_HAND_OFF: Subject = {
  name: '@hongbao/bullmq, in Koa',
  isHere: hasRedis,
  host: koa3Host,
  startServer: startSafeRedis,
  // What `add` sends has the event in it; the next message queries the state of the job.
  steps: [
    ['the job', /evalsha[^]*receivedAt/],
    ['the state of the job', /evalsha(?![^]*receivedAt)/],
  ],
  open: openBullmq,
  async openReadme(ports) {
    const { receiver, queue } = await openProgram<QueueApp>(['bullmq', 0], ports)
    const work = await workBullmq('hongbao-events', ports)
    return {
      receiver,
      countEffects: work.countEffects,
      close: () => Promise.all([work.close(), queue.close()]),
    }
  },
  connections: 1,
}

export const HAND_OFFS: readonly Subject[] = [BULLMQ_HAND_OFF, PG_BOSS_HAND_OFF]

/** With `everysec`, a Redis that is killed can forget what it has answered two seconds before. */
function startSafeRedis(): Promise<TestServer> {
  return startRedis({ settings: { appendfsync: 'always' } })
}

function addressOf(port: number) {
  return { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' }
}

const SHORT_MS = 200

const HANDLER_TIMEOUTS_MS: Readonly<Record<Patience, number | undefined>> = {
  default: undefined,
  '1.8 s': 1800,
  short: 4 * SHORT_MS,
}

function createReceiver<Context extends object>(
  inbox: Inbox<Context>,
  patience: Patience,
): Webhooks<Context> {
  const { publicKey } = PINGPP
  const handlerTimeoutMs = HANDLER_TIMEOUTS_MS[patience]
  return createWebhooks<Context>({ publicKey, inbox, handlerTimeoutMs, logger: false })
}

/** The effect commits with the key; it is counted past the proxy. */
async function openPostgres<Lent extends PostgresClient>(
  { pool, end }: { readonly pool: PostgresPool<Lent>; readonly end: () => Promise<void> },
  ports: Ports,
  patience: Patience,
): Promise<OpenSubject> {
  const short = { commandTimeoutMs: SHORT_MS, transactionTimeoutMs: 2 * SHORT_MS }
  const inbox = postgresInbox({ pool, consumer: 'orders', ...(patience === 'short' && short) })
  await inbox.ensureSchema()
  await ask(ports.server, 'create table if not exists effects (id text not null)')
  const receiver = createReceiver(inbox, patience)
  receiver.on('*', async ({ id }, { tx }) => {
    // Told apart by its text, so that no client sends the name of a prepared statement in its place.
    await tx.query(`insert into effects (id) values ($1) -- ${id}`, [id])
  })
  return { receiver, ...countRows(ports), close: end }
}

function countRows(ports: Ports): Pick<OpenSubject, 'countEffects'> {
  return {
    async countEffects(id) {
      return (await ask(ports.server, 'select from effects where id = $1', [id])).length
    },
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
  const inbox = redisInbox({
    client,
    consumer: 'orders',
    commandTimeoutMs,
    leaseMs: 2000,
    onWarning() {},
  })
  const effects = createEffects()
  const receiver = createReceiver(inbox, patience).on('*', effects.apply)
  return { receiver, countEffects: effects.count, close: async () => end() }
}

/** What a program of a README exports. */
interface App<Context extends object = NoContext> {
  readonly webhooks: Webhooks<Context>
}

/** What the receiver of a README of a queue exports. */
interface QueueApp {
  readonly receiver: QueueReceiver
  readonly queue: EventQueue
}

type PostgresApp = App<PgContext>
type RedisApp = App<RedisContext>

/** Its store is behind the proxy, except for a database that is named. */
export function openProgram<Module>(
  program: Program,
  { proxy }: Pick<Ports, 'proxy'>,
  databaseUrl = `postgres://postgres@127.0.0.1:${proxy}/postgres`,
): Promise<Module> {
  return runReadme<Module>(program, {
    PINGPP_PUBLIC_KEY: PINGPP.publicKey,
    DATABASE_URL: databaseUrl,
    REDIS_URL: `redis://127.0.0.1:${proxy}`,
  })
}

/** The program closes nothing; what it has open ends with the server. */
async function openPostgresReadme(program: Program, ports: Ports): Promise<OpenSubject> {
  await prepareReadme(ports.server)
  const { webhooks } = await openProgram<PostgresApp>(program, ports)
  webhooks.on('*', async ({ id }, { tx }) => {
    await tx.query('insert into effects (id) values ($1)', [id])
  })
  return { receiver: webhooks, ...countRows(ports), close: async () => {} }
}

/** The tables that the programs of the README of @hongbao/postgres need. */
export async function prepareReadme(port: number): Promise<void> {
  await ask(port, schemaSql())
  await ask(port, 'create table if not exists effects (id text not null)')
  await ask(
    port,
    'create table if not exists orders (order_no text primary key, status text not null)',
  )
  // The order of every event of `newEvent`.
  await ask(port, `insert into orders values ('123456789', 'sending') on conflict do nothing`)
}

function countEffectsOf({ webhooks }: RedisApp): Omit<OpenSubject, 'close'> {
  const effects = createEffects()
  return { receiver: webhooks.on('*', effects.apply), countEffects: effects.count }
}

// The apps of one test must not work off each other's events.
let queues = 0

function newQueueName(): string {
  queues += 1
  return `events-${queues}`
}

/** A worker, past the proxy. */
type Work = Omit<OpenSubject, 'receiver'>

async function openBullmq(ports: Ports, patience: Patience): Promise<OpenSubject> {
  const name = newQueueName()
  const queue = bullmqQueue({
    name,
    connection: { host: '127.0.0.1', port: ports.proxy, retryStrategy: () => 20 },
    confirmTimeoutMs: patience === 'short' ? SHORT_MS : undefined,
    logger: false,
  })
  await queue.ready()
  const work = await workBullmq(name, ports)
  return {
    receiver: queue.receiver({ publicKey: PINGPP.publicKey, logger: false }),
    countEffects: work.countEffects,
    close: () => Promise.all([work.close(), queue.close()]),
  }
}

async function workBullmq(name: string, ports: Ports): Promise<Work> {
  const effects = createEffects()
  const queue = bullmqQueue({
    name,
    connection: { host: '127.0.0.1', port: ports.server, retryStrategy: () => 20 },
    logger: false,
    // A job that its worker lost with the server is found after a second, not after half a minute.
    worker: { lockDuration: 500, stalledInterval: 500 },
  })
  const worker = await queue.work(effects.receiver)
  return {
    countEffects: effects.count,
    async close() {
      await worker.close()
      await queue.close()
    },
  }
}

async function openPgBoss(ports: Ports, patience: Patience): Promise<OpenSubject> {
  const name = newQueueName()
  const boss = await openBoss(addressOf(ports.proxy), QUIET)
  const work = await workPgBoss(ports, name)
  const confirmTimeoutMs = patience === 'short' ? SHORT_MS : undefined
  const queue = pgBossQueue({ boss, name, confirmTimeoutMs, logger: false })
  await queue.ready()
  return {
    receiver: queue.receiver({ publicKey: PINGPP.publicKey, logger: false }),
    countEffects: work.countEffects,
    async close() {
      await work.close()
      await boss.stop({ graceful: false })
    },
  }
}

async function workPgBoss(ports: Ports, name?: string): Promise<Work> {
  const boss = await openBoss(addressOf(ports.server), QUIET)
  const effects = createEffects()
  const queue = pgBossQueue({ boss, name, logger: false, pollingIntervalSeconds: 0.5 })
  const worker = await queue.work(effects.receiver)
  return {
    countEffects: effects.count,
    async close() {
      await worker.close()
      await boss.stop({ graceful: false })
    },
  }
}

const QUIET = { supervise: false, schedule: false }

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
