import { isEventType, type EventType, type RedEnvelopeStatus } from '@hongbao/core'
import type { CreateParameters, WebhookStatus } from './envelopes.ts'
import { Refusal } from '../errors.ts'
import { unknownType } from '../events/event-types.ts'
import { newDigits } from '../events/ids.ts'
import GUIDE_SAMPLE from './sample-envelope.json' with { type: 'json' }

/** When red envelopes cause notifications. */
export type SendWebhooks =
  /** As Ping++'s test mode (guide, note 4): the first retrieve sends `sent`, the second `received`. */
  | 'on-retrieve'
  /** `sent` as soon as the envelope is created; `received` by hand. */
  | 'on-create'
  /** Only by hand. */
  | 'by-hand'

/** Options of `trigger`. */
export interface TriggerOptions {
  /** An envelope that exists, by id or order number. Default: a new one. */
  readonly envelope?: string | undefined
  /** Changes to `data.object`, or to a new envelope. */
  readonly object?: Readonly<Record<string, unknown>> | undefined
}

/** The status that an event reports; undefined for events that are not about red envelopes. */
export function webhookStatusOf(type: EventType): WebhookStatus | undefined {
  if (type === 'red_envelope.sent') return 'sent'
  return type === 'red_envelope.received' ? 'received' : undefined
}

/** Parameters of an envelope that `trigger` creates: the guide's sample (step 3). */
const SAMPLE: Omit<CreateParameters, 'order_no'> = GUIDE_SAMPLE

/** The sample, with the changes that are parameters of an envelope. */
export function readSampleParameters(object: Readonly<Record<string, unknown>>): CreateParameters {
  const sample: CreateParameters = { ...SAMPLE, order_no: newDigits(16) }
  const changes = Object.entries(object).filter(([name, value]) => isLike(sample, name, value))
  return { ...sample, ...Object.fromEntries(changes) }
}

function isLike(sample: CreateParameters, name: string, value: unknown): boolean {
  if (value === null || !Object.hasOwn(sample, name)) return false
  return typeof value === typeof Reflect.get(sample, name)
}

/** Status → the next status at a retrieve in test mode (guide, note 4). */
export const NEXT_ON_RETRIEVE: Readonly<Partial<Record<RedEnvelopeStatus, WebhookStatus>>> = {
  sending: 'sent',
  sent: 'received',
}

/** Statuses without a webhook; only a retrieve shows them. */
const WITHOUT_WEBHOOK: ReadonlySet<string> = new Set([
  'red_envelope.failed',
  'red_envelope.refunding',
  'red_envelope.refund',
])

/** Whether `trigger` takes a type. */
export function isTriggerable(type: EventType): boolean {
  return !WITHOUT_WEBHOOK.has(type)
}

/** @throws SandboxError for what `trigger` cannot make a sample event of */
export function checkSample(type: string, envelope: string | undefined): void {
  if (WITHOUT_WEBHOOK.has(type)) throw new Refusal('type-without-webhook', { type })
  if (!isEventType(type)) throw unknownType(type)
  if (envelope !== undefined) throw new Refusal('envelope-not-for', { type })
}
