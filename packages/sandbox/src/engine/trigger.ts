import { isEventType, type EventType } from '@hongbao/core'
import type { CreateParameters, ToldStatus } from './envelopes.ts'
import { SandboxError } from '../errors.ts'
import { askForEventType } from './event-type-question.ts'
import { newDigits } from './ids.ts'

/** Type → the step of an envelope that it tells of. */
const TOLD: Readonly<Partial<Record<EventType, ToldStatus>>> = {
  'red_envelope.sent': 'sent',
  'red_envelope.received': 'received',
}

/** The step of an envelope that an event tells of; undefined for events of other things. */
export function toldStatusOf(type: EventType): ToldStatus | undefined {
  return TOLD[type]
}

/** What an envelope is made of that nobody asked for: the guide's sample (step 3). */
const SAMPLE: Omit<CreateParameters, 'order_no'> = {
  app: 'app_1Gqj58ynP0mHeX1q',
  channel: 'wx_pub',
  amount: 100,
  currency: 'cny',
  recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
  subject: '新年红包',
  body: '恭喜发财,大吉大利!🧧',
  description: '春节活动:每位会员一个红包',
  extra: { send_name: '红包商店' },
  metadata: {},
}

/** The sample, with those of the changes that an envelope is made of. */
export function readSampleParameters(object: Readonly<Record<string, unknown>>): CreateParameters {
  const sample: CreateParameters = { ...SAMPLE, order_no: newDigits(16) }
  const changes = Object.entries(object).filter(([name, value]) => isLike(sample, name, value))
  return { ...sample, ...Object.fromEntries(changes) }
}

function isLike(sample: CreateParameters, name: string, value: unknown): boolean {
  if (value === null || !Object.hasOwn(sample, name)) return false
  return typeof value === typeof Reflect.get(sample, name)
}

/** What Ping++ has no webhook for; only a retrieve shows it. */
const UNTOLD: ReadonlySet<string> = new Set([
  'red_envelope.failed',
  'red_envelope.refunding',
  'red_envelope.refund',
])

/** Refuses what a sample event cannot be triggered with. */
export function checkSample(type: string, envelope: string | undefined): void {
  if (UNTOLD.has(type)) {
    throw new SandboxError(
      'type-without-webhook',
      `Ping++ sends no webhook for ${type}; an app sees it by retrieving the envelope alone. To bring an envelope there, \`move\` it.`,
    )
  }
  if (!isEventType(type)) {
    throw new SandboxError(
      'type-unknown',
      `${JSON.stringify(type.slice(0, 64))} is no event of Ping++ that is known. ${askForEventType(type)}`,
    )
  }
  if (envelope !== undefined) {
    throw new SandboxError(
      'option-invalid',
      `\`envelope\` is for events of red envelopes, not for ${type}.`,
    )
  }
}
