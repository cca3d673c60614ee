import { failedEvent, type FailedEvent } from '@hongbao/core/wire'
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
 * Lets events that failed for good be tried again, with all their attempts. Resolves with how many
 * there were; one that has been redriven meanwhile does not count.
 *
 * Not `queue.retryJobs()`: it leaves a job the single attempt that it had left.
 */
export async function redrive(queue: EventQueue, options: RedriveOptions = {}): Promise<number> {
  const { jobIds } = options
  const jobs =
    jobIds === undefined
      ? await failedJobs(queue, options)
      : await Promise.all(jobIds.map((id) => queue.getJob(id)))
  const woken = await Promise.all(jobs.filter((job) => job !== undefined).map(wake))
  return woken.filter(Boolean).length
}

/** Moves a failed job back to those that wait; says whether it was this call that did. */
export async function wake(job: Job): Promise<boolean> {
  try {
    await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true })
    return true
  } catch (error) {
    // Somebody else was faster, or Redis failed.
    const state = await job.getState()
    if (state === 'failed') throw error
    return false
  }
}

/** Tells of a job in the failed set, or on its way there. */
export function toFailedEvent(job: Job): FailedEvent {
  const { id = '', data, attemptsMade, failedReason } = job
  return failedEvent(data, { jobId: id, attempts: attemptsMade, reason: failedReason })
}

async function failedJobs(
  queue: EventQueue,
  { limit = 1000 }: Pick<RedriveOptions, 'limit'>,
): Promise<Job[]> {
  const jobs: (Job | undefined)[] = await queue.getFailed(0, limit - 1)
  // One that left the set between two commands comes as undefined.
  return jobs.filter((job) => job !== undefined)
}
