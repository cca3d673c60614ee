import type { EventType } from '@hongbao/core'
import { eventKey } from '@hongbao/core'
import { parseEvent, WebhookError } from '@hongbao/core/internal'
import { describe, expect, it } from 'vitest'
import { isTriggerable } from '../src/engine/trigger.ts'
import { EVENT_TYPES } from '../src/events/event-types.ts'
import { isGenuine, openEngine, parameters, START_MS } from './open-engine.ts'

const START_S = START_MS / 1000

// Written out from Ping++'s documents and SDKs: what there is a webhook for.
const WITH_WEBHOOK = [
  'red_envelope.sent',
  'red_envelope.received',
  'charge.succeeded',
  'charge.failed',
  'refund.succeeded',
  'refund.failed',
  'batch_refund.succeeded',
  'transfer.succeeded',
  'transfer.failed',
  'batch_transfer.succeeded',
  'batch_transfer.failed',
  'order.succeeded',
  'order.refunded',
  'order.refund.succeeded',
  'order_refund.succeeded',
  'recharge.succeeded',
  'recharge.refund.succeeded',
  'balance.withdrawal.succeeded',
  'balance.withdrawal.failed',
  'batch_withdrawal.succeeded',
  'batch_withdrawal.partially_succeeded',
  'batch_withdrawal.failed',
  'batch_withdrawal.canceled',
  'royalty_settlement.succeeded',
  'royalty_settlement.partially_succeeded',
  'royalty_settlement.failed',
  'royalty_settlement.canceled',
  'customs.succeeded',
  'agreement.succeeded',
  'summary.daily.available',
  'summary.weekly.available',
  'summary.monthly.available',
  'account.summary.available',
] as const satisfies EventType[]

describe('the bytes of a notification', () => {
  it('are compact UTF-8, in the order of members in the guide, and signed', () => {
    const engine = openEngine()
    const event = engine.trigger('red_envelope.sent', { object: { subject: '新年红包 🧧' } })
    const text = event.bytes.toString()
    expect(text).toMatch(
      /^\{"id":"evt_[0-9A-Za-z]{24}","created":1707523200,"livemode":false,"type":"red_envelope\.sent","data":\{"object":\{"id":"red_[0-9A-Za-z]{24}","object":"red_envelope",/,
    )
    expect(text).toMatch(
      /\}\},"object":"event","pending_webhooks":0,"request":"iar_[0-9A-Za-z]{24}"\}$/,
    )
    expect(text).toContain('"subject":"新年红包 🧧"')
    expect(text).not.toMatch(/\\u|\n|: /)
    expect(isGenuine({ body: event.bytes, signature: event.signature })).toBe(true)
  })

  it.each(WITH_WEBHOOK)('are an event that a receiver takes: %s', (type) => {
    const event = openEngine().trigger(type)
    const parsed = parseEvent(event.bytes)
    if (parsed instanceof WebhookError) throw parsed
    expect(parsed).toMatchObject({ type, created: START_S, livemode: false })
    expect(eventKey(parsed)).toBeDefined()
    expect(parsed.id ?? event.id).toBe(event.id)
    expect(isGenuine({ body: event.bytes, signature: event.signature })).toBe(true)
    expect(event).toMatchObject({ type, created: START_S, status: 'undelivered', attempts: [] })
  })

  it('take changes to the payload of any type', () => {
    const event = openEngine().trigger('charge.succeeded', {
      object: { order_no: '42', amount: 52_000, body: '一箱苹果' },
    })
    expect(event.orderNo).toBe('42')
    expect(objectIn(event.bytes)).toMatchObject({
      order_no: '42',
      amount: 52_000,
      body: '一箱苹果',
    })
  })
})

