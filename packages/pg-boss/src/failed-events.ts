import { setTimeout as wait } from 'node:timers/promises'
import { failedEvent, HandOffError, type FailedEvent } from '@hongbao/core/internal'
import type { Db, JobWithMetadata } from 'pg-boss'
import { readEventQueue, type Boss, type EventQueue } from './event-queue.ts'

/** Which failed events are meant. */
export interface RedriveOptions {
  /** The name of the queue that they were in. Default: `'hongbao-events'`. */
  readonly name?: string | undefined
  /** Their job ids, as {@link listFailed} gives them. Default: all of them. */
  readonly jobIds?: readonly string[] | undefined
  /** How many at the most, the oldest first. Default: 1,000. */
  readonly limit?: number | undefined
}

/** The events that failed for good, the oldest first; they wait in the queue `<name>-failed`. */
export async function listFailed(
  boss: Boss,
  options: Omit<RedriveOptions, 'jobIds'> = {},
): Promise<FailedEvent[]> {
  const { deadLetter } = readEventQueue(boss, options.name)
  const jobs = await boss.findJobs(deadLetter, { limit: options.limit ?? 1000 })
  return jobs.map(toFailedEvent)
}

/**
 * Lets events that failed for good be tried again, with all their attempts. Resolves with how many
 * there were. For all of them `boss.redrive('<name>-failed')` does as well.
 */
export async function redrive(boss: Boss, options: RedriveOptions = {}): Promise<number> {
  const { deadLetter } = readEventQueue(boss, options.name)
  const { jobIds, limit = 1000 } = options
  if (jobIds === undefined) return boss.redrive(deadLetter, { limit })
  const meant = new Set(jobIds)
  const jobs = await boss.findJobs(deadLetter, { limit: MOST_LISTED })
  const ids = jobs.filter((job) => meant.has(idOf(job))).map((job) => job.id)
  return ids.length === 0 ? 0 : boss.redrive(deadLetter, { ids, limit })
}

/** Lets the job of an event that was sent again be tried again, unless somebody has seen to it. */
export async function wake(
  queue: EventQueue,
  failed: { readonly id: string; readonly key: string; readonly db?: Db },
): Promise<void> {
  const { boss, name } = queue
  const { id, key, ...connection } = failed
  if (await redriveCopies(queue, key, connection)) return
  // Redriven before: a redriven job has an id of its own, and the failed one stays as it is.
  const jobs = await boss.findJobs(name, { key, ...connection })
  if (jobs.some((job) => job.state !== 'failed')) return
  // Its copy is gone from the dead letter queue: what is left has one attempt more.
  await boss.retry(name, id, connection)
  const [job] = await boss.findJobs(name, { id, ...connection })
  if (job !== undefined && job.state !== 'failed') return
  throw notRetried(key)
}

/** Whether it was this call that moved them back; when it resolves, none are left. */
async function redriveCopies(
  queue: EventQueue,
  key: string,
  connection: { readonly db?: Db },
  looks: number = MAX_LOOKS,
): Promise<boolean> {
  const { boss, deadLetter } = queue
  const copies = await boss.findJobs(deadLetter, { key, ...connection })
  if (copies.length === 0) return false
  const ids = copies.map((copy) => copy.id)
  if ((await boss.redrive(deadLetter, { ids, ...connection })) > 0) return true
  // pg-boss skips those that another delivery is moving just now: that one has them, or nobody.
  if (looks === 1) throw notRetried(key)
  await wait(LOOK_MS)
  return redriveCopies(queue, key, connection, looks - 1)
}

const LOOK_MS = 20
const MAX_LOOKS = 50

function notRetried(key: string): HandOffError {
  return new HandOffError('job-missing', `The job of ${key} failed for good and cannot be retried.`)
}

/** Tells of a copy in the dead letter queue. */
export function toFailedEvent(job: JobWithMetadata<unknown>): FailedEvent {
  const { data, sourceRetryCount, sourceOutput } = job
  const attempts = (sourceRetryCount ?? 0) + 1
  return failedEvent(data, { jobId: idOf(job), attempts, reason: reasonOf(sourceOutput) })
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
