export interface Refresher<Name extends string> {
  /** Reads some of the lists, at once if nothing was read just now. */
  refresh(names: readonly Name[]): void
  /** Resolves when nothing is to be read any more. */
  settled(): Promise<void>
}

/** At most so often, so that thousands of events a second neither fill the page's time nor the sandbox's. */
const PAUSE_MS = 150

/**
 * Reads lists anew when they have changed: each at most once at a time, with a pause in between.
 * A list that cannot be read is left as it is; the stream will notice what is wrong.
 */
export function createRefresher<Name extends string>(
  readers: Readonly<Record<Name, () => Promise<void>>>,
): Refresher<Name> {
  const stale = new Set<Name>()
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    while (stale.size > 0) {
      const names = [...stale]
      stale.clear()
      // oxlint-disable-next-line no-await-in-loop -- one round after another
      await Promise.allSettled(names.map((name) => readers[name]()))
      // oxlint-disable-next-line no-await-in-loop -- as above
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
    running = undefined
  }

  return {
    refresh(names) {
      for (const name of names) stale.add(name)
      running ??= run()
    },
    async settled() {
      await running
    },
  }
}
