import { originOf, withTimeout } from '@hongbao/core/internal'
import type { EventBroker, Warn } from '@hongbao/hand-off'
import { QueueError, type JobSettings } from '@hongbao/hand-off/internal'
import type { Queue, QueueOptions, WorkerOptions } from 'bullmq'
import { hangUp } from './close.ts'
import { listDeadLetters, redrive } from './dead-letters.ts'
import { warnOfEviction } from './eviction.ts'
import { warnOfFailovers } from './failover.ts'
import { createPersist } from './persist.ts'
import { warnOfSilence } from './silence.ts'
import { startWorker } from './worker.ts'

/** A BullMQ queue on Redis, and nothing else of it than is used here. */
export type RedisQueue = Pick<
  Queue,
  'name' | 'qualifiedName' | 'toKey' | 'add' | 'getJob' | 'getJobs' | 'getBackend' | 'on' | 'close'
>

/** How a queue on BullMQ works. */
export interface BrokerSettings {
  readonly connection: QueueOptions['connection']
  /** Whether BullMQ made its connections by itself, and not the app. */
  readonly ownsConnection: boolean
  readonly settings: JobSettings
  readonly worker: Omit<WorkerOptions, 'connection' | 'concurrency'>
  readonly warn: Warn
}

export function createBroker(queue: RedisQueue, how: BrokerSettings): EventBroker {
  const { warn } = how
  const complain = createComplaint(queue.qualifiedName, warn)
  queue.on('error', complain)
  void warnOfEviction(queue, warn)
  void warnOfFailovers(queue, warn)
  void warnOfSilence(queue, warn)
  return {
    name: queue.qualifiedName,
    persist: createPersist(queue, how.settings),
    take: (work) => startWorker(queue, { ...how, complain }, work),
    deadLetters: (selection) => listDeadLetters(queue, selection),
    redrive: (selection) => redrive(queue, selection),
    ready: () => ready(queue),
    async close() {
      // BullMQ waits for Redis without an end.
      const closing = queue.close().then(
        () => true,
        () => false,
      )
      const isClosed = await withTimeout(CLOSE_MS, closing, () => false)
      if (!isClosed && how.ownsConnection) hangUp(queue.getBackend())
    },
  }
}

const CLOSE_MS = 3000

/** BullMQ tells of a Redis that is down on every try to reach it. */
function createComplaint(name: string, warn: Warn): (error: Error) => void {
  let quietUntilMs = 0
  return function complain(error) {
    const nowMs = performance.now()
    if (nowMs < quietUntilMs) return
    quietUntilMs = nowMs + 60_000
    warn('bullmq-connection-failed', `The connection of ${name} has an error.`, { cause: error })
  }
}

async function ready(queue: RedisQueue): Promise<void> {
  try {
    // A read would be answered by a Redis that takes no jobs: a replica, or one that is full.
    const client = await queue.getBackend().client
    await client.set(queue.toKey('ready'), 1, { PX: 1000 })
  } catch (error) {
    throw new QueueError(
      'queue-not-ready',
      `Redis takes no jobs of ${queue.qualifiedName}.${originOf(error)} Check that it is up and the primary, and that it has memory.`,
      { cause: error },
    )
  }
}
