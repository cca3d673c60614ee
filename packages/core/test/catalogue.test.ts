import { describe, expect, it } from 'vitest'
import { parseEvent } from '../src/events/parse-event.ts'
import { CATALOGUE, ruleOf, type EventType } from '../src/events/catalogue.ts'
import type { WebhookEvent } from '../src/events/event.ts'
import { WebhookError } from '../src/reply/errors.ts'
import { eventFixture } from '../src/testing.ts'

// Written by hand from Ping++'s documents and samples, and the three steps of a red envelope that
// have no webhook, so that a type cannot vanish unnoticed.
const TYPES: readonly EventType[] = [
  'account.summary.available',
  'agreement.succeeded',
  'balance.withdrawal.failed',
  'balance.withdrawal.succeeded',
  'batch_refund.succeeded',
  'batch_transfer.failed',
  'batch_transfer.succeeded',
  'batch_withdrawal.canceled',
  'batch_withdrawal.failed',
  'batch_withdrawal.partially_succeeded',
  'batch_withdrawal.succeeded',
  'charge.failed',
  'charge.succeeded',
  'customs.succeeded',
  'order.refund.succeeded',
  'order.refunded',
  'order.succeeded',
  'order_refund.succeeded',
  'recharge.refund.succeeded',
  'recharge.succeeded',
  'red_envelope.failed',
  'red_envelope.received',
  'red_envelope.refund',
  'red_envelope.refunding',
  'red_envelope.sent',
  'refund.failed',
  'refund.succeeded',
  'royalty_settlement.canceled',
  'royalty_settlement.failed',
  'royalty_settlement.partially_succeeded',
  'royalty_settlement.succeeded',
  'summary.daily.available',
  'summary.monthly.available',
  'summary.weekly.available',
  'transfer.failed',
  'transfer.succeeded',
]

const NAMELESS: readonly EventType[] = ['recharge.refund.succeeded']
const NAMED = TYPES.filter((type) => !NAMELESS.includes(type))

// The event that `createReconciler` makes of an envelope that it queried.
const POLLED: readonly EventType[] = [
  'red_envelope.failed',
  'red_envelope.refund',
  'red_envelope.refunding',
]

const FIXTURES = eventFixtures()

const SUMMARIES = TYPES.filter((type) => type.includes('summary'))

describe('the catalogue', () => {
  it('has the types that Ping++ documents or has sent, three of its own, and no other', () => {
    expect(Object.keys(CATALOGUE).toSorted()).toEqual(TYPES)
  })

  it('names the kind of every payload but the one that no source shows', () => {
    const nameless = TYPES.filter((type) => CATALOGUE[type] === null)
    expect(nameless).toEqual(NAMELESS)
  })

  it('has one step per object only for red envelopes', () => {
    const once = TYPES.filter((type) => ruleOf(type)?.step !== undefined)
    expect(once).toEqual(TYPES.filter((type) => type.startsWith('red_envelope.')))
    expect(once).toHaveLength(5)
  })
})

describe('the fixtures', () => {
  it('are one for every catalogued type', () => {
    expect(Object.keys(FIXTURES).toSorted()).toEqual(TYPES)
    expect(TYPES.map((type) => FIXTURES[type].type)).toEqual(TYPES)
  })

  it('are all in live mode and of one app', () => {
    const apps = TYPES.map((type) => FIXTURES[type].data.object).flatMap(appsOf)
    expect(new Set(apps)).toEqual(new Set(['app_1Gqj58ynP0mHeX1q']))
    expect(TYPES.filter((type) => !FIXTURES[type].livemode)).toEqual([])
  })

  it('have different ids, in the shape of Ping++', () => {
    const ids = TYPES.map((type) => FIXTURES[type].id).filter((id) => id !== undefined)
    expect(new Set(ids).size).toBe(TYPES.length - POLLED.length - 1)
    for (const id of ids) expect(id).toMatch(/^evt_[\dA-Za-z]{24}$/)
  })

  it('have no id and no pending_webhooks for agreement.succeeded, like the sample', () => {
    expect(FIXTURES['agreement.succeeded']).not.toHaveProperty('id')
    expect(FIXTURES['agreement.succeeded']).not.toHaveProperty('pending_webhooks')
  })

  it.each(POLLED)('have neither id nor request for %s, which has no webhook', (type) => {
    expect(Object.keys(FIXTURES[type]).toSorted()).toEqual([
      'created',
      'data',
      'livemode',
      'object',
      'type',
    ])
  })

  it.each(SUMMARIES)('have no id in the payload of %s', (type) => {
    expect(FIXTURES[type].data.object).not.toHaveProperty('id')
  })

  // The fixtures are JSON, which the compiler reads without literal types.
  it.each<[EventType, string]>([
    ['batch_refund.succeeded', 'succeeded'],
    ['batch_transfer.failed', 'failed'],
    ['batch_withdrawal.canceled', 'canceled'],
    ['batch_withdrawal.failed', 'failed'],
    ['batch_withdrawal.partially_succeeded', 'partially_succeeded'],
    ['batch_withdrawal.succeeded', 'succeeded'],
    ['balance.withdrawal.failed', 'failed'],
    ['balance.withdrawal.succeeded', 'succeeded'],
    ['agreement.succeeded', 'succeeded'],
    ['order.refunded', 'refunded'],
    ['order.succeeded', 'paid'],
    ['red_envelope.failed', 'failed'],
    ['red_envelope.received', 'received'],
    ['red_envelope.refund', 'refund'],
    ['red_envelope.refunding', 'refunding'],
    ['red_envelope.sent', 'sent'],
    ['refund.failed', 'failed'],
    ['refund.succeeded', 'succeeded'],
    ['royalty_settlement.canceled', 'canceled'],
    ['royalty_settlement.failed', 'failed'],
    ['royalty_settlement.partially_succeeded', 'partially_succeeded'],
    ['royalty_settlement.succeeded', 'succeeded'],
    ['transfer.failed', 'failed'],
    ['transfer.succeeded', 'paid'],
  ])('have the documented status of %s: %s', (type, status) => {
    expect(FIXTURES[type].data.object).toMatchObject({ status })
  })

  it('contain Chinese and an emoji, as merchants write', () => {
    expect(FIXTURES['red_envelope.sent'].data.object).toMatchObject({
      subject: '新年红包 🧧',
      extra: { send_name: '红包商店 🧧' },
    })
  })
})

