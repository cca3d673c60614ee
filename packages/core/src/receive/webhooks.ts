import { freezesRequests } from '../inbox/heartbeat.ts'
import type { Inbox, NoContext } from '../inbox/inbox.ts'
import { isHandledType, type HandledType, type WebhookEvent } from '../events/event.ts'
import { createRotatingVerifier, createVerifier, type Verifier } from '../keys/verifier.ts'
import { callSafely } from '../options/logger.ts'
import { withTimeout } from '../options/with-timeout.ts'
import { WebhookError, withStack } from '../reply/errors.ts'
import type { Reply } from '../reply/reply.ts'
import { createAdmission } from './admission.ts'
import { VERIFY_CARRIED, verifyBytes, type VerifyCarried } from './carried.ts'
import type { Delivery, Receiver } from './delivery.ts'
import { dispatchResult, type DispatchOptions, type DispatchResult } from './dispatch-result.ts'
import { createHandlerWarnings } from './handler-warnings.ts'
import { createHandlers, type HandlerRegistry } from './handlers.ts'
import { createLog, type FailureLog } from './log.ts'
import { readOptions, type Settings, type WebhooksOptions } from './options.ts'
import { accept, dispatch, handle, type Pipeline } from './pipeline.ts'
import { createReporter } from './report.ts'
import { shutDown, type CloseReport } from './shutdown.ts'

