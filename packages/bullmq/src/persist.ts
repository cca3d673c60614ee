import type { EventJob } from '@hongbao/hand-off'
import { QueueError, type JobSettings } from '@hongbao/hand-off/internal'
import type { JobsOptions } from 'bullmq'
import type { RedisQueue } from './connection.ts'
import { retryFailed } from './dead-letters.ts'

/** Stores a job, one for each key. Resolves when Redis has it. */
export async function persist(
  queue: RedisQueue,
  data: EventJob,
  settings: JobSettings,
  triesLeft: number = MAX_TRIES,
): Promise<void> {
  const jobId = jobIdOf(data.key)
  const job = await queue.add(data.type, data, { ...jobOptionsOf(settings), jobId })
  // If BullMQ deduplicates, it returns the id of another job and adds none.
  if (job.id !== jobId) {
    throw new QueueError(
      'queue-job-missing',
      `BullMQ returned the job ${job.id} instead of ${jobId}, and added none for the event. Remove what deduplicates the jobs of ${queue.qualifiedName}.`,
    )
  }
  // `add` returns our own data even if a job with this id exists. A failed one has to be retried, or
  // the event is never applied; a missing one was evicted or removed.
  const state = await job.getState()
  if (state !== 'failed' && state !== 'unknown') return
  if (state === 'failed' && (await retryFailed(queue, job))) return
  // Another process retried or removed the job in the meantime.
  if (triesLeft > 1) return persist(queue, data, settings, triesLeft - 1)
  throw new QueueError(
    'queue-job-missing',
    `Redis confirmed the job ${jobId} and no longer has it. Check that Redis evicts no keys, and that no program removes jobs.`,
  )
}

const MAX_TRIES = 5

/**
 * The key as an id that BullMQ accepts: it refuses most ids with a colon and all that are a number,
 * and generates one if it is empty. No key contains a tilde.
 */
function jobIdOf(key: string): string {
  return key.replaceAll(':', '~')
}

function jobOptionsOf(settings: JobSettings): JobsOptions {
  const { attempts, backoffSeconds, keepAppliedSeconds, keepDeadLettersSeconds } = settings
  return {
    attempts,
    backoff: { type: 'exponential', delay: backoffSeconds * 1000, jitter: 0.5 },
    // No `count`: on a busy day it would shorten the time in which duplicates are recognized.
    removeOnComplete: { age: keepAppliedSeconds },
    removeOnFail: { age: keepDeadLettersSeconds },
    // A stack starts with the message of a handler's error, which may contain anything.
    stackTraceLimit: 0,
  }
}
