import type { JobRunner } from '@hongbao/hand-off'
import type { JobInsert, JobWithMetadata } from 'pg-boss'
import { setTimeout as wait } from 'node:timers/promises'
import type { BossQueue } from './boss-queue.ts'
import { toDeadLetter, wasReported } from './dead-letters.ts'
import type { PgBossWarningCode } from './warnings.ts'

/**
 * Reports dead letters of crashed workers, now and every `intervalSeconds`. pg-boss itself fails a job
 * whose workers crash at every try, in whichever process does its maintenance, and calls no worker.
 *
 * Each of them gets one alarm: a job in the queue of alarms with the id of the event's copy in the dead
 * letter queue, so that several workers insert it once. The worker that takes the alarm reports it; if
 * that worker is killed, the next one does. The copy stays, for `redrive`.
 *
 * Returns a function that stops it, and resolves when a look that has started is over.
 */
export function watchCrashes(
  queue: BossQueue,
  runner: Pick<JobRunner<PgBossWarningCode>, 'reportDeadLetter' | 'warn'>,
  intervalSeconds: number,
): () => Promise<void> {
  const closing = new AbortController()
  const { signal } = closing
  // The ids of the copies where the last look and the one before it ended.
  let last: string | undefined
  let beforeLast: string | undefined
  const ended = watch()
  return function stop() {
    closing.abort()
    return ended
  }

  async function watch(): Promise<void> {
    while (!signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- one look after another
      await look().catch(warn)
      // oxlint-disable-next-line no-await-in-loop
      await wait(intervalSeconds * 1000, undefined, { signal, ref: false }).catch(() => {})
    }
  }

  async function look(): Promise<void> {
    // Not from the last look on: a copy is dated when its transaction began, so one that is committed
    // late may be dated before copies that were found.
    const newest = await insertAlarms(queue, beforeLast, signal)
    beforeLast = last
    last = newest
    await reportAlarms(queue, runner, signal)
  }

  function warn(cause: unknown): void {
    runner.warn(
      'pg-boss-watch-failed',
      `Could not look for dead letters of crashed workers in ${queue.label}; the next look is in ${intervalSeconds} s.`,
      { cause },
    )
  }
}

/** Makes alarms of the copies after `after`, page by page. Resolves with the id of the last copy. */
async function insertAlarms(
  queue: BossQueue,
  after: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const copies = await findCopies(queue, after)
  const unreported = copies.filter((copy) => !wasReported(copy))
  if (unreported.length > 0) await queue.boss.insert(queue.alarms, unreported.map(toAlarm))
  const last = copies.at(-1)
  if (last === undefined || signal.aborted) return after
  return insertAlarms(queue, last.id, signal)
}

function findCopies(
  queue: BossQueue,
  after: string | undefined,
): Promise<JobWithMetadata<unknown>[]> {
  const { boss, deadLetter } = queue
  const page = { limit: PAGE_SIZE }
  if (after === undefined) return boss.findJobs(deadLetter, page)
  // pg-boss rejects if that copy is gone: it was redriven.
  return boss.findJobs(deadLetter, { ...page, after }).catch(() => findCopies(queue, undefined))
}

/** If the queue has an alarm with this id, completed or not, pg-boss keeps that one. */
function toAlarm({ id, createdOn, keepUntil }: JobWithMetadata<unknown>): JobInsert {
  // Longer than the copy: without its alarm, the copy would be reported again.
  const lifeMs = new Date(keepUntil).getTime() - new Date(createdOn).getTime()
  const keptSeconds = Math.max(Math.ceil(lifeMs / 1000), 0) + WEEK_SECONDS
  return { id, retentionSeconds: keptSeconds, deleteAfterSeconds: keptSeconds }
}

const PAGE_SIZE = 200
// pg-boss deletes expired jobs in passes, a day apart, queue by queue.
const WEEK_SECONDS = 7 * 24 * 60 * 60

/** One alarm after another, so that a worker that crashes leaves at most one to be reported again. */
async function reportAlarms(
  queue: BossQueue,
  runner: Pick<JobRunner, 'reportDeadLetter'>,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return
  const { boss, alarms, deadLetter } = queue
  const [alarm] = await boss.fetch(alarms)
  if (alarm === undefined) return
  const [copy] = await boss.findJobs(deadLetter, { id: alarm.id })
  // If the copy is gone, it was redriven.
  if (copy !== undefined) await runner.reportDeadLetter(toDeadLetter(copy))
  await boss.complete(alarms, alarm)
  return reportAlarms(queue, runner, signal)
}
