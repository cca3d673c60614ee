import { SIGNATURE, VERIFY_CARRIED, verifyBytes, type VerifyCarried } from './carried.ts'
import { createAttempts, type Attempt, type CloseReport } from './admission.ts'
import { dispatchResult, type DispatchOptions, type DispatchResult } from './dispatch-result.ts'
import { readBody, refuseUnread, type Delivery, type Receiver, type WaitUntil } from './delivery.ts'
import { eventKey } from '../events/event-key.ts'
import { isHandledType, type WebhookEvent } from '../events/event.ts'
import { parseEvent, readDispatched } from '../events/parse-event.ts'
import { WebhookError } from '../reply/errors.ts'
import { Failure, internalError } from '../reply/failure.ts'
import { createHandlers, type HandlerRegistry } from './handlers.ts'
import { createHandlerWarnings } from './handler-warnings.ts'
import { freezesRequests } from '../inbox/heartbeat.ts'
import type { Inbox, NoContext } from '../inbox/inbox.ts'
import { callSafely, originOf } from '../options/logger.ts'
import { createLog, type FailureLog } from './log.ts'
import { readOptions, type Settings, type WebhooksOptions } from './options.ts'
import { createObserver, nameOf, type Result, type Sighting } from './report.ts'
import { replyTo, type Reply } from '../reply/reply.ts'
import { SIGNATURE_HEADER } from '../keys/signature.ts'
import { createRotatingVerifier, createVerifier, type Verifier } from '../keys/verifier.ts'
import { withTimeout } from '../options/with-timeout.ts'

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
  const { limits, acceptance, inbox, handlerTimeoutMs, ...rest } = readOptions<Context>(options)
  const handlers = createHandlers<Context>()
  const log = createLog(rest.logger, rest.now)
  const observer = createObserver(rest.hooks, log, rest.now)
  const verifier = verifierOf(rest, log)
  const attempts = createAttempts(inbox, handlerTimeoutMs)
  const warnings = createHandlerWarnings(rest.logger)
  const isFreezing = freezesRequests()
  let closed: Promise<CloseReport> | undefined
  let checking: Promise<void> | undefined

  async function handle(delivery: Delivery): Promise<Reply> {
    const sighting = observer.start('delivery', 'webhook')
    let result: Result
    try {
      result = await receive(delivery, sighting)
    } catch (error) {
      result = internalError(error)
    }
    const reply = replyTo(nameOf(result))
    observer.end(sighting, result, reply.status)
    return reply
  }

  /** read → verify → parse → admit → dispatch. What can refuse without the body comes first. */
  async function receive(delivery: Delivery, sighting: Sighting): Promise<Result> {
    const refusal = refuseUnread(delivery)
    if (refusal !== undefined) return refusal
    const decoded = verifier.readSignature(delivery.header(SIGNATURE_HEADER))
    const signature = decoded instanceof Promise ? await decoded : decoded
    if (signature instanceof Failure) return signature

    const rawBody = await readBody(delivery, limits)
    sighting.readMs = performance.now()
    if (rawBody instanceof Failure) return rawBody

    const found = verifier.findSigner(rawBody, signature)
    const signer = found instanceof Promise ? await found : found
    sighting.verifiedMs = performance.now()
    if (signer instanceof Failure) return signer
    sighting.keyFingerprint = signer.fingerprint
    sighting.signature = signature

    const event = parseEvent(rawBody)
    if (event instanceof Failure) return event
    sighting.event = event
    const refused = acceptance.refuseMisdirected(event) ?? acceptance.refuseUntimely(event)
    return refused ?? (await admit(event, rawBody, sighting, delivery.waitUntil))
  }

  async function verify(
    body: Uint8Array,
    signature: string | null | undefined,
  ): Promise<WebhookEvent> {
    const { event } = await verifyBytes(body, signature ?? undefined, verifier)
    const refused = acceptance.refuseMisdirected(event) ?? acceptance.refuseUntimely(event)
    if (refused !== undefined) throw refused.toError()
    return event
  }

  async function dispatch(event: WebhookEvent, how: DispatchOptions = {}): Promise<DispatchResult> {
    const { source = 'dispatch', rawBody, receivedAt, keyFingerprint } = how
    const sighting = observer.start('dispatch', source, receivedAt)
    sighting.keyFingerprint = keyFingerprint
    let result: Result
    try {
      result = await admitDispatched(event, rawBody, sighting)
    } catch (error) {
      result = internalError(error)
    }
    observer.end(sighting, result)
    const told = dispatchResult(result, sighting.end)
    return sighting.shared ? { ...told, shared: true } : told
  }

  async function admitDispatched(
    given: WebhookEvent,
    rawBody: Uint8Array | undefined,
    sighting: Sighting,
  ): Promise<Result> {
    const event = readDispatched(given)
    if (event instanceof Failure) return event
    return acceptance.refuseMisdirected(event) ?? (await admit(event, rawBody, sighting))
  }

  /** A duplicate of an event that is running here shares its outcome; the inbox decides on the rest. */
  function admit(
    event: WebhookEvent,
    rawBody: Uint8Array | undefined,
    sighting: Sighting,
    waitUntil?: WaitUntil,
  ): Result | Promise<Result> {
    sighting.event = event
    const listening = handlers.of(event.type)
    if (listening.length === 0) {
      if (rest.unhandled === 'fail') return new Failure('no-handler')
      warnings.unhandled(event.type, handlers.isEmpty())
      return 'unhandled'
    }
    const key = eventKey(event)
    if (key === undefined) return new Failure('event-invalid', 'It has no id.')
    const running = attempts.running(key)
    if (running !== undefined) {
      sighting.shared = true
      sighting.end = running.end
      if (running.heartbeat === undefined) return running.answer
      return shareUnlessFrozen(running, sighting, () => admit(event, rawBody, sighting, waitUntil))
    }
    if (closed !== undefined) return new Failure('shutting-down')
    const { receivedAt, source, keyFingerprint, signature } = sighting
    const context = { key, receivedAt, rawBody, source, keyFingerprint, [SIGNATURE]: signature }
    const startedMs = sighting.verifiedMs ?? sighting.startedMs
    const attempt = attempts.start({ key, event, startedMs, handlers: listening, context, onLate })
    sighting.end = attempt.end
    if (waitUntil !== undefined) keepAlive(waitUntil, attempt.end)
    return attempt.answer

    function onLate(result: Result): void {
      observer.end({ ...sighting, kind: 'late' }, result)
    }
  }

  /** On a runtime that freezes requests: the answer of the other one, or an attempt in its place. */
  async function shareUnlessFrozen(
    other: Attempt<Context>,
    sighting: Sighting,
    admitAgain: () => Result | Promise<Result>,
  ): Promise<Result> {
    const answer = await attempts.answerUnlessFrozen(other)
    if (answer !== undefined) return answer
    sighting.shared = false
    sighting.end = undefined
    return admitAgain()
  }

  /** What a host does with its request is its own: the event is applied all the same. */
  function keepAlive(waitUntil: WaitUntil, end: Promise<unknown>): void {
    try {
      waitUntil(end)
    } catch (error) {
      callSafely(() => rest.logger.warn(`${WAIT_UNTIL_FAILED}${originOf(error)}`))
    }
  }

  function ready(): Promise<void> {
    if (closed !== undefined) return Promise.reject(new WebhookError('shutting-down'))
    // A promise of a frozen request never settles.
    if (isFreezing) return checkNeeds()
    // Probes may come faster than a store that hangs answers.
    checking ??= checkNeeds().finally(() => {
      checking = undefined
    })
    return checking
  }

  async function checkNeeds(): Promise<void> {
    const failure = await verifier.check()
    if (failure !== undefined) throw failure.toError()
    if (inbox.ready === undefined) return
    await withTimeout(handlerTimeoutMs, inbox.ready(), () => {
      throw new WebhookError('inbox-unavailable', noAnswer(handlerTimeoutMs))
    })
  }

  function addHandlers(given: unknown, handler?: unknown): void {
    for (const type of handlers.add(given, handler)) {
      if (!isHandledType(type)) warnings.unknownType(type)
    }
  }

  function close(): Promise<CloseReport> {
    closed ??= attempts.close()
    return closed
  }

  const webhooks: Webhooks<Context> & { readonly [VERIFY_CARRIED]: VerifyCarried } = {
    handle,
    verify,
    dispatch,
    on(given: unknown, handler?: unknown) {
      addHandlers(given, handler)
      return webhooks
    },
    off(type: string, handler: unknown) {
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
  if (rest.on !== undefined) addHandlers(rest.on)
  return webhooks
}

function verifierOf(
  { keys, allowPublishedKeys, now }: Pick<Settings<object>, 'keys' | 'allowPublishedKeys' | 'now'>,
  log: FailureLog,
): Verifier {
  if (typeof keys !== 'function') return createVerifier(keys)
  const onStale = (failure: Failure): void => callSafely(() => log(failure))
  return createRotatingVerifier(keys, { allowPublishedKeys, now, onStale })
}

const WAIT_UNTIL_FAILED =
  '[hongbao] `waitUntil` threw an error, so the host may stop handlers that pass their deadline. Expected a function such as (pending) => context.waitUntil(pending).'

function noAnswer(timeoutMs: number): string {
  return `Its \`ready\` has not answered within ${timeoutMs} ms. Check that the store is up, and that this process can reach it.`
}
