import {
  bullmqQueue,
  type BullmqQueueOptions,
  type EventJob,
  type EventQueue,
  type EventWorker,
} from '@hongbao/bullmq'
import { Queue } from 'bullmq'
import { hasRedis, startRedis } from '../../servers/redis.ts'
import type { HandOffHost, QueueClient, QueuedJob } from '../hand-off-host.ts'

export const bullmqHost: HandOffHost = {
  name: '@hongbao/bullmq',
  isHere: hasRedis,
  async start() {
    const server = await startRedis()
    return { server, kind: 'bullmq', url: server.url, close: () => server.close() }
  },
}

/** Connects to a queue of BullMQ. */
export async function connectBullmq(url: string, name: string): Promise<QueueClient> {
  const connection = { url, retryStrategy: () => 50 }
  const queue = new Queue<EventJob>(name, { connection })
  queue.on('error', () => {})
  await queue.waitUntilReady()
  const workers: EventWorker[] = []
  const opened: EventQueue[] = []

  function open(options: Partial<BullmqQueueOptions> = {}): EventQueue {
    const eventQueue = bullmqQueue({ name, connection, logger: false, ...options })
    opened.push(eventQueue)
    return eventQueue
  }

  async function jobs(): Promise<QueuedJob[]> {
    const all = await queue.getJobs()
    return Promise.all(
      all.map(async ({ data, id }) => {
        const state = await queue.getJobState(String(id))
        return { eventId: String(data.id), state: STATES[state] ?? 'open' }
      }),
    )
  }

  async function passTime(): Promise<void> {
    const delayed = await queue.getDelayed()
    // One that a worker has taken meanwhile is no longer delayed.
    await Promise.all(delayed.map((job) => job.promote().catch(() => {})))
  }

  const events = open()
  return {
    async receiver(publicKey, tries) {
      return open(tries).receiver({ publicKey, logger: false })
    },
    async work(webhooks, { onDeadLetter, crashes } = {}) {
      // A worker that died is noticed after a second, not a minute. If crashes are counted, a machine
      // that is busy should not be taken for one.
      const worker =
        crashes === undefined
          ? { lockDuration: 500, stalledInterval: 200 }
          : { lockDuration: 1500, stalledInterval: 200, maxStalledCount: crashes }
      workers.push(await open({ worker }).work(webhooks, { onDeadLetter }))
    },
    jobs,
    failed: async () => (await events.deadLetters()).map(({ eventId }) => String(eventId)),
    redrive: () => events.redrive(),
    passTime,
    // Every worker looks for dead ones by itself.
    noticeDeaths: () => Promise.resolve(),
    async close() {
      await Promise.all(workers.splice(0).map((worker) => worker.close()))
      await Promise.all([queue, ...opened].map((one) => one.close()))
    },
  }
}

const STATES: Readonly<Record<string, QueuedJob['state']>> = { completed: 'done', failed: 'failed' }
