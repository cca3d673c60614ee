import { Buffer } from 'node:buffer'
import { vouchAs } from './errors.ts'
import { eventKey, parseEvent, type WebhookEvent } from './event.ts'
import { Failure } from './failure.ts'
import type { HandlerContext } from './handlers.ts'
import type { Inbox } from './inbox.ts'

/** A verified event on its way through a queue: the data of its job, as JSON. */
export interface HandedOffEvent {
  /** The layout of this object. A worker that does not know it leaves the job where people see it. */
  readonly version: 1
  /** The key under which the worker's inbox will know the event. */
  readonly key: string
  readonly type: string
  readonly id: string | null
  /** The bytes of the event in base64. */
  readonly body: string
  /** Whether these are the bytes that Ping++ signed; a poll's event was never signed. */
  readonly signed: boolean
  /** When the delivery arrived, as `Date.toJSON` writes it. */
  readonly receivedAt: string
  readonly source: HandlerContext['source']
  /** SHA-256 of the key that verified the delivery. */
  readonly keyFingerprint: string | null
}

/** Why an event was not handed off. Ping++ is told to send it again. */
export type HandOffErrorCode = 'confirmation-timeout' | 'job-missing' | 'own-worker' | 'no-key'

/** A hand-off that failed. */
export class HandOffError extends Error {
  override readonly name = 'HandOffError'
  readonly code: HandOffErrorCode

  constructor(code: HandOffErrorCode, message: string) {
    super(message)
    this.code = code
    vouchAs(this, message)
  }
}

/**
 * The inbox of a receiver that hands everything off: it remembers nothing, because the queue does.
 * Every delivery reaches the queue, so that one that Ping++ sends again for an event whose job
 * failed for good wakes that job. A `memoryInbox` would answer it as a duplicate.
 *
 * Its retention is the queue's, seven days at the least, so older events are refused as `event-too-old`.
 */
export function handOffInbox(): Inbox {
  return {
    retentionSeconds: MIN_KEEP_APPLIED_SECONDS,
    async admit(_key, work) {
      await work({})
      return 'applied'
    },
  }
}

/** Seven days: for how long every queue remembers what was applied, at the least. */
export const MIN_KEEP_APPLIED_SECONDS: number = 7 * 24 * 60 * 60

/** Makes the data of a job. `queue` says where it goes, in words that name one queue. */
export function packEvent(
  event: WebhookEvent,
  context: Omit<HandlerContext, 'signal' | 'key'>,
  queue: string,
): HandedOffEvent {
  if (comesFrom.get(event) === queue) {
    throw new HandOffError(
      'own-worker',
      `The worker of ${queue} hands its events off to ${queue}: nothing would ever be applied. Give the worker a receiver of its own, with the real handlers.`,
    )
  }
  const key = eventKey(event)
  if (key === undefined) throw new HandOffError('no-key', 'The event cannot be told from another.')
  const { rawBody, receivedAt, source, keyFingerprint = null } = context
  return {
    version: 1,
    key,
    type: event.type,
    id: event.id ?? null,
    body: Buffer.from(rawBody ?? JSON.stringify(event)).toString('base64'),
    signed: rawBody !== undefined,
    receivedAt: receivedAt.toJSON(),
    source,
    keyFingerprint,
  }
}

/** An event that came out of a queue, with what `webhooks.dispatch` is told about it. */
export interface Unpacked {
  readonly event: WebhookEvent
  readonly how: {
    readonly source: HandlerContext['source']
    readonly rawBody: Uint8Array | undefined
    readonly receivedAt: Date
    readonly keyFingerprint: string | undefined
  }
}

/** Reads the data of a job: it comes from outside, so it is checked as a delivery is. */
export function unpackEvent(data: unknown, queue: string): Unpacked | Failure {
  if (!isHandedOff(data)) return new Failure('event-invalid', NOT_OURS)
  const bytes = Buffer.from(data.body, 'base64')
  const event = parseEvent(bytes)
  if (event instanceof Failure) return event
  comesFrom.set(event, queue)
  const how = {
    source: data.source,
    rawBody: data.signed ? bytes : undefined,
    receivedAt: new Date(data.receivedAt),
    keyFingerprint: data.keyFingerprint ?? undefined,
  }
  return { event, how }
}

/** Which queue an event came out of, so that its worker cannot hand it off in a circle. */
const comesFrom = new WeakMap<WebhookEvent, string>()

const NOT_OURS =
  'The job is not one that `handOff` of this version makes; another program or version added it'

function isHandedOff(data: unknown): data is HandedOffEvent {
  const { version, body, signed, receivedAt, source, keyFingerprint } = fieldsOf(data)
  return (
    version === 1 &&
    typeof body === 'string' &&
    typeof signed === 'boolean' &&
    (source === 'webhook' || source === 'poll' || source === 'dispatch') &&
    (keyFingerprint === null || typeof keyFingerprint === 'string') &&
    typeof receivedAt === 'string' &&
    !Number.isNaN(Date.parse(receivedAt))
  )
}

/** What the data of a job holds, if it holds anything. */
export function fieldsOf(data: unknown): Readonly<Partial<Record<keyof HandedOffEvent, unknown>>> {
  return typeof data === 'object' && data !== null ? data : {}
}
