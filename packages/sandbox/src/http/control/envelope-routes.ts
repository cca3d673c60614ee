import type { RedEnvelopeStatus } from '@hongbao/core'
import { Hono } from 'hono'
import { SandboxError } from '../../errors.ts'
import type { Sandbox } from '../../sandbox.ts'
import { readFields, readText, wrong, type Fields } from './fields.ts'

const STATUSES = ['sending', 'sent', 'received', 'failed', 'refunding', 'refund'] as const

/** `/envelopes`: looks at one, which causes nothing, and moves it on by hand. */
export function envelopeRoutes(sandbox: Sandbox): Hono {
  return new Hono()
    .get('/:id', (c) => {
      const id = c.req.param('id')
      const envelope = sandbox.envelope(id)
      if (envelope !== undefined) return c.json(envelope)
      const asked = JSON.stringify(id.slice(0, 80))
      throw new SandboxError('envelope-unknown', `There is no envelope or order number ${asked}.`)
    })
    .post('/:id/move', async (c) => {
      const status = readStatus(await readFields(c.req, ['status']))
      return c.json(sandbox.move(c.req.param('id'), status))
    })
}

function readStatus(fields: Fields): RedEnvelopeStatus {
  const status = readText(fields, 'status')
  const found = STATUSES.find((each) => each === status)
  if (found === undefined) throw wrong('status', `one of ${STATUSES.join(', ')}`)
  return found
}
