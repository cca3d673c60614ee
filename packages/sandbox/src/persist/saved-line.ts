import { isRecord, readEnvelopeStatus } from '@hongbao/core/internal'
import type { Delivery } from '../delivery/kept-deliveries.ts'
import type { EnvelopeEntry } from '../engine/envelopes.ts'
import { checkRule } from '../faults/fault-rule.ts'
import { isFaultKind } from '../faults/fault-kind.ts'
import type { ActiveFault } from '../faults/faults.ts'

export type SavedDelivery = Omit<Delivery, 'timer'>
export type SavedEnvelope = Omit<EnvelopeEntry, 'nextStep'>

/** One line of the file: the whole of what has changed. */
export type SavedLine =
  | { readonly delivery: SavedDelivery }
  | { readonly evicted: string }
  | { readonly envelope: SavedEnvelope }
  | { readonly faults: readonly ActiveFault[] }

/** Whether a value that was read has the form of a line. The file may have been edited, or damaged. */
export function isSavedLine(value: unknown): value is SavedLine {
  if (!isRecord(value)) return false
  const { delivery, envelope, evicted, faults } = value
  if (delivery !== undefined) return isDelivery(delivery)
  if (envelope !== undefined) return isEnvelope(envelope)
  if (evicted !== undefined) return typeof evicted === 'string'
  return Array.isArray(faults) && faults.every(isFault)
}

type Members = Readonly<Record<string, unknown>>

const STATUSES = new Set<unknown>(['pending', 'delivered', 'exhausted', 'undelivered'])

function isDelivery(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { notification, event, n } = value
  if (!isRecord(notification) || !isRecord(event)) return false
  return (
    isCount(n) &&
    hasNotice(notification) &&
    Buffer.isBuffer(notification['body']) &&
    hasNotice(event) &&
    event['id'] === notification['id'] &&
    isShown(event)
  )
}

function isShown({ bytes, status, attempts, nextAttemptMs }: Members): boolean {
  return (
    Buffer.isBuffer(bytes) &&
    STATUSES.has(status) &&
    (nextAttemptMs === undefined || Number.isFinite(nextAttemptMs)) &&
    Array.isArray(attempts) &&
    attempts.every(isAttempt)
  )
}

/** What a notification and the event shown of it have in common. */
function hasNotice({ id, type, created, signature }: Members): boolean {
  return areTexts(id, type, signature) && Number.isFinite(created)
}

function isAttempt(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { n, startedMs, sent, timings, faults } = value
  return (
    isCount(n) &&
    Number.isFinite(startedMs) &&
    isRecord(sent) &&
    isRecord(timings) &&
    Array.isArray(faults)
  )
}

function isEnvelope(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { envelope, parameters, past } = value
  return (
    isRedEnvelope(envelope) &&
    isRecord(parameters) &&
    past instanceof Map &&
    [...past.values()].every(isStep)
  )
}

function isRedEnvelope(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { id, order_no: orderNo, status } = value
  return (
    areTexts(id, orderNo) && typeof status === 'string' && readEnvelopeStatus(status) !== undefined
  )
}

function isStep(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { atMs, envelope } = value
  return Number.isFinite(atMs) && isRedEnvelope(envelope)
}

function isFault(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { id, kind, fired, ...rule } = value
  if (typeof id !== 'string' || !/^fault_\d+$/.test(id)) return false
  if (!isCount(fired) || !isFaultKind(kind)) return false
  try {
    checkRule(kind, rule)
    return true
  } catch {
    return false
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string')
}
