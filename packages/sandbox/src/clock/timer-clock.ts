import { Refusal } from '../errors.ts'
import type { ClockOptions, EngineClock, Timer, TimerKind } from './clock.ts'
import { readDuration, type Duration } from './duration.ts'

/** The clock checks the time at least this often, so it is right a minute after a laptop wakes up. */
const LONGEST_SLEEP_MS = 60_000

// The last moment that a Date can hold (ECMA-262, "Time Values and Time Range").
const LAST_MS = 8.64e15

export function createClock(options: ClockOptions): EngineClock {
  return new TimerClock(options)
}

interface ScheduledWork extends Timer {
  readonly work: () => void | Promise<void>
}

class TimerClock implements EngineClock {
  readonly #options: ClockOptions
  readonly #wallNow: () => number
  #speed: number
  /** The soonest is the last; of one instant, the first added is the last. */
  #timers: ScheduledWork[] = []
  #atMs: number
  #wallMs: number
  /** During a move, time advances only from timer to timer. */
  #isMoving = false
  #restarts = 0
  #running = 0
  #ran = 0
  #alarm: NodeJS.Timeout | undefined
  #idleWaiters: (() => void)[] = []
  #lastMove: Promise<unknown> = Promise.resolve()

  constructor(options: ClockOptions) {
    const { speed, startMs, wallNow = Date.now } = options
    this.#options = options
    this.#wallNow = wallNow
    this.#speed = speed
    this.#wallMs = wallNow()
    this.#atMs = startMs ?? this.#wallMs
  }

  get speed(): number {
    return this.#speed
  }

  readonly now = (): number => {
    const wallMs = this.#wallNow()
    // If the wall clock is set back, this one does not follow.
    if (!this.#isMoving) this.#atMs += Math.max(0, wallMs - this.#wallMs) * this.#speed
    this.#wallMs = wallMs
    return Math.floor(this.#atMs)
  }

  at(dueMs: number, work: () => void | Promise<void>, kind: TimerKind = 'work'): Timer {
    if (!(dueMs >= -LAST_MS && dueMs <= LAST_MS)) throw invalidTime('`dueMs`', 'since 1970')
    const timer: ScheduledWork = { kind, dueMs, work, cancel: () => this.#cancel(timer) }
    this.#timers.splice(this.#placeOf(dueMs), 0, timer)
    // After the present call has returned.
    if (dueMs <= this.now()) queueMicrotask(() => this.#startDue())
    else if (this.#timers.at(-1) === timer) this.#setAlarm()
    return timer
  }

  pending(kind?: TimerKind): readonly number[] {
    const timers =
      kind === undefined ? this.#timers : this.#timers.filter((each) => each.kind === kind)
    return timers.map(({ dueMs }) => dueMs).toReversed()
  }

  advance(by: number | Duration): Promise<void> {
    const ms = typeof by === 'string' ? (readDuration(by) ?? Number.NaN) : by
    if (!(ms >= 0 && ms <= LAST_MS - this.now())) {
      return Promise.reject(invalidTime('The argument', '0 or more, or a duration such as "24h"'))
    }
    return this.#move(() => this.#goTo(this.now() + ms))
  }

  next({
    kind = 'delivery',
  }: { readonly kind?: 'delivery' | 'any' | undefined } = {}): Promise<boolean> {
    return this.#move(async () => {
      const first = this.#timers.findLast((timer) => kind === 'any' || timer.kind === kind)
      if (first !== undefined) await this.#goTo(first.dueMs)
      return first !== undefined
    })
  }

  drain(): Promise<number> {
    const ranBefore = this.#ran
    return this.#move(async () => {
      await this.#goTo(Infinity)
      return this.#ran - ranBefore
    })
  }

  settled(): Promise<void> {
    return this.#lastMove.then(() => this.#idle())
  }

  setSpeed(speed: number): void {
    this.now()
    this.#speed = speed
    this.#options.onSpeed?.(speed)
    this.#startDue()
  }

  restart(): void {
    this.#restarts += 1
    this.#wallMs = this.#wallNow()
    this.#atMs = this.#options.startMs ?? this.#wallMs
    this.clear()
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

  /** Starts due work: all of it, or one after another at speed 0. */
  #startDue(): void {
    while (!this.#isMoving && this.#isDue() && (this.#speed > 0 || this.#running === 0)) {
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
  async #run(timer: ScheduledWork | undefined): Promise<void> {
    this.#ran += 1
    this.#running += 1
    try {
      await timer?.work()
    } catch (error) {
      this.#options.onError?.(error)
    }
    this.#running -= 1
    this.#startDue()
  }

  /** Timers keep no process alive; the server does. */
  #setAlarm(): void {
    clearTimeout(this.#alarm)
    const dueMs = this.#timers.at(-1)?.dueMs
    if (dueMs === undefined || this.#speed === 0) return
    const sleepMs = Math.ceil((dueMs - this.now()) / this.#speed)
    const ms = Math.max(1, Math.min(sleepMs, LONGEST_SLEEP_MS))
    this.#alarm = setTimeout(() => this.#startDue(), ms).unref()
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
        if (toMs !== fromMs) this.#options.onMoved?.(fromMs, toMs)
        this.#startDue()
      }
    })
    this.#lastMove = moved.catch(ignore)
    return moved
  }

  /** @param toMs `Infinity` for the last timer */
  async #goTo(toMs: number): Promise<void> {
    const restarts = this.#restarts
    for (let first = this.#timers.at(-1); first !== undefined; first = this.#timers.at(-1)) {
      if (first.dueMs > toMs) break
      this.#atMs = Math.max(this.#atMs, first.dueMs)
      // oxlint-disable-next-line no-await-in-loop -- one work ends before the clock goes on
      await this.#run(this.#timers.pop())
    }
    const isThere = restarts === this.#restarts && toMs !== Infinity
    if (isThere) this.#atMs = Math.max(this.#atMs, toMs)
  }
}

function invalidTime(what: string, which: string): Refusal {
  return new Refusal('time-invalid', { what, which })
}

function ignore(): void {}
