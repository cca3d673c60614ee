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

/** The data of a job: a verified event, as JSON. */
export interface EventJob {
  /** The version of this format. Workers make jobs of other versions dead letters. */
  readonly version: 1
  /** The idempotency key of the event: `context.key` of the worker's handlers. */
  readonly key: string
  readonly type: string
  readonly id: string | null
  /** The bytes of the event in base64. */
  readonly body: string
  /** The signature from the header of the delivery; `null` for an event that was not delivered. */
  readonly signature: string | null
  /** When the delivery arrived, as `Date.toJSON` writes it. */
  readonly receivedAt: string
  readonly source: EventSource
}

/** How the receiver got the event. */
export type EventSource = NonNullable<DispatchOptions['source']>

/** Makes the data of a job for `queue`. */
export function packEvent(
  event: WebhookEvent,
  context: Pick<HandlerContext, 'rawBody' | 'receivedAt' | 'source'>,
  queue: string,
): EventJob {
  if (queueOf.get(event) === queue) throw new QueueError('queue-circle', circle(queue))
  const key = eventKey(event)
  if (key === undefined) {
    throw new QueueError('queue-job-invalid', NO_KEY)
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

/** How a worker reads jobs. */
export interface Reading {
  /** The same name as for `packEvent`. */
  readonly queue: string
  readonly verify: VerifyCarried
  readonly acceptUnsigned: boolean
}

/**
 * Reads the data of a job: the event, and the options for `webhooks.dispatch`. Verifies the signature and
 * parses the event again, because any program that may write to the broker can add jobs.
 *
 * @throws WebhookError or QueueError, if the job is refused
 */
export async function unpackEvent(
  data: unknown,
  reading: Reading,
): Promise<{ readonly event: WebhookEvent; readonly how: DispatchOptions }> {
  if (!isEventJob(data)) throw new QueueError('queue-job-invalid', NOT_OURS)
  const bytes = Buffer.from(data.body, 'base64')
  const receivedAt = new Date(data.receivedAt)
  if (data.signature === null) {
    const event = readUnsigned(bytes, reading)
    return { event, how: { source: data.source, receivedAt } }
  }
  const { event, keyFingerprint } = await reading.verify(bytes, data.signature)
  queueOf.set(event, reading.queue)
  return { event, how: { source: 'webhook', rawBody: bytes, receivedAt, keyFingerprint } }
}

function readUnsigned(bytes: Uint8Array, { queue, acceptUnsigned }: Reading): WebhookEvent {
  if (!acceptUnsigned) throw new QueueError('queue-job-unsigned', UNSIGNED)
  const event = parseEvent(bytes)
  if (event instanceof WebhookError) throw withStack(event)
  queueOf.set(event, queue)
  return event
}

/** The queue that an event was taken from, so that its worker cannot store it there again. */
const queueOf = new WeakMap<WebhookEvent, string>()

function circle(queue: string): string {
  return `A worker of ${queue} puts its events into ${queue} again, so they would never be applied. Give the worker a receiver of createWebhooks() with handlers that apply them.`
}

const NO_KEY =
  'The event has no id, so it has no idempotency key and cannot be stored in a queue. Query Ping++ for it.'
const NOT_OURS =
  'The job was not made by the receiver of a queue of this version. Check which program adds jobs to this queue.'
const UNSIGNED =
  'The job has no signature of Ping++, so any program that may write to this queue can have made it. If your app puts polled events into the queue, set `acceptUnsigned: true` in the options of `work`, then `redrive` it.'

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

/** The fields of a job, none of them verified. */
export function fieldsOf(data: unknown): Readonly<Partial<Record<keyof EventJob, unknown>>> {
  return typeof data === 'object' && data !== null ? data : {}
}
