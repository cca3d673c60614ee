import { atLeast, contradictsStep } from './status.ts'
import { CATALOGUE, ruleOf, type EventPayloads, type EventType } from './catalogue.ts'
import type { RedEnvelopeStatus } from './payloads/red-envelope.ts'
import { createFailure, WebhookError } from '../reply/errors.ts'
import { deeplyFrozen, readStrictJson, readWithExact } from './json.ts'
import { nearestTo } from '../options/nearest.ts'
import { isNumeral, spellPayload } from './payload.ts'

/** What every event of Ping++ carries around its payload (API reference, "Event object"). */
export interface EventBase<Type extends string, Payload> {
  /** `evt_` and 24 characters. Ping++ leaves it out of some types, `agreement.succeeded` among them. */
  readonly id?: string
  readonly object?: 'event'
  /** Unix time in seconds. */
  readonly created: number
  readonly livemode: boolean
  readonly type: Type
  readonly data: {
    readonly object: Payload
    readonly previous_attributes?: Readonly<Record<string, unknown>>
  }
  /** How many webhooks of the event are still to be delivered. */
  readonly pending_webhooks?: number
  /** `iar_…`, or null where no API request caused the event. */
  readonly request?: string | null
  /** `app_…` or `acct_…`, in some types. */
  readonly scope?: string
  /** `acct_…`, where `scope` is there. */
  readonly acct_id?: string
}

// Of the process and not of this module: an app may load core twice, as ESM and as CommonJS.
const UNLISTED_KEY: unique symbol = Symbol.for('hongbao.unlisted')

/** An event type that this version has no payload type for; made by {@link unlisted}. */
export type UnlistedType = string & { readonly [unlistedBrand]: true }
declare const unlistedBrand: unique symbol

/** An event that this version has no payload type for. */
export type UnlistedEvent = EventBase<UnlistedType & Unlisted, Readonly<Record<string, unknown>>>
// `switch (event.type)` narrows by literals alone: a branded string is comparable to every one of
// them, and would leave the union as it is. This one never exists.
declare enum Unlisted {
  Type = 'unlisted',
}

/** What a handler can be registered for: a catalogued type, an `unlisted` one, or `'*'` for every event. */
export type HandledType = EventType | UnlistedType | '*'

/**
 * An event of Ping++. With a type, `WebhookEvent<'red_envelope.sent'>`, it has the exact payload of
 * that type; with several types it is their union. Without one it is any event that Ping++ may send:
 * `switch (event.type)` narrows it.
 */
export type WebhookEvent<Type extends HandledType = '*'> = TypedEvent<Type>

/** The same for a type that the compiler has not checked yet, as a parameter of a generic function. */
export type TypedEvent<Type extends string> = Type extends EventType
  ? EventBase<Type, EventPayloads[Type]>
  : Type extends '*'
    ? TypedEvent<EventType> | UnlistedEvent
    : UnlistedEvent

/**
 * Names an event type on purpose that the catalogue does not have, say one that Ping++ added
 * yesterday: `webhooks.on(unlisted('coupon.created'), …)`.
 */
export function unlisted(type: string): UnlistedType {
  UNLISTED.add(type)
  return type as UnlistedType
}

const PROCESS = globalThis as { [UNLISTED_KEY]?: Set<string> }
const UNLISTED = (PROCESS[UNLISTED_KEY] ??= new Set<string>())

/** Whether a handler of this type can ever run: JavaScript has no compiler that asks. */
export function isHandledType(type: string): boolean {
  return type === '*' || isEventType(type) || UNLISTED.has(type)
}

/** The catalogued type that a misspelt one most likely means. */
export function suggestType(type: string): string | undefined {
  return nearestTo(type, Object.keys(CATALOGUE))
}

/** Tells whether this version has a payload type for the event. */
export function isCatalogued(event: WebhookEvent): event is WebhookEvent<EventType> {
  return isEventType(event.type)
}

/** Tells whether the catalogue has a type. */
export function isEventType(type: string): type is EventType {
  return ruleOf(type) !== undefined
}

/**
 * Makes an event of verified bytes: the one place where the outside becomes typed.
 *
 * What decides about money is checked: the envelope, ids, the kind of the payload, and that amounts
 * are integers. Other fields are typed as Ping++ documents them, and are not checked, so that a new
 * field or a null never costs a payment. Three things are made as documented: a number for an id or
 * an order number becomes a string of exactly its digits, a status is in lower case, and the status
 * of a red envelope is not behind the event's type.
 */
export function parseEvent(body: Uint8Array): WebhookEvent | WebhookError {
  const json = readStrictJson(body)
  if (!json.ok) return createFailure(json.code, json.reason)
  return refuseInvalid(json.value) ?? asDocumented(json.value as WebhookEvent, json.text)
}

/** Makes of an event that was dispatched what a webhook hands over: as documented, and frozen. */
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

/** Refuses what does not look like an event; undefined lets it pass. */
export function refuseInvalid(value: unknown): WebhookError | undefined {
  const flaw = findFlaw(value)
  return flaw === undefined ? undefined : createFailure('event-invalid', `${flaw}${nameOf(value)}`)
}

/**
 * The idempotency key of an event, under which an inbox remembers it; handlers get it as
 * `context.key`. It is the same for a webhook and for a poll, which has no event id: a red envelope is
 * sent once and received once, so both have the key `type:object id`. Other events have their own id
 * in the key, or payload and time if Ping++ sends none. App and mode come first.
 *
 * Returns undefined if the event has no id at all; no handler gets such an event.
 */
