import { eventKey } from '../events/event-key.ts'
import type { WebhookEvent } from '../events/event.ts'
import { parseEvent, readDispatched } from '../events/parse-event.ts'
import { isBytes } from '../keys/bytes.ts'
import { SIGNATURE_HEADER } from '../keys/signature.ts'
import type { Verifier } from '../keys/verifier.ts'
import { logLine, originFields, originOf, type ChooseLogger } from '../options/logger.ts'
import { withTimeout } from '../options/with-timeout.ts'
import {
  createFailure,
  internalError,
  WebhookError,
  type WebhookErrorCode,
} from '../reply/errors.ts'
import { replyTo, type Reply } from '../reply/reply.ts'
import type { Acceptance } from './acceptance.ts'
import { execute, HOST_LIMIT, share, type Admission, type Execution } from './admission.ts'
import { SIGNATURE } from './carried.ts'
import {
  readBody,
  refuseUnread,
  msUntil,
  type BodyLimits,
  type Delivery,
  type WaitUntil,
} from './delivery.ts'
import type { DispatchOptions, Dispatched } from './dispatch-result.ts'
import type { HandlerWarnings } from './handler-warnings.ts'
import type { Handlers } from './handlers.ts'
import type { Reporter, Result } from './report.ts'
import type { Trace } from './trace.ts'

/** All that a delivery meets on its way. */
export interface Pipeline<Context extends object> {
  readonly limits: BodyLimits
  readonly verifier: Verifier
  readonly acceptance: Acceptance
  readonly handlers: Handlers<Context>
  readonly unhandled: 'accept' | 'fail'
  readonly warnings: HandlerWarnings
  readonly admission: Admission<Context>
  readonly report: Reporter
  readonly chooseLogger: ChooseLogger
  readonly now: () => number
}

/**
 * Answers one delivery: read → verify → parse → accept → admit → reply. What can refuse it without the
 * body comes first. Never rejects.
 */
export async function handle<Context extends object>(
  pipeline: Pipeline<Context>,
  delivery: Delivery,
): Promise<Reply> {
  // Only this function writes to it.
  const trace: Draft<Trace> = {
    kind: 'delivery',
    source: 'webhook',
    receivedAt: new Date(pipeline.now()),
    startedMs: performance.now(),
  }
  try {
    trace.logger = delivery.logger
    const decoded = readSignature(pipeline, delivery)
    // Not by `instanceof Promise`: an app may have replaced the global class.
    const signature =
      decoded instanceof WebhookError || isBytes(decoded)
        ? decoded
        : await beforeDeadline(decoded, delivery, 'key-unavailable')
    if (signature instanceof WebhookError) return reply(pipeline, trace, signature)

    const rawBody = await readBody(delivery, pipeline.limits)
    trace.readMs = performance.now()
    if (rawBody instanceof WebhookError) return reply(pipeline, trace, rawBody)

    const found = pipeline.verifier.findSigner(rawBody, signature)
    const signer =
      found instanceof WebhookError || 'fingerprint' in found
        ? found
        : await beforeDeadline(found, delivery, 'key-unavailable')
    trace.verifiedMs = performance.now()
    if (signer instanceof WebhookError) return reply(pipeline, trace, signer)

    trace.keyFingerprint = signer.fingerprint
    const event = parseEvent(rawBody)
    if (event instanceof WebhookError) return reply(pipeline, trace, event)

    trace.event = event
    const refusal = accept(pipeline, event)
    if (refusal !== undefined) return reply(pipeline, trace, refusal)

    const { waitUntil, deadlineMs } = delivery
    const accepted = { trace, event, rawBody, signature, waitUntil, deadlineMs }
    const admitting = admit(pipeline, accepted)
    const admitted = 'answer' in admitting ? admitting : await admitting
    const result = await admitted.answer
    trace.shared = admitted.shared
    reportLate(pipeline, trace, admitted)
    return reply(pipeline, trace, result)
  } catch (error) {
    return reply(pipeline, trace, internalError(error))
  }
}

type Draft<Record> = { -readonly [Name in keyof Record]: Record[Name] }

/** The signature, if nothing is wrong that can be seen without the body. */
function readSignature<Context extends object>(
  { verifier }: Pipeline<Context>,
  delivery: Delivery,
): ReturnType<Verifier['readSignature']> {
  return refuseUnread(delivery) ?? verifier.readSignature(delivery.header(SIGNATURE_HEADER))
}

/** Waits, but not longer than the host waits for the answer. */
function beforeDeadline<Value>(
  pending: Promise<Value>,
  { deadlineMs }: Pick<Delivery, 'deadlineMs'>,
  code: WebhookErrorCode,
): Promise<Value | WebhookError> {
  if (deadlineMs === undefined) return pending
  return withTimeout<Value | WebhookError>(msUntil(deadlineMs), pending, () =>
    createFailure(code, HOST_LIMIT),
  )
}

