import { setTimeout as wait } from 'node:timers/promises'
import type { DeadLetter, RedriveSelection } from '@hongbao/hand-off'
import { deadLetter as describeDeadLetter, QueueError } from '@hongbao/hand-off/internal'
import type { JobWithMetadata } from 'pg-boss'
import type { BossQueue } from './boss-queue.ts'

/** The dead letters wait in the queue `<name>-failed`, the oldest first. */
export async function listDeadLetters(
  queue: BossQueue,
  { limit }: Pick<RedriveSelection, 'limit'>,
): Promise<DeadLetter[]> {
  const jobs = await queue.boss.findJobs(queue.deadLetter, { limit })
  return jobs.map(toDeadLetter)
}

/** Lets dead letters be tried again, with all their attempts. */
export async function redrive(queue: BossQueue, selection: RedriveSelection): Promise<number> {
  const { boss, deadLetter: name } = queue
  const { jobIds, limit } = selection
  if (jobIds === undefined) return boss.redrive(name, { limit })
  const meant = new Set(jobIds)
  const jobs = await boss.findJobs(name, { limit: MOST_LISTED })
  const ids = jobs.filter((job) => meant.has(idOf(job))).map((job) => job.id)
  return ids.length === 0 ? 0 : boss.redrive(name, { ids, limit })
}

/** Lets the job of an event that was sent again be tried again, unless that has happened already. */
export async function wake(
  queue: BossQueue,
  { id, key }: { readonly id: string; readonly key: string },
): Promise<void> {
  const { boss, name } = queue
  if (await redriveCopies(queue, key)) return
  // Redriven before: a redriven job has an id of its own, and the failed one stays as it is.
  const jobs = await boss.findJobs(name, { key })
  if (jobs.some((job) => job.state !== 'failed')) return
  // Its copy is gone from the dead letter queue: what is left has one attempt more.
  await boss.retry(name, id)
  const [job] = await boss.findJobs(name, { id })
  if (job !== undefined && job.state !== 'failed') return
  throw notRetried(key)
}

/** Whether it was this call that moved them back; when it resolves, none are left. */
async function redriveCopies(
  queue: BossQueue,
  key: string,
  looks: number = MAX_LOOKS,
): Promise<boolean> {
  const { boss, deadLetter } = queue
  const copies = await boss.findJobs(deadLetter, { key })
  if (copies.length === 0) return false
  const ids = copies.map((copy) => copy.id)
  if ((await boss.redrive(deadLetter, { ids })) > 0) return true
  // pg-boss skips those that another delivery is moving just now: that one has them, or none has.
  if (looks === 1) throw notRetried(key)
  await wait(LOOK_MS)
  return redriveCopies(queue, key, looks - 1)
}

const LOOK_MS = 20
const MAX_LOOKS = 50

function notRetried(key: string): QueueError {
  return new QueueError(
    'queue-job-missing',
    `The job of ${key} failed for good and cannot be retried.`,
  )
}

/** Tells of a copy in the dead letter queue. */
export function toDeadLetter(job: JobWithMetadata<unknown>): DeadLetter {
  const { data, sourceRetryCount, sourceOutput } = job
  const attempts = (sourceRetryCount ?? 0) + 1
  return describeDeadLetter(data, { jobId: idOf(job), attempts, reason: reasonOf(sourceOutput) })
}

/** Whether the worker that failed it told of it: what it left has an outcome. */
export function wasTold({ sourceOutput }: JobWithMetadata<unknown>): boolean {
  return sourceOutput !== null && 'outcome' in sourceOutput
}

/** The id that a job had when it failed; its copy in the dead letter queue has another one. */
function idOf(job: JobWithMetadata<unknown>): string {
  return job.sourceId ?? job.id
}

// What pg-boss gives in one answer.
const MOST_LISTED = 100_000

/** What the job left: our own words, or pg-boss's of a worker that crashed. */
function reasonOf(output: object | null): string {
  if (output === null) return 'unknown'
  if ('message' in output) return String(output.message)
  return 'value' in output ? reasonOf(Object(output.value)) : 'unknown'
}
