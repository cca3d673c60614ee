import { Hono } from 'hono'
import type { Clock } from '../../clock/clock.ts'
import { isoTime } from './event-view.ts'
import { invalidField, readFields } from './fields.ts'

export interface ClockView {
  readonly now: string
  readonly speed: number
  /** Number of timers, and when the next is due. */
  readonly pending: number
  readonly next: string | null
}

const MAX_ADVANCE_MS = 10 * 365 * 24 * 60 * 60 * 1000

/** `/clock`: each move answers when all that it made due has run. */
export function clockRoutes(clock: Clock): Hono {
  return new Hono()
    .get('/', (c) => c.json(viewClock(clock)))
    .post('/advance', async (c) => {
      const { ms } = await readFields(c.req, ['ms'])
      if (typeof ms !== 'number' || !(ms >= 0 && ms <= MAX_ADVANCE_MS)) {
        throw invalidField('ms', 'a time in milliseconds, from 0 to ten years')
      }
      await clock.advance(ms)
      return c.json(viewClock(clock))
    })
    .post('/next', async (c) => {
      await readFields(c.req, [])
      const moved = await clock.next()
      return c.json({ ...viewClock(clock), moved })
    })
    .post('/drain', async (c) => {
      await readFields(c.req, [])
      const ran = await clock.drain()
      return c.json({ ...viewClock(clock), ran })
    })
}

export function viewClock(clock: Clock): ClockView {
  const pending = clock.pending()
  const [first] = pending
  return {
    now: isoTime(clock.now()),
    speed: clock.speed,
    pending: pending.length,
    next: first === undefined ? null : isoTime(first),
  }
}
