import type { Consumer, EventJob, JobVerdict, Work } from '@hongbao/hand-off'
import { deadLetter } from '@hongbao/hand-off/internal'
import { UnrecoverableError, Worker, type Job, type WorkerOptions } from 'bullmq'
import { disconnect, forWorkers, type Connection, type RedisQueue } from './connection.ts'
import { toDeadLetter } from './dead-letters.ts'

/** BullMQ's own worker; the result of a job is the outcome of its event. */
type EventWorker = Worker<EventJob, string>

/** How BullMQ runs jobs. */
export interface WorkerSettings {
  readonly connection: Connection
  readonly worker: Omit<WorkerOptions, 'connection' | 'concurrency'>
  readonly jobTimeoutMs: number
  readonly onError: (error: Error) => void
}

/** Starts BullMQ's worker. Redis need not be up: the worker keeps trying to connect. */
export function startWorker(queue: RedisQueue, settings: WorkerSettings, work: Work): Consumer {
  const { connection, jobTimeoutMs: timeoutMs } = settings
  const reported = new WeakSet<Job>()
  const worker: EventWorker = new Worker(queue.name, apply, {
    maxStalledCount: MAX_STALLED_COUNT,
    ...settings.worker,
    connection: forWorkers(connection),
    concurrency: work.concurrency,
  })
  reportFailedByBullmq(worker, reported, work)
  worker.on('error', settings.onError)
  worker.on('stalled', (jobId) => {
    work.warn(
      'bullmq-job-stalled',
      `The job ${jobId} of ${queue.qualifiedName} stalled: its worker crashed, or was blocked and may have applied it. It runs again; the inbox removes duplicates.`,
      { key: jobId.replaceAll('~', ':') },
    )
  })
  return {
    close: () => worker.close(),
    abandon: () => disconnect(worker.getBackend(), connection),
  }

  async function apply(job: Job<EventJob>): Promise<string> {
    const { id = '', data, opts } = job
    const attempt = job.attemptsMade + 1
    const isLast = attempt >= (opts.attempts ?? 1)
    const result = await work.run({ id, data, attempt, isLast, timeoutMs })
    if (result.fate === 'done') return result.outcome
    if (result.fate === 'dead') reported.add(job)
    throw toError(result)
  }
}

// BullMQ's default, 1, fails a job when its second worker crashes: two deploys in a bad minute.
const MAX_STALLED_COUNT = 10

/** Reports jobs that BullMQ fails without a handler. */
function reportFailedByBullmq(worker: EventWorker, reported: WeakSet<Job>, work: Work): void {
  worker.on('active', (job) => {
    // Set if the job's workers crashed too often: BullMQ fails the job now, without running it.
    if (!job.deferredFailure) return
    reported.add(job)
    const attempts = job.attemptsMade + job.stalledCounter
    const details = { jobId: job.id ?? '', attempts, reason: job.deferredFailure }
    void work.tell(deadLetter(job.data, details))
  })
  // BullMQ has more reasons, such as its option `maxStartedAttempts`.
  worker.on('failed', (job, error) => {
    // A job that is not finished is retried.
    if (job?.finishedOn === undefined || reported.has(job)) return
    void work.tell(toDeadLetter(job), error.cause)
  })
}

/** BullMQ stores the message, and people read it; listeners in this process get the cause. */
function toError({ fate, reason, cause }: JobVerdict): Error {
  const error = fate === 'dead' ? new UnrecoverableError(reason) : new Error(reason)
  return Object.assign(error, { cause })
}
