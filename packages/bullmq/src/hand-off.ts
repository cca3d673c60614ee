import type { Logger, WebhookHandler } from '@hongbao/core'
import {
  HandOffError,
  packEvent,
  readHandOffOptions,
  readLogger,
  within,
  wrong,
  type HandedOffEvent,
  type HandOffOptions,
  type HandOffSettings,
} from '@hongbao/core/internal'
import type { JobsOptions, Queue } from 'bullmq'
import { refuseSplitQueue } from './cluster.ts'
import { wake } from './failed-events.ts'
import { warnOfEviction } from './eviction.ts'
import { warnOfFailovers } from './failover.ts'
import { warnOfSilence } from './silence.ts'

/** A BullMQ queue on Redis, and nothing else of it than is used here. */
export type EventQueue = Pick<
  Queue,
  | 'name'
  | 'qualifiedName'
  | 'opts'
  | 'defaultJobOptions'
  | 'toKey'
  | 'add'
  | 'getJob'
  | 'getFailed'
  | 'getBackend'
>

/** Options of {@link handOff}. Wrong ones are refused with an `OptionError`. */
export interface BullmqHandOffOptions extends HandOffOptions {
  /**
   * Where a Redis that may forget jobs is told of, and a connection that may fall silent. `false` for
   * nowhere. Default: `console`.
   */
  readonly logger?: Logger | false | undefined
}

/**
 * A handler that puts every event into a BullMQ queue and settles once Redis has confirmed it, so
 * that Ping++ gets its 200 for what is persisted and a 500 for anything else:
 * `webhooks.on('*', handOff(queue))`. A worker made by `createEventWorker` applies it.
 *
 * One event is one job, however often Ping++ sends it. A job that failed for good runs again when
 * Ping++ sends its event again. The queue's `defaultJobOptions` do not apply to these jobs.
 *
 * @throws OptionError for a wrong option, or a queue on a Redis Cluster without braces in its prefix
 */
export function handOff(queue: EventQueue, options: BullmqHandOffOptions = {}): WebhookHandler {
  const settings = readHandOffOptions(options, { logger: true })
  const logger = readLogger(options.logger)
  if (typeof queue?.add !== 'function') throw wrong('queue', 'a `Queue` of BullMQ')
  refuseSplitQueue(queue.opts.connection, queue.qualifiedName)
  const jobOptions = { ...withoutDefaults(queue), ...jobOptionsOf(settings) }
  void warnOfEviction(queue, logger)
  void warnOfFailovers(queue, logger)
  void warnOfSilence(queue, logger)

  return async function handOffToBullmq(event, context) {
    const data = packEvent(event, context, queue.qualifiedName)
    await within(settings.confirmTimeoutMs, persist(queue, data, jobOptions), () => {
      // The job may still come to be, when Redis is back: the next delivery finds the same id.
      throw new HandOffError(
        'confirmation-timeout',
        `Redis has not confirmed the job within ${settings.confirmTimeoutMs} ms. Is it up, and reachable from here?`,
      )
    })
  }
}

async function persist(
  queue: EventQueue,
  data: HandedOffEvent,
  jobOptions: JobsOptions,
  looks: number = MAX_LOOKS,
): Promise<void> {
  const jobId = jobIdOf(data.key)
  const job = await queue.add(data.type, data, { ...jobOptions, jobId })
  // If BullMQ deduplicates, it returns the id of another job, and the event is in none.
  if (job.id !== jobId) {
    throw new HandOffError(
      'job-missing',
      `BullMQ returned the job ${job.id} instead of ${jobId}, and added none for the event. Remove what deduplicates the jobs of ${queue.qualifiedName}.`,
    )
  }
  // `add` says nothing of a job that was there before: it gives our own data back. A failed one
  // would swallow the event, and one that is gone was evicted or removed.
  const state = await job.getState()
  if (state !== 'failed' && state !== 'unknown') return
  if (state === 'failed' && (await wake(queue, job))) return
  // Somebody else moved it meanwhile, or removed it: which of them, says another look.
  if (looks > 1) return persist(queue, data, jobOptions, looks - 1)
  throw new HandOffError(
    'job-missing',
    `Redis confirmed the job ${jobId}, and does not keep it. Does it evict keys, or does something remove jobs?`,
  )
}

const MAX_LOOKS = 5

/**
 * An inbox key as an id that BullMQ takes: it refuses most ids with a colon and all that are a
 * number, and makes one up for an empty one. No key has a tilde.
 */
export function jobIdOf(key: string): string {
  return key.replaceAll(':', '~')
}

/**
 * Turns the queue's default options off: `deduplication` or `parent` would swallow events, `sizeLimit`
 * refuse them, `delay` or `lifo` hold them up.
 */
function withoutDefaults({ defaultJobOptions }: EventQueue): Record<string, undefined> {
  // BullMQ refuses every job that has it, even with the value undefined.
  if ('debounce' in defaultJobOptions) {
    throw wrong('queue', 'a `Queue` without `debounce` in `defaultJobOptions`: BullMQ 6 refuses it')
  }
  return Object.fromEntries(Object.keys(defaultJobOptions).map((option) => [option, undefined]))
}

function jobOptionsOf(settings: HandOffSettings): JobsOptions {
  const { attempts, backoffSeconds, keepAppliedSeconds, keepFailedSeconds } = settings
  return {
    attempts,
    backoff: { type: 'exponential', delay: backoffSeconds * 1000, jitter: 0.5 },
    // By age alone: a `count` would shorten, on a busy day, for how long a duplicate is known.
    removeOnComplete: { age: keepAppliedSeconds },
    removeOnFail: { age: keepFailedSeconds },
    // A stack begins with the text of a handler's error, and that may hold anything.
    stackTraceLimit: 0,
  }
}
