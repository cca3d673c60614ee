import type { EventType } from '@hongbao/core'
import { Hono, type Context } from 'hono'
import { unknownEvent } from '../../delivery/deliveries.ts'
import type { Engine } from '../../engine/engine.ts'
import type { SandboxEvent } from '../../events/sandbox-event.ts'
import { createFilter } from '../../engine/wait.ts'
import { invalidOption, Refusal } from '../../errors.ts'
import { detailEvent, EVENT_PAGES, viewEvent } from './event-view.ts'
import {
  optionalChoice,
  optionalRecord,
  optionalText,
  readFields,
  refuseUnknown,
} from './fields.ts'
import { pageOf } from './page.ts'
import type { EventListQuery, ResendBody } from './types.ts'

const FILTERS = ['type', 'status', 'envelope', 'orderNo']

/** `/events`: lists events and sends them again. The id `last` is the latest one. */
export function eventRoutes(engine: Engine): Hono {
  return new Hono()
    .get('/', (c) => {
      const query = c.req.query()
      refuseUnknown(query, [...FILTERS, 'limit', 'before', 'q'])
      optionalChoice(query, 'status', EVENT_STATUSES)
      // Its other fields can be any text.
      const { limit, before, q, ...filter }: EventListQuery = query as object
      const page = { limit, before, q }
      return c.json(pageOf(engine.events(), page, EVENT_PAGES, createFilter(filter)))
    })
    .get('/:id', (c) => c.json(detailEvent(findEvent(engine, c.req.param('id')))))
    .post('/:id/resend', async (c) => {
      const fields = await readFields(c.req, ['object', 'body', 'sign'])
      const { id } = findEvent(engine, c.req.param('id'))
      const changes: ResendBody = {
        object: optionalRecord(fields, 'object'),
        body: optionalText(fields, 'body'),
        sign: optionalChoice(fields, 'sign', ['webhook', 'keep', 'none']),
      }
      const event = engine.resend(id, changes)
      return c.json(viewEvent(event), event.id === id ? 200 : 201)
    })
    .delete('/:id/retry', (c) => {
      const { id } = findEvent(engine, c.req.param('id'))
      const event = engine.deliveries.cancelRetry(id)
      if (event !== undefined) return c.json(viewEvent(event))
      throw new Refusal('retry-unknown', { id })
    })
}

const EVENT_STATUSES = ['pending', 'delivered', 'exhausted', 'undelivered'] as const

/** `POST /trigger` */
export function triggerRoute(engine: Engine): (c: Context) => Promise<Response> {
  return async function trigger(c: Context): Promise<Response> {
    const fields = await readFields(c.req, ['type', 'envelope', 'object'])
    const type = optionalText(fields, 'type')
    if (type === undefined) throw invalidOption('type', 'a text')
    const [envelope, object] = [optionalText(fields, 'envelope'), optionalRecord(fields, 'object')]
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the engine refuses unknown types, with a reason
    const event = engine.trigger(type as EventType, { envelope, object })
    return c.json(viewEvent(event), 201)
  }
}

function findEvent(engine: Engine, id: string): SandboxEvent {
  const event = id === 'last' ? engine.events().at(-1) : engine.event(id)
  if (event === undefined) throw unknownEvent(id)
  return event
}
