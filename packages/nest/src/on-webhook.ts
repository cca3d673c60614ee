import { OptionError, type EventType, type HandlerContext } from '@hongbao/core'
import type { OrSuggestion, TypedEvent } from '@hongbao/core/internal'

/** What {@link OnWebhook} returns: it takes a method whose parameters fit the event and a context. */
export type OnWebhookDecorator<Type extends string> = <Context extends object>(
  target: object,
  method: string | symbol,
  descriptor: MethodDescriptor<Type, Context>,
) => void

/**
 * The descriptor of a method that handles events of `Type`. Its parameters are checked strictly, which
 * `TypedPropertyDescriptor` would not do.
 */
export interface MethodDescriptor<Type extends string, Context extends object> {
  readonly value?: (event: TypedEvent<Type>, context: HandlerContext<Context>) => unknown
}

/**
 * Makes a method of a provider or a controller a handler, for one type of event or for a list of types:
 * ```ts
 * @OnWebhook('red_envelope.sent')
 * async markSent(event: WebhookEvent<'red_envelope.sent'>, context: HandlerContext) {}
 * ```
 * Takes what `webhooks.on` takes. The handler is registered when the app initialises. If it throws or
 * rejects, Ping++ sends the event again. A subclass that overrides the method keeps the
 * handler, and may decorate it with other types.
 *
 * @throws OptionError on anything but a method of an instance
 */
export function OnWebhook<Type extends string>(
  // By itself: for a list that is read-only, TypeScript before 7 would infer `string` from the union.
  types: readonly OrSuggestion<Type>[],
): OnWebhookDecorator<Type>
export function OnWebhook<Type extends string>(
  type: (Type & (EventType | '*')) | OrSuggestion<Type> | readonly OrSuggestion<Type>[],
): OnWebhookDecorator<Type>
export function OnWebhook(type: string | readonly string[]): OnWebhookDecorator<string> {
  return function markHandler(target, method, descriptor) {
    if (typeof target === 'function' || typeof descriptor?.value !== 'function') {
      throw new OptionError(
        'option-invalid',
        `@OnWebhook expects a method of an instance, but \`${String(method)}\` is static or no method.`,
      )
    }
    const marked = ownMarks(target) ?? new Map<string | symbol, readonly string[]>()
    marked.set(method, [...(marked.get(method) ?? []), type].flat())
    Object.defineProperty(target, MARKS, { value: marked, configurable: true })
  }
}

// The same in every copy of the package, such as ESM beside CommonJS.
const MARKS: unique symbol = Symbol.for('hongbao.nest.handlers')

/** Method → the types of its events. */
export type Marks = ReadonlyMap<string | symbol, readonly string[]>

/**
 * Returns the handlers of a class, inherited ones first. They are kept on the prototype and not on the
 * methods, because other decorators put functions of their own in the place of methods.
 */
export function marksOf(prototype: object | null): Marks {
  if (prototype === null) return new Map()
  const inherited = marksOf(Reflect.getPrototypeOf(prototype))
  return new Map([...inherited, ...(ownMarks(prototype) ?? [])])
}

function ownMarks(prototype: object): Map<string | symbol, readonly string[]> | undefined {
  if (!Object.hasOwn(prototype, MARKS)) return undefined
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by `OnWebhook` only
  return Reflect.get(prototype, MARKS) as Map<string | symbol, readonly string[]>
}
