import { withTimeout } from '@hongbao/core/internal'

/** The jobs that a worker runs, for its `close`. */
export interface RunningJobs {
  /** Counts a job until it has ended, or calls `onLate`: its handlers have passed their deadline. */
  run<Result>(job: (onLate: () => void) => Promise<Result>): Promise<Result>
  /**
   * Waits until the broker has let a worker go: until no job is counted, and then for 5 seconds.
   * Resolves with whether the broker did. Rejects if `released` does.
   */
  waitFor(released: Promise<unknown>): Promise<boolean>
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

  async function waitFor(released: Promise<unknown>): Promise<boolean> {
    if (running.size > 0) {
      // Whoever waits already must not be left behind.
      emptied ??= Promise.withResolvers()
      await Promise.race([released, emptied.promise])
    }
    const inTime = released.then(() => true)
    const isReleased = await withTimeout(BROKER_TIMEOUT_MS, inTime, () => false)
    // A job that was being fetched may have started meanwhile.
    return isReleased || running.size === 0 ? isReleased : waitFor(released)
  }

  return { run, waitFor }
}
