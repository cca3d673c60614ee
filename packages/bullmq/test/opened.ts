import type { Reply, WebhookEvent, Webhooks } from '@hongbao/core'
import { createTestKeys, signDelivery, type TestKeys } from '@hongbao/core/testing'
import { Queue, type Job, type QueueOptions } from 'bullmq'
import { afterAll, afterEach, beforeAll, vi } from 'vitest'
import {
  startRedis,
  type RedisServer,
  type RedisServerOptions,
} from '../../../test/servers/redis.ts'
import {
  type DeadLetter,
  type EventQueue,
  type EventWorker,
  type JobOptions,
  type QueueReceiver,
  type RedriveOptions,
  type WorkOptions,
} from '@hongbao/hand-off'
import { openEventQueue, readJobOptions } from '@hongbao/hand-off/internal'
import { createBroker } from '../src/bullmq-queue.ts'
import type { RedisQueue } from '../src/connection.ts'
import type { BullmqQueueOptions, BullmqWarningCode } from '../src/index.ts'

/** A key pair in Ping++'s place. */
export const PINGPP: TestKeys = createTestKeys()

/** The Redis of the tests of a file. */
export interface Opened {
  readonly redis: RedisServer
  /** How BullMQ reaches it. Redis is back at once after a restart, so do not wait long. */
  readonly connection: QueueOptions['connection']
  /** An empty queue, closed when the test is over. */
  openQueue(options?: Partial<QueueOptions>): Queue
  /** A worker, closed when the test is over. */
  startWorker(
    webhooks: Webhooks,
    queue: Queue,
    options?: WorkOptions & Partial<BullmqQueueOptions>,
  ): Promise<EventWorker>
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
      const { port } = opened.redis
      return { host: '127.0.0.1', port, retryStrategy: () => 50, socketTimeout: 5000 }
    },
    openQueue(how = {}) {
      made += 1
      const queue = new Queue(`hongbao-${made}`, { connection: opened.connection, ...how })
      // While Redis is down it has an error on every try to reach it.
      queue.on('error', () => {}).setMaxListeners(0)
      queues.push(queue)
      return queue
    },
    async startWorker(webhooks, queue, how = {}) {
      const { concurrency, acceptUnsigned, onDeadLetter, ...rest } = how
      const { connection } = opened
      const { logger = false, onWarning } = rest
      const work = { concurrency, acceptUnsigned, onDeadLetter, onWarning, logger }
      const worker = await eventQueueOf(queue, { connection, ...rest }).work(webhooks, work)
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

/** The event queue on a queue of BullMQ, which is the test's to close. */
export function eventQueueOf(
  queue: RedisQueue & Partial<Pick<Queue, 'opts'>>,
  options: Partial<BullmqQueueOptions> = {},
): EventQueue {
  const { connection = queue.opts?.connection ?? {}, worker, ...rest } = options
  const given: JobOptions<BullmqWarningCode> = { logger: false, ...rest }
  const jobs = readJobOptions('bullmqQueue', given, {})
  const settings = { ...jobs, connection, prefix: 'bull', worker }
  return openEventQueue(createBroker(queue, settings), settings)
}

/** A receiver that stores what it receives in a queue. */
export function receiverOf(
  queue: RedisQueue,
  options: Partial<BullmqQueueOptions> = {},
): QueueReceiver {
  const { publicKey } = PINGPP
  return eventQueueOf(queue, options).receiver({ publicKey, logger: false })
}

export function deadLettersOf(queue: Queue, options?: { limit: number }): Promise<DeadLetter[]> {
  return eventQueueOf(queue).deadLetters(options)
}

export function redrive(queue: Queue, options?: RedriveOptions): Promise<number> {
  return eventQueueOf(queue).redrive(options)
}

/** Delivers an event as Ping++ would. */
export function deliver(receiver: QueueReceiver, event: WebhookEvent): Promise<Reply> {
  return receiver.handle(signDelivery(event, PINGPP).delivery())
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
