import type { RedEnvelopeStatus } from '@hongbao/core'
import { invalidOption } from '../../errors.ts'
import { Hono } from 'hono'
import type { Engine } from '../../engine/engine.ts'
import { STATUSES, STEPS, unknownEnvelope, type EnvelopeEntry } from '../../engine/envelopes.ts'
import { isoTime } from '../../clock/duration.ts'
import { optionalChoice, readFields, refuseUnknown } from './fields.ts'
import { pageOf, type Pages } from './page.ts'
import type { EnvelopeView } from './types.ts'

/** `/envelopes`: lists them, shows one without side effects, and changes its status. */
export function envelopeRoutes(engine: Engine): Hono {
  return new Hono()
    .get('/', (c) => {
      refuseUnknown(c.req.query(), ['limit', 'before', 'q'])
      return c.json(pageOf(engine.envelopes.entries(), c.req.query(), ENVELOPE_PAGES))
    })
    .get('/:id', (c) => {
      const envelope = engine.find(c.req.param('id'))
      if (envelope === undefined) throw unknownEnvelope(c.req.param('id'))
      return c.json(envelope)
    })
    .post('/:id/move', async (c) => {
      const fields = await readFields(c.req, ['status'])
      const status = optionalChoice(fields, 'status', STATUSES)
      if (status === undefined) throw invalidOption('status', `one of ${STATUSES.join(', ')}`)
      return c.json(engine.move(c.req.param('id'), status))
    })
}

const ENVELOPE_PAGES: Pages<EnvelopeEntry, EnvelopeView> = {
  idOf: ({ envelope }) => envelope.id,
  searchable: ({ envelope: { id, status, order_no: order } }) => ({ id, status, order }),
  view: viewEnvelope,
}

function viewEnvelope(entry: EnvelopeEntry): EnvelopeView {
  const { envelope, request = null, past, nextStep } = entry
  const { id, order_no: orderNo, status, amount, created } = envelope
  return {
    id,
    orderNo,
    status,
    amount,
    created: isoTime(created * 1000),
    request,
    moves: STEPS[status],
    history: Array.from(past, ([each, { atMs }]) => viewStep(each, atMs)),
    next: nextStep === undefined ? null : viewStep(nextStep.status, nextStep.dueMs),
  }
}

function viewStep(
  status: RedEnvelopeStatus,
  atMs: number,
): { status: RedEnvelopeStatus; at: string } {
  return { status, at: isoTime(atMs) }
}
