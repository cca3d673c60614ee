import {
  createEventWorker,
  handOff,
  listFailed,
  redrive,
  type EventWorker,
  type HandedOffEvent,
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
  const queue = new Queue<HandedOffEvent>(name, { connection })
  queue.on('error', () => {})
  await queue.waitUntilReady()
  const workers: EventWorker[] = []

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

  return {
    handOff: (tries) => Promise.resolve(handOff(queue, { ...tries, logger: false })),
    async work(webhooks, { onFailed, crashes } = {}) {
      const worker = createEventWorker(webhooks, {
        name,
        connection,
        logger: false,
        // A worker that died is noticed after a second, not a minute. Where crashes are counted, a
        // machine that is busy should not be taken for one.
        worker:
          crashes === undefined
            ? { lockDuration: 500, stalledInterval: 200 }
            : { lockDuration: 1500, stalledInterval: 200, maxStalledCount: crashes },
        onFailed,
      })
      workers.push(worker)
      await worker.waitUntilReady()
    },
    jobs,
    failed: async () => (await listFailed(queue)).map(({ eventId }) => String(eventId)),
    redrive: () => redrive(queue),
    passTime,
    // Every worker looks for dead ones by itself.
    noticeDeaths: () => Promise.resolve(),
    async close() {
      await Promise.all(workers.splice(0).map((worker) => worker.close()))
      await queue.close()
    },
  }
}

const STATES: Readonly<Record<string, QueuedJob['state']>> = { completed: 'done', failed: 'failed' }
