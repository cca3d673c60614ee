import { SandboxError } from '../errors.ts'
import { readDuration, type Duration } from './duration.ts'
import { createTimerQueue, type Queued } from './timer-queue.ts'

/**
 * The sandbox's time. Everything that it dates or waits for goes by one clock, and no global timer
 * is replaced: a clock of speed 0 sets no timer at all.
 *
 * Work that waits for a move of the clock (`advance` and the like, `settled`) waits for itself.
 */
export interface Clock {
  /** 1 is real time, N is N times as fast, 0 moves only when it is told to. */
  readonly speed: number
  /** Milliseconds since 1970. May be handed on by itself: `createWebhooks({ now: sandbox.clock.now })`. */
  readonly now: () => number
  /**
   * Runs `work` when the clock has come to `dueMs`; at once, but never before this call returns,
   * where that is past. Work of one instant starts in the order in which it was scheduled. At speed
   * 0 one work ends before the next starts.
   *
   * @throws SandboxError `option-invalid` where `dueMs` is no time
   */
  at(dueMs: number, work: () => void | Promise<void>): Timer
  /** Due times of all that is scheduled, soonest first. */
  pending(): readonly number[]
  /**
   * Moves the clock forward by a number of milliseconds, or by a duration such as `'90s'`, `'2h'` or
   * `'1h30m'`. Every timer runs at its own time and is awaited before the clock goes on, so a timer
   * that it schedules on the way runs too. Works at any speed; a move that is requested during
   * another one follows it.
   *
   * @throws SandboxError `option-invalid` if it is not a time of 0 or more
   */
  advance(by: number | Duration): Promise<void>
  /** Moves on to the next instant for which something is scheduled, and runs it; false where there is none. */
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

/** Options of {@link createClock}. */
export interface ClockOptions {
  /** 1 is real time, N is N times as fast, 0 moves only when it is told to. */
  readonly speed: number
  /** When it starts, in milliseconds since 1970. Default: now. */
  readonly startMs?: number | undefined
  /** The wall clock, in milliseconds since 1970. Default: `Date.now`. */
  readonly wallNow?: (() => number) | undefined
  /** Told what work threw. Default: nobody. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Told of every `advance`, `next` and `drain`. Default: nobody. */
  readonly onMoved?: ((fromMs: number, toMs: number) => void) | undefined
}

interface Scheduled extends Timer, Queued {
  readonly work: () => void | Promise<void>
}

/**
 * It looks at the time at least this often while something is scheduled, so a laptop that slept is
 * up to date a minute later, and no timer is asked for more than the 31 bits that Node's hold.
 */
const LONGEST_SLEEP_MS = 60_000

// The last moment that a Date can name (ECMA-262, "Time Values and Time Range").
const LAST_MS = 8.64e15

export function createClock(options: ClockOptions): Clock {
  const { speed, wallNow = Date.now, onError = ignore, onMoved = ignore } = options
  const queue = createTimerQueue<Scheduled>()
  let atMs = options.startMs ?? wallNow()
  let wallMs = wallNow()
  /** Time stands still during a move, while the work of an instant is awaited. */
  let isMoving = false
  let running = 0
  let ran = 0
  let isCalled = false
  let alarm: NodeJS.Timeout | undefined
  let alarmDueMs: number | undefined
  let waiting: (() => void)[] = []
  let lastMove: Promise<unknown> = Promise.resolve()

  function now(): number {
    const nowMs = wallNow()
    // A wall clock that is set back does not take this one with it.
    if (!isMoving) atMs += Math.max(0, nowMs - wallMs) * speed
    wallMs = nowMs
    return Math.floor(atMs)
  }

  function at(dueMs: number, work: () => void | Promise<void>): Timer {
    if (!(dueMs >= -LAST_MS && dueMs <= LAST_MS)) throw wrong('`dueMs`', 'since 1970')
    const timer: Scheduled = {
      dueMs,
      work,
      place: -1,
      order: 0,
      cancel() {
        queue.remove(timer)
        callWaiting()
      },
    }
    queue.add(timer)
    if (dueMs <= now()) call()
    else if (queue.first() === timer) setAlarm()
    return timer
  }

  /** Looks for due work once the present call has returned. */
  function call(): void {
    if (isCalled) return
    isCalled = true
    queueMicrotask(function look() {
      isCalled = false
      startDue()
    })
  }

  /** Starts what is due: all of it in real time, one after another where time stands still. */
  function startDue(): void {
    while (mayStart()) void run(queue.shift())
    setAlarm()
    callWaiting()
  }

  function mayStart(): boolean {
    return !isMoving && isDue() && (speed > 0 || running === 0)
  }

  function isDue(): boolean {
    const first = queue.first()
    return first !== undefined && first.dueMs <= now()
  }

  /** Runs one work to its end; what it throws goes to `onError`. */
  function run(timer: Scheduled | undefined): void | Promise<void> {
    if (timer === undefined) return undefined
    ran += 1
    running += 1
    try {
      const result: unknown = timer.work()
      if (isPromise(result)) return result.then(ignore, onError).then(ended)
    } catch (error) {
      onError(error)
    }
    running -= 1
    return undefined
  }

  function ended(): void {
    running -= 1
    startDue()
  }

  /** Scheduled work keeps no process alive; the server that it is for does. */
  function setAlarm(): void {
    const dueMs = queue.first()?.dueMs
    if (speed === 0 || dueMs === alarmDueMs) return
    clearTimeout(alarm)
    alarmDueMs = dueMs
    if (dueMs === undefined) return
    const sleepMs = Math.ceil((dueMs - now()) / speed)
    alarm = setTimeout(wake, Math.max(1, Math.min(sleepMs, LONGEST_SLEEP_MS))).unref()
  }

  function wake(): void {
    alarmDueMs = undefined
    startDue()
  }

  function isIdle(): boolean {
    return running === 0 && !isDue()
  }

  /** Resolves when nothing runs and nothing is due; nothing starts before whoever waits goes on. */
  function idle(): Promise<void> {
    if (isIdle()) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    waiting.push(resolve)
    return promise
  }

  function callWaiting(): void {
    if (waiting.length === 0 || !isIdle()) return
    const called = waiting
    waiting = []
    for (const resolve of called) resolve()
  }

  /** Moves are made one at a time, in the order in which they were asked for. */
  function move<Result>(go: () => Promise<Result>): Promise<Result> {
    const moved = lastMove.then(async function moveOnce() {
      await idle()
      const fromMs = now()
      isMoving = true
      try {
        return await go()
      } finally {
        const toMs = now()
        isMoving = false
        // The alarm was set for the time that the move has skipped.
        alarmDueMs = undefined
        if (toMs !== fromMs) onMoved(fromMs, toMs)
        startDue()
      }
    })
    lastMove = moved.catch(ignore)
    return moved
  }

  async function goTo(toMs: number): Promise<void> {
    for (let first = queue.first(); first !== undefined; first = queue.first()) {
      if (first.dueMs > toMs) break
      atMs = Math.max(atMs, first.dueMs)
      // oxlint-disable-next-line no-await-in-loop -- one work ends before the clock goes on
      await run(queue.shift())
    }
    atMs = Math.max(atMs, toMs)
  }

  return {
    speed,
    now,
    at,
    pending: () => queue.dueTimes(),
    advance(by) {
      const ms = typeof by === 'string' ? (readDuration(by) ?? Number.NaN) : by
      if (!(ms >= 0 && ms <= LAST_MS - now()))
        return Promise.reject(wrong('The argument', '0 or more, or a duration such as "24h"'))
      return move(() => goTo(now() + ms))
    },
    next: () =>
      move(async function goToNext() {
        const first = queue.first()
        if (first === undefined) return false
        await goTo(first.dueMs)
        return true
      }),
    drain() {
      const ranBefore = ran
      return move(async function goToEnd() {
        for (let first = queue.first(); first !== undefined; first = queue.first()) {
          // oxlint-disable-next-line no-await-in-loop -- work may schedule more
          await goTo(first.dueMs)
        }
        return ran - ranBefore
      })
    },
    settled: () => lastMove.then(idle),
    clear() {
      queue.clear()
      setAlarm()
      callWaiting()
    },
  }
}

function isPromise(result: unknown): result is Promise<unknown> {
  return result instanceof Promise
}

function wrong(what: string, which: string): SandboxError {
  return new SandboxError(
    'option-invalid',
    `${what} must be a time in milliseconds, ${which}. To go on until nothing is scheduled: \`drain()\`.`,
  )
}

function ignore(): void {}
