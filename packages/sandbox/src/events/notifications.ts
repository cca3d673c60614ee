import type { EventType, RedEnvelope } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { signBytes, type SigningKey } from '@hongbao/core/internal'
import { newId } from './ids.ts'

/** One event: serialised once, signed once, never changed. */
export interface Notification {
  readonly id: string
  readonly type: string
  /** Unix time in seconds, on the sandbox's clock. */
  readonly created: number
  readonly envelope: string | undefined
  readonly orderNo: string | undefined
  /** The bytes that are sent and were signed. */
  readonly body: Buffer
  readonly signature: string
  /** `metadata[pingpp_tc]`: a test case of Ping++'s test mode. */
  readonly testCase: string | undefined
}

/** The notification of a red envelope's status. Members in the order of the guide's sample (step 4). */
export function envelopeNotification(
  type: string,
  object: RedEnvelope,
  created: number,
  key: SigningKey,
): Notification {
  const id = newId('evt_')
  const event = {
    id,
    created,
    livemode: false,
    type,
    data: { object },
    object: 'event',
    pending_webhooks: 0,
    request: newId('iar_'),
  }
  return {
    id,
    type,
    created,
    envelope: textOf(object.id),
    orderNo: textOf(object.order_no),
    ...signed(event, key),
    testCase: textOf(object.metadata?.['pingpp_tc']),
  }
}

/** A notification of any other catalogued type, after Ping++'s samples. */
export function sampleNotification(
  type: EventType,
  changes: Readonly<Record<string, unknown>>,
  created: number,
  key: SigningKey,
): Notification {
  const sample = eventFixture(type, { created, livemode: false })
  const object = { ...sample.data.object, ...changes }
  const event = { ...sample, data: { ...sample.data, object } }
  return {
    // Some types have no id at Ping++; the sandbox needs one to list the event.
    id: sample.id ?? newId('evt_'),
    type,
    created,
    envelope: undefined,
    orderNo: 'order_no' in object ? textOf(object.order_no) : undefined,
    ...signed(event, key),
    testCase: undefined,
  }
}

/** Compact UTF-8, as Ping++ sends it: Chinese text as it is. */
function signed(event: object, key: SigningKey): Pick<Notification, 'body' | 'signature'> {
  const body = Buffer.from(JSON.stringify(event))
  return { body, signature: signBytes(body, key.privateKey) }
}

/** `trigger` can put any value in the place of a text. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
