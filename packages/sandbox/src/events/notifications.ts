import type { EventType, RedEnvelope } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { isRecord, readStrictJson, signBytes, type SigningKey } from '@hongbao/core/internal'
import { newId } from './ids.ts'
import type { SandboxEvent } from './sandbox-event.ts'
import { freshen } from './sample.ts'

/** One event: serialised once, signed once, never changed. */
export interface Notification {
  /** What is shown of it, before it is sent. */
  readonly event: SandboxEvent
  /** The bytes that are sent and were signed. */
  readonly body: Buffer
  /** `metadata[pingpp_tc]`: a test case of Ping++'s test mode. */
  readonly testCase: string | undefined
}

type About = Pick<SandboxEvent, 'id' | 'type' | 'created'> & Partial<SandboxEvent>

function newNotification(
  about: About,
  body: Buffer,
  signature: string,
  testCase?: string,
): Notification {
  const event: SandboxEvent = {
    envelope: undefined,
    orderNo: undefined,
    request: undefined,
    from: undefined,
    ...about,
    // A copy: a test that alters it, say to forge an event, must not alter what is sent.
    bytes: Buffer.from(body),
    signature,
    status: 'undelivered',
    attempts: [],
    nextAttemptMs: undefined,
  }
  return { event, body, testCase }
}

/** The notification of a red envelope's status. Members in the order of the guide's sample (step 4). */
export function envelopeNotification(
  type: string,
  object: RedEnvelope,
  created: number,
  key: SigningKey,
  request?: string,
): Notification {
  const id = newId('evt_')
  const body = toJson({
    id,
    created,
    livemode: false,
    type,
    data: { object },
    object: 'event',
    pending_webhooks: 0,
    request: request ?? newId('iar_'),
  })
  const [envelope, orderNo] = [textOf(object.id), textOf(object.order_no)]
  const about = { id, type, created, envelope, orderNo, request }
  const testCase = textOf(object.metadata?.['pingpp_tc'])
  return newNotification(about, body, signBytes(body, key.privateKey), testCase)
}

/** A notification of any other catalogued type, after Ping++'s samples. */
export function sampleNotification(
  type: EventType,
  changes: Readonly<Record<string, unknown>>,
  created: number,
  key: SigningKey,
): Notification {
  const sample = eventFixture(type, { created, livemode: false })
  const object = { ...sampleObject(type, created), ...changes }
  const body = toJson({ ...sample, data: { ...sample.data, object } })
  // Some types have no id at Ping++; the sandbox needs one to list the event.
  const about = {
    id: sample.id ?? newId('evt_'),
    type,
    created,
    orderNo: textOf(object['order_no']),
  }
  return newNotification(about, body, signBytes(body, key.privateKey))
}

/** `data.object` of a type, as of now. */
export function sampleObject(type: EventType, seconds: number): Readonly<Record<string, unknown>> {
  return freshen({ ...eventFixture(type).data.object }, seconds)
}

/** Options of `resend`. */
export interface ResendOptions {
  /** Changes to `data.object`: a new event is sent. */
  readonly object?: Readonly<Record<string, unknown>> | undefined
  /** The body of a new event, as text: exactly these bytes are sent. */
  readonly body?: string | undefined
  /** The new event is signed anew, keeps the signature of the old body, or has none. Default: `'webhook'`. */
  readonly sign?: 'webhook' | 'keep' | 'none' | undefined
}

/** An edited copy of an event. If its body has an id of its own that is not taken, that is its id. */
export function editedNotification(
  original: SandboxEvent,
  { object, body, sign = 'webhook' }: ResendOptions,
  created: number,
  key: SigningKey,
  isTaken: (id: string) => boolean,
): Notification {
  const bytes = body === undefined ? edit(original.bytes, object, created) : Buffer.from(body)
  const event = readRecord(bytes)
  const about = recordOf(recordOf(event['data'])['object'])
  const signatures = {
    webhook: () => signBytes(bytes, key.privateKey),
    keep: () => original.signature,
    none: () => '',
  }
  const [id = '', envelope] = [textOf(event['id']), textOf(about['id'])]
  const edited = {
    id: /^evt_\w{1,64}$/.test(id) && !isTaken(id) ? id : newId('evt_'),
    type: textOf(event['type']) ?? original.type,
    created,
    envelope: envelope?.startsWith('red_') ? envelope : original.envelope,
    orderNo: textOf(about['order_no']) ?? original.orderNo,
    from: original.id,
  }
  return newNotification(edited, bytes, signatures[sign]())
}

/** With an id and a time of its own, so that a receiver does not take it for a duplicate. */
function edit(bytes: Buffer, changes: ResendOptions['object'], created: number): Buffer {
  const event = readRecord(bytes)
  const data = recordOf(event['data'])
  const own = 'id' in event ? { id: newId('evt_') } : {}
  const object = { ...recordOf(data['object']), ...changes }
  return toJson({ ...event, ...own, created, data: { ...data, object } })
}

/** The members of a body; none if it is not a JSON object. */
export function readRecord(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const json = readStrictJson(bytes)
  return json.ok ? recordOf(json.value) : {}
}

/** The members of a value; none if it is not an object. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}

/** Compact UTF-8, as Ping++ sends it: Chinese text as it is. */
function toJson(event: object): Buffer {
  return Buffer.from(JSON.stringify(event))
}

/** `trigger` can put any value in the place of a text. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
