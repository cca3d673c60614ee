import { asGiven, must, optional, originOf } from '@hongbao/core/internal'
import type { EventBroker, EventQueue, JobOptions } from '@hongbao/hand-off'
import { createWarn, openEventQueue, QueueError, readJobOptions } from '@hongbao/hand-off/internal'
import { Queue, type QueueOptions, type WorkerOptions } from 'bullmq'
import {
  disconnect,
  forReceivers,
  refuseSplitQueue,
  type BrokerSettings,
  type RedisQueue,
} from './connection.ts'
import { listDeadLetters, redrive } from './dead-letters.ts'
import { persist } from './persist.ts'
import { warnOfSettings } from './redis-settings.ts'
import type { BullmqWarningCode, Warn } from './warnings.ts'
import { startWorker } from './worker.ts'

/** Options of {@link bullmqQueue}. Wrong ones are refused with an `OptionError`. */
export interface BullmqQueueOptions extends JobOptions<BullmqWarningCode> {
  /**
   * BullMQ's connection to Redis: `{ url }` or `{ host, port }` with further options of ioredis, some
   * of which hongbao sets; or an ioredis client of your own with `maxRetriesPerRequest: null`, which
   * hongbao does not change and you close.
   */
  readonly connection: QueueOptions['connection']
  /** The name of the queue. Default: `'hongbao-events'`. */
  readonly name?: string | undefined
  /** Prefix of its keys in Redis; in braces on a Redis Cluster: `'{bull}'`. Default: `'bull'`. */
  readonly prefix?: string | undefined
  /** Further options of BullMQ's worker, such as `{ lockDuration }`. Default: none. */
  readonly worker?: Omit<WorkerOptions, 'connection' | 'concurrency' | 'prefix'> | undefined
}

/**
 * Makes a queue of verified events on BullMQ and Redis. Receivers and workers need the same options.
 *
 * One event is one job, however often Ping++ sends it. The redelivery of a dead letter retries its job.
 *
 * @throws OptionError for a wrong option, or a queue on a Redis Cluster without braces in its prefix
 */
export function bullmqQueue(options: BullmqQueueOptions): EventQueue<BullmqWarningCode> {
  const settings = readJobOptions('bullmqQueue', options, {
    connection: must('a connection of BullMQ', (value) => Object(value) === value),
    name: optional(must('the name of a queue', isText), 'hongbao-events'),
    prefix: optional(must('a text', isText), 'bull'),
    worker: asGiven(),
  })
  const { connection, name, prefix } = settings
  refuseSplitQueue(connection, `${prefix}:${name}`)
  const queue = new Queue(name, { connection: forReceivers(connection), prefix })
  return openEventQueue(createBroker(queue, settings), settings)
}

function isText(value: string): boolean {
  return typeof value === 'string' && value !== ''
}

export function createBroker(
  queue: RedisQueue,
  settings: BrokerSettings,
): EventBroker<BullmqWarningCode> {
  const warn = createWarn(settings)
  const onError = warnOncePerMinute(queue.qualifiedName, warn)
  queue.on('error', onError)
  void warnOfSettings(queue, warn)
  return {
    name: queue.qualifiedName,
    persist: (job) => persist(queue, job, settings),
    take: (runner) => startWorker(queue, { ...settings, onError }, runner),
    deadLetters: ({ limit }) => listDeadLetters(queue, limit),
    redrive: (selection) => redrive(queue, selection),
    ready: () => checkReady(queue),
    close: () => queue.close(),
    abandon: () => disconnect(queue.getBackend(), settings.connection),
  }
}

/** While Redis is down, BullMQ emits an error at each try to reconnect. */
function warnOncePerMinute(name: string, warn: Warn): (error: Error) => void {
  let quietUntilMs = 0
  return function onError(cause) {
    const nowMs = performance.now()
    if (nowMs < quietUntilMs) return
    quietUntilMs = nowMs + 60_000
    warn('bullmq-connection-failed', `The connection of ${name} has an error.`, { cause })
  }
}

async function checkReady(queue: RedisQueue): Promise<void> {
  try {
    // A write: a replica, or a Redis that is full, answers reads and takes no jobs.
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
