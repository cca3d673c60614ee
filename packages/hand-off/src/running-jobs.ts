import { withTimeout } from '@hongbao/core/internal'

/** The jobs that a worker runs. Its `close` waits for them. */
export interface RunningJobs {
  /** Counts a job until it ends or calls `onLate`, when its handlers pass their deadline. */
  run<Result>(job: (onLate: () => void) => Promise<Result>): Promise<Result>
  /**
   * Waits until no job is counted, and then up to 5 seconds for `closed`. Resolves with whether the
   * broker closed in time. Rejects if `closed` does.
   */
  waitFor(closed: Promise<unknown>): Promise<boolean>
}

const BROKER_TIMEOUT_MS = 5000

export function createRunningJobs(): RunningJobs {
  const running = new Set<() => void>()
  let emptied: PromiseWithResolvers<void> | undefined

  async function run<Result>(job: (onLate: () => void) => Promise<Result>): Promise<Result> {
    function leave(): void {
      running.delete(leave)
      if (running.size > 0) return
      emptied?.resolve()
      emptied = undefined
    }
    running.add(leave)
    try {
      return await job(leave)
    } finally {
      leave()
    }
  }

  async function waitFor(closed: Promise<unknown>): Promise<boolean> {
    const inTime = closed.then(() => true)
    if (running.size > 0) {
      // A rejection is handled below, after the jobs.
      inTime.catch(() => {})
      // One promise for all that wait.
      emptied ??= Promise.withResolvers()
      await emptied.promise
    }
    const isClosed = await withTimeout(BROKER_TIMEOUT_MS, inTime, () => false)
    // A job that was being fetched may have started in the meantime.
    return running.size === 0 ? isClosed : waitFor(closed)
  }

  return { run, waitFor }
}