describe('parseEvent', () => {
  it.each(TYPES)('accepts %s and returns it unchanged', (type) => {
    expect(parseEvent(bytesOf(FIXTURES[type]))).toStrictEqual(FIXTURES[type])
  })

  it.each(NAMED)('refuses %s with a payload of another kind', (type) => {
    expectRefusal(withPayload(type, { object: 'coupon' }))
  })

  it.each(NAMED)('refuses %s with a payload without its kind', (type) => {
    expectRefusal(withPayload(type, { object: undefined }))
  })

  it.each(NAMELESS)('accepts %s with a payload of any kind', (type) => {
    expect(parseEvent(withPayload(type, { object: 'recharge_refund' }))).not.toBeInstanceOf(
      WebhookError,
    )
  })

  it.each(['account_daily_summary', 'account_weekly_summary', 'account_monthly_summary'])(
    'accepts account.summary.available with an %s',
    (object) => {
      const event = parseEvent(withPayload('account.summary.available', { object }))
      expect(event).toMatchObject({ data: { object: { object } } })
    },
  )

  it('refuses account.summary.available with the summary of an app', () => {
    expectRefusal(withPayload('account.summary.available', { object: 'app_daily_summary' }))
  })

  it.each([
    ['red_envelope.received', 'refund'],
    ['red_envelope.received', 'failed'],
    ['red_envelope.failed', 'received'],
    ['red_envelope.refund', 'received'],
  ] as const)('refuses %s with another final status, %s [A41]', (type, status) => {
    expectRefusal(withPayload(type, { status }))
  })

  it.each([
    ['red_envelope.sent', 'sending', 'sent'],
    ['red_envelope.sent', 'received', 'received'],
    ['red_envelope.sent', 'SENT', 'sent'],
    ['red_envelope.received', 'sent', 'received'],
    ['red_envelope.received', undefined, 'received'],
    ['red_envelope.failed', 'sent', 'failed'],
    ['red_envelope.refunding', 'refund', 'refund'],
    ['red_envelope.refund', 'refunding', 'refund'],
    ['red_envelope.refund', 'refunded', 'refunded'],
    ['transfer.succeeded', 'PAID', 'paid'],
    ['refund.succeeded', 'SUCCEEDED', 'succeeded'],
    ['balance.withdrawal.succeeded', 'PENDING', 'pending'],
    ['red_envelope.sent', { toString: 1 }, 'sent'],
    ['red_envelope.sent', ['refund'], 'sent'],
  ] as const)('accepts %s with the status %j, as %s [A40, A42]', (type, status, seen) => {
    expect(parseEvent(withPayload(type, { status }))).toMatchObject({
      data: { object: { status: seen } },
    })
  })

  it.each(TYPES)('makes texts of numbers that are documented as text: %s [A43]', (type) => {
    const payload: object = FIXTURES[type].data.object
    const names = Object.keys(payload).filter((name) => /(?:_no|_id)$/.test(name))
    const numbers = Object.fromEntries(names.map((name, at) => [name, at + 1]))
    const texts = Object.fromEntries(names.map((name, at) => [name, String(at + 1)]))
    expect(parseEvent(withPayload(type, numbers))).toMatchObject({ data: { object: texts } })
  })
})

function eventFixtures(): { readonly [Type in EventType]: WebhookEvent<Type> } {
  return Object.fromEntries(TYPES.map((type) => [type, eventFixture(type)])) as never
}

function bytesOf(event: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(event))
}

function withPayload(type: EventType, change: Readonly<Record<string, unknown>>): Uint8Array {
  const event = FIXTURES[type]
  return bytesOf({ ...event, data: { object: { ...event.data.object, ...change } } })
}

function expectRefusal(body: Uint8Array): void {
  const result = parseEvent(body)
  expect(result).toBeInstanceOf(WebhookError)
  expect(result).toMatchObject({ code: 'event-invalid' })
}

function appsOf(payload: object): readonly unknown[] {
  return ['app', 'app_id', 'payer_app'].flatMap((name) =>
    name in payload ? [(payload as Readonly<Record<string, unknown>>)[name]] : [],
  )
}
