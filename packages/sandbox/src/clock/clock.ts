import { SandboxError } from '../errors.ts'
import { readDuration, type Duration } from './duration.ts'

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
   * @throws SandboxError `option-invalid` if `dueMs` is not a time
   */
  at(dueMs: number, work: () => void | Promise<void>): Timer
  /** Due times of all timers, soonest first. */
  pending(): readonly number[]
  /**
   * Moves the clock forward by a number of milliseconds, or by a duration such as `'90s'`, `'2h'` or
   * `'1h30m'`. Every timer runs at its own time and is awaited before the clock goes on, so timers
   * that are added on the way run too. Works at any speed. Moves run one after another.
   *
   * @throws SandboxError `option-invalid` if it is not a time of 0 or more
   */
  advance(by: number | Duration): Promise<void>
  /** Moves to the next timer and runs it; resolves with false if there is none. */
  next(): Promise<boolean>
  /** Moves on until no timer is left; resolves with the number of timers that ran. */
  drain(): Promise<number>
  /** Resolves when all due timers have run. */
  settled(): Promise<void>
  /** Removes all timers. */
  clear(): void
}

/** `delivery`: an attempt; `envelope`: a step of an envelope, such as its refund; `work`: anything else. */
export type TimerKind = 'delivery' | 'envelope' | 'work'

/** Scheduled work. */
export interface Timer {
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
}

/** The clock checks the time at least this often, so it is right a minute after a laptop wakes up. */
const LONGEST_SLEEP_MS = 60_000

// The last moment that a Date can hold (ECMA-262, "Time Values and Time Range").
const LAST_MS = 8.64e15

export function createClock(options: ClockOptions): Clock {
  return new TimerClock(options)
}

interface ScheduledWork extends Timer {
  readonly work: () => void | Promise<void>
}

class TimerClock implements Clock {
  readonly speed: number
  readonly #wallNow: () => number
  readonly #onError: (error: unknown) => void
  readonly #onMoved: (fromMs: number, toMs: number) => void
  /** The soonest is the last; of one instant, the first added is the last. */
  #timers: ScheduledWork[] = []
  #atMs: number
  #wallMs: number
  /** During a move, time advances only from timer to timer. */
  #isMoving = false
  #running = 0
  #ran = 0
  #isLookPlanned = false
  #alarm: NodeJS.Timeout | undefined
  #alarmDueMs: number | undefined
  #idleWaiters: (() => void)[] = []
  #lastMove: Promise<unknown> = Promise.resolve()

  constructor({ speed, startMs, wallNow = Date.now, onError, onMoved }: ClockOptions) {
    this.speed = speed
    this.#wallNow = wallNow
    this.#onError = onError ?? ignore
    this.#onMoved = onMoved ?? ignore
    this.#wallMs = wallNow()
    this.#atMs = startMs ?? this.#wallMs
  }

  readonly now = (): number => {
    const wallMs = this.#wallNow()
    // If the wall clock is set back, this one does not follow.
    if (!this.#isMoving) this.#atMs += Math.max(0, wallMs - this.#wallMs) * this.speed
    this.#wallMs = wallMs
    return Math.floor(this.#atMs)
  }

  at(dueMs: number, work: () => void | Promise<void>): Timer {
    if (!(dueMs >= -LAST_MS && dueMs <= LAST_MS)) throw invalidTime('`dueMs`', 'since 1970')
    const timer: ScheduledWork = { dueMs, work, cancel: () => this.#cancel(timer) }
    this.#timers.splice(this.#placeOf(dueMs), 0, timer)
    if (dueMs <= this.now()) this.#startSoon()
    else if (this.#timers.at(-1) === timer) this.#setAlarm()
    return timer
  }

  pending(): readonly number[] {
    return this.#timers.map(({ dueMs }) => dueMs).toReversed()
  }

  advance(by: number | Duration): Promise<void> {
    const ms = typeof by === 'string' ? (readDuration(by) ?? Number.NaN) : by
    if (!(ms >= 0 && ms <= LAST_MS - this.now())) {
      return Promise.reject(invalidTime('The argument', '0 or more, or a duration such as "24h"'))
    }
    return this.#move(() => this.#goTo(this.now() + ms))
  }

  next(): Promise<boolean> {
    return this.#move(async () => {
      const first = this.#timers.at(-1)
      if (first !== undefined) await this.#goTo(first.dueMs)
      return first !== undefined
    })
  }

  drain(): Promise<number> {
    const ranBefore = this.#ran
    return this.#move(async () => {
      for (let first = this.#timers.at(-1); first !== undefined; first = this.#timers.at(-1)) {
        // oxlint-disable-next-line no-await-in-loop -- work may schedule more
        await this.#goTo(first.dueMs)
      }
      return this.#ran - ranBefore
    })
  }

