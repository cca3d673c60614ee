import {
  bullmqQueue,
  type BullmqQueueOptions,
  type EventJob,
  type EventQueue,
  type EventWorker,
} from '@hongbao/bullmq'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { hasRedis, startRedis } from '../../servers/redis.ts'
import type {
  HandOffHost,
  QueueClient,
  QueuedJob,
  TestWorkOptions,
  Tries,
} from '../hand-off-host.ts'

export const bullmqHost: HandOffHost = {
  name: '@hongbao/bullmq',
  isHere: hasRedis,
  codesOfLostJob: ['bullmq-job-stalled'],
  async start() {
    const server = await startRedis()
    return { server, kind: 'bullmq', url: server.url, close: () => server.close() }
  },
  make: (options) => bullmqQueue({ connection: {}, ...options }),
}

/** Connects to a queue of BullMQ. */
export async function connectBullmq(url: string, name: string, tries: Tries): Promise<QueueClient> {
  const connection = { url, retryStrategy: () => 50 }
  const queue = new Queue<EventJob>(name, { connection })
  queue.on('error', () => {})
  await queue.waitUntilReady()
  const workers: EventWorker[] = []
  const opened: EventQueue[] = []

  function open(options: Partial<BullmqQueueOptions> = {}): EventQueue {
    const eventQueue = bullmqQueue({ name, connection, logger: false, ...tries, ...options })
    opened.push(eventQueue)
    return eventQueue
  }

  async function jobs(): Promise<QueuedJob[]> {
    const all = await queue.getJobs()
    return Promise.all(
      all.map(async ({ data, id, returnvalue, attemptsStarted, delay }) => {
        const state = STATES[await queue.getJobState(String(id))] ?? 'waiting'
        const outcome = state === 'done' ? String(returnvalue) : undefined
        const retries = Math.max(attemptsStarted - 1, 0)
        const pauseMs = delay === 0 ? undefined : delay
        return { eventId: String(data.id), state, outcome, retries, pauseMs, data }
      }),
    )
  }

  async function passTime(): Promise<void> {
    const delayed = await queue.getDelayed()
    // A job that a worker has taken in the meantime is no longer delayed.
    await Promise.all(delayed.map((job) => job.promote().catch(() => {})))
  }

  const events = open()
  return {
    async receiver(publicKey) {
      return open().receiver({ publicKey, logger: false })
    },
    async work(webhooks, { crashes, losesJobs, ...how } = {}) {
      const queueOfWorker = open({ worker: locksOf({ crashes, losesJobs }) })
      const worker = await queueOfWorker.work(webhooks, { logger: false, ...how })
      workers.push(worker)
      return worker
    },
    jobs,
    async add(data) {
      await queue.add('mail', data as EventJob, { attempts: 15 })
    },
    deadLetters: (options) => events.deadLetters(options),
    redrive: (options) => events.redrive(options),
    async contents() {
      const client = new Redis(url)
      const keys = await client.keys(`${queue.qualifiedName}:*`)
      const values = await Promise.all(keys.map((key) => valueOf(client, key)))
      client.disconnect()
      return JSON.stringify(values)
    },
    passTime,
    // Every worker looks for dead ones.
    noticeDeaths: () => Promise.resolve(),
    async close() {
      await Promise.all(workers.splice(0).map((worker) => worker.close()))
      await Promise.all([queue, ...opened].map((one) => one.close()))
    },
  }
}

function locksOf({ crashes, losesJobs }: Pick<TestWorkOptions, 'crashes' | 'losesJobs'>) {
  // BullMQ takes a worker for dead that is blocked for longer than its lock lasts.
  if (losesJobs) return { skipLockRenewal: true, skipStalledCheck: true, lockDuration: 1 }
  // A dead worker is detected after a second, not a minute. If crashes are counted, a busy machine
  // must not be taken for one.
  return crashes === undefined
    ? { lockDuration: 500, stalledInterval: 200 }
    : { lockDuration: 1500, stalledInterval: 200, maxStalledCount: crashes }
}

/** What Redis has at a key. Not with DUMP, which compresses texts. */
async function valueOf(client: Redis, key: string): Promise<unknown> {
  const type = await client.type(key)
  if (type === 'hash') return client.hgetall(key)
  if (type === 'list') return client.lrange(key, 0, -1)
  if (type === 'zset') return client.zrange(key, '0', '-1')
  if (type === 'stream') return client.xrange(key, '-', '+')
  if (type === 'set') return client.smembers(key)
  return client.get(key)
}

const STATES: Readonly<Record<string, QueuedJob['state']>> = {
  active: 'active',
  completed: 'done',
  failed: 'failed',
}
