import {
  eventKey,
  type DispatchOptions,
  type HandlerContext,
  type WebhookEvent,
} from '@hongbao/core'
import {
  parseEvent,
  signatureOf,
  WebhookError,
  withStack,
  type VerifyCarried,
} from '@hongbao/core/internal'
import { Buffer } from 'node:buffer'
import { QueueError } from './errors.ts'

/** A verified event on its way through a queue: the data of its job, as JSON. */
export interface EventJob {
  /** The layout of this object. A worker that does not know it makes the job a dead letter. */
  readonly version: 1
  /** The idempotency key of the event: `context.key` of the worker's handlers. */
  readonly key: string
  readonly type: string
  readonly id: string | null
  /** The bytes of the event in base64. */
  readonly body: string
  /** The signature of the body, as its header had it; `null` for an event that was not delivered. */
  readonly signature: string | null
  /** When the delivery arrived, as `Date.toJSON` writes it. */
  readonly receivedAt: string
  readonly source: EventSource
}

/** How an event reached us. */
export type EventSource = NonNullable<DispatchOptions['source']>

/** Makes the data of a job. `queue` names the queue it goes to. */
export function packEvent(
  event: WebhookEvent,
  context: Pick<HandlerContext, 'rawBody' | 'receivedAt' | 'source'>,
  queue: string,
): EventJob {
  if (comesFrom.get(event) === queue) throw new QueueError('queue-circle', circle(queue))
  const key = eventKey(event)
  if (key === undefined) {
    throw new QueueError('queue-job-invalid', 'The event has no id, so it has no key.')
  }
  const { rawBody, receivedAt, source } = context
  const signature = signatureOf(context)
  return {
    version: 1,
    key,
    type: event.type,
    id: event.id ?? null,
    body: Buffer.from(rawBody ?? JSON.stringify(event)).toString('base64'),
    signature: signature === undefined ? null : Buffer.from(signature).toString('base64'),
    receivedAt: receivedAt.toJSON(),
    source,
  }
}

/** An event that came out of a queue, with what `webhooks.dispatch` is told about it. */
export interface Unpacked {
  readonly event: WebhookEvent
  readonly how: DispatchOptions
}

/** How a worker reads jobs. */
export interface Reading {
  /** Names the queue, in the same words as in `packEvent`. */
  readonly queue: string
  readonly verify: VerifyCarried
  readonly acceptUnsigned: boolean
}

/**
 * Reads the data of a job. It comes from outside: whoever may write to the broker can add jobs. So the
 * signature is verified again, and the event parsed again.
 *
 * @throws WebhookError or QueueError, if the job is not to be applied
 */
export async function unpackEvent(data: unknown, reading: Reading): Promise<Unpacked> {
  if (!isEventJob(data)) throw new QueueError('queue-job-invalid', NOT_OURS)
  const bytes = Buffer.from(data.body, 'base64')
  const receivedAt = new Date(data.receivedAt)
  if (data.signature === null) {
    const event = readUnsigned(bytes, reading)
    return { event, how: { source: data.source, receivedAt } }
  }
  const { event, keyFingerprint } = await reading.verify(bytes, data.signature)
  comesFrom.set(event, reading.queue)
  return { event, how: { source: 'webhook', rawBody: bytes, receivedAt, keyFingerprint } }
}

function readUnsigned(bytes: Uint8Array, { queue, acceptUnsigned }: Reading): WebhookEvent {
  if (!acceptUnsigned) throw new QueueError('queue-job-unsigned', UNSIGNED)
  const event = parseEvent(bytes)
  if (event instanceof WebhookError) throw withStack(event)
  comesFrom.set(event, queue)
  return event
}

/** Which queue an event came out of, so that its worker cannot hand it off in a circle. */
const comesFrom = new WeakMap<WebhookEvent, string>()

function circle(queue: string): string {
  return `A worker of ${queue} puts its events into ${queue} again, so they would never be applied. Give the worker a receiver of createWebhooks() with handlers that apply them.`
}

const NOT_OURS =
  'The job was not made by the receiver of a queue of this version. Check which program adds jobs to this queue.'
const UNSIGNED =
  'The job has no signature of Ping++, so anyone who may write to this queue can have made it. If your app puts polled events into the queue, set `acceptUnsigned: true` in the options of `work`, then `redrive` it.'

const SOURCES: ReadonlySet<unknown> = new Set(['webhook', 'poll', 'dispatch'])

function isEventJob(data: unknown): data is EventJob {
  const { version, body, signature, receivedAt, source } = fieldsOf(data)
  return (
    version === 1 &&
    typeof body === 'string' &&
    (signature === null || typeof signature === 'string') &&
    SOURCES.has(source) &&
    typeof receivedAt === 'string' &&
    !Number.isNaN(Date.parse(receivedAt))
  )
}

/** What the data of a job holds, if it holds anything. */
export function fieldsOf(data: unknown): Readonly<Partial<Record<keyof EventJob, unknown>>> {
  return typeof data === 'object' && data !== null ? data : {}
}
