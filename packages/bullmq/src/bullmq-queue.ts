import { createEventQueue, type EventQueue, type JobOptions } from '@hongbao/hand-off'
import { createWarn, queueOptionsOf, readJobOptions } from '@hongbao/hand-off/internal'
import { asGiven, must, optional } from '@hongbao/core/internal'
import { Queue, type QueueOptions, type WorkerOptions } from 'bullmq'
import { createBroker } from './broker.ts'
import { refuseSplitQueue } from './cluster.ts'
import { forReceivers, isClient } from './connection.ts'

/** Options of {@link bullmqQueue}. Wrong ones are refused with an `OptionError`. */
export interface BullmqQueueOptions extends JobOptions {
  /**
   * BullMQ's connection to Redis: `{ url }` or `{ host, port }` with further options of ioredis, of
   * which hongbao sets some; or an ioredis client of your own with `maxRetriesPerRequest: null`, which
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
 * A queue of verified events on BullMQ and Redis. Make it with the same options in the processes that
 * receive and in those that work.
 *
 * One event is one job, however often Ping++ sends it. The redelivery of a dead letter wakes its job.
 *
 * @throws OptionError for a wrong option, or a queue on a Redis Cluster without braces in its prefix
 */
export function bullmqQueue(options: BullmqQueueOptions): EventQueue {
  const { connection, name, prefix, worker, ...settings } = readJobOptions('bullmqQueue', options, {
    connection: must('a connection of BullMQ', (value) => Object(value) === value),
    name: optional(must('the name of a queue', isText), 'hongbao-events'),
    prefix: optional(must('a text', isText), 'bull'),
    worker: asGiven(),
  })
  refuseSplitQueue(connection, `${prefix}:${name}`)
  const warn = createWarn(options)
  const queue = new Queue(name, { connection: forReceivers(connection), prefix })
  const broker = createBroker(queue, {
    connection,
    ownsConnection: !isClient(connection),
    settings,
    worker: { ...worker, prefix },
    warn,
  })
  return createEventQueue(broker, queueOptionsOf(options))
}

function isText(value: string): boolean {
  return typeof value === 'string' && value !== ''
}
