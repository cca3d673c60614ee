import type { Logger, Webhooks } from '@hongbao/core'
import {
  applyJob,
  contain,
  createAlarm,
  createRunningJobs,
  originOf,
  textOf,
  readEventWorkerOptions,
  readLogger,
  readTimeout,
  wrong,
  type Alarm,
  type EventWorkerOptions,
  type FailedEvent,
  type HandedOffEvent,
  type JobVerdict,
} from '@hongbao/core/internal'
import { UnrecoverableError, Worker, type Job, type WorkerOptions } from 'bullmq'

import { boundClose } from './close.ts'
import { refuseSplitQueue } from './cluster.ts'
import { failing, toFailedEvent } from './failed-events.ts'
import { warnOfFailovers } from './failover.ts'
import { warnOfSilence } from './silence.ts'

/** Options of {@link createEventWorker}. Wrong ones are refused with an `OptionError`. */
export interface BullmqWorkerOptions extends EventWorkerOptions {
  /** The name of the queue. */
  readonly name: string
  /** BullMQ's connection to Redis, for one `{ host, port }` or an ioredis with `maxRetriesPerRequest: null`. */
  readonly connection: WorkerOptions['connection']
  /**
   * How long a job is held while its handlers run, past `handlerTimeoutMs` or not, in milliseconds;
   * then it is tried again, and the inbox knows whether they run still. Default: 900,000 (15 min).
   */
  readonly jobTimeoutMs?: number | undefined
  /** What else BullMQ's worker is told, for one `{ prefix, lockDuration }`. Default: nothing. */
  readonly worker?: Omit<WorkerOptions, 'connection' | 'concurrency'> | undefined
}

/** BullMQ's own worker; a job's result is the outcome of its event. */
export type EventWorker = Worker<HandedOffEvent, string>

/**
 * Applies what {@link handOff} put into a queue, with the handlers of a receiver and through its
 * inbox. It is BullMQ's `Worker`, running.
 *
 * `close()` takes no more jobs, and waits for those that run until their `handlerTimeoutMs` and for
 * Redis. It resolves within 10 seconds, or `handlerTimeoutMs` plus 10 seconds if jobs run, whether or
 * not handlers end and Redis answers. What is not finished then is tried again by another worker. A
 * second call returns the same promise; `close(true)` leaves at once.
 *
 * Add the handlers first: an event that nobody listens to is complete. The receiver is one of its
 * own, not the one that hands off; its `handlerTimeoutMs` is what a job may take.
 *
 * `onFailed` is called for every event that fails for good, by the worker that fails it: the one whose
 * handler failed, or, where workers crashed too often, the next. At least once: it is called before
 * Redis knows, so a worker that is killed in between leaves it to another one.
 *
 * @throws OptionError for a wrong option, or a queue on a Redis Cluster without braces in its prefix
 */
export function createEventWorker(
  webhooks: Pick<Webhooks, 'dispatch'>,
  options: BullmqWorkerOptions,
): EventWorker {
  const { concurrency, unhandled } = readEventWorkerOptions(options, NAMES)
  const { name, connection } = options
  const timeoutMs = readTimeout('jobTimeoutMs', options.jobTimeoutMs ?? 900_000)
  if (typeof webhooks?.dispatch !== 'function') throw wrong('webhooks', 'made by `createWebhooks`')
  if (typeof name !== 'string' || name === '') throw wrong('name', 'the name of a queue')

  refuseSplitQueue(connection, `${options.worker?.prefix ?? 'bull'}:${name}`)

  const running = createRunningJobs()
  const worker: EventWorker = new Worker(name, (job) => running.run((late) => apply(job, late)), {
    maxStalledCount: MAX_STALLED_COUNT,
    ...options.worker,
    connection,
    concurrency,
  })
  const queue = worker.qualifiedName
  const tell = tellOfFailures(worker, createAlarm(options, queue))
  const logger = readLogger(options.logger)
  complain(worker, queue, logger)
  boundClose(worker, running, logger)
  void warnOfSilence(worker, logger)
  void warnOfFailovers(worker, logger)
  return worker

  async function apply(job: Job<HandedOffEvent>, onLate: () => void): Promise<string> {
    const rules = { queue: worker.qualifiedName, unhandled, timeoutMs, onLate }
    const verdict = await applyJob(webhooks, job.data, rules)
    const { fate, outcome, reason, cause } = verdict
    if (fate === 'done') return outcome
    const attempts = job.attemptsMade + 1
    const isLast = attempts >= (job.opts.attempts ?? 1)
    if (fate === 'failed' || isLast) await tell(job, { attempts, reason }, cause)
    throw toError(verdict)
  }
}

const NAMES: Readonly<Record<Exclude<keyof BullmqWorkerOptions, keyof EventWorkerOptions>, true>> =
  { name: true, connection: true, jobTimeoutMs: true, worker: true }

// BullMQ's own 1 fails a job for good when its second worker crashes: two deploys in a bad minute.
const MAX_STALLED_COUNT = 10

type Tell = (
  job: Job,
  facts: Pick<FailedEvent, 'attempts' | 'reason'>,
  cause: unknown,
) => Promise<void>

/**
 * Tells of a job that fails for good before Redis knows: a worker that is killed in between, or gets
 * no answer, would have told nobody. As it is, the job stalls, and the next worker tells again.
 */
function tellOfFailures(worker: EventWorker, raise: Alarm): Tell {
  const told = new WeakSet<Job>()
  worker.on('active', (job) => {
    // Its workers crashed too often: BullMQ fails it now, and asks nobody.
    if (!job.deferredFailure) return
    const attempts = job.attemptsMade + job.stalledCounter
    void tell(job, { attempts, reason: job.deferredFailure }, undefined)
  })
  // What BullMQ fails for a reason of its own, such as its option `maxStartedAttempts`.
  worker.on('failed', (job, error) => {
    // Without an end it will be tried again.
    if (job?.finishedOn === undefined || told.has(job)) return
    void raise(toFailedEvent(job), error.cause)
  })
  return tell

  function tell(...[job, facts, cause]: Parameters<Tell>): Promise<void> {
    told.add(job)
    return raise(failing(job, facts), cause)
  }
}

/** BullMQ keeps the message, and people read it; the cause is for `onFailed`, in this process. */
function toError({ fate, reason, cause }: JobVerdict): Error {
  const error = fate === 'failed' ? new UnrecoverableError(reason) : new Error(reason)
  return Object.assign(error, { cause })
}

/** What happens to a worker itself. BullMQ tells of a Redis that is down on every try to reach it. */
function complain(worker: EventWorker, queue: string, logger: Logger): void {
  let quietUntilMs = 0
  worker.on('error', (error) => {
    const nowMs = performance.now()
    if (nowMs < quietUntilMs) return
    quietUntilMs = nowMs + 60_000
    contain(() =>
      logger.error(
        `[hongbao] The worker of ${queue} has an error.${originOf(error)}${textOf(error)}`,
      ),
    )
  })
  worker.on('stalled', (jobId) => {
    contain(() =>
      logger.warn(
        `[hongbao] The job ${jobId} of ${queue} stalled: its worker crashed, or was blocked and may have applied it. It runs again; the inbox decides.`,
      ),
    )
  })
}
