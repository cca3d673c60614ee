import type { EventJob, JobConsumer, JobRunner, JobVerdict } from '@hongbao/hand-off'
import { deadLetter } from '@hongbao/hand-off/internal'
import { UnrecoverableError, Worker, type Job } from 'bullmq'
import { disconnect, forWorkers, type BrokerSettings, type RedisQueue } from './connection.ts'
import { toDeadLetter } from './dead-letters.ts'
import type { BullmqWarningCode } from './warnings.ts'

/** BullMQ's own worker; the result of a job is the outcome of its event. */
type BullmqWorker = Worker<EventJob, string>

/** How BullMQ runs jobs. */
interface WorkerSettings extends BrokerSettings {
  readonly onError: (error: Error) => void
}

type Runner = JobRunner<BullmqWarningCode>

/** Starts BullMQ's worker. Redis need not be up: the worker keeps trying to connect. */
export function startWorker(
  queue: RedisQueue,
  settings: WorkerSettings,
  runner: Runner,
): JobConsumer {
  const { connection, jobTimeoutMs: timeoutMs, prefix } = settings
  const reported = new WeakSet<Job>()
  const worker: BullmqWorker = new Worker(queue.name, apply, {
    maxStalledCount: MAX_STALLED_COUNT,
    ...settings.worker,
    prefix,
    connection: forWorkers(connection),
    concurrency: runner.concurrency,
  })
  reportFailedByBullmq(worker, reported, runner)
  worker.on('error', settings.onError)
  worker.on('stalled', (jobId) => {
    runner.warn(
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
    const result = await runner.run({ id, data, attempt, isLast, timeoutMs })
    if (result.fate === 'done') return result.outcome
    if (result.fate === 'dead') reported.add(job)
    throw toError(result)
  }
}

// BullMQ's default, 1, fails a job when its second worker crashes: two deploys in a bad minute.
const MAX_STALLED_COUNT = 10

/** Reports jobs that BullMQ fails without a handler. */
function reportFailedByBullmq(worker: BullmqWorker, reported: WeakSet<Job>, runner: Runner): void {
  worker.on('active', (job) => {
    // Set if the job's workers crashed too often: BullMQ fails the job now, without running it.
    if (!job.deferredFailure) return
    reported.add(job)
    const attempts = job.attemptsMade + job.stalledCounter
    const details = { jobId: job.id ?? '', attempts, reason: job.deferredFailure }
    void runner.reportDeadLetter(deadLetter(job.data, details))
  })
  // BullMQ has more reasons, such as its option `maxStartedAttempts`.
  worker.on('failed', (job, error) => {
    // A job that is not finished is retried.
    if (job?.finishedOn === undefined || reported.has(job)) return
    void runner.reportDeadLetter(toDeadLetter(job), error.cause)
  })
}

/** BullMQ stores the message, and people read it; listeners in this process get the cause. */
function toError({ fate, reason, cause }: JobVerdict): Error {
  const error = fate === 'dead' ? new UnrecoverableError(reason) : new Error(reason)
  return Object.assign(error, { cause })
}
