import type { EventJob, JobConsumer, JobFate, JobRunner } from '@hongbao/hand-off'
import type { JobResult, JobResultStatus, JobWithMetadata } from 'pg-boss'
import { EXPIRY_MARGIN_SECONDS, prepareAlarms, type BossQueue } from './boss-queue.ts'
import { watchCrashes } from './crash-watch.ts'
import type { PgBossWarningCode } from './warnings.ts'

/** How often a worker looks. */
export interface Intervals {
  readonly pollingIntervalSeconds: number
  readonly watchIntervalSeconds: number
}

/** Starts as many of pg-boss's workers as jobs may run at a time, and the watch for crashes. */
export async function startWorker(
  queue: BossQueue,
  { pollingIntervalSeconds, watchIntervalSeconds }: Intervals,
  runner: JobRunner<PgBossWarningCode>,
): Promise<JobConsumer> {
  const { boss, name } = queue
  await prepareAlarms(queue)
  const workers = await Promise.all(Array.from({ length: runner.concurrency }, startOne))
  const stopWatch = watchCrashes(queue, runner, watchIntervalSeconds)
  return {
    close() {
      const ended = workers.map((id) => boss.offWork(name, { id, wait: true }))
      return Promise.all([...ended, stopWatch()])
    },
  }

  /** A worker for one job at a time: a handler that hangs blocks no other job. */
  async function startOne(): Promise<string> {
    const how = { perJobResults: true, includeMetadata: true, pollingIntervalSeconds } as const
    const id: string = await boss.work<EventJob, unknown, typeof how>(
      name,
      how,
      async function applyJobs(jobs) {
        const results = await Promise.all(jobs.map((job) => apply(runner, job)))
        // Without this, a worker takes one job per polling interval.
        boss.notifyWorker(id)
        return results
      },
    )
    return id
  }
}

async function apply(
  runner: Pick<JobRunner, 'run'>,
  job: JobWithMetadata<EventJob>,
): Promise<JobResult> {
  const { id, data, retryCount, retryLimit, expireInSeconds } = job
  const { fate, outcome, reason } = await runner.run({
    id,
    data,
    attempt: retryCount + 1,
    isLast: retryCount >= retryLimit,
    timeoutMs: (expireInSeconds - EXPIRY_MARGIN_SECONDS) * 1000,
  })
  return { id, status: STATUS[fate], output: { outcome, message: reason } }
}

const STATUS: Readonly<Record<JobFate, JobResultStatus>> = {
  done: 'completed',
  again: 'failed',
  dead: 'deadletter',
}