/** Applies an event that did not come by HTTP. Never rejects. */
export async function dispatch<Context extends object>(
  pipeline: Pipeline<Context>,
  given: WebhookEvent,
  { source = 'dispatch', rawBody, receivedAt, keyFingerprint }: DispatchOptions,
): Promise<Dispatched> {
  let trace: Trace = {
    kind: 'dispatch',
    source,
    receivedAt: receivedAt ?? new Date(pipeline.now()),
    startedMs: performance.now(),
    keyFingerprint,
  }
  try {
    const event = readDispatched(given)
    if (event instanceof WebhookError) return end({ result: event })
    trace = { ...trace, event }
    const refusal = pipeline.acceptance.refuseMisdirected(event)
    if (refusal !== undefined) return end({ result: refusal })
    const admitted = await admit(pipeline, { trace, event, rawBody })
    const result = await admitted.answer
    reportLate(pipeline, trace, admitted)
    return end({ result, shared: admitted.shared, end: admitted.execution?.end })
  } catch (error) {
    return end({ result: internalError(error) })
  }

  function end(dispatched: Dispatched): Dispatched {
    pipeline.report({ ...trace, shared: dispatched.shared }, dispatched.result)
    return dispatched
  }
}

/** Refuses an event that is for another app or mode, or of another time; undefined accepts it. */
export function accept<Context extends object>(
  { acceptance }: Pipeline<Context>,
  event: WebhookEvent,
): WebhookError | undefined {
  return acceptance.refuseMisdirected(event) ?? acceptance.refuseUntimely(event)
}

/** An event that was accepted, with what is known of it. */
interface Accepted {
  readonly trace: Trace
  readonly event: WebhookEvent
  readonly rawBody: Uint8Array | undefined
  readonly signature?: Uint8Array
  readonly waitUntil?: WaitUntil | undefined
  readonly deadlineMs?: number | undefined
}

/** What a delivery waits for; with `shared`, another delivery has started the execution. */
interface Admitted<Context extends object> {
  readonly answer: Result | Promise<Result>
  readonly execution?: Execution<Context>
  readonly shared?: boolean
}

/**
 * A duplicate of an event that is running here shares its result; the inbox decides on the rest. Only
 * sharing is asynchronous: a promise costs 1 % of a delivery.
 */
function admit<Context extends object>(
  pipeline: Pipeline<Context>,
  accepted: Accepted,
): Admitted<Context> | Promise<Admitted<Context>> {
  const { admission, handlers } = pipeline
  const { trace, event, rawBody, signature, waitUntil, deadlineMs } = accepted
  const found = handlers.of(event.type)
  if (found.length === 0) return { answer: withoutHandler(pipeline, event, trace) }
  const key = eventKey(event)
  if (key === undefined) return { answer: createFailure('event-invalid', 'It has no id.') }
  const other = admission.running.get(key)
  if (other !== undefined) return shareOrAdmit(pipeline, accepted, other)
  if (admission.isClosed) return { answer: createFailure('shutting-down') }
  const leftMs = deadlineMs === undefined ? Infinity : msUntil(deadlineMs)
  if (leftMs === 0) return { answer: createFailure('handler-timed-out', HOST_LIMIT) }

  const { receivedAt, source, keyFingerprint, startedMs, verifiedMs = startedMs } = trace
  const context = { key, receivedAt, rawBody, source, keyFingerprint, [SIGNATURE]: signature }
  const startsLater = trace.kind === 'dispatch'
  const work = {
    key,
    event,
    startedMs: verifiedMs,
    leftMs,
    handlers: found,
    context,
    startsLater,
  }
  const execution = execute(admission, work)
  if (waitUntil !== undefined) keepAlive(pipeline, accepted, execution.end)
  return { answer: execution.answer, execution }
}

async function shareOrAdmit<Context extends object>(
  pipeline: Pipeline<Context>,
  accepted: Accepted,
  execution: Execution<Context>,
): Promise<Admitted<Context>> {
  const sharing = share(pipeline.admission, execution)
  const answer = await beforeDeadline(sharing, accepted, 'handler-timed-out')
  return answer === undefined ? admit(pipeline, accepted) : { answer, execution, shared: true }
}

/** Reports, once they have settled, how handlers ended that had passed their deadline. */
function reportLate<Context extends object>(
  { report }: Pipeline<Context>,
  trace: Trace,
  { execution, shared }: Admitted<Context>,
): void {
  if (execution?.isLate !== true || shared === true) return
  void execution.end.then((last) => report({ ...trace, kind: 'late' }, last))
}

function withoutHandler<Context extends object>(
  { handlers, unhandled, warnings }: Pipeline<Context>,
  { type }: WebhookEvent,
  { logger }: Trace,
): Result {
  if (unhandled === 'fail') return createFailure('no-handler')
  warnings.unhandled(type, handlers.isEmpty(), logger)
  return 'unhandled'
}

/** A host that cannot keep its request alive is no reason not to apply the event. */
function keepAlive<Context extends object>(
  { chooseLogger }: Pipeline<Context>,
  { waitUntil, trace }: Accepted,
  end: Promise<unknown>,
): void {
  try {
    waitUntil?.(end)
  } catch (error) {
    const fields = { code: 'wait-until-failed', ...originFields(error) }
    logLine(chooseLogger(trace.logger), 'warn', `${WAIT_UNTIL_FAILED}${originOf(error)}`, fields)
  }
}

const WAIT_UNTIL_FAILED =
  '[hongbao] `waitUntil` threw an error, so the host may stop handlers that pass their deadline. Expected a function such as (pending) => context.waitUntil(pending).'

function reply<Context extends object>(
  { report }: Pipeline<Context>,
  trace: Trace,
  result: Result,
): Reply {
  const answer = replyTo(result instanceof WebhookError ? result.code : result)
  report(trace, result, answer.status)
  return answer
}
