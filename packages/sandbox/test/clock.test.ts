import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { ClockOptions, EngineClock } from '../src/clock/clock.ts'
import { createClock } from '../src/clock/timer-clock.ts'
import { START_MS } from './open-engine.ts'
import { PATIENCE_MS } from '../../../test/patience.ts'

const DAY_MS = 24 * 60 * 60 * 1000

describe('a virtual clock', () => {
  it('stands still until it is told to move', async () => {
    const clock = virtualClock()
    expect(clock.now()).toBe(START_MS)
    await clock.advance(1500)
    expect(clock.now()).toBe(START_MS + 1500)
    await clock.advance(0)
    expect(clock.now()).toBe(START_MS + 1500)
  })

  it.each([
    ['24h', DAY_MS],
    ['1h30m', 90 * 60_000],
    ['500ms', 500],
  ] as const)('advances by %s', async (duration, ms) => {
    const clock = virtualClock()
    await clock.advance(duration)
    expect(clock.now()).toBe(START_MS + ms)
  })

  it('rejects a duration without a unit', async () => {
    const clock = virtualClock()
    // @ts-expect-error -- JavaScript has no compiler to ask
    await expect(clock.advance('24')).rejects.toMatchObject({ code: 'option-invalid' })
    expect(clock.now()).toBe(START_MS)
  })

  it('runs due work promptly, and never before `at` returns', async () => {
    const clock = virtualClock()
    const ran: string[] = []
    clock.at(START_MS, () => void ran.push('now'))
    clock.at(START_MS - 5000, () => void ran.push('late'))
    clock.at(START_MS + 1, () => void ran.push('later'))
    expect(ran).toEqual([])
    await clock.settled()
    expect(ran).toEqual(['late', 'now'])
    expect(clock.pending()).toEqual([START_MS + 1])
  })

  it('steps from timer to timer: each sees its own time, and is awaited', async () => {
    const clock = virtualClock()
    const ran: (number | string)[] = []
    clock.at(START_MS + 300, () => void ran.push(clock.now() - START_MS))
    clock.at(START_MS + 100, async () => {
      ran.push('begins')
      await Promise.resolve()
      ran.push(clock.now() - START_MS)
      clock.at(clock.now() + 100, () => void ran.push(clock.now() - START_MS))
    })
    await clock.advance(1000)
    expect(ran).toEqual(['begins', 100, 200, 300])
    expect(clock.now()).toBe(START_MS + 1000)
  })

  it('runs work of one instant in the order in which it was scheduled, one at a time', async () => {
    const clock = virtualClock()
    const ran: string[] = []
    for (const name of ['a', 'b', 'c']) {
      clock.at(START_MS + 5, async () => {
        ran.push(`${name} begins`)
        await Promise.resolve()
        ran.push(`${name} ends`)
      })
    }
    await clock.advance(5)
    expect(ran).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
  })

  it('runs due work one at a time without being moved, too', async () => {
    const clock = virtualClock()
    let running = 0
    let most = 0
    for (let at = 0; at < 5; at += 1) {
      clock.at(START_MS, async () => {
        running += 1
        most = Math.max(most, running)
        await Promise.resolve()
        running -= 1
      })
    }
    await clock.settled()
    expect(most).toBe(1)
  })

  it('goes on to the next instant, and runs all of it', async () => {
    const clock = virtualClock()
    const ran: string[] = []
    clock.at(START_MS + 5000, () => void ran.push('a'))
    clock.at(START_MS + 5000, () => void ran.push('b'))
    clock.at(START_MS + 6000, () => void ran.push('c'))
    expect(await clock.next({ kind: 'any' })).toBe(true)
    expect(ran).toEqual(['a', 'b'])
    expect(clock.now()).toBe(START_MS + 5000)
    expect(await clock.next({ kind: 'any' })).toBe(true)
    expect(await clock.next({ kind: 'any' })).toBe(false)
    expect(clock.now()).toBe(START_MS + 6000)
  })

  it('goes on to the next delivery by default, and runs what is due on the way; it stays if there is none', async () => {
    const clock = virtualClock()
    const ran: string[] = []
    clock.at(START_MS + 1000, () => void ran.push('step'), 'envelope')
    clock.at(START_MS + 2000, () => void ran.push('attempt'), 'delivery')
    clock.at(START_MS + DAY_MS, () => void ran.push('refund'), 'envelope')
    expect(clock.pending('delivery')).toEqual([START_MS + 2000])
    expect(await clock.next()).toBe(true)
    expect(ran).toEqual(['step', 'attempt'])
    expect(await clock.next()).toBe(false)
    expect(clock.now()).toBe(START_MS + 2000)
    expect(clock.pending()).toEqual([START_MS + DAY_MS])
  })

  it('restarts where it began, without its timers, also in the middle of a move', async () => {
    const clock = virtualClock()
    const ran: string[] = []
    await clock.advance(DAY_MS)
    clock.at(clock.now() + 1000, () => clock.restart())
    clock.at(clock.now() + 2000, () => void ran.push('later'))
    await clock.advance(DAY_MS)
    expect(clock.now()).toBe(START_MS)
    expect(clock.pending()).toEqual([])
    expect(ran).toEqual([])
  })

  it('changes its speed without a jump, and runs by it', async () => {
    const clock = virtualClock()
    const ran: string[] = []
    clock.at(START_MS + DAY_MS, () => void ran.push('tomorrow'))
    clock.setSpeed(1_000_000_000)
    await vi.waitFor(() => expect(ran).toEqual(['tomorrow']), PATIENCE_MS)
    clock.setSpeed(0)
    const now = clock.now()
    expect(now).toBeGreaterThanOrEqual(START_MS + DAY_MS)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(clock.now()).toBe(now)
  })

  it('drains: goes on until nothing is scheduled, and says how many timers ran', async () => {
    const clock = virtualClock()
    function chain(left: number): void {
      if (left > 0) clock.at(clock.now() + DAY_MS, () => chain(left - 1))
    }
    chain(30)
    clock.at(START_MS, () => {})
    expect(await clock.drain()).toBe(31)
    expect(clock.now()).toBe(START_MS + 30 * DAY_MS)
    expect(await clock.drain()).toBe(0)
  })

  it('makes one move after another', async () => {
    const clock = virtualClock()
    const seen: number[] = []
    clock.at(START_MS + 100, async () => {
      await Promise.resolve()
      seen.push(clock.now() - START_MS)
    })
    await Promise.all([
      clock.advance(100).then(() => seen.push(clock.now() - START_MS)),
      clock.advance(50),
      clock.next().then((hasRun) => expect(hasRun).toBe(false)),
    ])
    expect(seen).toEqual([100, 100])
    expect(clock.now()).toBe(START_MS + 150)
  })

  it('settles after a move that is under way', async () => {
    const clock = virtualClock()
    void clock.advance(DAY_MS)
    await clock.settled()
    expect(clock.now()).toBe(START_MS + DAY_MS)
  })

  it('does not run what was cancelled or cleared', async () => {
    const clock = virtualClock()
    const ran: string[] = []
    const timers = ['a', 'b', 'c'].map((name, at) =>
      clock.at(START_MS + at, () => void ran.push(name)),
    )
    timers[0]?.cancel()
    timers[0]?.cancel()
    await clock.advance(1)
    expect(ran).toEqual(['b'])
    clock.clear()
    expect(clock.pending()).toEqual([])
    expect(await clock.drain()).toBe(0)
    expect(ran).toEqual(['b'])
  })

  it('settles when the last due work is cancelled', async () => {
    const clock = virtualClock()
    const timer = clock.at(START_MS, () => {
      throw new Error('ran')
    })
    const settled = clock.settled()
    timer.cancel()
    await expect(settled).resolves.toBeUndefined()
  })

  it.each<[string, () => void | Promise<void>]>([
    ['throws', () => void JSON.parse('{')],
    ['rejects', async () => void JSON.parse('{')],
  ])('reports work that %s, and goes on', async (_, work) => {
    const errors: unknown[] = []
    const clock = virtualClock({ onError: (error) => errors.push(error) })
    const ran: string[] = []
    clock.at(START_MS + 1, work)
    clock.at(START_MS + 2, () => void ran.push('next'))
    await clock.advance(2)
    expect(errors).toEqual([expect.any(SyntaxError)])
    expect(ran).toEqual(['next'])
  })

  it.each([-1, Number.NaN, Infinity, 8.64e15])('refuses to advance by %d', async (ms) => {
    await expect(virtualClock().advance(ms)).rejects.toMatchObject({ code: 'option-invalid' })
  })

  it.each([Number.NaN, Infinity, 8.64e15 + 1])('refuses to schedule for %d', (dueMs) => {
    expect(() => virtualClock().at(dueMs, () => {})).toThrow(
      expect.objectContaining({ code: 'option-invalid' }),
    )
  })

  it('does not mind what work gives back', async () => {
    const errors: unknown[] = []
    const clock = virtualClock({ onError: (error) => errors.push(error) })
    const list: string[] = []
    clock.at(START_MS, () => list.push('ran') as unknown as void)
    await clock.settled()
    expect(list).toEqual(['ran'])
    expect(errors).toEqual([])
  })

  it('lets no work run while a move runs other work', async () => {
    const clock = virtualClock()
    let running = 0
    let most = 0
    async function work(): Promise<void> {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => void setImmediate(resolve))
      running -= 1
    }
    clock.at(START_MS + 10, work)
    clock.at(START_MS, () => {
      // Due in the very moment in which the clock becomes idle, and a move begins.
      queueMicrotask(() => queueMicrotask(() => clock.at(START_MS, work)))
    })
    await clock.advance(20)
    await clock.settled()
    expect(most).toBe(1)
  })

  it('tells of every move that changed the time', async () => {
    const moves: [number, number][] = []
    const clock = virtualClock({ onMoved: (from, to) => moves.push([from, to]) })
    clock.at(START_MS + 700, () => {})
    await clock.advance(0)
    await clock.advance(500)
    await clock.next()
    await clock.drain()
    expect(moves).toEqual([
      [START_MS, START_MS + 500],
      [START_MS + 500, START_MS + 700],
    ])
  })

  it('sets no timer at all', async () => {
    const set = vi.spyOn(globalThis, 'setTimeout')
    const immediate = vi.spyOn(globalThis, 'setImmediate')
    const clock = virtualClock()
    clock.at(START_MS + DAY_MS, () => {})
    await clock.drain()
    expect(set).not.toHaveBeenCalled()
    expect(immediate).not.toHaveBeenCalled()
    vi.restoreAllMocks()
  })

  it('can hand on its `now` by itself', () => {
    const { now } = virtualClock()
    expect(now()).toBe(START_MS)
  })

  it('runs whatever is scheduled and cancelled in due order, first in first out', async () => {
    const step = fc.record({ dueMs: fc.nat(20), isCancelled: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 100 }), async (steps) => {
        const clock = virtualClock()
        const ran: number[] = []
        const timers = steps.map(({ dueMs }, at) =>
          clock.at(START_MS + 1 + dueMs, () => void ran.push(at)),
        )
        steps.forEach(({ isCancelled }, at) => isCancelled && timers[at]?.cancel())
        const expected = [...steps.keys()]
          .filter((at) => steps[at]?.isCancelled === false)
          // Sorting is stable.
          .toSorted((one, other) => Number(steps[one]?.dueMs) - Number(steps[other]?.dueMs))
        expect(clock.pending()).toEqual(
          expected.map((at) => START_MS + 1 + Number(steps[at]?.dueMs)),
        )
        await clock.drain()
        expect(ran).toEqual(expected)
      }),
    )
  })
})

