import type { Work } from '@hongbao/hand-off'
import type { FindJobsOptions, JobInsert, JobWithMetadata } from 'pg-boss'
import type { BossQueue } from './boss-queue.ts'
import { toDeadLetter, wasTold } from './dead-letters.ts'

/** How a watch is kept. */
export interface WatchSettings {
  readonly work: Pick<Work, 'tell' | 'warn'>
  readonly intervalSeconds: number
}

/** What looks for dead letters of crashed workers. */
export interface CrashWatch {
  /** Looks no more, and resolves when a look that is under way is over. */
  close(): Promise<void>
}

/**
 * Tells of the events that failed for good without a worker's knowledge, at once and from then on:
 * a job whose workers crash at every try is failed by pg-boss itself, in whichever process does its
 * maintenance, and nobody hears of it.
 *
 * The alarm of such an event is a job in a queue of alarms, under the id of the event's copy in the
 * dead letter queue. So there is one, whoever finds the copy; one worker takes it and tells, and
 * where that one is killed meanwhile, another does. The copy stays as it is, for people to redrive.
 */
export function watchCrashes(queue: BossQueue, settings: WatchSettings): CrashWatch {
  const { boss, deadLetter, alarms, label } = queue
  const { work, intervalSeconds } = settings
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let lastEnd: string | undefined
  let start: string | undefined
  let looking = lookOnAndOn()
  return {
    async close() {
      isClosed = true
      clearTimeout(timer)
      await looking
    },
  }

  async function lookOnAndOn(): Promise<void> {
    await look().catch(complain)
    if (isClosed) return
    timer = setTimeout(() => {
      looking = lookOnAndOn()
    }, intervalSeconds * 1000)
    timer.unref()
  }

  async function look(): Promise<void> {
    await findUntold()
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one after another, so that a crash leaves one
      if (isClosed || !(await tellNext())) return
    }
  }

  /**
   * Makes alarms of the copies that came since the look before the last. Not the last: a copy is
   * dated when its transaction began, so one that is committed late may be dated before others.
   */
  async function findUntold(): Promise<void> {
    let after = start
    start = lastEnd
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- a page names the next one
      const copies = await findCopies(after)
      const untold = copies.filter((copy) => !wasTold(copy))
      // oxlint-disable-next-line no-await-in-loop -- found again, if this fails
      if (untold.length > 0) await boss.insert(alarms, untold.map(toAlarm))
      const last = copies.at(-1)
      if (isClosed || last === undefined) return
      lastEnd = last.id
      after = last.id
    }
  }

  function findCopies(after?: string): Promise<JobWithMetadata<unknown>[]> {
    const page: FindJobsOptions = { limit: PAGE_SIZE }
    const all = (): Promise<JobWithMetadata<unknown>[]> => boss.findJobs(deadLetter, page)
    // Where the copy to start behind was redriven meanwhile, pg-boss rejects.
    return after === undefined ? all() : boss.findJobs(deadLetter, { ...page, after }).catch(all)
  }

  /** Says whether there was one to tell of. */
  async function tellNext(): Promise<boolean> {
    const [alarm] = await boss.fetch(alarms)
    if (alarm === undefined) return false
    const [copy] = await boss.findJobs(deadLetter, { id: alarm.id })
    // One that was redriven meanwhile is being tried again.
    if (copy !== undefined) await work.tell(toDeadLetter(copy))
    await boss.complete(alarms, alarm)
    return true
  }

  function complain(error: unknown): void {
    work.warn(
      'pg-boss-watch-failed',
      `Could not look for dead letters of crashed workers in ${label}; the next look is in ${intervalSeconds} s.`,
      { cause: error },
    )
  }
}

/** One that is there already, told or not, stays as it is. */
function toAlarm({ id, createdOn, keepUntil }: JobWithMetadata<unknown>): JobInsert {
  // The copy goes first: it would be told of again if its alarm was forgotten before.
  const lifeMs = new Date(keepUntil).getTime() - new Date(createdOn).getTime()
  const keptSeconds = Math.max(Math.ceil(lifeMs / 1000), 0) + WEEK_SECONDS
  return { id, retentionSeconds: keptSeconds, deleteAfterSeconds: keptSeconds }
}

const PAGE_SIZE = 200
// pg-boss deletes what is over its time in passes, a day apart, queue by queue.
const WEEK_SECONDS = 7 * 24 * 60 * 60
