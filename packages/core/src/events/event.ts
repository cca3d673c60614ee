import { CATALOGUE, ruleOf, type EventPayloads, type EventType } from './catalogue.ts'
import { nearestTo } from '../options/nearest.ts'

/** The fields of every event of Ping++ around its payload (API reference, "Event object"). */
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
  /** `iar_…`; null if no API request caused the event. */
  readonly request?: string | null
  /** `app_…` or `acct_…`, in some types. */
  readonly scope?: string
  /** `acct_…`, if `scope` is there. */
  readonly acct_id?: string
}

// Of the process and not of this module: an app may load core twice, as ESM and as CommonJS.
const UNLISTED_KEY: unique symbol = Symbol.for('hongbao.unlisted')

/** An event type that this version has no payload type for; made by {@link unlisted}. */
export type UnlistedType = string & { readonly [unlistedBrand]: true }
declare const unlistedBrand: unique symbol

/** An event that this version has no payload type for. */
export type UnlistedEvent = EventBase<UnlistedType & Unlisted, Readonly<Record<string, unknown>>>
// `switch (event.type)` narrows by literals only: a branded string is comparable to every one of
// them, and would leave the union as it is. This enum has no value.
declare enum Unlisted {
  Type = 'unlisted',
}

/** A type to register a handler for: a catalogued type, an `unlisted` one, or `'*'` for every event. */
export type HandledType = EventType | UnlistedType | '*'

/**
 * An event of Ping++. With a type, `WebhookEvent<'red_envelope.sent'>`, it has the exact payload of
 * that type; with several types it is their union. Without one it is any event that Ping++ may send:
 * `switch (event.type)` narrows it.
 */
export type WebhookEvent<Type extends HandledType = '*'> = TypedEvent<Type>

/** A {@link WebhookEvent} of a type that the compiler has not checked, as in a generic function. */
export type TypedEvent<Type extends string> = Type extends EventType
  ? EventBase<Type, EventPayloads[Type]>
  : Type extends '*'
    ? TypedEvent<EventType> | UnlistedEvent
    : UnlistedEvent

/**
 * Names an event type that the catalogue does not have, such as one that Ping++ added yesterday:
 * `webhooks.on(unlisted('example.created'), …)`.
 */
export function unlisted(type: string): UnlistedType {
  UNLISTED.add(type)
  return type as UnlistedType
}

const PROCESS = globalThis as { [UNLISTED_KEY]?: Set<string> }
const UNLISTED = (PROCESS[UNLISTED_KEY] ??= new Set<string>())

/** Returns whether a handler of this type can ever run; in JavaScript no compiler checks it. */
export function isHandledType(type: string): boolean {
  return type === '*' || isEventType(type) || UNLISTED.has(type)
}

export function suggestType(type: string): string | undefined {
  return nearestTo(type, Object.keys(CATALOGUE))
}

/** Returns whether this version has a payload type for the event. */
export function isCatalogued(event: WebhookEvent): event is WebhookEvent<EventType> {
  return isEventType(event.type)
}

/** Returns whether the catalogue has a type. */
export function isEventType(type: string): type is EventType {
  return ruleOf(type) !== undefined
}
