import { EventEmitter } from 'node:events'
import type typedEmitter from 'typed-emitter'
import type { HandledType, TypedEvent } from '../events/event.ts'
import { isEventName, type EventPayloads, type EventType } from '../events/catalogue.ts'
import { OptionError } from '../options/errors.ts'
import type { Inbox, NoContext } from '../inbox/inbox.ts'

/**
 * What a handler gets besides the event, and what the inbox lends (`Context`), a transaction for
 * example. It never gets the request or the response: its result decides the answer.
 */
export type HandlerContext<Context extends object = NoContext> = EventContext & Context

/** What a handler gets with every inbox. */
export interface EventContext {
  /**
   * The idempotency key of the event: give it to everything that must not happen twice, as a unique
   * column or as the idempotency key of another API. It is the same for a redelivery, and for a webhook
   * and a poll of the same step, which has no event id. Equals `eventKey(event)`.
   */
  readonly key: string
  /**
   * Fires when `handlerTimeoutMs` is over (`reason` is the `WebhookError` `handler-timed-out`; Ping++
   * got 500, and sends the event again), or when the inbox loses its lease (`reason` is its
   * `InboxError`; another process may run the event). Stop by throwing (`signal.throwIfAborted()`): a
   * handler that returns has applied the event.
   */
  readonly signal: AbortSignal
  /** When the delivery arrived. */
  readonly receivedAt: Date
  /**
   * The bytes that the signature covers, the same for all handlers; undefined for an event that did
   * not come by webhook.
   */
  readonly rawBody: Uint8Array | undefined
  /** How the event came to this process. */
  readonly source: HandlerSource
  /** SHA-256 (hexadecimal) of the key that verified the delivery; undefined if nothing was verified. */
  readonly keyFingerprint: string | undefined
}

/**
 * How an event came to this process.
 *
 * - `webhook`: Ping++ sent it; also when a queue's worker applies it later.
 * - `poll`: the reconciler of `@hongbao/client` found it by asking Ping++.
 * - `dispatch`: the app passed it to `webhooks.dispatch`.
 */
export type HandlerSource = 'webhook' | 'poll' | 'dispatch'

/**
 * Applies an event. If it throws or rejects, Ping++ sends the event again; a promise is awaited, and
 * what it or the handler returns is ignored.
 *
 * `Type` is one type, several (`'charge.succeeded' | 'charge.failed'`), or every event if left out;
 * `Context` is what the inbox lends: `WebhookHandler<'red_envelope.sent', PgContext>`.
 */
export type WebhookHandler<
  Type extends HandledType = '*',
  Context extends object = NoContext,
> = HandlerFor<Type, Context>

type HandlerFor<Type extends string, Context extends object> = (
  event: TypedEvent<Type>,
  context: HandlerContext<Context>,
) => unknown

/**
 * Event type → handler, for `webhooks.on(handlers)` and `createWebhooks({ on: handlers })`. For a type
 * that is not in the catalogue there is `webhooks.on(unlisted('…'), handler)`.
 */
export interface WebhookHandlers<
  Context extends object = NoContext,
> extends CataloguedHandlers<Context> {
  /** Every event, of types that are not in the catalogue as well. */
  readonly '*'?: WebhookHandler<'*', Context>
}

// Homomorphic, so that an editor shows the documentation of each type at its key.
type CataloguedHandlers<Context extends object> = {
  readonly [Type in keyof EventPayloads]?: WebhookHandler<Type, Context>
}

/**
 * What an inbox or a receiver lends to handlers: `WebhookHandler<'red_envelope.sent',
 * ContextOf<typeof inbox>>`.
 */
export type ContextOf<Lender> =
  Lender extends Inbox<infer Context>
    ? Context
    : Lender extends HandlerRegistry<infer Context>
      ? Context
      : never

/**
 * The type itself; for a misspelt one, what it could mean, which the compiler prints then: the types
 * of the same object, or all of them.
 */
export type OrSuggestion<Type extends string> = Type extends HandledType
  ? Type
  : [SameObject<Type>] extends [never]
    ? HandledType
    : SameObject<Type>

type SameObject<Type extends string> = Type extends `${infer Name}.${string}`
  ? Extract<EventType, `${Name}.${string}`>
  : never

/**
 * Registers handlers. Node's `once` and `emit` are left out on purpose: a handler that is gone after
 * a failed attempt loses the event, and `emit` awaits nothing.
 */
export interface HandlerRegistry<Context extends object> {
  /**
   * Adds a handler, for one type or for a list of types. Handlers of one event run one after another
   * in the order in which they were added; the first failure ends the execution, and the next delivery
   * runs all of them again. A list that names an event twice, such as by `'*'`, runs its handler once.
   *
   * `red_envelope.failed`, `red_envelope.refunding` and `red_envelope.refund` have **no webhook**:
   * only the reconciler of `@hongbao/client`, which polls Ping++, dispatches them.
   *
   * @throws OptionError for an empty list, a string that is not an event type, or a handler that is not a function
   */
  on<Type extends string>(
    // The first is for functions that are generic over `EventType`: the second defers for them. A
    // name for both would be all that the compiler prints.
    type: (Type & (EventType | '*')) | OrSuggestion<Type> | readonly OrSuggestion<Type>[],
    handler: HandlerFor<NoInfer<Type>, Context>,
  ): this
  /**
   * Adds the handlers of a map, event type → handler, in its order.
   *
   * @throws OptionError for a map without handlers, or a handler that is not a function
   */
  on(handlers: WebhookHandlers<Context>): this
  /** Removes a handler of a type. Does nothing if it was not added. */
  off<Type extends HandledType>(type: Type, handler: HandlerFor<NoInfer<Type>, Context>): this
}

