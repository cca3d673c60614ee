import type { Consumer, EventJob, JobVerdict, Work } from '@hongbao/hand-off'
import { deadLetter } from '@hongbao/hand-off/internal'
import { UnrecoverableError, Worker, type Job } from 'bullmq'
import type { BrokerSettings, RedisQueue } from './broker.ts'
import { hangUp } from './close.ts'
import { forWorkers } from './connection.ts'
import { toDeadLetter } from './dead-letters.ts'

/** BullMQ's own worker; a job's result is the outcome of its event. */
type EventWorker = Worker<EventJob, string>

/** How a worker on BullMQ works. */
export interface WorkerSettings extends BrokerSettings {
  /** Warns of errors of a connection, once a minute. */
  complain(error: Error): void
}

/** Starts BullMQ's worker. Redis need not be up: it goes on trying to connect. */
export function startWorker(queue: RedisQueue, how: WorkerSettings, work: Work): Consumer {
  const { qualifiedName } = queue
  const told = new WeakSet<Job>()
  const worker: EventWorker = new Worker(queue.name, apply, {
    maxStalledCount: MAX_STALLED_COUNT,
    ...how.worker,
    connection: forWorkers(how.connection),
    concurrency: work.concurrency,
  })
  tellOfCrashes(worker, told, work)
  worker.on('error', (error) => how.complain(error))
  worker.on('stalled', (jobId) => {
    work.warn(
      'bullmq-job-stalled',
      `The job ${jobId} of ${qualifiedName} stalled: its worker crashed, or was blocked and may have applied it. It runs again; the inbox decides.`,
      { key: jobId.replaceAll('~', ':') },
    )
  })
  return {
    close: () => worker.close(),
    abandon() {
      if (how.ownsConnection) hangUp(worker.getBackend())
      else
        void worker
          .getBackend()
          .close(true)
          .catch(() => {})
    },
  }

  async function apply(job: Job<EventJob>): Promise<string> {
    const attempt = job.attemptsMade + 1
    const isLast = attempt >= (job.opts.attempts ?? 1)
    const { jobTimeoutMs: timeoutMs } = how.settings
    const taken = { id: job.id ?? '', data: job.data, attempt, isLast, timeoutMs }
    const verdict = await work.run(taken)
    if (verdict.fate === 'done') return verdict.outcome
    if (verdict.fate === 'dead') told.add(job)
    throw toError(verdict)
  }
}

// BullMQ's own 1 fails a job for good when its second worker crashes: two deploys in a bad minute.
const MAX_STALLED_COUNT = 10

/** Tells of jobs that BullMQ fails by itself. */
function tellOfCrashes(worker: EventWorker, told: WeakSet<Job>, work: Work): void {
  worker.on('active', (job) => {
    // Its workers crashed too often: BullMQ fails it now, and asks nobody.
    if (!job.deferredFailure) return
    told.add(job)
    const attempts = job.attemptsMade + job.stalledCounter
    const facts = { jobId: job.id ?? '', attempts, reason: job.deferredFailure }
    void work.tell(deadLetter(job.data, facts))
  })
  // What BullMQ fails for a reason of its own, such as its option `maxStartedAttempts`.
  worker.on('failed', (job, error) => {
    // Without an end it will be tried again.
    if (job?.finishedOn === undefined || told.has(job)) return
    void work.tell(toDeadLetter(job), error.cause)
  })
}

/** BullMQ keeps the message, and people read it; the cause is for listeners in this process. */
function toError({ fate, reason, cause }: JobVerdict): Error {
  const error = fate === 'dead' ? new UnrecoverableError(reason) : new Error(reason)
  return Object.assign(error, { cause })
}
