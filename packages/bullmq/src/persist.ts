import type { EventJob } from '@hongbao/hand-off'
import { QueueError, type JobSettings } from '@hongbao/hand-off/internal'
import type { JobsOptions } from 'bullmq'
import type { RedisQueue } from './broker.ts'
import { wake } from './dead-letters.ts'

/** Stores jobs: one for each key, and resolves when Redis has it. */
export function createPersist(
  queue: RedisQueue,
  settings: JobSettings,
): (job: EventJob) => Promise<void> {
  const jobOptions = jobOptionsOf(settings)
  return (job) => persist(queue, job, jobOptions)
}

async function persist(
  queue: RedisQueue,
  data: EventJob,
  jobOptions: JobsOptions,
  looks: number = MAX_LOOKS,
): Promise<void> {
  const jobId = jobIdOf(data.key)
  const job = await queue.add(data.type, data, { ...jobOptions, jobId })
  // If BullMQ deduplicates, it returns the id of another job, and the event is in none.
  if (job.id !== jobId) {
    throw new QueueError(
      'queue-job-missing',
      `BullMQ returned the job ${job.id} instead of ${jobId}, and added none for the event. Remove what deduplicates the jobs of ${queue.qualifiedName}.`,
    )
  }
  // `add` says nothing of a job that was there before: it gives our own data back. A failed one
  // would swallow the event, and one that is gone was evicted or removed.
  const state = await job.getState()
  if (state !== 'failed' && state !== 'unknown') return
  if (state === 'failed' && (await wake(queue, job))) return
  // Another process moved or removed it meanwhile; another look says which.
  if (looks > 1) return persist(queue, data, jobOptions, looks - 1)
  throw new QueueError(
    'queue-job-missing',
    `Redis confirmed the job ${jobId}, and does not keep it. Does it evict keys, or does something remove jobs?`,
  )
}

const MAX_LOOKS = 5

/**
 * A key as an id that BullMQ takes: it refuses most ids with a colon and all that are a number, and
 * makes one up for an empty one. No key has a tilde.
 */
export function jobIdOf(key: string): string {
  return key.replaceAll(':', '~')
}

function jobOptionsOf(settings: JobSettings): JobsOptions {
  const { attempts, backoffSeconds, keepAppliedSeconds, keepDeadLettersSeconds } = settings
  return {
    attempts,
    backoff: { type: 'exponential', delay: backoffSeconds * 1000, jitter: 0.5 },
    // By age alone: a `count` would shorten, on a busy day, for how long a duplicate is known.
    removeOnComplete: { age: keepAppliedSeconds },
    removeOnFail: { age: keepDeadLettersSeconds },
    // A stack begins with the text of a handler's error, and that may hold anything.
    stackTraceLimit: 0,
  }
}
