import type { EventType } from '@hongbao/core'
import { asGiven, optional } from '@hongbao/core/internal'
import { Hono } from 'hono'
import type { Clock } from '../../clock/clock.ts'
import { unknownEvent } from '../../delivery/deliveries.ts'
import type { Engine } from '../../engine/engine.ts'
import { STATUSES, unknownEnvelope } from '../../engine/envelopes.ts'
import { createFilter } from '../../engine/wait.ts'
import { invalidOption, quote, Refusal } from '../../errors.ts'
import { EVENT_STATUSES, type SandboxEvent } from '../../events/sandbox-event.ts'
import type { FaultKind } from '../../faults/fault-kind.ts'
import { isSpent, type ActiveFault, type Faults } from '../../faults/faults.ts'
import { MAX_SPEED } from '../../options.ts'
import { anyText, check, oneOf, readBody, readFields, readObject, record, text } from './fields.ts'
import { answerList, ENVELOPES, EVENTS, LIST_QUERY, pageOf, REQUESTS } from './lists.ts'
import type { EventListQuery } from './types.ts'
import { detailEvent, detailRequest, viewClock, viewEvent, viewFault } from './views.ts'

const EVENT_QUERY = {
  type: anyText,
  status: optional(oneOf(EVENT_STATUSES)),
  envelope: anyText,
  orderNo: anyText,
  ...LIST_QUERY,
} as const satisfies Readonly<Record<keyof EventListQuery, unknown>>

/** `/events`: lists events and sends them again. The id `last` is the latest one. */
export function eventRoutes(engine: Engine): Hono {
  return new Hono()
    .get('/', (c) => {
      const { limit, before, q, ...filter } = readFields(c.req.query(), EVENT_QUERY)
      return c.json(pageOf(engine.events(), { limit, before, q }, EVENTS, createFilter(filter)))
    })
    .get('/:id', (c) => c.json(detailEvent(findEvent(engine, c.req.param('id')), engine.key)))
    .post('/:id/resend', async (c) => {
      const sign = optional(oneOf(['webhook', 'keep', 'none']))
      const fields = { object: optional(record), body: optional(text), sign }
      const changes = await readBody(c, fields)
      const { id } = findEvent(engine, c.req.param('id'))
      const event = engine.resend(id, changes)
      return c.json(viewEvent(event), event.id === id ? 200 : 201)
    })
    .delete('/:id/retry', (c) => {
      const { id } = findEvent(engine, c.req.param('id'))
      const event = engine.deliveries.cancelRetry(id)
      if (event === undefined) throw new Refusal('retry-unknown', { id })
      return c.json(viewEvent(event))
    })
}

function findEvent(engine: Engine, id: string): SandboxEvent {
  const event = id === 'last' ? engine.events().at(-1) : engine.event(id)
  if (event === undefined) throw unknownEvent(id)
  return event
}

/** `/trigger` */
export function triggerRoutes(engine: Engine): Hono {
  return new Hono().post('/', async (c) => {
    const fields = { type: text, envelope: optional(text), object: optional(record) }
    const { type, ...options } = await readBody(c, fields)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the engine refuses unknown types, with a reason
    return c.json(viewEvent(engine.trigger(type as EventType, options)), 201)
  })
}

/** `/envelopes`: lists them, shows one without side effects, and changes its status. */
export function envelopeRoutes(engine: Engine): Hono {
  return new Hono()
    .get('/', (c) => answerList(c, engine.envelopes.entries(), ENVELOPES))
    .get('/:id', (c) => {
      const envelope = engine.find(c.req.param('id'))
      if (envelope === undefined) throw unknownEnvelope(c.req.param('id'))
      return c.json(envelope)
    })
    .post('/:id/move', async (c) => {
      const { status } = await readBody(c, { status: oneOf(STATUSES) })
      return c.json(engine.move(c.req.param('id'), status))
    })
}

/** `/requests`: the latest requests of the API. */
export function requestRoutes({ requests, journal }: Engine): Hono {
  return new Hono()
    .get('/', (c) => answerList(c, [...requests.values()], REQUESTS))
    .get('/:id', (c) => {
      const request = requests.get(c.req.param('id'))
      if (request !== undefined) return c.json(detailRequest(request, journal))
      throw new Refusal('request-unknown', { asked: quote(c.req.param('id')) })
    })
}

/** `/faults` */
export function faultRoutes(faults: Faults): Hono {
  return new Hono()
    .get('/', (c) => c.json({ data: inForce(faults).map(viewFault) }))
    .post('/', async (c) => {
      const { kind, ...rule } = await readObject(c)
      const times = rule['times'] === 'always' ? Infinity : rule['times']
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `add` checks kind and rule
      return c.json(viewFault(faults.add(kind as FaultKind, { ...rule, times } as object)), 201)
    })
    .delete('/', (c) => {
      const removed = inForce(faults).length
      faults.clear()
      return c.json({ removed })
    })
    .delete('/:id', (c) => {
      const id = c.req.param('id')
      if (faults.remove(id)) return c.json({ removed: 1 })
      throw new Refusal('fault-unknown', { asked: quote(id) })
    })
}

/** Those that have not fired as often as they may. */
export function inForce(faults: Faults): readonly ActiveFault[] {
  return faults.list().filter((fault) => !isSpent(fault))
}

const SPEED = check(
  'a multiple of real time, from 0 to 1,000,000',
  (value): value is number => typeof value === 'number' && value >= 0 && value <= MAX_SPEED,
)

/** `/clock`: each move answers when all that it made due has run. */
export function clockRoutes(clock: Clock): Hono {
  return new Hono()
    .get('/', (c) => c.json(viewClock(clock)))
    .put('/', async (c) => {
      const { speed } = await readBody(c, { speed: SPEED })
      clock.setSpeed(speed)
      return c.json(viewClock(clock))
    })
    .post('/advance', async (c) => {
      const by = await readBody(c, { ms: asGiven(), to: asGiven() })
      await clock.advance(readAdvance(by, clock.now()))
      return c.json(viewClock(clock))
    })
    .post('/next', async (c) => {
      const moved = await clock.next(
        await readBody(c, { kind: optional(oneOf(['delivery', 'any'])) }),
      )
      return c.json({ ...viewClock(clock), moved })
    })
    .post('/drain', async (c) => {
      await readBody(c, {})
      const ran = await clock.drain()
      return c.json({ ...viewClock(clock), ran })
    })
}

const MAX_ADVANCE_MS = 10 * 365 * 24 * 60 * 60 * 1000

/** How far to go on: by `ms`, or to the time `to`. */
function readAdvance(by: { readonly ms: unknown; readonly to: unknown }, nowMs: number): number {
  const { ms, to } = by
  if (to === undefined) {
    if (typeof ms === 'number' && ms >= 0 && ms <= MAX_ADVANCE_MS) return ms
    throw invalidOption('ms', 'a time in milliseconds, from 0 to ten years')
  }
  const byMs = typeof to === 'string' ? Date.parse(to) - nowMs : Number.NaN
  if (ms === undefined && byMs >= 0 && byMs <= MAX_ADVANCE_MS) return byMs
  throw invalidOption('to', 'a time in ISO 8601, without `ms`, from now to ten years ahead')
}
