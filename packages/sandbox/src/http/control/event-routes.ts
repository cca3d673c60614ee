import type { EventType, RedEnvelopeStatus } from '@hongbao/core'
import { Hono, type Context } from 'hono'
import { unknownEvent } from '../../delivery/deliveries.ts'
import type { SandboxEvent } from '../../engine/engine.ts'
import { STATUSES, unknownEnvelope } from '../../engine/envelopes.ts'
import type { Sandbox } from '../../sandbox.ts'
import { detailEvent, viewEvent } from './event-view.ts'
import { invalidField, optionalRecord, optionalText, readFields, refuseUnknown } from './fields.ts'

/** `/events`: lists events and sends them again. The id `last` is the latest one. */
export function eventRoutes(sandbox: Sandbox): Hono {
  return new Hono()
    .get('/', (c) => {
      const query = c.req.query()
      refuseUnknown(query, ['type', 'status', 'envelope', 'orderNo'])
      const { status } = query
      if (status !== undefined) checkOneOf(EVENT_STATUSES, status)
      // Its other fields can be any text.
      return c.json({ data: sandbox.events(query as object).map(viewEvent) })
    })
    .get('/:id', (c) => c.json(detailEvent(findEvent(sandbox, c.req.param('id')))))
    .post('/:id/resend', async (c) => {
      await readFields(c.req, [])
      const { id } = findEvent(sandbox, c.req.param('id'))
      return c.json(viewEvent(sandbox.resend(id)))
    })
}

const EVENT_STATUSES = ['pending', 'delivered', 'exhausted', 'undelivered']

/** `POST /trigger` */
export function triggerRoute(sandbox: Sandbox): (c: Context) => Promise<Response> {
  return async function trigger(c: Context): Promise<Response> {
    const fields = await readFields(c.req, ['type', 'envelope', 'object'])
    const type = optionalText(fields, 'type')
    if (type === undefined) throw invalidField('type', 'a text')
    const [envelope, object] = [optionalText(fields, 'envelope'), optionalRecord(fields, 'object')]
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the engine refuses unknown types, with a reason
    const event = sandbox.trigger(type as EventType, { envelope, object })
    return c.json(viewEvent(event), 201)
  }
}

/** `/envelopes`: shows one, without side effects, and changes its status. */
export function envelopeRoutes(sandbox: Sandbox): Hono {
  return new Hono()
    .get('/:id', (c) => {
      const envelope = sandbox.envelope(c.req.param('id'))
      if (envelope === undefined) throw unknownEnvelope(c.req.param('id'))
      return c.json(envelope)
    })
    .post('/:id/move', async (c) => {
      const status = optionalText(await readFields(c.req, ['status']), 'status')
      checkOneOf(STATUSES, status)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked in the line above
      return c.json(sandbox.move(c.req.param('id'), status as RedEnvelopeStatus))
    })
}

function findEvent(sandbox: Sandbox, id: string): SandboxEvent {
  const event = id === 'last' ? sandbox.events().at(-1) : sandbox.event(id)
  if (event === undefined) throw unknownEvent(id)
  return event
}

function checkOneOf(statuses: readonly string[], status = ''): void {
  if (!statuses.includes(status)) throw invalidField('status', `one of ${statuses.join(', ')}`)
}
