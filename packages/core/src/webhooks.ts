import { SIGNATURE, VERIFY_CARRIED, verifyCarried, type VerifyCarried } from './carried.ts'
import { createAttempts, type Attempt, type AttemptResult, type CloseReport } from './attempts.ts'
import { readBody, refuseUnread, type Delivery, type Receiver, type WaitUntil } from './delivery.ts'
import { inboxKey, isSubscribable, parseEvent, readDispatched, type WebhookEvent } from './event.ts'
import { WebhookError } from './errors.ts'
import { Failure } from './failure.ts'
import {
  createHandlers,
  type EventSource,
  type Handler,
  type HandlerContext,
  type HandlerEmitter,
} from './handlers.ts'
import { createHandlerWarnings } from './handler-warnings.ts'
import type { NoContext } from './inbox.ts'
import { contain, createLog, originOf } from './log.ts'
import { readOptions, type WebhooksOptions } from './options.ts'
import { createObserver, outcomeOf, type Result, type Sighting } from './report.ts'
import { replyTo, type Outcome, type Reply } from './reply.ts'
import { findSigner, readSignature, SIGNATURE_HEADER } from './signature.ts'
import { within } from './within.ts'

/** A receiver of Ping++ webhooks: subscribe with `on`, mount it with an adapter. */
export interface Webhooks<Context extends object = NoContext>
  extends Receiver, HandlerEmitter<HandlerContext & Context> {
  /**
   * Answers one delivery: reads it, verifies it, and applies its event once. Adapters call this.
   * Never throws and never rejects, whatever the delivery, the handlers and the inbox do.
   */
  handle(delivery: Delivery): Promise<Reply>

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
   * Rejects with the inbox's error, whose code and message say what to change; with the
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
}

/** Options of {@link Webhooks.dispatch}. */
export interface DispatchOptions {
  /** What handlers see as `context.source`. Default: `'webhook'`. */
  readonly source?: EventSource | undefined
  /** The verified bytes, where they are at hand. */
  readonly rawBody?: Uint8Array | undefined
  /** When the delivery arrived that brought it, wherever that was. Default: now. */
  readonly receivedAt?: Date | undefined
  /** SHA-256 (hexadecimal) of the key that verified it, where one did. */
  readonly keyFingerprint?: string | undefined
}

/** What became of a dispatched event. */
export interface DispatchResult {
  readonly outcome: Outcome
  /** Why, for every outcome but `handled`, `duplicate` and `unhandled`: its `cause` is what a handler threw. */
  readonly error?: WebhookError
  /**
   * Of a `timed-out` event: what became of it once its handlers had settled, however long after the
   * deadline. Never rejects. Whoever tries again should wait for it: until then it is being applied.
   */
  readonly finalResult?: Promise<DispatchResult>
  /** True where the event was being applied in this process already, and this is how that ended. */
  readonly shared?: boolean
}

/**
 * Creates a receiver.
 *
 * @throws OptionError for a wrong option, or a key that cannot be Ping++'s
 */
