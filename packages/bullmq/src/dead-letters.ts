import type { DeadLetter, RedriveSelection } from '@hongbao/hand-off'
import { deadLetter } from '@hongbao/hand-off/internal'
import type { Job } from 'bullmq'
import type { RedisQueue } from './connection.ts'

/** Lists BullMQ's failed jobs, the oldest first. */
export async function listDeadLetters(queue: RedisQueue, limit: number): Promise<DeadLetter[]> {
  const jobs = await failedJobs(queue, limit)
  return jobs.map(toDeadLetter)
}

/**
 * Retries failed jobs, with all their attempts and no crash counted. `queue.retryJobs()` would leave
 * each job only the one attempt that it had left.
 */
export async function redrive(
  queue: RedisQueue,
  { jobIds, limit }: RedriveSelection,
): Promise<number> {
  const jobs =
    jobIds === undefined
      ? await failedJobs(queue, limit)
      : await Promise.all(jobIds.map((id) => queue.getJob(id)))
  const retried = await Promise.all(
    jobs.map(async (job) => job !== undefined && retryFailed(queue, job)),
  )
  return retried.filter(Boolean).length
}

/** Retries a failed job. Resolves with whether this call did it. */
export async function retryFailed(queue: RedisQueue, job: Job): Promise<boolean> {
  try {
    // The counter of crashes: BullMQ would keep it, and fail the job at its next crash.
    const client = await queue.getBackend().client
    await client.hdel(queue.toKey(String(job.id)), 'stc')
    await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true })
    return true
  } catch (error) {
    // Another call was faster, or Redis failed.
    if ((await job.getState()) === 'failed') throw error
    return false
  }
}

export function toDeadLetter(job: Job): DeadLetter {
  const { attemptsMade, stalledCounter, failedReason: reason } = job
  // BullMQ counts crashes separately, and counts it as an attempt when it fails a crashed job.
  const attempts = reason === CRASHED ? attemptsMade - 1 + stalledCounter : attemptsMade
  return deadLetter(job.data, { jobId: job.id ?? '', attempts, reason })
}

// BullMQ's script `moveStalledJobsToWait` writes it; the next worker fails the job with it.
const CRASHED = 'job stalled more than allowable limit'

async function failedJobs(queue: RedisQueue, limit: number): Promise<Job[]> {
  const jobs: (Job | undefined)[] = await queue.getJobs(['failed'], 0, limit - 1, true)
  // A job that left the set between two commands is undefined.
  return jobs.filter((job) => job !== undefined)
}
