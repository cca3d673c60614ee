import { STEPS } from '../../engine/envelopes.ts'
import { isTriggerable } from '../../engine/trigger.ts'
import { EVENT_TYPES } from '../../events/event-types.ts'
import { sampleObject } from '../../events/notifications.ts'
import { ASPECTS, isFaultKind, isWebhookFault, type FaultKind } from '../../faults/fault-kind.ts'
import { fieldsOf } from '../../faults/fault-rule.ts'
import type { CatalogueView } from './types.ts'

/** `GET /catalogue`: what can be triggered, and what can go wrong. @param seconds now, in Unix seconds */
export function viewCatalogue(seconds: number): CatalogueView {
  const types = EVENT_TYPES.filter(isTriggerable)
  return {
    eventTypes: types.map((type) => ({ type, sample: sampleObject(type, seconds) })),
    faultKinds: Object.keys(ASPECTS).filter(isFaultKind).map(viewKind),
    envelopeSteps: STEPS,
  }
}

function viewKind(kind: FaultKind): CatalogueView['faultKinds'][number] {
  const of = isWebhookFault(kind) ? 'webhook' : 'api'
  return { kind, of, aspect: ASPECTS[kind], fields: fieldsOf(kind) }
}