/** A handler as it is kept: each may get any event, because {@link HandlerRegistry} ties type and event. */
export type AnyHandler<Context extends object> = WebhookHandler<'*', Context>

/** The handlers of one receiver. */
export interface Handlers<Context extends object> {
  /** Adds the handler for one type or several, or the handlers of a map; returns the types. */
  add(given: unknown, handler: unknown): readonly string[]
  remove(type: HandledType, handler: unknown): void
  isEmpty(): boolean
  /** The handlers of an event of this type, those of `'*'` included, in the order in which they were added. */
  of(type: HandledType): readonly AnyHandler<Context>[]
}

export function createHandlers<Context extends object>(): Handlers<Context> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `typed-emitter` is a type for Node's emitter
  const emitter = new EventEmitter() as Emitter<Context>
  emitter.setMaxListeners(0)
  /** Type → its handlers, until `on` or `off` changes any. */
  const found = new Map<HandledType, readonly AnyHandler<Context>[]>()
  let added = 0

  function add(given: unknown, handler: unknown): readonly string[] {
    // All are checked before one is added.
    const pairs = readHandlers<Context>(given, handler)
    found.clear()
    // One for each function, so that an event that has several of its types finds it once.
    const made = new Map<unknown, Registered<Context>>()
    for (const [type, each] of pairs) {
      const registered = made.get(each) ?? register(each, added++)
      made.set(each, registered)
      emitter.on(type, registered)
    }
    return pairs.map(([type]) => type)
  }

  function remove(type: HandledType, handler: unknown): void {
    found.clear()
    const registered = registeredFor(type).findLast((each) => each.handler === handler)
    if (registered !== undefined) emitter.off(type, registered)
  }

  function registeredFor(type: HandledType): Registered<Context>[] {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each was made by `register`
    return emitter.rawListeners(type) as unknown as Registered<Context>[]
  }

  function of(type: HandledType): readonly AnyHandler<Context>[] {
    return found.get(type) ?? find(type)
  }

  function find(type: HandledType): readonly AnyHandler<Context>[] {
    const named = registeredFor(type)
    const handlers = [...new Set([...named, ...registeredFor('*')])]
      .toSorted((a, b) => a.position - b.position)
      .map(({ handler }) => handler)
    // Only of types that have handlers: an event's type may be any text.
    if (named.length > 0) found.set(type, handlers)
    return handlers
  }

  return { add, remove, of, isEmpty: () => emitter.eventNames().length === 0 }
}

/** Node's emitter, typed by the map from event type to handler. */
type Emitter<Context extends object> = typedEmitter.default<HandlerMap<Context>>

type HandlerMap<Context extends object> = {
  readonly [Type in HandledType]: WebhookHandler<Type, Context>
}

/** The handlers that `on` was given, in any of its three forms, each with its type. */
function readHandlers<Context extends object>(
  given: unknown,
  handler: unknown,
): readonly (readonly [HandledType, AnyHandler<Context>])[] {
  const pairs = isMap(given)
    ? Object.entries(given)
    : [...new Set([given].flat())].map((type) => [type, handler] as const)
  if (pairs.length === 0) throw new OptionError('option-invalid', NOTHING_GIVEN)
  return pairs.map(([type, each]) => [readType(type), readHandler<Context>(type, each)])
}

const NOTHING_GIVEN =
  '`on` was given no handler. It expects a type and a function, a list of types and a function, or a map such as { "red_envelope.sent": onSent }.'

function isMap(given: unknown): given is object {
  return typeof given === 'object' && given !== null && !Array.isArray(given)
}

function readType(type: unknown): HandledType {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a type of no catalogue, in JavaScript without `unlisted`
  if (type === '*' || (isEventName(type) && !OF_NODE.has(type))) return type as HandledType
  throw new OptionError('option-invalid', '`on` expects the name of an event type, or "*".')
}

function readHandler<Context extends object>(type: unknown, handler: unknown): AnyHandler<Context> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `HandlerRegistry` ties type and event
  if (typeof handler === 'function') return handler as AnyHandler<Context>
  throw new OptionError('option-invalid', `\`on('${String(type)}', …)\` expects a function.`)
}

/** What Node's emitter emits by itself, with the name of a type in place of an event. */
const OF_NODE: ReadonlySet<string> = new Set(['newListener', 'removeListener'])

/**
 * A handler with its place in the order: an emitter keeps order within one type, not between a type and
 * '*'. Not by `listener`, Node's own name for what a listener wraps: zone.js takes that out.
 */
type Registered<Context extends object> = AnyHandler<Context> & {
  readonly handler: AnyHandler<Context>
  readonly position: number
}

function register<Context extends object>(
  handler: AnyHandler<Context>,
  position: number,
): Registered<Context> {
  const registered: AnyHandler<Context> = (event, context) => handler(event, context)
  return Object.assign(registered, { handler, position })
}
