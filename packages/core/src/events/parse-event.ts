import { isEventName, ruleOf } from './catalogue.ts'
import { isId } from './event-key.ts'
import type { WebhookEvent } from './event.ts'
import { deeplyFrozen, readStrictJson, readWithExact } from './json.ts'
import { isNumeral, spellPayload } from './payload.ts'
import type { RedEnvelopeStatus } from './payloads/red-envelope.ts'
import { statusAt } from './state.ts'
import { isRecord } from '../options/record.ts'
import { createFailure, WebhookError } from '../reply/errors.ts'

/**
 * Parses verified bytes into a typed event.
 *
 * Checks what decides about money: the fields around the payload, ids, the kind of the payload, and
 * that amounts are integers. Other fields are typed as Ping++ documents them and are not checked, so
 * that a new field or a null never costs a payment. Three things are corrected: a number for an id or
 * an order number becomes a string of exactly its digits, a status is in lower case, and the status
 * of a red envelope is not earlier than the event's type.
 */
export function parseEvent(body: Uint8Array): WebhookEvent | WebhookError {
  const json = readStrictJson(body)
  if (!json.ok) return createFailure(json.code, json.reason)
  return refuseInvalid(json.value) ?? asDocumented(json.value as WebhookEvent, json.text)
}

/** Returns a dispatched event as a webhook has it: with the same corrections, and deeply frozen. */
export function readDispatched(value: WebhookEvent): WebhookEvent | WebhookError {
  const event = refuseInvalid(value) ?? frozenOf(value)
  return event instanceof WebhookError ? event : asDocumented(event)
}

function frozenOf(event: WebhookEvent): WebhookEvent | WebhookError {
  try {
    return deeplyFrozen(event)
  } catch (error) {
    if (error instanceof RangeError) return createFailure('event-invalid', error.message)
    throw error
  }
}

export function refuseInvalid(value: unknown): WebhookError | undefined {
  const flaw = findFlaw(value)
  return flaw === undefined ? undefined : createFailure('event-invalid', `${flaw}${nameOf(value)}`)
}

const INTEGER = /^[1-9]\d{0,63}$/

// oxlint-disable-next-line eslint/complexity -- a flat list of checks, one line each
function findFlaw(value: unknown): string | undefined {
  if (!isRecord(value)) return 'It is not an object.'
  const { type } = value
  // Ping++ writes null for what it does not have.
  const id = value['id'] ?? undefined
  if (!isEventName(type)) return '`type` is not an event type.'
  if ((value['object'] ?? 'event') !== 'event') return '`object` is not "event".'
  if (id !== undefined && !isId(id)) return '`id` is not an id.'
  if (!isPositive(value['created'])) return '`created` is not a Unix time in seconds.'
  if (typeof value['livemode'] !== 'boolean') return '`livemode` is not true or false.'
  const payload = isRecord(value['data']) ? value['data']['object'] : undefined
  if (!isRecord(payload)) return '`data.object` is not an object.'
  if (id === undefined && !isId(payload['id']) && typeof payload['id'] !== 'number') {
    return 'Neither it nor its `data.object` has an id, so it cannot be deduplicated.'
  }
  return findPayloadFlaw(type, payload)
}

function findPayloadFlaw(type: string, payload: Record<string, unknown>): string | undefined {
  const rule = ruleOf(type)
  if (rule === undefined) return undefined
  for (const name of AMOUNTS) {
    if (!isAmount(payload[name])) return `\`data.object.${name}\` is not an integer amount in fen.`
  }
  const { kinds, step } = rule
  if (kinds !== undefined && !kinds.some((kind) => kind === payload['object'])) {
    return `\`data.object\` of a ${type} must be a ${kinds.join(' or ')}.`
  }
  if (step === undefined) return undefined
  if (statusAt(step, payload['status']) === undefined) {
    return `\`data.object.status\` of a ${type} is another end of the envelope.`
  }
  if (!isId(payload['id']) || !isPositive(payload['amount'])) {
    return `\`data.object\` of a ${type} needs an id and an amount above 0.`
  }
  return undefined
}

const AMOUNTS = ['amount', 'amount_settle', 'amount_refunded']

function nameOf(value: unknown): string {
  if (!isRecord(value)) return ''
  const { type, id, data } = value
  const payload = isRecord(data) && isRecord(data['object']) ? data['object']['id'] : undefined
  const names = [type, id, payload].filter(isEventName)
  return names.length === 0 ? '' : ` It is ${names.join(' ')}.`
}

/** Corrects the payload as documented; returns the same event if there is nothing to correct. */
function asDocumented(event: WebhookEvent, text?: string): WebhookEvent | WebhookError {
  const { object: payload } = event.data as { readonly object: Fields }
  const exact = (): unknown =>
    text === undefined ? undefined : (readWithExact(text, isNumeral) as WebhookEvent).data.object
  const rule = ruleOf(event.type)
  const spelt = rule === undefined ? withId(payload, exact) : spellPayload(payload, exact)
  const object = withStatus(spelt, rule?.step)
  if (object === payload) return event
  const isNumbered = typeof payload['id'] === 'number'
  if (isNumbered && !isId(event.id) && !INTEGER.test(String(object['id']))) {
    return createFailure('event-invalid', '`data.object.id` is not an id.')
  }
  const data = Object.freeze({ ...event.data, object })
  return Object.freeze({ ...event, data }) as WebhookEvent
}

type Fields = Readonly<Record<string, unknown>>

/** Of a type that is not in the catalogue, only the id is known. */
function withId(payload: Fields, exact: () => unknown): Fields {
  if (typeof payload['id'] !== 'number') return payload
  const { id } = spellPayload({ id: payload['id'] }, exact)
  return Object.freeze({ ...payload, id })
}

/** Returns the payload with a status that its event's type does not contradict. */
function withStatus(payload: Fields, step: RedEnvelopeStatus | undefined): Fields {
  const { status } = payload
  if (step === undefined || status === step) return payload
  const further = statusAt(step, status)
  return further === status ? payload : Object.freeze({ ...payload, status: further })
}

export function isPositive(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0
}

function isAmount(value: unknown): boolean {
  return (value ?? 0) === 0 || isPositive(value)
}
