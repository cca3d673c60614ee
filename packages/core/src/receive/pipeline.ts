import { eventKey, parseEvent, readDispatched, type WebhookEvent } from '../events/event.ts'
import { SIGNATURE_HEADER } from '../keys/signature.ts'
import type { Verifier } from '../keys/verifier.ts'
import { callSafely, originOf, type Logger } from '../options/logger.ts'
import { createFailure, internalError, WebhookError } from '../reply/errors.ts'
import { replyTo, type Reply } from '../reply/reply.ts'
import type { Acceptance } from './acceptance.ts'
import { execute, share, type Admission } from './admission.ts'
import { SIGNATURE } from './carried.ts'
import {
  readBody,
  refuseUnread,
  type BodyLimits,
  type Delivery,
  type WaitUntil,
} from './delivery.ts'
import type { DispatchOptions } from './dispatch-result.ts'
import type { HandlerWarnings } from './handler-warnings.ts'
import type { Handlers } from './handlers.ts'
import {
  nameOf,
  type Arrival,
  type Ended,
  type Reporter,
  type Result,
  type Trace,
} from './report.ts'

/** All that a delivery meets on its way. */
export interface Pipeline<Context extends object> {
  readonly limits: BodyLimits
  readonly verifier: Verifier
  readonly acceptance: Acceptance
  readonly handlers: Handlers<Context>
  readonly unhandled: 'accept' | 'fail'
  readonly warnings: HandlerWarnings
  readonly admission: Admission<Context>
  readonly isClosed: () => boolean
  readonly report: Reporter
  readonly logger: Logger
  readonly now: () => number
}

/** Answers one delivery. Never throws and never rejects. */
export async function handle<Context extends object>(
  pipeline: Pipeline<Context>,
  delivery: Delivery,
): Promise<Reply> {
  const { now } = pipeline
  const arrival: Arrival = {
    kind: 'delivery',
    source: 'webhook',
    receivedAt: new Date(now()),
    startedMs: performance.now(),
  }
  try {
    return reply(pipeline, await receive(pipeline, delivery, arrival))
  } catch (error) {
    return reply(pipeline, { trace: arrival, result: internalError(error) })
  }
}

/** read → verify → parse → accept → admit. What can refuse without the body comes first. */
async function receive<Context extends object>(
  pipeline: Pipeline<Context>,
  delivery: Delivery,
  arrival: Arrival,
): Promise<Ended> {
  const unread = refuseUnread(delivery)
  if (unread !== undefined) return { trace: arrival, result: unread }
  const decoded = pipeline.verifier.readSignature(delivery.header(SIGNATURE_HEADER))
  const signature = decoded instanceof Promise ? await decoded : decoded
  if (signature instanceof WebhookError) return { trace: arrival, result: signature }

  const rawBody = await readBody(delivery, pipeline.limits)
  const readMs = performance.now()
  if (rawBody instanceof WebhookError) return { trace: { ...arrival, readMs }, result: rawBody }

  const found = pipeline.verifier.findSigner(rawBody, signature)
  const signer = found instanceof Promise ? await found : found
  const verifiedMs = performance.now()
  if (signer instanceof WebhookError) {
    return { trace: { ...arrival, readMs, verifiedMs }, result: signer }
  }

  const proof = { ...arrival, readMs, verifiedMs, keyFingerprint: signer.fingerprint }
  const event = parseEvent(rawBody)
  if (event instanceof WebhookError) return { trace: proof, result: event }
  const trace = { ...proof, event }
  const refused = accept(pipeline, event)
  if (refused !== undefined) return { trace, result: refused }
  return await admit(pipeline, { trace, event, rawBody, signature, waitUntil: delivery.waitUntil })
}

/** Applies an event that did not come by HTTP. Never rejects. */
export async function dispatch<Context extends object>(
  pipeline: Pipeline<Context>,
  given: WebhookEvent,
  { source = 'dispatch', rawBody, receivedAt, keyFingerprint }: DispatchOptions,
): Promise<Ended> {
  const trace: Trace = {
    kind: 'dispatch',
    source,
    receivedAt: receivedAt ?? new Date(pipeline.now()),
    startedMs: performance.now(),
    keyFingerprint,
  }
  const ended = await admitDispatched(pipeline, given, rawBody, trace)
  pipeline.report(ended)
  return ended
}

async function admitDispatched<Context extends object>(
  pipeline: Pipeline<Context>,
  given: WebhookEvent,
  rawBody: Uint8Array | undefined,
  trace: Trace,
): Promise<Ended> {
  try {
    const event = readDispatched(given)
    if (event instanceof WebhookError) return { trace, result: event }
    const refused = pipeline.acceptance.refuseMisdirected(event)
    if (refused !== undefined) return { trace, result: refused }
    return await admit(pipeline, { trace: { ...trace, event }, event, rawBody })
  } catch (error) {
    return { trace, result: internalError(error) }
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
}

/** A duplicate of an event that is running here shares its result; the inbox decides on the rest. */
async function admit<Context extends object>(
  pipeline: Pipeline<Context>,
  accepted: Accepted,
): Promise<Ended> {
  const { admission, report } = pipeline
  const { trace, event, rawBody, signature, waitUntil } = accepted
  const handlers = pipeline.handlers.of(event.type)
  if (handlers.length === 0) return { trace, result: withoutHandler(pipeline, event) }
  const key = eventKey(event)
  if (key === undefined) {
    return { trace, result: createFailure('event-invalid', 'It has no id.') }
  }
  const other = admission.running.get(key)
  if (other !== undefined) {
    const shared = await share(admission, other)
    if (shared === undefined) return admit(pipeline, accepted)
    return { trace: { ...trace, shared: true }, result: shared, end: other.end }
  }
  if (pipeline.isClosed()) return { trace, result: createFailure('shutting-down') }

  const { receivedAt, source, keyFingerprint, startedMs, verifiedMs = startedMs } = trace
  const context = { key, receivedAt, rawBody, source, keyFingerprint, [SIGNATURE]: signature }
  const execution = execute(admission, { key, event, startedMs: verifiedMs, handlers, context })
  if (waitUntil !== undefined) keepAlive(pipeline, waitUntil, execution.end)
  const result = await execution.answer
  const { end } = execution
  if (execution.isLate) {
    void end.then((last) => report({ trace: { ...trace, kind: 'late' }, result: last }))
  }
  return { trace, result, end }
}

function withoutHandler<Context extends object>(
  { handlers, unhandled, warnings }: Pipeline<Context>,
  { type }: WebhookEvent,
): Result {
  if (unhandled === 'fail') return createFailure('no-handler')
  warnings.unhandled(type, handlers.isEmpty())
  return 'unhandled'
}

/** A host that cannot keep its request alive is no reason not to apply the event. */
function keepAlive<Context extends object>(
  { logger }: Pipeline<Context>,
  waitUntil: WaitUntil,
  end: Promise<unknown>,
): void {
  try {
    waitUntil(end)
  } catch (error) {
    callSafely(() => logger.warn(`${WAIT_UNTIL_FAILED}${originOf(error)}`))
  }
}

const WAIT_UNTIL_FAILED =
  '[hongbao] `waitUntil` threw an error, so the host may stop handlers that pass their deadline. Expected a function such as (pending) => context.waitUntil(pending).'

function reply<Context extends object>({ report }: Pipeline<Context>, ended: Ended): Reply {
  const answer = replyTo(nameOf(ended.result))
  report(ended, answer.status)
  return answer
}
