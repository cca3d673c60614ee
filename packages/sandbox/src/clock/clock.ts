import type { Duration } from './duration.ts'

/**
 * The sandbox's time: all dates and timers of the sandbox use this clock. Global timers are not
 * replaced; a clock of speed 0 sets none.
 *
 * Scheduled work must not await a move of the clock (`advance`, `next`, `drain`, `settled`): the move
 * waits for the work.
 */
export interface Clock {
  /** 1 is real time, N is N times as fast, 0 moves only by `advance`, `next` and `drain`. */
  readonly speed: number
  /** Milliseconds since 1970. Can be passed on by itself: `createWebhooks({ now: sandbox.clock.now })`. */
  readonly now: () => number
  /**
   * Schedules `work` for `dueMs`; if that is past, it runs as soon as this call has returned. Work of
   * one instant starts in the order in which it was scheduled. At speed 0, each work ends before the
   * next starts.
   *
   * @param kind Default: `'work'`
   * @throws SandboxError `option-invalid` if `dueMs` is not a time
   */
  at(dueMs: number, work: () => void | Promise<void>, kind?: TimerKind): Timer
  /** Due times of the timers of a kind, soonest first. Default: of all. */
  pending(kind?: TimerKind): readonly number[]
  /**
   * Moves the clock forward by a number of milliseconds, or by a duration such as `'90s'`, `'2h'` or
   * `'1h30m'`. Every timer runs at its own time and is awaited before the clock goes on, so timers
   * that are added on the way run too. Works at any speed. Moves run one after another.
   *
   * @throws SandboxError `option-invalid` if it is not a time of 0 or more
   */
  advance(by: number | Duration): Promise<void>
  /**
   * Moves to the next delivery and runs it, with all that is due on the way; resolves with false if none
   * is planned, and stays. With `{ kind: 'any' }`, to the next timer of any kind: the refund of an envelope, for example.
   */
  next(options?: { readonly kind?: 'delivery' | 'any' | undefined }): Promise<boolean>
  /** Moves on until no timer is left; resolves with the number of timers that ran. */
  drain(): Promise<number>
  /** Resolves when all due timers have run. */
  settled(): Promise<void>
  /** Changes the speed; the time goes on from where it is. */
  setSpeed(speed: number): void
  /** Removes all timers. */
  clear(): void
}

/** The clock as the engine has it. */
export interface EngineClock extends Clock {
  /** Removes all timers, and goes back to where it began: to `startMs`, or to the wall clock. */
  restart(): void
}

/** `delivery`: an attempt; `envelope`: a step of an envelope, such as its refund; `work`: anything else. */
export type TimerKind = 'delivery' | 'envelope' | 'work'

/** Scheduled work. */
export interface Timer {
  readonly kind: TimerKind
  readonly dueMs: number
  cancel(): void
}

/** Options of {@link createClock}. */
export interface ClockOptions {
  /** 1 is real time, N is N times as fast, 0 moves only by `advance`, `next` and `drain`. */
  readonly speed: number
  /** When it starts, in milliseconds since 1970. Default: now. */
  readonly startMs?: number | undefined
  /** The wall clock, in milliseconds since 1970. Default: `Date.now`. */
  readonly wallNow?: (() => number) | undefined
  /** Called with errors of scheduled work. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Called after each `advance`, `next` and `drain`. */
  readonly onMoved?: ((fromMs: number, toMs: number) => void) | undefined
  /** Called when the speed was changed. */
  readonly onSpeed?: ((speed: number) => void) | undefined
}
