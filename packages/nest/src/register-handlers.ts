import { OptionError, type Webhooks } from '@hongbao/core'
import type { DiscoveryService } from '@nestjs/core'
import { marksOf } from './on-webhook.ts'

/** A provider or a controller, as Nest's discovery describes it. */
type Wrapper = ReturnType<DiscoveryService['getProviders']>[number]

/**
 * Registers the methods of providers and controllers that `@OnWebhook` marks.
 *
 * @throws OptionError for a provider that Nest creates for each request, or a class that is provided twice
 */
export function registerHandlers(webhooks: Webhooks<object>, discovery: DiscoveryService): void {
  const registered = new Map<object | null, Wrapper>()
  for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
    const prototype = prototypeOf(wrapper)
    const marks = marksOf(prototype)
    // An alias (`useExisting`) has a wrapper of its own, and the instance of another.
    if (marks.size === 0 || wrapper.isAlias) continue
    refuseScoped(wrapper)
    refuseSecond(wrapper, registered.get(prototype))
    registered.set(prototype, wrapper)
    for (const [method, types] of marks) registerMethod(webhooks, wrapper, method, types)
  }
}

/** Returns the prototype of the instance; of the class, if instances are made later. */
function prototypeOf({ instance, metatype }: Wrapper): object | null {
  const made: unknown = instance
  if (typeof made === 'object' && made !== null) return Reflect.getPrototypeOf(made)
  const prototype: unknown = metatype?.prototype
  return typeof prototype === 'object' ? prototype : null
}

function registerMethod(
  webhooks: Webhooks<object>,
  { instance }: Wrapper,
  method: string | symbol,
  types: readonly string[],
): void {
  const target: object = instance
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `OnWebhook` ties type and event; `on` warns of other types
  webhooks.on(types as readonly '*'[], (event, context) => {
    // Looked up for each event, so that a test can spy on the method. If it is gone, the event fails.
    const handler: (...given: unknown[]) => unknown = Reflect.get(target, method)
    return handler.call(target, event, context)
  })
}

function refuseScoped(wrapper: Wrapper): void {
  if (!wrapper.isTransient && wrapper.isDependencyTreeStatic()) return
  throw new OptionError(
    'option-invalid',
    `${nameOf(wrapper)} has a method with @OnWebhook, but it is transient or request-scoped, or injects a provider that is. An event has no request: make it a singleton, and get what is scoped by \`moduleRef.resolve(…)\` in the method.`,
  )
}

/** Under another token, too: both would apply every event. */
function refuseSecond(wrapper: Wrapper, first: Wrapper | undefined): void {
  if (first === undefined) return
  throw new OptionError(
    'option-invalid',
    `${nameOf(wrapper)} has a method with @OnWebhook and is provided twice, in ${hostOf(first)} and in ${hostOf(wrapper)}, so each event would be applied twice. Provide it once, and export it from there; a second token is an alias: \`useExisting\`.`,
  )
}

function nameOf(wrapper: Wrapper): string {
  return String(prototypeOf(wrapper)?.constructor.name)
}

function hostOf({ host }: Wrapper): string {
  return String(host?.metatype.name)
}