describe('triggering for red envelopes', () => {
  it('makes an envelope where none is given, and leaves it in the state that it tells of', () => {
    const engine = openEngine()
    const event = engine.trigger('red_envelope.received', {
      object: { order_no: '42', amount: 888, extra: { send_name: '店' } },
    })
    expect(engine.find('42')).toMatchObject({
      id: event.envelope,
      status: 'received',
      amount: 888,
      amount_settle: 888,
      received: START_S,
      extra: { send_name: '店' },
    })
    expect(objectIn(event.bytes)).toEqual(engine.find('42'))
    // One notification was asked for, and one there is.
    expect(engine.events()).toEqual([event])
  })

  it('moves the envelope that is given along, by id or by order number', () => {
    const engine = openEngine()
    engine.create(parameters())
    const sent = engine.trigger('red_envelope.sent', { envelope: '123456789' })
    expect(engine.find('123456789')).toMatchObject({ id: sent.envelope, status: 'sent' })
    engine.trigger('red_envelope.received', { envelope: sent.envelope })
    expect(engine.find('123456789')?.status).toBe('received')
  })

  it('tells of a step again, as it was then: another event of the same step', async () => {
    const engine = openEngine()
    engine.create(parameters())
    const first = engine.trigger('red_envelope.sent', { envelope: '123456789' })
    await engine.clock.advance(60_000)
    engine.move('123456789', 'received')
    const again = engine.trigger('red_envelope.sent', { envelope: '123456789' })
    expect(again.id).not.toBe(first.id)
    expect(again.created).toBe(START_S + 60)
    expect(objectIn(again.bytes)).toEqual(objectIn(first.bytes))
    expect(engine.find('123456789')?.status).toBe('received')
  })

  it('changes what one notification says without changing the envelope', () => {
    const engine = openEngine()
    engine.create(parameters())
    const event = engine.trigger('red_envelope.sent', {
      envelope: '123456789',
      object: { amount: 20_000, failure_code: null },
    })
    expect(objectIn(event.bytes)).toMatchObject({ amount: 20_000, failure_code: null })
    expect(engine.find('123456789')).toMatchObject({ status: 'sent', amount: 100 })
  })

  it('refuses steps that the envelope can no longer take', () => {
    const engine = openEngine()
    engine.create(parameters())
    engine.move('123456789', 'failed')
    expect(() => engine.trigger('red_envelope.sent', { envelope: '123456789' })).toThrow(
      expect.objectContaining({ code: 'move-invalid' }),
    )
    expect(engine.events()).toEqual([])
  })

  it('refuses an envelope that there is not, and a new one for an order that there is', () => {
    const engine = openEngine()
    expect(() => engine.trigger('red_envelope.sent', { envelope: 'red_none' })).toThrow(
      expect.objectContaining({ code: 'envelope-unknown' }),
    )
    engine.create(parameters())
    expect(() =>
      engine.trigger('red_envelope.sent', { object: { order_no: '123456789' } }),
    ).toThrow(/order number 123456789.*`envelope`/)
  })
})

describe('what cannot be triggered', () => {
  it.each(['red_envelope.failed', 'red_envelope.refunding', 'red_envelope.refund'] as EventType[])(
    '%s: Ping++ has no webhook for it',
    (type) => {
      const engine = openEngine()
      expect(() => engine.trigger(type)).toThrow(
        expect.objectContaining({
          code: 'type-without-webhook',
          message: expect.stringContaining('no webhook'),
        }),
      )
      expect(engine.events()).toEqual([])
    },
  )

  it('a type that is not known', () => {
    expect(() => openEngine().trigger('red_envelop.sent' as EventType)).toThrow(
      expect.objectContaining({ code: 'type-unknown' }),
    )
  })

  it('anything with options that there are not', () => {
    const options = { orderNo: '123456789' } as object
    expect(() => openEngine().trigger('red_envelope.sent', options)).toThrow(
      expect.objectContaining({
        code: 'option-invalid',
        message: expect.stringContaining('`orderNo`'),
      }),
    )
  })

  it('an event of something else for an envelope', () => {
    expect(() => openEngine().trigger('charge.succeeded', { envelope: 'red_1' })).toThrow(
      expect.objectContaining({ code: 'option-invalid' }),
    )
  })
})

function objectIn(bytes: Buffer): unknown {
  return (JSON.parse(bytes.toString()) as { data: { object: unknown } }).data.object
}

describe('a sample agrees with itself', () => {
  it.each(EVENT_TYPES.filter(isTriggerable))(
    '%s: test mode, times of now, URLs of its own',
    (type) => {
      const engine = openEngine()
      const { bytes } = engine.trigger(type)
      const text = bytes.toString()
      expect(text).not.toContain('"livemode":true')
      const times = [...text.matchAll(/"(?:created|time_(?!expire)\w+)":(\d{9,})/g)].map(
        ([, time]) => Number(time),
      )
      const days = times.map((time) => (START_MS / 1000 - time) / 86_400)
      for (const ago of days) expect(ago).toBeGreaterThanOrEqual(0)
      for (const ago of days) expect(ago).toBeLessThan(40)
      const { data } = JSON.parse(text) as {
        data: { object: { id?: string; refunds?: { url?: string } } }
      }
      const own = `/${data.object.id}/`
      expect(data.object.refunds?.url ?? own).toContain(own)
    },
  )

  it('has an order number of its own each time, the same one wherever it names that order', () => {
    const engine = openEngine()
    const orders = [1, 2].map(() => engine.trigger('charge.succeeded').orderNo)
    expect(new Set(orders).size).toBe(2)
    expect(orders[0]).toMatch(/^\d{17}$/)
    const { bytes } = engine.trigger('order.succeeded')
    const { object } = (JSON.parse(bytes.toString()) as { data: { object: OrderObject } }).data
    expect(object.charges.data[0]?.order_no).toBe(object.merchant_order_no)
  })
})

interface OrderObject {
  readonly merchant_order_no: string
  readonly charges: { readonly data: readonly { readonly order_no: string }[] }
}