export function eventKey(event: WebhookEvent): string | undefined {
  const { type, created } = event
  const id = event.id ?? undefined
  const { id: object } = event.data.object as { readonly id?: unknown }
  const app = appIdOf(event) ?? '-'
  const mode = event.livemode ? 'live' : 'test'
  const parts = [app, mode]
  if (ruleOf(type)?.oncePerObject && isId(object)) parts.push(type, object)
  else if (id !== undefined) parts.push(id)
  else if (isId(object)) parts.push(type, object, String(created))
  else return undefined
  // Joined, a key is one string. A template keeps its parts and takes 270 bytes in an inbox, not 117.
  return parts.join(':')
}

/** The id of the app that the payload names, expanded or not; undefined if it names none. */
export function appIdOf(event: WebhookEvent): string | undefined {
  const { app } = event.data.object as { readonly app?: unknown }
  const id = isObject(app) ? app['id'] : app
  return isId(id) ? id : undefined
}

/** Tells whether the payload names an app at all; refunds and account summaries do not. */
export function namesApp(event: WebhookEvent): boolean {
  const { app } = event.data.object as { readonly app?: unknown }
  return app !== undefined && app !== null
}

const TYPE = /^[\w.-]{1,64}$/
const ID = /^[\w-]{1,64}$/
const INTEGER = /^[1-9]\d{0,63}$/

// oxlint-disable-next-line eslint/complexity -- a flat list of checks, one line each
function findFlaw(value: unknown): string | undefined {
  if (!isObject(value)) return 'It is not an object.'
  const { type } = value
  // Ping++ writes null where it has nothing.
  const id = value['id'] ?? undefined
  if (!isEventName(type)) return '`type` is not an event type.'
  if ((value['object'] ?? 'event') !== 'event') return '`object` is not "event".'
  if (id !== undefined && !isId(id)) return '`id` is not an id.'
  if (!isTime(value['created'])) return '`created` is not a Unix time in seconds.'
  if (typeof value['livemode'] !== 'boolean') return '`livemode` is not true or false.'
  const payload = isObject(value['data']) ? value['data']['object'] : undefined
  if (!isObject(payload)) return '`data.object` is not an object.'
  if (id === undefined && !isId(payload['id']) && typeof payload['id'] !== 'number') {
    return 'Neither it nor its `data.object` has an id, so it cannot be told from another one.'
  }
  return findPayloadFlaw(type, payload)
}

function findPayloadFlaw(type: string, payload: Record<string, unknown>): string | undefined {
  const rule = ruleOf(type)
  if (rule === undefined) return undefined
  if (!isAmount(payload['amount'])) return notAnAmount('amount')
  if (!isAmount(payload['amount_settle'])) return notAnAmount('amount_settle')
  if (!isAmount(payload['amount_refunded'])) return notAnAmount('amount_refunded')
  const { kinds, status, oncePerObject } = rule
  if (kinds !== undefined && !kinds.some((kind) => kind === payload['object'])) {
    return `\`data.object\` of a ${type} must be a ${kinds.join(' or ')}.`
  }
  if (status !== undefined && contradictsStep(payload['status'], status)) {
    return `\`data.object.status\` of a ${type} says that the envelope ended in another way.`
  }
  if (oncePerObject && (!isId(payload['id']) || !isPositiveAmount(payload['amount']))) {
    return `\`data.object\` of a ${type} needs an id and an amount above 0.`
  }
  return undefined
}

function notAnAmount(field: string): string {
  return `\`data.object.${field}\` is not an integer amount in fen.`
}

/** What can be told of a refused event without repeating anything but ids. */
function nameOf(value: unknown): string {
  if (!isObject(value)) return ''
  const { type, id, data } = value
  const payload = isObject(data) && isObject(data['object']) ? data['object']['id'] : undefined
  const names = [type, id, payload].filter((name) => typeof name === 'string' && TYPE.test(name))
  return names.length === 0 ? '' : ` It is ${names.join(' ')}.`
}

/** An event whose payload is as its type has it; the very same event where it is that already. */
function asDocumented(event: WebhookEvent, text?: string): WebhookEvent | WebhookError {
  const { object: payload } = event.data as { readonly object: Fields }
  const exact = (): unknown =>
    text === undefined ? undefined : (readWithExact(text, isNumeral) as WebhookEvent).data.object
  const rule = ruleOf(event.type)
  const spelt = rule === undefined ? withId(payload, exact) : spellPayload(payload, exact)
  const object = withStatus(spelt, rule?.status)
  if (object === payload) return event
  const isNumbered = typeof payload['id'] === 'number'
  if (isNumbered && !isId(event.id) && !INTEGER.test(String(object['id']))) {
    return createFailure('event-invalid', '`data.object.id` is not an id.')
  }
  const data = Object.freeze({ ...event.data, object })
  return Object.freeze({ ...event, data }) as WebhookEvent
}

type Fields = Readonly<Record<string, unknown>>

/** Of a type that no catalogue has, the id is all that is known. */
function withId(payload: Fields, exact: () => unknown): Fields {
  if (typeof payload['id'] !== 'number') return payload
  const { id } = spellPayload({ id: payload['id'] }, exact)
  return Object.freeze({ ...payload, id })
}

/** The payload with a status that its event's type does not contradict. */
function withStatus(payload: Fields, step: RedEnvelopeStatus | undefined): Fields {
  const { status } = payload
  if (step === undefined || status === step) return payload
  const further = atLeast(step, status)
  return further === status ? payload : Object.freeze({ ...payload, status: further })
}

/** Tells whether a text could name an event type; `*` could not. */
export function isEventName(value: unknown): value is string {
  return typeof value === 'string' && TYPE.test(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value)
}

function isTime(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0
}

function isAmount(value: unknown): boolean {
  return (
    value === undefined || value === null || (Number.isSafeInteger(value) && (value as number) >= 0)
  )
}

function isPositiveAmount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0
}
