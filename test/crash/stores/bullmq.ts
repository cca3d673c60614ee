import { bullmqQueue } from '@hongbao/bullmq'
import { Queue } from 'bullmq'
import { createQueueReceiver, createReceiver } from '../fixture.ts'
import type { Store } from '../store.ts'
import { createInboxTable, effectInTransaction, openInbox } from './postgres.ts'

const NAME = 'hongbao-events'

/** Hand-off to BullMQ; every process works on the queue, too, with a Postgres inbox. */
export const bullmqStore: Store = {
  prepare: ({ postgresUrl }) => createInboxTable(postgresUrl),

  async open(fixture) {
    const { redisPort } = fixture.setup
    const applying = createReceiver(fixture, { inbox: openInbox(fixture) })
    applying.on('*', effectInTransaction(fixture))
    const queue = bullmqQueue({
      name: NAME,
      connection: { ...connectionTo(redisPort), enableOfflineQueue: true },
      logger: false,
      backoffSeconds: 1,
      // A worker that has gone is noticed after this, not after half a minute.
      worker: { lockDuration: 2000, stalledInterval: 1000 },
    })
    await queue.work(applying)
    return createQueueReceiver(fixture, queue)
  },

  async countWaiting({ redisPort }) {
    const queue = openQueue(redisPort)
    try {
      const { waiting, active, delayed, prioritized } = await queue.getJobCounts()
      return [waiting, active, delayed, prioritized].reduce((sum: number, n) => sum + (n ?? 0), 0)
    } finally {
      await queue.close()
    }
  },
}

function openQueue(redisPort: number): Queue {
  const queue = new Queue(NAME, { connection: connectionTo(redisPort) })
  queue.on('error', () => {})
  return queue
}

function connectionTo(port: number) {
  return { host: '127.0.0.1', port, retryStrategy: () => 50 }
}