  settled(): Promise<void> {
    return this.#lastMove.then(() => this.#idle())
  }

  clear(): void {
    this.#timers = []
    this.#setAlarm()
    this.#resolveIdle()
  }

  #cancel(timer: ScheduledWork): void {
    const place = this.#timers.indexOf(timer, this.#placeOf(timer.dueMs))
    if (place !== -1) this.#timers.splice(place, 1)
    this.#resolveIdle()
  }

  /** Where a new timer of this time belongs: by binary search. */
  #placeOf(dueMs: number): number {
    let [low, high] = [0, this.#timers.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#timers[middle]?.dueMs ?? 0) > dueMs) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Starts due work after the present call has returned. */
  #startSoon(): void {
    if (this.#isLookPlanned) return
    this.#isLookPlanned = true
    queueMicrotask(() => {
      this.#isLookPlanned = false
      this.#startDue()
    })
  }

  /** Starts due work: all of it, or one after another at speed 0. */
  #startDue(): void {
    while (!this.#isMoving && this.#isDue() && (this.speed > 0 || this.#running === 0)) {
      void this.#run(this.#timers.pop())
    }
    this.#setAlarm()
    this.#resolveIdle()
  }

  #isDue(): boolean {
    const first = this.#timers.at(-1)
    return first !== undefined && first.dueMs <= this.now()
  }

  /** Runs one work to its end; errors go to `onError`. */
  #run(timer: ScheduledWork | undefined): void | Promise<void> {
    if (timer === undefined) return undefined
    this.#ran += 1
    this.#running += 1
    try {
      const result: unknown = timer.work()
      if (result instanceof Promise) {
        return result.then(ignore, this.#onError).then(() => {
          this.#running -= 1
          this.#startDue()
        })
      }
    } catch (error) {
      this.#onError(error)
    }
    this.#running -= 1
    return undefined
  }

  /** Timers keep no process alive; the server does. */
  #setAlarm(): void {
    const dueMs = this.#timers.at(-1)?.dueMs
    if (this.speed === 0 || dueMs === this.#alarmDueMs) return
    clearTimeout(this.#alarm)
    this.#alarmDueMs = dueMs
    if (dueMs === undefined) return
    const sleepMs = Math.ceil((dueMs - this.now()) / this.speed)
    const wake = (): void => {
      this.#alarmDueMs = undefined
      this.#startDue()
    }
    this.#alarm = setTimeout(wake, Math.max(1, Math.min(sleepMs, LONGEST_SLEEP_MS))).unref()
  }

  #isIdle(): boolean {
    return this.#running === 0 && !this.#isDue()
  }

  #idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise((resolve) => this.#idleWaiters.push(resolve))
  }

  #resolveIdle(): void {
    if (this.#idleWaiters.length === 0 || !this.#isIdle()) return
    for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }

  #move<Result>(go: () => Promise<Result>): Promise<Result> {
    const moved = this.#lastMove.then(async () => {
      await this.#idle()
      const fromMs = this.now()
      this.#isMoving = true
      try {
        return await go()
      } finally {
        const toMs = this.now()
        this.#isMoving = false
        // The alarm was set for a time that the move has skipped.
        this.#alarmDueMs = undefined
        if (toMs !== fromMs) this.#onMoved(fromMs, toMs)
        this.#startDue()
      }
    })
    this.#lastMove = moved.catch(ignore)
    return moved
  }

  async #goTo(toMs: number): Promise<void> {
    for (let first = this.#timers.at(-1); first !== undefined; first = this.#timers.at(-1)) {
      if (first.dueMs > toMs) break
      this.#atMs = Math.max(this.#atMs, first.dueMs)
      // oxlint-disable-next-line no-await-in-loop -- one work ends before the clock goes on
      await this.#run(this.#timers.pop())
    }
    this.#atMs = Math.max(this.#atMs, toMs)
  }
}

function invalidTime(what: string, which: string): SandboxError {
  return new SandboxError(
    'option-invalid',
    `${what} must be a time in milliseconds, ${which}. To run all timers: \`drain()\`.`,
  )
}

function ignore(): void {}
