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
  const running = new Set<Promise<void>>()

  async function run<Result>(job: (onLate: () => void) => Promise<Result>): Promise<Result> {
    const { promise: left, resolve } = Promise.withResolvers<void>()
    function leave(): void {
      running.delete(left)
      resolve()
    }
    running.add(left)
    return job(leave).finally(leave)
  }

  async function waitFor(closed: Promise<unknown>): Promise<boolean> {
    const inTime = closed.then(() => true)
    // A rejection is handled below, after the jobs.
    inTime.catch(() => {})
    await Promise.all(running)
    // A job that was being fetched may have started in the meantime.
    if (running.size > 0) return waitFor(closed)
    const isClosed = await withTimeout(BROKER_TIMEOUT_MS, inTime, () => false)
    return running.size === 0 ? isClosed : waitFor(closed)
  }

  return { run, waitFor }
}