export function createWebhooks<Context extends object = NoContext>(
  options: WebhooksOptions<Context>,
): Webhooks<Context> {
  const { keys, limits, audience, inbox, handlerTimeoutMs, ...rest } = readOptions(options)
  const handlers = createHandlers<Context & HandlerContext>()
  const observer = createObserver(rest.observe, createLog(rest.logger, rest.now), rest.now)
  const attempts = createAttempts(inbox, handlerTimeoutMs)
  const warnings = createHandlerWarnings(rest.logger)
  let closed: Promise<CloseReport> | undefined
  let checking: Promise<void> | undefined
  const configuredKeys = `Configured: ${keys.map((key) => key.fingerprint.slice(0, 16)).join(', ')}.`

  async function handle(delivery: Delivery): Promise<Reply> {
    const sighting = observer.start('delivery', 'webhook')
    let result: Result
    try {
      result = await receive(delivery, sighting)
    } catch (error) {
      result = internalError(error)
    }
    const reply = replyTo(outcomeOf(result), rest.unhandled)
    observer.end(sighting, result, reply.status)
    return reply
  }

  /** read → verify → parse → admit → dispatch. What can refuse without the body comes first. */
  async function receive(delivery: Delivery, sighting: Sighting): Promise<Result> {
    const refusal = refuseUnread(delivery)
    if (refusal !== undefined) return refusal
    const signature = readSignature(delivery.header(SIGNATURE_HEADER), keys)
    if (signature instanceof Failure) return signature

    const rawBody = await readBody(delivery, limits)
    sighting.readMs = performance.now()
    if (rawBody instanceof Failure) return rawBody

    const signer = findSigner(rawBody, signature, keys)
    sighting.verifiedMs = performance.now()
    if (signer === undefined) return new Failure('signature-mismatch', configuredKeys)
    sighting.keyFingerprint = signer.fingerprint
    sighting.signature = signature

    const event = parseEvent(rawBody)
    if (event instanceof Failure) return event
    sighting.event = event
    const refused = audience.refuseMisdirected(event) ?? audience.refuseUntimely(event)
    return refused ?? (await admit(event, rawBody, sighting, delivery.waitUntil))
  }

  async function dispatch(event: WebhookEvent, how: DispatchOptions = {}): Promise<DispatchResult> {
    const { source = 'webhook', rawBody, receivedAt, keyFingerprint } = how
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
    return audience.refuseMisdirected(event) ?? (await admit(event, rawBody, sighting))
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
      warnings.unhandled(event.type, handlers.isEmpty())
      return 'unhandled'
    }
    const key = inboxKey(event)
    if (key === undefined) return new Failure('event-invalid', 'It has no id.')
    const running = attempts.running(key)
    if (running !== undefined) {
      sighting.shared = true
      sighting.end = running.end
      if (running.heartbeat === undefined) return running.answer
      return shareUnlessFrozen(running, sighting, () => admit(event, rawBody, sighting, waitUntil))
    }
    if (closed !== undefined) return new Failure('shutting-down')
    const { receivedAt, source, keyFingerprint } = sighting
    const context = { receivedAt, rawBody, source, keyFingerprint, [SIGNATURE]: sighting.signature }
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
      contain(() => rest.logger.warn(`${WAIT_UNTIL_FAILED}${originOf(error)}`))
    }
  }

  function ready(): Promise<void> {
    if (closed !== undefined) return Promise.reject(new WebhookError('shutting-down'))
    // Probes may come faster than a store that hangs answers.
    checking ??= checkInbox().finally(() => {
      checking = undefined
    })
    return checking
  }

  async function checkInbox(): Promise<void> {
    if (inbox.ready === undefined) return
    await within(handlerTimeoutMs, inbox.ready(), () => {
      throw new WebhookError('inbox-unavailable', noAnswer(handlerTimeoutMs))
    })
  }

  const webhooks: Webhooks<Context> & { readonly [VERIFY_CARRIED]: VerifyCarried } = {
    handle,
    dispatch,
    on(type: string, handler: Handler<never, Context & HandlerContext>) {
      handlers.add(type, handler)
      if (!isSubscribable(type)) warnings.unknownType(type)
      return webhooks
    },
    off(type: string, handler: Handler<never, Context & HandlerContext>) {
      handlers.remove(type, handler)
      return webhooks
    },
    listenerCount: (type) => handlers.count(type),
    ready,
    [VERIFY_CARRIED]: async (body, signature) => verifyCarried(body, signature, keys),
    close() {
      closed ??= attempts.close()
      return closed
    },
  }
  return webhooks
}

function dispatchResult(result: Result, end?: Promise<AttemptResult>): DispatchResult {
  if (!(result instanceof Failure)) return { outcome: result }
  const failed = { outcome: result.outcome, error: result.toError() }
  if (result.code !== 'handler-timed-out' || end === undefined) return failed
  return { ...failed, finalResult: end.then((late) => dispatchResult(late)) }
}

/** The last line of defence: a bug, ours or an adapter's, is answered like an outage. */
function internalError(error: unknown): Failure {
  return new Failure('internal-error', undefined, { cause: error })
}

const WAIT_UNTIL_FAILED =
  '[hongbao] `waitUntil` threw an error, so the host may stop handlers that pass their deadline. Expected a function such as (pending) => context.waitUntil(pending).'

function noAnswer(timeoutMs: number): string {
  return `Its \`ready\` has not answered within ${timeoutMs} ms. Check that the store is up, and that this process can reach it.`
}
