/**
 * The sandbox's time. Everything that it dates or waits for goes by one clock, and no global timer
 * is replaced: a clock of speed 0 sets no timer at all.
 */
export interface Clock {
  /** 1 is real time, N is N times as fast, 0 moves only when it is told to. */
  readonly speed: number
  /** Milliseconds since 1970. */
  now(): number
  /**
   * Runs `work` when the clock has come to `dueMs`; at once, but never before this call returns,
   * where that is past. Work of one instant runs in the order in which it was scheduled.
   */
  at(dueMs: number, work: () => void | Promise<void>): Timer
  /** Due times of all that is scheduled, soonest first. */
  pending(): readonly number[]
  /**
   * Moves on by `ms`, from timer to timer: each runs at its own time, and is awaited before the clock
   * goes on, so what it schedules on the way is run on the way too.
   */
  advance(ms: number): Promise<void>
  /** Moves on to the next timer and runs it; false where there is none. */
  next(): Promise<boolean>
  /** Moves on until nothing is scheduled; says how many timers ran. */
  drain(): Promise<number>
  /** Resolves when all that is due has run. */
  settled(): Promise<void>
  /** Forgets all that is scheduled. */
  clear(): void
}

/** Something scheduled. */
export interface Timer {
  readonly dueMs: number
  cancel(): void
}