describe('a clock that runs by itself', () => {
  it.each([1, 3600])('runs %d times as fast as the wall clock', (speed) => {
    const { clock, wall } = runningClock(speed)
    wall.ms += 250
    expect(clock.now()).toBe(START_MS + 250 * speed)
  })

  it('is not taken back by a wall clock that is set back, nor stopped', () => {
    const { clock, wall } = runningClock(1)
    wall.ms += 100
    expect(clock.now()).toBe(START_MS + 100)
    wall.ms -= DAY_MS
    expect(clock.now()).toBe(START_MS + 100)
    wall.ms += 20
    expect(clock.now()).toBe(START_MS + 120)
  })

  it('runs work when its time has come, all that is due at once', async () => {
    const clock = createClock({ speed: 3600 })
    const ran: string[] = []
    const ended = Promise.withResolvers<void>()
    const startMs = clock.now()
    clock.at(startMs + 60_000, async () => {
      ran.push('slow begins')
      await ended.promise
      ran.push('slow ends')
    })
    clock.at(startMs + 60_000, () => {
      ran.push('quick')
      ended.resolve()
    })
    await ended.promise
    await clock.settled()
    expect(ran).toEqual(['slow begins', 'quick', 'slow ends'])
    expect(clock.now()).toBeGreaterThanOrEqual(startMs + 60_000)
  })

  it('can be moved ahead, and stands still while what is due then runs', async () => {
    const { clock, wall } = runningClock(1)
    const ran: number[] = []
    for (const hours of [1, 2]) {
      clock.at(START_MS + hours * 3_600_000, async () => {
        wall.ms += 40
        await Promise.resolve()
        ran.push(clock.now() - START_MS)
      })
    }
    await clock.advance(DAY_MS)
    expect(ran).toEqual([3_600_000, 7_200_000])
    expect(clock.now()).toBe(START_MS + DAY_MS)
    wall.ms += 5
    expect(clock.now()).toBe(START_MS + DAY_MS + 5)
  })

  it('wakes in time for what a move has brought near', async () => {
    const clock = createClock({ speed: 1 })
    const ran = Promise.withResolvers<void>()
    clock.at(clock.now() + DAY_MS, () => ran.resolve())
    await clock.advance(DAY_MS - 20)
    await expect(ran.promise).resolves.toBeUndefined()
  })

  it('waits for work that lies further ahead than a timer of Node can hold', async () => {
    const set = vi.spyOn(globalThis, 'setTimeout')
    const clock = createClock({ speed: 1 })
    clock.at(clock.now() + 365 * DAY_MS, () => {})
    const delays = set.mock.calls.map(([, ms]) => Number(ms))
    expect(delays.length).toBeGreaterThan(0)
    expect(Math.max(...delays)).toBeLessThan(2 ** 31)
    set.mockRestore()
    expect(await clock.drain()).toBe(1)
  })

  it('keeps no process alive', () => {
    const set = vi.spyOn(globalThis, 'setTimeout')
    const clock = createClock({ speed: 1 })
    clock.at(clock.now() + DAY_MS, () => {})
    const timers = set.mock.results.map(({ value }) => value as NodeJS.Timeout)
    expect(timers.map((timer) => timer.hasRef())).toEqual([false])
    clock.clear()
    set.mockRestore()
  })
})

function virtualClock(options: Partial<ClockOptions> = {}): EngineClock {
  return createClock({ speed: 0, startMs: START_MS, ...options })
}

/** A clock whose wall clock the test moves. */
function runningClock(speed: number): { clock: EngineClock; wall: { ms: number } } {
  const wall = { ms: 1_000_000 }
  return { wall, clock: createClock({ speed, startMs: START_MS, wallNow: () => wall.ms }) }
}
