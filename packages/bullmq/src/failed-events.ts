import { failedEvent, type FailedEvent } from '@hongbao/core/internal'
import type { Job } from 'bullmq'
import type { EventQueue } from './hand-off.ts'

/** Which failed events are meant. */
export interface RedriveOptions {
  /** Their job ids. Default: all of them. */
  readonly jobIds?: readonly string[] | undefined
  /** How many at the most, the latest first. Default: 1,000. */
  readonly limit?: number | undefined
}

/** The events that failed for good, the latest first; they also stand in BullMQ's own failed set. */
export async function listFailed(
  queue: EventQueue,
  options: Pick<RedriveOptions, 'limit'> = {},
): Promise<FailedEvent[]> {
  const jobs = await failedJobs(queue, options)
  return jobs.map(toFailedEvent)
}

/**
 * Lets events that failed for good be tried again, with all their attempts and no crash counted.
 * Resolves with how many there were; one that has been redriven meanwhile does not count.
 *
 * Not `queue.retryJobs()`: it leaves a job the single attempt that it had left.
 */
export async function redrive(queue: EventQueue, options: RedriveOptions = {}): Promise<number> {
  const { jobIds } = options
  const jobs =
    jobIds === undefined
      ? await failedJobs(queue, options)
      : await Promise.all(jobIds.map((id) => queue.getJob(id)))
  const woken = await Promise.all(
    jobs.filter((job) => job !== undefined).map((job) => wake(queue, job)),
  )
  return woken.filter(Boolean).length
}

/** Moves a failed job back to those that wait; says whether it was this call that did. */
export async function wake(queue: EventQueue, job: Job): Promise<boolean> {
  try {
    // BullMQ would go on counting crashes, and fail a job that they failed at the very next one.
    const client = await queue.getBackend().client
    await client.hdel(queue.toKey(String(job.id)), 'stc')
    await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true })
    return true
  } catch (error) {
    // Somebody else was faster, or Redis failed.
    const state = await job.getState()
    if (state === 'failed') throw error
    return false
  }
}

/** Tells of a job in the failed set. */
export function toFailedEvent(job: Job): FailedEvent {
  const { attemptsMade, stalledCounter, failedReason: reason } = job
  // BullMQ counts crashes apart, and as a try that it failed the job without one.
  const attempts = reason === CRASHED ? attemptsMade - 1 + stalledCounter : attemptsMade
  return failing(job, { attempts, reason })
}

/** Tells of a job on its way there. */
export function failing(
  { id = '', data }: Job,
  facts: Pick<FailedEvent, 'attempts' | 'reason'>,
): FailedEvent {
  return failedEvent(data, { jobId: id, ...facts })
}

// What BullMQ's script `moveStalledJobsToWait` leaves for the next worker to fail a job with.
const CRASHED = 'job stalled more than allowable limit'

async function failedJobs(
  queue: EventQueue,
  { limit = 1000 }: Pick<RedriveOptions, 'limit'>,
): Promise<Job[]> {
  const jobs: (Job | undefined)[] = await queue.getFailed(0, limit - 1)
  // One that left the set between two commands comes as undefined.
  return jobs.filter((job) => job !== undefined)
}
