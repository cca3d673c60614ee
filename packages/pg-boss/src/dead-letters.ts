import type { DeadLetter, RedriveSelection } from '@hongbao/hand-off'
import { deadLetter as describeDeadLetter, QueueError } from '@hongbao/hand-off/internal'
import type { JobWithMetadata } from 'pg-boss'
import { setTimeout as wait } from 'node:timers/promises'
import { MAX_LISTED, type BossQueue } from './boss-queue.ts'

/** Lists the jobs in the queue `<name>-failed`, the oldest first. */
export async function listDeadLetters(queue: BossQueue, limit: number): Promise<DeadLetter[]> {
  const jobs = await queue.boss.findJobs(queue.deadLetter, { limit })
  return jobs.map(toDeadLetter)
}

/** Retries dead letters, with all their attempts. */
export async function redrive(
  { boss, deadLetter: name }: BossQueue,
  { jobIds, limit }: RedriveSelection,
): Promise<number> {
  if (jobIds === undefined) return boss.redrive(name, { limit })
  const selected = new Set(jobIds)
  const jobs = await boss.findJobs(name, { limit: MAX_LISTED })
  const ids = jobs.filter((job) => selected.has(idOf(job))).map((job) => job.id)
  return ids.length === 0 ? 0 : boss.redrive(name, { ids, limit })
}

/** Retries the failed job of an event that was delivered again, if no other call did it. */
export async function retryFailed(
  queue: BossQueue,
  { id, key }: { readonly id: string; readonly key: string },
): Promise<void> {
  const { boss, name } = queue
  if (await redriveCopies(queue, key)) return
  // If it was redriven before, the new job has an id of its own, and the failed one stays as it is.
  const jobs = await boss.findJobs(name, { key })
  if (jobs.some((job) => job.state !== 'failed')) return
  // Its copy in the dead letter queue was deleted. pg-boss gives the original one more attempt.
  await boss.retry(name, id)
  const [job] = await boss.findJobs(name, { id })
  if (job === undefined || job.state === 'failed') throw notRetried(key)
}

/** Resolves with whether this call redrove the copies of an event. No copies are left then. */
async function redriveCopies(
  queue: BossQueue,
  key: string,
  triesLeft: number = MAX_TRIES,
): Promise<boolean> {
  const { boss, deadLetter } = queue
  const copies = await boss.findJobs(deadLetter, { key })
  if (copies.length === 0) return false
  const ids = copies.map((copy) => copy.id)
  if ((await boss.redrive(deadLetter, { ids })) > 0) return true
  // pg-boss skips copies that another delivery is redriving in a transaction of its own.
  if (triesLeft === 1) throw notRetried(key)
  await wait(RETRY_MS)
  return redriveCopies(queue, key, triesLeft - 1)
}

const RETRY_MS = 20
const MAX_TRIES = 50

function notRetried(key: string): QueueError {
  return new QueueError(
    'queue-job-missing',
    `pg-boss did not retry the dead letter of ${key}. Call \`queue.redrive()\`.`,
  )
}

/** Describes a copy in the dead letter queue. */
export function toDeadLetter(job: JobWithMetadata<unknown>): DeadLetter {
  const { data, sourceRetryCount, sourceOutput } = job
  const attempts = (sourceRetryCount ?? 0) + 1
  return describeDeadLetter(data, { jobId: idOf(job), attempts, reason: reasonOf(sourceOutput) })
}

/** Whether the worker that failed the job has reported it: the output of that worker has an outcome. */
export function wasReported({ sourceOutput }: JobWithMetadata<unknown>): boolean {
  return sourceOutput !== null && 'outcome' in sourceOutput
}

/** The id of the failed job. Its copy in the dead letter queue has another id. */
function idOf(job: JobWithMetadata<unknown>): string {
  return job.sourceId ?? job.id
}

/** The message of our worker, or that of pg-boss if the worker crashed. */
function reasonOf(output: object | null): string {
  if (output === null) return 'unknown'
  if ('message' in output) return String(output.message)
  return 'value' in output ? reasonOf(Object(output.value)) : 'unknown'
}
