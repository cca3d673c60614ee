/** What was opened and has to be closed, in reverse order, however it ends. */
export interface Cleanup {
  /** Registers something to be closed, and returns it. */
  own<Thing extends Closable>(thing: Thing): Thing
  /** Closes all. What is opened after that is closed at once. */
  close(): Promise<void>
}

export interface Closable {
  close(): Promise<unknown>
}

export function createCleanup(): Cleanup {
  const owned: Closable[] = []
  let isClosed = false

  return {
    own(thing) {
      if (isClosed) void thing.close()
      else owned.push(thing)
      return thing
    },
    async close() {
      isClosed = true
      for (const thing of owned.toReversed()) await thing.close()
    },
  }
}
