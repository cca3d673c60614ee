import { Hono } from 'hono'
import { invalidOption } from '../../errors.ts'
import type { Clock } from '../../clock/clock.ts'
import { isoTime } from '../../clock/duration.ts'
import { MAX_SPEED } from '../../options.ts'
import { optionalChoice, readFields, type Fields } from './fields.ts'
import type { ClockView } from './types.ts'

const MAX_ADVANCE_MS = 10 * 365 * 24 * 60 * 60 * 1000

/** `/clock`: each move answers when all that it made due has run. */
export function clockRoutes(clock: Clock): Hono {
  return new Hono()
    .get('/', (c) => c.json(viewClock(clock)))
    .put('/', async (c) => {
      const { speed } = await readFields(c.req, ['speed'])
      if (typeof speed !== 'number' || !(speed >= 0 && speed <= MAX_SPEED)) {
        throw invalidOption('speed', 'a multiple of real time, from 0 to 1,000,000')
      }
      clock.setSpeed(speed)
      return c.json(viewClock(clock))
    })
    .post('/advance', async (c) => {
      await clock.advance(readAdvance(await readFields(c.req, ['ms', 'to']), clock.now()))
      return c.json(viewClock(clock))
    })
    .post('/next', async (c) => {
      const fields = await readFields(c.req, ['kind'])
      const moved = await clock.next({ kind: optionalChoice(fields, 'kind', ['delivery', 'any']) })
      return c.json({ ...viewClock(clock), moved })
    })
    .post('/drain', async (c) => {
      await readFields(c.req, [])
      const ran = await clock.drain()
      return c.json({ ...viewClock(clock), ran })
    })
}

/** How far to go on: by `ms`, or to the time `to`. */
function readAdvance({ ms, to }: Fields, nowMs: number): number {
  if (to === undefined) {
    if (typeof ms === 'number' && ms >= 0 && ms <= MAX_ADVANCE_MS) return ms
    throw invalidOption('ms', 'a time in milliseconds, from 0 to ten years')
  }
  const byMs = typeof to === 'string' ? Date.parse(to) - nowMs : Number.NaN
  if (ms === undefined && byMs >= 0 && byMs <= MAX_ADVANCE_MS) return byMs
  throw invalidOption('to', 'a time in ISO 8601, without `ms`, from now to ten years ahead')
}

export function viewClock(clock: Clock): ClockView {
  const [pending, deliveries] = [clock.pending(), clock.pending('delivery')]
  const [next] = pending
  const kinds = ['delivery', 'envelope', 'work'] as const
  return {
    now: isoTime(clock.now()),
    speed: clock.speed,
    aheadMs: clock.now() - Date.now(),
    pending: pending.length,
    next: timeOrNull(next),
    nextKind: kinds.find((kind) => next !== undefined && clock.pending(kind)[0] === next) ?? null,
    pendingDeliveries: deliveries.length,
    nextDelivery: timeOrNull(deliveries[0]),
  }
}

function timeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : isoTime(ms)
}
