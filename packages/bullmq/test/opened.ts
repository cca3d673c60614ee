import { createWebhooks, type Reply, type WebhookEvent, type Webhooks } from '@hongbao/core'
import { createTestKeys, signDelivery, type TestKeys } from '@hongbao/core/testing'
import { Queue, type Job, type QueueOptions } from 'bullmq'
import { afterAll, afterEach, beforeAll, vi } from 'vitest'
import {
  startRedis,
  type RedisServer,
  type RedisServerOptions,
} from '../../../test/servers/redis.ts'
import {
  createEventWorker,
  handOff,
  handOffInbox,
  type BullmqHandOffOptions,
  type BullmqWorkerOptions,
  type EventQueue,
  type EventWorker,
} from '../src/index.ts'

/** A key pair in Ping++'s place. */
export const PINGPP: TestKeys = createTestKeys()

/** What the tests of a file do with their Redis. */
export interface Opened {
  readonly redis: RedisServer
  /** How BullMQ reaches it. Redis is back at once after a restart, so do not wait long. */
  readonly connection: QueueOptions['connection']
  /** An empty queue, closed when the test is over. */
  openQueue(options?: Partial<QueueOptions>): Queue
  /** A worker, closed when the test is over. */
  startWorker(webhooks: Webhooks, queue: Queue, options?: Partial<BullmqWorkerOptions>): EventWorker
}

/** Starts a Redis for the tests of a file. */
export function useRedis(options: RedisServerOptions = {}): Opened {
  let redis: RedisServer | undefined
  let made = 0
  const queues: Queue[] = []
  const workers: EventWorker[] = []
  const opened: Opened = {
    get redis() {
      if (redis === undefined) throw new Error('Redis has not been started.')
      return redis
    },
    get connection() {
      return { host: '127.0.0.1', port: opened.redis.port, retryStrategy: () => 50 }
    },
    openQueue(how = {}) {
      made += 1
      const queue = new Queue(`hongbao-${made}`, { connection: opened.connection, ...how })
      // While Redis is down it has an error on every try to reach it.
      queue.on('error', () => {})
      queues.push(queue)
      return queue
    },
    startWorker(webhooks, queue, how = {}) {
      const { name } = queue
      const { connection } = opened
      const worker = createEventWorker(webhooks, { name, connection, logger: false, ...how })
      workers.push(worker)
      return worker
    },
  }

  beforeAll(async () => {
    redis = await startRedis(options)
  }, 60_000)

  afterEach(async () => {
    await opened.redis.start()
    // A connection that is on its way back cannot be closed.
    await Promise.all(queues.map((queue) => eventually(() => queue.getJobCounts())))
    await Promise.all([...workers.splice(0), ...queues.splice(0)].map((one) => one.close()))
  }, 30_000)

  afterAll(() => opened.redis.close())
  return opened
}

/** A receiver that hands off to a queue. */
export function receiverOf(queue: EventQueue, options: BullmqHandOffOptions = {}): Webhooks {
  const publicKey = PINGPP.publicKey
  const webhooks = createWebhooks({ publicKey, inbox: handOffInbox(), logger: false })
  return webhooks.on('*', handOff(queue, { logger: false, ...options }))
}

/** Delivers an event as Ping++ would. */
export function deliver(webhooks: Webhooks, event: WebhookEvent): Promise<Reply> {
  return webhooks.handle(signDelivery(event, PINGPP).delivery())
}

/** The only job of a queue, as Redis has it. */
export async function onlyJob(queue: Queue): Promise<Job> {
  const [job, ...others] = await queue.getJobs()
  if (job === undefined || others.length > 0) throw new Error('There is not exactly one job.')
  return job
}

/** Waits for what is to come. The machine may be busy; a test that fails takes this long. */
export function eventually<Value>(check: () => Value | Promise<Value>): Promise<Value> {
  return vi.waitFor(check, 15_000)
}
