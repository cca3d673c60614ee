import { EventEmitter } from 'node:events'
import type typedEmitter from 'typed-emitter'
import {
  isEventName,
  type EventOf,
  type UnlistedEvent,
  type UnlistedType,
  type WebhookEvent,
} from './event.ts'
import type { EventType } from './events/catalogue.ts'
import { OptionError } from './errors.ts'

/** What a handler learns besides the event. It never gets the request or the response: its result decides the answer. */
export interface HandlerContext {
  /**
   * Fires when `handlerTimeoutMs` is over; Ping++ has been told to send the event again. Stop by
   * throwing (`signal.throwIfAborted()`): a handler that returns has applied the event.
   */
  readonly signal: AbortSignal
  /** When the delivery arrived. */
  readonly receivedAt: Date
  /**
   * The bytes that the signature covers, the same for all handlers; undefined for an event that did
   * not come by webhook.
   */
  readonly rawBody: Uint8Array | undefined
  /** Whether Ping++ told us, or we asked. */
  readonly source: EventSource
  /** SHA-256 (hexadecimal) of the key that verified the delivery; undefined where nothing was verified. */
  readonly keyFingerprint: string | undefined
}

/** How an event reached us. */
export type EventSource = 'webhook' | 'poll'

/**
 * Does something about an event. Throwing or rejecting makes Ping++ send the event again; a promise
 * is awaited, and what it or the handler returns is ignored.
 */
export type Handler<Event, Context> = (event: Event, context: Context) => unknown

/** What can be subscribed to: a catalogued type, an `unlisted` one, or `'*'` for every event. */
export type Subscribable = EventType | UnlistedType | '*'

/**
 * A type itself; for a misspelt one, what it could mean: the types of the same object, which the
 * compiler prints then, or all of them.
 */
export type SubscribableLike<Type extends string> = Type extends Subscribable
  ? Type
  : [SameObject<Type>] extends [never]
    ? Subscribable
    : SameObject<Type>

type SameObject<Type extends string> = Type extends `${infer Name}.${string}`
  ? Extract<EventType, `${Name}.${string}`>
  : never

/** What a handler of a type gets. */
export type EventFor<Type extends string> = Type extends EventType
  ? EventOf<Type>
  : Type extends '*'
    ? WebhookEvent
    : UnlistedEvent

/**
 * What people subscribe with. Node's `once` and `emit` are left out on purpose: a handler that is
 * gone after a failed attempt loses the event, and `emit` awaits nothing.
 */
export interface HandlerEmitter<Context> {
  /**
   * Adds a handler. Handlers of one event run one after another in the order in which they were
   * added; the first failure ends the attempt, and the next delivery runs all of them again.
   *
   * `red_envelope.failed`, `red_envelope.refunding` and `red_envelope.refund` have **no webhook**:
   * only `createReconciler` of `@hongbao/client`, which polls Ping++, dispatches them.
   */
  on<Type extends string>(
    // The first is for functions that are generic over `EventType`: the second defers for them. A
    // name for both would be all that the compiler prints.
    type: (Type & (EventType | '*')) | SubscribableLike<Type>,
    handler: Handler<EventFor<NoInfer<Type>>, Context>,
  ): this
  /** Removes a handler. */
  off<Type extends Subscribable>(
    type: Type,
    handler: Handler<EventFor<NoInfer<Type>>, Context>,
  ): this
  /** How many handlers a type has; `'*'` counts for itself alone. */
  listenerCount(type: Subscribable): number
}

/** The handlers of one receiver. */
export interface Handlers<Context> {
  add(type: string, handler: Handler<never, Context>): void
  remove(type: string, handler: Handler<never, Context>): void
  count(type: string): number
  isEmpty(): boolean
  /** The handlers of an event of this type, those of `'*'` included, in the order in which they were added. */
  of(type: string): readonly Handler<WebhookEvent, Context>[]
}

export function createHandlers<Context>(): Handlers<Context> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `typed-emitter` is a type for Node's emitter
  const emitter = new EventEmitter() as Emitter<Context>
  emitter.setMaxListeners(0)
  let added = 0

  function add(type: string, handler: Handler<never, Context>): void {
    if (type !== '*' && (!isEventName(type) || OF_NODE.has(type))) {
      throw new OptionError('option-invalid', '`on` expects the name of an event type, or "*".')
    }
    if (typeof handler !== 'function') {
      throw new OptionError('option-invalid', `\`on('${type}', …)\` expects a function.`)
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `HandlerEmitter` ties type and event
    emitter.on(type, subscribe(handler as Handler<WebhookEvent, Context>, added++))
  }

  function remove(type: string, handler: Handler<never, Context>): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `HandlerEmitter` ties type and event
    emitter.off(type, handler as Handler<WebhookEvent, Context>)
  }

  function of(type: string): readonly Handler<WebhookEvent, Context>[] {
    const named = emitter.rawListeners(type)
    const all = emitter.rawListeners('*')
    if (all.length === 0) return named
    return [...named, ...all].toSorted((a, b) => positionOf(a) - positionOf(b))
  }

  return {
    add,
    remove,
    of,
    count: (type) => emitter.listenerCount(type),
    isEmpty: () => emitter.eventNames().length === 0,
  }
}

/** Behind `HandlerEmitter`, which ties each type to its event, every handler may get any event. */
type Emitter<Context> = typedEmitter.default<Record<string, Handler<WebhookEvent, Context>>>

/** What Node's emitter emits by itself, with the name of a type in place of an event. */
const OF_NODE: ReadonlySet<string> = new Set(['newListener', 'removeListener'])

/**
 * A handler with its place in the order. An emitter keeps order within one type, not between a type
 * and '*'; `listener` is how Node's emitter finds a wrapped handler in `off`, as it does for `once`.
 */
function subscribe<Context>(
  handler: Handler<WebhookEvent, Context>,
  position: number,
): Handler<WebhookEvent, Context> {
  const subscription: Handler<WebhookEvent, Context> = (event, context) => handler(event, context)
  return Object.assign(subscription, { listener: handler, position })
}

function positionOf(subscription: object): number {
  return 'position' in subscription ? Number(subscription.position) : 0
}
