import { isRecord, readEnvelopeStatus } from '@hongbao/core/internal'
import type { Delivery } from '../delivery/kept-deliveries.ts'
import type { EnvelopeEntry } from '../engine/envelopes.ts'
import { EVENT_STATUSES } from '../events/sandbox-event.ts'
import { checkRule } from '../faults/fault-rule.ts'
import type { ActiveFault } from '../faults/faults.ts'

export type SavedDelivery = Omit<Delivery, 'timer'>
export type SavedEnvelope = Omit<EnvelopeEntry, 'nextStep'>

/** One line of the file: the whole of what has changed. */
export type SavedLine =
  | { readonly delivery: SavedDelivery }
  | { readonly evicted: string }
  | { readonly envelope: SavedEnvelope }
  | { readonly faults: readonly ActiveFault[] }

type Test = (value: unknown) => boolean

const isText: Test = (value) => typeof value === 'string'
const isNumber: Test = Number.isFinite
const isBytes: Test = (value) => Buffer.isBuffer(value)
const isCount: Test = (value) => Number.isSafeInteger(value) && Number(value) >= 0

/** Whether a value is an object whose members pass; others may be there too. */
function shape(tests: Readonly<Record<string, Test>>): Test {
  const entries = Object.entries(tests)
  return (value) => isRecord(value) && entries.every(([name, test]) => test(value[name]))
}

function list(test: Test): Test {
  return (value) => Array.isArray(value) && value.every(test)
}

/** What a notification and the event shown of it have in common. */
const NOTICE = { id: isText, type: isText, signature: isText, created: isNumber }

const isAttempt = shape({
  n: isCount,
  startedMs: isNumber,
  sent: isRecord,
  timings: isRecord,
  faults: Array.isArray,
})

const isDelivery = shape({
  n: isCount,
  notification: shape({ ...NOTICE, body: isBytes }),
  event: shape({
    ...NOTICE,
    bytes: isBytes,
    status: (value) => EVENT_STATUSES.some((each) => each === value),
    nextAttemptMs: (value) => value === undefined || isNumber(value),
    attempts: list(isAttempt),
  }),
})

const isRedEnvelope = shape({
  id: isText,
  order_no: isText,
  status: (value) => typeof value === 'string' && readEnvelopeStatus(value) !== undefined,
})

const isStep = shape({ atMs: isNumber, envelope: isRedEnvelope })

const isEnvelope = shape({
  envelope: isRedEnvelope,
  parameters: isRecord,
  past: (value) => value instanceof Map && [...value.values()].every(isStep),
})

function isFault(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { id, kind, fired, ...rule } = value
  try {
    checkRule(kind, rule)
    return isCount(fired) && /^fault_\d+$/.test(String(id))
  } catch {
    return false
  }
}

/** Whether a value that was read has the form of a line. The file may have been edited, or damaged. */
export function isSavedLine(value: unknown): value is SavedLine {
  if (!isRecord(value)) return false
  const { delivery, envelope, evicted, faults } = value
  if (delivery !== undefined) return isDelivery(delivery) && hasOneId(delivery)
  if (envelope !== undefined) return isEnvelope(envelope)
  return evicted === undefined ? list(isFault)(faults) : isText(evicted)
}

function hasOneId(delivery: unknown): boolean {
  const { notification, event } = isRecord(delivery) ? delivery : {}
  return isRecord(notification) && isRecord(event) && notification['id'] === event['id']
}
