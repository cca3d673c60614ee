import type { Webhooks } from '@hongbao/core'
import {
  applyJob,
  contain,
  createAlarm,
  createRunningJobs,
  failedEvent,
  readEventWorkerOptions,
  readHandOffOptions,
  readLogger,
  wrong,
  type EventWorkerOptions,
  type HandedOffEvent,
  type JobFate,
} from '@hongbao/core/internal'
import type { JobResult, JobResultStatus, JobWithMetadata } from 'pg-boss'
import { prepareAlarms, prepareQueue, readEventQueue, type Boss } from './event-queue.ts'
import { watchFailures } from './failure-watch.ts'
import { warnOfNoSupervisor } from './supervision.ts'

/** Options of {@link createEventWorker}. Wrong ones are refused with an `OptionError`. */
export interface PgBossWorkerOptions extends EventWorkerOptions {
  /** A pg-boss that was started. */
  readonly boss: Boss
  /** The name of the queue. Default: `'hongbao-events'`. */
  readonly name?: string | undefined
  /** How often to look for events while there are none, in seconds: 0.5 or more. Default: 1. */
  readonly pollingIntervalSeconds?: number | undefined
  /**
   * How often to look for events that failed for good and no worker knows of, because theirs crashed,
   * in seconds: 0.5 to 3,600. Default: 60.
   */
  readonly watchIntervalSeconds?: number | undefined
}

/** What applies events. */
export interface EventWorker {
  /**
   * Takes no more events, and waits for those that run until their `handlerTimeoutMs` and for
   * Postgres. Resolves within 10 seconds, or `handlerTimeoutMs` plus 10 seconds if events run, whether
   * or not handlers end and Postgres answers. What is not finished then is tried again by another
   * worker. A second call returns the same promise.
   */
  close(): Promise<void>
}

/**
 * Applies what {@link handOff} put into a queue, with the handlers of a receiver and through its
 * inbox.
 *
 * Add the handlers first: an event that nobody listens to is complete. The receiver is one of its
 * own, not the one that hands off; its `handlerTimeoutMs` is what a job may take.
 *
 * `onFailed` is called for every event that fails for good, by whichever worker knows of it first and
 * by no other: by the one whose handler failed, or, where the workers crashed at every try, by one
 * that is left, within minutes. At least once: a worker that is killed before `onFailed` has settled
 * leaves it to another one.
 *
 * @throws OptionError for a wrong option
 */
export async function createEventWorker(
  webhooks: Pick<Webhooks, 'dispatch'>,
  options: PgBossWorkerOptions,
): Promise<EventWorker> {
  const { concurrency, unhandled } = readEventWorkerOptions(options, NAMES)
  const { boss, pollingIntervalSeconds = 1, watchIntervalSeconds = 60 } = options
  if (typeof webhooks?.dispatch !== 'function') throw wrong('webhooks', 'made by `createWebhooks`')
  if (!(pollingIntervalSeconds >= 0.5)) throw wrong('pollingIntervalSeconds', '0.5 or more')
  if (!(watchIntervalSeconds >= 0.5 && watchIntervalSeconds <= 3600)) {
    throw wrong('watchIntervalSeconds', 'a number from 0.5 to 3,600')
  }
  const queue = readEventQueue(boss, options.name)
  const { name, label } = queue
  // A worker that is there before the first receiver; from then on it is the receiver's to set.
  if ((await boss.getQueue(name)) === null) {
    await prepareQueue(queue, { ...readHandOffOptions({}), expireSeconds: 900 })
  }
  await prepareAlarms(queue)
  const logger = readLogger(options.logger)
  await warnOfNoSupervisor(queue, logger)
  const running = createRunningJobs()
  const raise = createAlarm(options, label)
  const workers = await Promise.all(Array.from({ length: concurrency }, startOne))
  const watch = watchFailures(queue, { raise, intervalSeconds: watchIntervalSeconds, logger })
  let closed: Promise<void> | undefined
  return {
    close() {
      closed ??= closeInTime()
      return closed
    },
  }

  async function closeInTime(): Promise<void> {
    const ended = workers.map((id) => boss.offWork(name, { id, wait: true }))
    if (await running.waitFor(Promise.all([...ended, watch.close()]))) return
    contain(() =>
      logger.warn(
        `[hongbao] The worker of ${label} was closed while jobs ran past \`handlerTimeoutMs\`, or Postgres did not answer. What it has not finished is tried again by another worker.`,
      ),
    )
  }

  /** One job at a time, so that a handler that hangs holds up nothing but itself. */
  async function startOne(): Promise<string> {
    const how = { perJobResults: true, includeMetadata: true, pollingIntervalSeconds } as const
    const id: string = await boss.work<HandedOffEvent, unknown, typeof how>(
      name,
      how,
      async function applyHandedOff(jobs) {
        const results = await Promise.all(
          jobs.map((job) => running.run((late) => apply(job, late))),
        )
        // Where there was one there may be more: without this, one event per interval.
        boss.notifyWorker(id)
        return results
      },
    )
    return id
  }

  async function apply(
    job: JobWithMetadata<HandedOffEvent>,
    onLate: () => void,
  ): Promise<JobResult> {
    const timeoutMs = (job.expireInSeconds - EXPIRY_MARGIN_SECONDS) * 1000
    const rules = { queue: label, unhandled, timeoutMs, onLate }
    const verdict = await applyJob(webhooks, job.data, rules)
    const { fate, outcome, reason: message, cause } = verdict
    const isLast = fate === 'again' && job.retryCount >= job.retryLimit
    if (fate === 'failed' || isLast) {
      const facts = { jobId: job.id, attempts: job.retryCount + 1, reason: message }
      await raise(failedEvent(job.data, facts), cause)
    }
    return { id: job.id, status: STATUS[fate], output: { outcome, message } }
  }
}

const NAMES: Readonly<Record<Exclude<keyof PgBossWorkerOptions, keyof EventWorkerOptions>, true>> =
  { boss: true, name: true, pollingIntervalSeconds: true, watchIntervalSeconds: true }

const STATUS: Readonly<Record<JobFate, JobResultStatus>> = {
  done: 'completed',
  again: 'failed',
  failed: 'deadletter',
}

// Our answer comes before pg-boss takes the job away: a job that expired is tried again beside the
// handlers that run (pg-boss issue 555), and its worker waits for them, maybe for ever.
const EXPIRY_MARGIN_SECONDS = 10