/** A receiver of Ping++ webhooks: register handlers with `on`, mount it with an adapter. */
export interface Webhooks<Context extends object = NoContext>
  extends Receiver, HandlerRegistry<Context>, AsyncDisposable {
  /**
   * Answers one delivery: reads it, verifies it, and applies its event once. Adapters call this.
   * Never throws and never rejects, whatever the delivery, the handlers and the inbox do.
   */
  handle(delivery: Delivery): Promise<Reply>

  /**
   * Verifies a webhook and returns its event; runs no handler and asks no inbox. The signature, the
   * app, the mode and the age count, as for a delivery.
   *
   * @param body the raw bytes, as they came
   * @param signature the value of the header `x-pingplusplus-signature`
   * @throws WebhookError with the code of what is wrong
   */
  verify(body: Uint8Array, signature: string | null | undefined): Promise<WebhookEvent>

  /**
   * Applies an event that did not come by HTTP: from a queue, from a poll, in a test. The same
   * inbox and the same handlers, and `app` and `livemode` count; nothing is verified, and any age is
   * taken. Handlers get a deeply frozen copy, or the event itself when it is frozen already. Never
   * rejects: see the result's `error`.
   */
  dispatch(event: WebhookEvent, options?: DispatchOptions): Promise<DispatchResult>

  /**
   * Checks that events can be applied now: for start-up and health checks. Asks the inbox, if it has a
   * `ready` of its own; safe to call on every probe.
   *
   * Rejects with `key-unavailable` if the function `publicKey` provides no key; with the inbox's error, whose code and message say what to change; with the
   * `WebhookError` `inbox-unavailable` if the inbox does not answer within `handlerTimeoutMs`; with
   * `shutting-down` after {@link close}.
   */
  ready(): Promise<void>

  /**
   * Shuts down: from now on no event is admitted, so that Ping++ (or the queue) sends it again.
   * Running handlers get as long as `handlerTimeoutMs` to end, those past their deadline included, and
   * then the inbox gets as long to store the result. So it resolves within twice `handlerTimeoutMs`,
   * 10 s by default, and returns what had not ended by then. What still runs keeps its key.
   *
   * Never rejects. A second call returns the same promise.
   */
  close(): Promise<CloseReport>

  /** Does what {@link close} does, at the end of the scope of `await using webhooks = createWebhooks(…)`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Creates a receiver.
 *
 * @throws OptionError for a wrong option, or a key that cannot be Ping++'s
 */
export function createWebhooks<Context extends object = NoContext>(
  options: WebhooksOptions<Context> &
    (NoContext extends Context ? unknown : { readonly inbox: Inbox<Context> }),
): Webhooks<Context> {
  const settings = readOptions<Context>(options)
  const pipeline = createPipeline(settings)
  const { verifier, handlers, warnings, admission } = pipeline
  let closed: Promise<CloseReport> | undefined
  let checking: Promise<void> | undefined

  function addHandlers(given: unknown, handler?: unknown): void {
    for (const type of handlers.add(given, handler)) {
      if (!isHandledType(type)) warnings.unknownType(type)
    }
  }

  function close(): Promise<CloseReport> {
    closed ??= shutDown(admission)
    return closed
  }

  function ready(): Promise<void> {
    if (closed !== undefined) return Promise.reject(new WebhookError('shutting-down'))
    // A promise of a frozen request never settles.
    if (admission.isFreezing) return checkNeeds(pipeline)
    // Probes may come faster than a store that hangs answers.
    checking ??= checkNeeds(pipeline).finally(() => {
      checking = undefined
    })
    return checking
  }

  const webhooks: Webhooks<Context> & { readonly [VERIFY_CARRIED]: VerifyCarried } = {
    handle: (delivery) => handle(pipeline, delivery),
    verify: (body, signature) => verifyEvent(pipeline, body, signature),
    async dispatch(event, how = {}) {
      return dispatchResult(await dispatch(pipeline, event, how))
    },
    on(given: unknown, handler?: unknown) {
      addHandlers(given, handler)
      return webhooks
    },
    off(type: HandledType, handler: unknown) {
      handlers.remove(type, handler)
      return webhooks
    },
    ready,
    close,
    async [Symbol.asyncDispose]() {
      await close()
    },
    [VERIFY_CARRIED]: (body, signature) => verifyBytes(body, signature, verifier),
  }
  if (settings.on !== undefined) addHandlers(settings.on)
  return webhooks
}

function createPipeline<Context extends object>(settings: Settings<Context>): Pipeline<Context> {
  const { inbox, handlerTimeoutMs, hooks, logger, now } = settings
  const log = createLog(logger, now)
  return {
    ...settings,
    verifier: verifierOf(settings, log),
    handlers: createHandlers(),
    warnings: createHandlerWarnings(logger),
    admission: createAdmission(inbox, handlerTimeoutMs),
    report: createReporter(hooks, log),
  }
}

async function verifyEvent<Context extends object>(
  pipeline: Pipeline<Context>,
  body: Uint8Array,
  signature: string | null | undefined,
): Promise<WebhookEvent> {
  const { event } = await verifyBytes(body, signature ?? undefined, pipeline.verifier)
  const refused = accept(pipeline, event)
  if (refused !== undefined) throw withStack(refused)
  return event
}

/** Checks the keys, and the inbox if it has a `ready` of its own. */
async function checkNeeds<Context extends object>({
  verifier,
  admission: { inbox, timeoutMs },
}: Pipeline<Context>): Promise<void> {
  const failure = await verifier.check()
  if (failure !== undefined) throw withStack(failure)
  if (inbox.ready === undefined) return
  await withTimeout(timeoutMs, inbox.ready(), () => {
    throw new WebhookError('inbox-unavailable', noAnswer(timeoutMs))
  })
}

function verifierOf(
  { keys, allowPublishedKeys, now }: Pick<Settings<object>, 'keys' | 'allowPublishedKeys' | 'now'>,
  log: FailureLog,
): Verifier {
  if (typeof keys !== 'function') return createVerifier(keys)
  const onStale = (failure: WebhookError): void => callSafely(() => log(failure))
  const isFreezing = freezesRequests()
  return createRotatingVerifier(keys, { allowPublishedKeys, now, isFreezing, onStale })
}

function noAnswer(timeoutMs: number): string {
  return `Its \`ready\` has not answered within ${timeoutMs} ms. Check that the store is up, and that this process can reach it.`
}
