import type { DeadLetter, RedriveSelection } from '@hongbao/hand-off'
import { deadLetter } from '@hongbao/hand-off/internal'
import type { Job } from 'bullmq'
import type { RedisQueue } from './broker.ts'

/** The dead letters are BullMQ's failed set, the oldest first. */
export async function listDeadLetters(
  queue: RedisQueue,
  selection: Pick<RedriveSelection, 'limit'>,
): Promise<DeadLetter[]> {
  const jobs = await failedJobs(queue, selection)
  return jobs.map(toDeadLetter)
}

/**
 * Lets failed jobs be tried again, with all their attempts and no crash counted. Not
 * `queue.retryJobs()`: it leaves a job the single attempt that it had left.
 */
export async function redrive(queue: RedisQueue, selection: RedriveSelection): Promise<number> {
  const { jobIds } = selection
  const jobs =
    jobIds === undefined
      ? await failedJobs(queue, selection)
      : await Promise.all(jobIds.map((id) => queue.getJob(id)))
  const woken = await Promise.all(
    jobs.filter((job) => job !== undefined).map((job) => wake(queue, job)),
  )
  return woken.filter(Boolean).length
}

/** Moves a failed job back to those that wait; says whether it was this call that did. */
export async function wake(queue: RedisQueue, job: Job): Promise<boolean> {
  try {
    // BullMQ would go on counting crashes, and fail a job that they failed at the very next one.
    const client = await queue.getBackend().client
    await client.hdel(queue.toKey(String(job.id)), 'stc')
    await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true })
    return true
  } catch (error) {
    // Another call was faster, or Redis failed.
    const state = await job.getState()
    if (state === 'failed') throw error
    return false
  }
}

/** The dead letter of a job in the failed set. */
export function toDeadLetter(job: Job): DeadLetter {
  const { attemptsMade, stalledCounter, failedReason: reason } = job
  // BullMQ counts crashes apart, and as a try that it failed the job without one.
  const attempts = reason === CRASHED ? attemptsMade - 1 + stalledCounter : attemptsMade
  return deadLetter(job.data, { jobId: job.id ?? '', attempts, reason })
}

// What BullMQ's script `moveStalledJobsToWait` leaves for the next worker to fail a job with.
const CRASHED = 'job stalled more than allowable limit'

async function failedJobs(
  queue: RedisQueue,
  { limit }: Pick<RedriveSelection, 'limit'>,
): Promise<Job[]> {
  const jobs: (Job | undefined)[] = await queue.getJobs(['failed'], 0, limit - 1, true)
  // One that left the set between two commands comes as undefined.
  return jobs.filter((job) => job !== undefined)
}
