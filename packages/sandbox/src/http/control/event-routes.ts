import type { EventType } from '@hongbao/core'
import { Hono } from 'hono'
import type { SandboxEvent } from '../../engine/engine.ts'
import { SandboxError } from '../../errors.ts'
import type { Sandbox } from '../../sandbox.ts'
import { detailEvent, viewEvent } from './event-view.ts'
import {
  optionalFields,
  optionalText,
  readFields,
  readText,
  refuseUnknown,
  wrong,
  type Fields,
} from './fields.ts'

const STATUSES = ['pending', 'delivered', 'exhausted', 'undelivered'] as const

/** `/events`: what became of notifications, and the same bytes once more. `last` is the latest one. */
export function eventRoutes(sandbox: Sandbox): Hono {
  return new Hono()
    .get('/', (c) => {
      const asked = c.req.query()
      refuseUnknown(asked, ['type', 'status', 'envelope', 'orderNo'])
      const { type, status, envelope, orderNo } = asked
      const query = { type, envelope, orderNo, status: readStatus(status) }
      return c.json({ data: sandbox.events(query).map(viewEvent) })
    })
    .get('/:id', (c) => c.json(detailEvent(findEvent(sandbox, c.req.param('id')))))
    .post('/:id/resend', async (c) => {
      await readFields(c.req, [])
      const { id } = findEvent(sandbox, c.req.param('id'))
      return c.json(viewEvent(sandbox.resend(id)))
    })
}

/** `/trigger`: makes a notification. */
export function triggerRoutes(sandbox: Sandbox): Hono {
  return new Hono().post('/', async (c) => {
    const fields = await readFields(c.req, ['type', 'envelope', 'object'])
    const type = readType(fields)
    const options = {
      envelope: optionalText(fields, 'envelope'),
      object: optionalFields(fields, 'object'),
    }
    return c.json(viewEvent(sandbox.trigger(type, options)), 201)
  })
}

function findEvent(sandbox: Sandbox, id: string): SandboxEvent {
  const event = id === 'last' ? sandbox.events().at(-1) : sandbox.event(id)
  if (event !== undefined) return event
  const asked = JSON.stringify(id.slice(0, 80))
  const message = id === 'last' ? 'There is no event yet.' : `There is no event ${asked}.`
  throw new SandboxError('event-unknown', message)
}

function readType(fields: Fields): EventType {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the engine refuses types that it does not know, and says why
  return readText(fields, 'type') as EventType
}

function readStatus(status: string | undefined): (typeof STATUSES)[number] | undefined {
  if (status === undefined) return undefined
  const found = STATUSES.find((each) => each === status)
  if (found === undefined) throw wrong('status', `one of ${STATUSES.join(', ')}`)
  return found
}
