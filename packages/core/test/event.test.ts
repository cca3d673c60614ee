import { describe, expect, it, vi } from 'vitest'
import {
  isCatalogued,
  isEventType,
  unlisted,
  type EventType,
  type WebhookEvent,
} from '../src/index.ts'
import { envelopeStatusesBefore } from '../src/events/state.ts'
import type { RedEnvelopeStatus } from '../src/events/payloads/red-envelope.ts'
import { parseEvent } from '../src/events/parse-event.ts'
import {
  asEvent,
  bytesOf,
  chargeSucceeded,
  CREATED,
  envelopeSent,
  isFrozenThroughout,
  openListener,
  openReceiver,
  type Content,
} from './signed.ts'

const ENVELOPE_KEY = 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD'

describe('a signed body that is not an event', () => {
  it.each<[string, Content, string]>([
    ['nothing at all [A1]', '', 'event-not-json'],
    ['one byte [A2]', '{', 'event-not-json'],
    ['a truncated event [A3]', JSON.stringify(envelopeSent()).slice(0, -1), 'event-not-json'],
    ['an event with a NUL after it [A26]', `${JSON.stringify(envelopeSent())}\0`, 'event-not-json'],
    ['two events [A32]', JSON.stringify(envelopeSent()).repeat(2), 'event-not-json'],
    ['null [A32] [S7]', 'null', 'event-invalid'],
    ['5 [A32] [S7]', '5', 'event-invalid'],
    ['true [A32]', 'true', 'event-invalid'],
    ['a string [A32] [S7]', '"x"', 'event-invalid'],
    ['an empty list [A32] [S7]', '[]', 'event-invalid'],
    ['a list of events [A32]', JSON.stringify([envelopeSent()]), 'event-invalid'],
    ['an empty object [S7]', '{}', 'event-invalid'],
    ['a type only, a number [S7]', '{"type":5}', 'event-invalid'],
    ['a type only, constructor [S7]', '{"type":"constructor"}', 'event-invalid'],
    ['a type only, __proto__ [S7]', '{"type":"__proto__"}', 'event-invalid'],
    ['UTF-16 [A9]', Buffer.from(JSON.stringify(envelopeSent()), 'utf16le'), 'event-not-utf8'],
    ['GBK [A10]', withText(Buffer.of(0xba, 0xec, 0xb0, 0xfc)), 'event-not-utf8'],
    ['half of a Chinese character [A7]', withText(Buffer.of(0xe7, 0xba)), 'event-not-utf8'],
    ['the bytes of a lone surrogate [A7]', withText(Buffer.of(0xed, 0xa0, 0x80)), 'event-not-utf8'],
    ['a second id [A23]', textOf(envelopeSent(), '{', '{"id":"evt_other",'), 'event-not-json'],
    ['a second type [A23]', textOf(envelopeSent(), '{', '{"type":"x",'), 'event-not-json'],
    [
      'a second amount [A23]',
      textOf(envelopeSent(), '"amount":', '"amount":1,"amount":'),
      'event-not-json',
    ],
    ['62 levels in the payload, 65 in all [A25]', nested(62), 'event-not-json'],
    ['10,000 levels [A25]', nested(10_000), 'event-not-json'],
    ['200,000 levels [S7]', '['.repeat(200_000) + ']'.repeat(200_000), 'event-not-json'],
  ])('is malformed: %s', async (_, content, code) => {
    await expectMalformed(content, code)
  })

  it.each<[string, unknown]>([
    ['missing', undefined],
    ['a number', 5],
    ['empty', ''],
    ['the name for all types', '*'],
    ['no name: a space at its end', 'red_envelope.sent '],
    ['no name: a newline', 'red_envelope.sent\n'],
    ['no name: a NUL', '\0'],
    ['no name: Chinese', '红包'],
    ['65 characters long', 'x'.repeat(65)],
    ['a list', ['red_envelope.sent']],
    ['an object', {}],
  ])('is malformed: a type that is %s [S7]', async (_, type) => {
    await expectMalformed(envelopeSent({ type }), 'event-invalid')
  })

  it.each<[string, unknown]>([
    ['empty', ''],
    ['a number', 5],
    ['a number that no double holds', 9_007_199_254_740_992],
    ['true', true],
    ['an object', { id: 'evt_1' }],
    ['a list', ['evt_1']],
    ['10 kB long', 'x'.repeat(10_240)],
    ['65 characters long', 'x'.repeat(65)],
    ['a text with a colon', 'evt:1'],
    ['a text with a newline at its end', 'evt_1\n'],
    ['a text with a NUL', 'evt\0'],
    ['a text with a space', 'evt 1'],
    ['an emoji', '🧧'],
  ])('is malformed: an id that is %s [A33]', async (_, id) => {
    await expectMalformed(envelopeSent({ id }), 'event-invalid')
    await expectMalformed(envelopeSent({ object: { id } }), 'event-invalid')
  })

  it.each([null, '', true, 'ch:1', 'ch 1', {}, ['ch_1'], 'x'.repeat(65)])(
    'is malformed: an event without an id whose payload has the id %j [A33]',
    async (id) => {
      await expectMalformed(chargeSucceeded({ id: undefined, object: { id } }), 'event-invalid')
    },
  )

  it('is handled if Ping++ writes null for a missing field [A33]', async () => {
    const opened = openListener()
    const reply = await opened.deliver(envelopeSent({ id: null, object: { livemode: null } }))
    expect(reply.outcome).toBe('handled')
    expect(opened.admitted).toEqual([
      'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD',
    ])
  })

  it('is malformed: a red envelope without an id, even if its event has one [A33]', async () => {
    await expectMalformed(envelopeSent({ object: { id: undefined } }), 'event-invalid')
  })

  it('is malformed: an event without an id whose payload has none [A33]', async () => {
    const content = chargeSucceeded({ id: undefined, object: { id: undefined } })
    await expectMalformed(content, 'event-invalid')
  })

  it.each<[string, unknown]>([
    ['missing', undefined],
    ['null', null],
    ['a list', [{ object: envelopeSent() }]],
    ['a text', 'x'],
    ['without an object', {}],
    ['with null for its object', { object: null }],
    ['with a list for its object', { object: [] }],
    ['with a text for its object', { object: 'red_envelope' }],
  ])('is malformed: data that is %s [A34]', async (_, data) => {
    await expectMalformed(envelopeSent({ data }), 'event-invalid')
  })

  it.each([
    ['a charge although the type is that of an envelope', { object: 'charge' }],
    ['an envelope that does not say so', { object: undefined }],
  ])('is malformed: %s [A34]', async (_, object) => {
    await expectMalformed(envelopeSent({ object }), 'event-invalid')
  })

  it.each([
    ['received', 'refund'],
    ['received', 'FAILED'],
    ['failed', 'received'],
    ['refund', 'received'],
  ])(
    'is malformed: a red_envelope.%s whose envelope has the final status %s [A41]',
    async (step, status) => {
      const event = envelopeSent({ type: `red_envelope.${step}`, object: { status } })
      await expectMalformed(event, 'event-invalid')
    },
  )

  it('is malformed: an object that is not called event [A34]', async () => {
    await expectMalformed(eventWith('object', 'charge'), 'event-invalid')
  })

  it.each<[string, string]>([
    ['missing', 'undefined'],
    ['null', 'null'],
    ['a text of digits', '"1707523200"'],
    ['digits and letters', '"12abc"'],
    ['negative', '-1707523200'],
    ['0', '0'],
    ['a fraction', '1707523200.5'],
    ['1e400', '1e400'],
    ['beyond what a double counts', '9007199254740993'],
    ['true', 'true'],
    ['a list', '[1707523200]'],
  ])('is malformed: a time that is %s [S11]', async (_, created) => {
    const content =
      created === 'undefined'
        ? envelopeSent({ created: undefined })
        : textOf(
            envelopeSent(),
            `"created":${CREATED},"livemode"`,
            `"created":${created},"livemode"`,
          )
    await expectMalformed(content, 'event-invalid')
  })

  it.each([undefined, null, 'false', 'true', 0, 1])(
    'is malformed: a livemode that is %j [S15]',
    async (livemode) => {
      await expectMalformed(envelopeSent({ livemode }), 'event-invalid')
    },
  )
})

describe('the amount of a red envelope', () => {
  it.each(['0', '-0', '-1', '1.5', '"100"', 'true', 'null', '[100]', '{}', '""', '0.1e1e', 'NaN'])(
    'is not %s [A29]',
    async (amount) => {
      const isJson = !['0.1e1e', 'NaN'].includes(amount)
      await expectMalformed(withAmount(amount), isJson ? 'event-invalid' : 'event-not-json')
    },
  )

  it('is not missing [A29]', async () => {
    await expectMalformed(envelopeSent({ object: { amount: undefined } }), 'event-invalid')
  })

  it('is not infinite, as 1e400 parses [A27]', async () => {
    await expectMalformed(withAmount('1e400'), 'event-invalid')
  })

  it.each(['9007199254740993', '9007199254740992', '99999999999999999999'])(
    'is not %s, which a double cannot count [A28] [S7]',
    async (amount) => {
      await expectMalformed(withAmount(amount), 'event-invalid')
    },
  )

  it.each([
    ['100', 100],
    ['1e2', 100],
    ['100.0', 100],
    ['1', 1],
    ['9007199254740991', 9_007_199_254_740_991],
  ])('may be %s [A29]', async (amount, fen) => {
    const opened = openListener()
    expect((await opened.deliver(withAmount(amount))).outcome).toBe('handled')
    expect(opened.seen).toMatchObject([{ data: { object: { amount: fen } } }])
  })
})

describe('the amounts of other events', () => {
  it.each(['amount', 'amount_settle', 'amount_refunded'])(
    'are integers in fen if they are present: %s [A29]',
    async (name) => {
      for (const bad of [-1, 1.5, '100', true, [100], {}, 2 ** 53]) {
        await expectMalformed(chargeSucceeded({ object: { [name]: bad } }), 'event-invalid')
      }
      for (const good of [0, 1, 8800, null, undefined]) {
        await handled(chargeSucceeded({ object: { [name]: good } }))
      }
    },
  )

  it('are not checked in types that are not in the catalogue [A35]', async () => {
    const event = chargeSucceeded({ type: 'coupon.created', object: { amount: '88.00' } })
    expect(await handled(event)).toStrictEqual(event)
  })
})

describe('an event', () => {
  it('is read past a byte order mark that was signed with it [A6]', async () => {
    const opened = openListener()
    const reply = await opened.deliver(`\uFEFF${JSON.stringify(envelopeSent())}`)
    expect(reply.outcome).toBe('handled')
    expect(opened.seen).toStrictEqual([envelopeSent()])
  })

  it('may have unknown members [A36]', async () => {
    const event = envelopeSent({ version: 3, more: { a: [1] }, object: { wx_new_field: null } })
    expect(await handled(event)).toStrictEqual(event)
  })

  it('may omit id, object, request and pending_webhooks [A36]', async () => {
    const { data, created, livemode, type } = envelopeSent()
    const event = { data, created, livemode, type }
    expect(await handled(event)).toStrictEqual(event)
  })

  it('may nest 64 levels deep, itself included [A25]', async () => {
    const opened = openListener()
    expect((await opened.deliver(nested(61))).outcome).toBe('handled')
    expect(() => structuredClone(opened.seen[0])).not.toThrow()
  })

  it('keeps half of a surrogate pair, and NUL, in its texts [A30] [A31]', async () => {
    const text = textOf(envelopeSent(), '"新年红包"', String.raw`"\ud800 x\u0000y"`)
    expect(await handled(text)).toMatchObject({ data: { object: { subject: '\ud800 x\0y' } } })
  })

  it('cannot pollute a prototype [A24] [S7]', async () => {
    const members = '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},'
    const text = textOf(envelopeSent(), '"order_no"', `${members}"order_no"`).replace(
      '{',
      `{${members}`,
    )
    const event = await handled(text)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(Object.getPrototypeOf(event)).toBe(Object.prototype)
    expect(Object.getPrototypeOf(event.data.object)).toBe(Object.prototype)
    expect((event as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('cannot pollute a prototype through a numeric id, which is rewritten [A24]', async () => {
    const text = textOf(chargeSucceeded(), '"ch_AHa8orGa3paOKU0ME1xIhAcv"', '7').replace(
      '"amount"',
      '"__proto__":{"polluted":1},"amount"',
    )
    const event = await handled(text)
    expect(Object.getPrototypeOf(event.data.object)).toBe(Object.prototype)
    expect(Object.keys(event.data.object)).toContain('__proto__')
  })

  it('is the same for every handler: it is frozen all the way down [F10]', async () => {
    const opened = openReceiver()
    const tried: boolean[] = []
    opened.webhooks.on('red_envelope.sent', (event) => {
      const { object } = event.data
      tried.push(
        Reflect.set(event, 'type', 'x'),
        Reflect.set(object, 'amount', 1),
        Reflect.set(object.extra, 'send_name', 'x'),
        Reflect.deleteProperty(object, 'id'),
        Reflect.set(event.data, 'more', 1),
      )
    })
    opened.webhooks.on('*', (event) => void opened.seen.push(event))
    const event = envelopeSent({ object: { extra: { send_name: '红包商店' } } })
    expect((await opened.deliver(event)).outcome).toBe('handled')
    expect(tried).toEqual([false, false, false, false, false])
    expect(opened.seen).toStrictEqual([event])
  })

  it('is deeply frozen, even if its id was rewritten [F10]', async () => {
    const text = textOf(chargeSucceeded(), '"ch_AHa8orGa3paOKU0ME1xIhAcv"', '7')
    const event = await handled(text)
    expect([event, event.data, event.data.object].every(Object.isFrozen)).toBe(true)
  })
})

describe('an event type without a handler', () => {
  it.each([
    'coupon.created',
    'red_envelope.refunded',
    'RED_ENVELOPE.SENT',
    'constructor',
    '__proto__',
    'prototype',
    'toString',
    'hasOwnProperty',
    'error',
    'newListener',
    'removeListener',
    '.',
    '-',
  ])('is accepted and ignored: %j [A35] [S7]', async (type) => {
    const opened = openReceiver()
    opened.webhooks.on('red_envelope.sent', (event) => void opened.seen.push(event))
    const reply = await opened.deliver(envelopeSent({ type }))
    expect(reply).toMatchObject({ outcome: 'unhandled', status: 200 })
    expect(opened.reports).toMatchObject([{ outcome: 'unhandled', eventType: type }])
    expect(opened.seen).toEqual([])
    expect(opened.admitted).toEqual([])
    expect(opened.lines).toEqual([])
  })

  it.each(['constructor', '__proto__', 'error', 'toString'])(
    'can be handled explicitly: %s [S7]',
    async (type) => {
      const opened = openReceiver()
      opened.webhooks.on(unlisted(type), (event) => void opened.seen.push(asEvent({ ...event })))
      const reply = await opened.deliver(envelopeSent({ type }))
      expect(reply.outcome).toBe('handled')
      expect(opened.seen).toMatchObject([{ type }])
    },
  )
})

describe('a numeric id of a payload', () => {
  // From Ping++'s documents; a double makes …5000 of it, and of the one after it.
  const id = '2111608270000005209'
  const next = '2111608270000005210'

  it('reaches handlers as a text of exactly its digits [A39]', async () => {
    expect(Number(id)).toBe(Number(next))
    expect((await handled(withChargeId(id))).data.object).toMatchObject({ id })
    expect((await handled(withChargeId('7'))).data.object).toMatchObject({ id: '7' })
  })

  it('distinguishes two events whose ids are equal as doubles [A39]', async () => {
    const opened = openListener()
    const replies = [
      await opened.deliver(withChargeId(id)),
      await opened.deliver(withChargeId(next)),
      await opened.deliver(withChargeId(id)),
    ]
    expect(replies.map((reply) => reply.outcome)).toEqual(['handled', 'handled', 'duplicate'])
    expect(opened.applied).toEqual([
      `app_1Gqj58ynP0mHeX1q:live:charge.succeeded:${id}:${CREATED}`,
      `app_1Gqj58ynP0mHeX1q:live:charge.succeeded:${next}:${CREATED}`,
    ])
  })

  it('does not change another id in the same event [A39]', async () => {
    const text = withChargeId(id)
      .replace(
        '"amount"',
        '"refunds":[{"id":1},{"id":3}],"extra":{"data":{"object":{"id":4}}},"amount"',
      )
      .replace('{', '{"before":{"data":{"object":{"id":5}}},')
      .replace(/}$/, ',"behind":{"id":6}}')
    expect((await handled(text)).data.object).toMatchObject({
      id,
      refunds: [{ id: '1' }, { id: '3' }],
      extra: { data: { object: { id: 4 } } },
    })
  })

  it.each(['0', '-7', '7.0', '7e0', '7.5', '1e400', `1${'0'.repeat(64)}`])(
    'is not %s [A33] [A39]',
    async (number) => {
      await expectMalformed(withChargeId(number), 'event-invalid')
    },
  )

  it('is not the id of a red envelope, which has letters [A39]', async () => {
    const text = textOf(envelopeSent(), '"red_04er10TuvT4OCyLO08aLOqbD"', id)
    await expectMalformed(text, 'event-invalid')
  })
})

describe('the status of a red envelope', () => {
  it.each([
    ['sent', 'sent'],
    ['received', 'received'],
    ['refunding', 'refunding'],
    ['refund', 'refund'],
    ['failed', 'failed'],
  ])('may be ahead of red_envelope.sent: %s is passed on as %s [A40]', async (status, seen) => {
    const event = await handled(envelopeSent({ object: { status, received: CREATED } }))
    expect(event).toStrictEqual(envelopeSent({ object: { status: seen, received: CREATED } }))
  })

  it.each([['sending'], ['PENDING'], [''], [null], [undefined], [5], [{}]])(
    'is at least the step of the type: red_envelope.sent with %j is passed on as sent [A40]',
    async (status) => {
      expect(await handled(envelopeSent({ object: { status } }))).toMatchObject({
        type: 'red_envelope.sent',
        data: { object: { status: 'sent', amount: 100 } },
      })
    },
  )

  it.each(['sent', 'refunding', 'SENDING'])(
    'is at least the step of the type: red_envelope.received with %s is passed on as received [A40]',
    async (status) => {
      const event = envelopeSent({ type: 'red_envelope.received', object: { status } })
      expect((await handled(event)).data.object).toMatchObject({ status: 'received' })
    },
  )

  it('is unchanged if this version does not know it: only Ping++ knows what it means [A40]', async () => {
    const event = await handled(envelopeSent({ object: { status: 'EXPIRED' } }))
    expect(event.data.object).toMatchObject({ status: 'expired' })
  })

  it.each([
    ['SENT', 'sent'],
    ['Received', 'received'],
    ['REFUND', 'refund'],
  ])('is in lower case: %s is passed on as %s [A42]', async (status, seen) => {
    expect((await handled(envelopeSent({ object: { status } }))).data.object).toMatchObject({
      status: seen,
    })
  })

  it('does not decide the step: a sent event with the status received does not make received a duplicate [A40]', async () => {
    const opened = openReceiver()
    const order = { status: 'sending' as RedEnvelopeStatus }
    const effects: string[] = []
    const moveTo = (step: 'sent' | 'received') => () => {
      if (!envelopeStatusesBefore(step).includes(order.status)) return
      order.status = step
      effects.push(step)
    }
    opened.webhooks.on('red_envelope.sent', moveTo('sent'))
    opened.webhooks.on('red_envelope.received', moveTo('received'))
    const object = { status: 'received', received: CREATED }
    const replies = [
      await opened.deliver(envelopeSent({ object })),
      await opened.deliver(envelopeSent({ id: 'evt_2', object: { status: 'sent' } })),
      await opened.deliver(envelopeSent({ id: 'evt_3', type: 'red_envelope.received', object })),
      await opened.webhooks.dispatch(
        asEvent(envelopeSent({ type: 'red_envelope.received', object })),
      ),
    ]
    const outcomes = ['handled', 'duplicate', 'handled', 'duplicate']
    expect(replies.map(({ outcome }) => outcome)).toEqual(outcomes)
    expect(effects).toEqual(['sent', 'received'])
    expect(order.status).toBe('received')
  })
})

describe('a payload that is spelt differently from the documentation', () => {
  it('has numbers for order numbers: handlers get texts of exactly their digits [A43]', async () => {
    const text = textOf(envelopeSent(), '"123456789"', '20260217123456789012').replace(
      '"0010037269201603240630694982"',
      '4200001234202602171234567890',
    )
    const event = await handled(text)
    expect(event.data.object).toMatchObject({
      order_no: '20260217123456789012',
      transaction_no: '4200001234202602171234567890',
      amount: 100,
      created: CREATED - 2,
    })
    expect(isFrozenThroughout(event)).toBe(true)
  })

  it('has numbers at any depth: an order, its charges, and their refunds [A42, A43]', async () => {
    const members = `"merchant_order_no":20260217123456789012,"uid":7,"status":"PAID","charges":{"data":[{"id":18446744073709551616,"order_no":1e5,"refunds":{"data":[{"charge_order_no":3,"status":"Pending"}]}}]},"charge_essentials":{"transaction_no":4}`
    const text = textOf(
      chargeSucceeded({ type: 'order.succeeded' }),
      '"charge"',
      `"order",${members}`,
    )
    expect((await handled(text)).data.object).toMatchObject({
      merchant_order_no: '20260217123456789012',
      uid: '7',
      status: 'paid',
      charges: {
        data: [
          {
            id: '18446744073709551616',
            order_no: '1e5',
            refunds: { data: [{ charge_order_no: '3', status: 'pending' }] },
          },
        ],
      },
      charge_essentials: { transaction_no: '4' },
    })
  })

  it.each(['metadata', 'extra', 'credential'])(
    'keeps fields that are not Ping++’s unchanged: %s [A42, A43]',
    async (name) => {
      const object = {
        order_no: 5,
        [name]: { id: 1, order_no: 2, status: 'SENT', more: [{ id: 3 }] },
      }
      expect((await handled(envelopeSent({ object }))).data.object).toMatchObject({
        order_no: '5',
        [name]: object[name],
      })
    },
  )

  it('is unchanged in types that are not in the catalogue, except for the id [A35]', async () => {
    const object = { id: 7, order_no: 5, status: 'PAID' }
    const event = chargeSucceeded({ type: 'coupon.created', object })
    expect((await handled(event)).data.object).toMatchObject({ ...object, id: '7' })
  })

  it('has its exact id in its key, and is refused if it is dispatched without one [A39, A43]', async () => {
    const opened = openListener()
    const event = chargeSucceeded({
      id: undefined,
      object: { id: Number('2111608270000005209'), order_no: 5 },
    })
    expect(await opened.webhooks.dispatch(asEvent(event))).toMatchObject({
      outcome: 'rejected',
      error: { code: 'event-invalid' },
    })
    const small = chargeSucceeded({ id: undefined, object: { id: 7, order_no: 5, status: 'PAID' } })
    expect(await opened.webhooks.dispatch(asEvent(small))).toEqual({ outcome: 'handled' })
    expect(opened.seen).toMatchObject([
      { data: { object: { id: '7', order_no: '5', status: 'paid' } } },
    ])
  })

  it('is the same object if it is spelt as documented [A43]', () => {
    const event = parseEvent(bytesOf(envelopeSent()))
    expect(event).toStrictEqual(envelopeSent())
  })
})

describe('the key of the inbox', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['a red envelope, by its type and its own id', envelopeSent(), ENVELOPE_KEY],
    ['a red envelope whose event has no id', envelopeSent({ id: undefined }), ENVELOPE_KEY],
    ['a red envelope reported again by another event', envelopeSent({ id: 'evt_2' }), ENVELOPE_KEY],
    [
      'a red envelope of an expanded app',
      envelopeSent({ object: { app: { id: 'app_1Gqj58ynP0mHeX1q', object: 'app' } } }),
      ENVELOPE_KEY,
    ],
    [
      'a red envelope in test mode',
      envelopeSent({ livemode: false }),
      'app_1Gqj58ynP0mHeX1q:test:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD',
    ],
    [
      'the same envelope, received',
      envelopeSent({ type: 'red_envelope.received', object: { status: 'received' } }),
      'app_1Gqj58ynP0mHeX1q:live:red_envelope.received:red_04er10TuvT4OCyLO08aLOqbD',
    ],
    [
      'a step that has no webhook yet, reported by one',
      envelopeSent({ type: 'red_envelope.refund', object: { status: 'refund' } }),
      'app_1Gqj58ynP0mHeX1q:live:red_envelope.refund:red_04er10TuvT4OCyLO08aLOqbD',
    ],
    [
      'a charge, by the id of its event',
      chargeSucceeded(),
      'app_1Gqj58ynP0mHeX1q:live:evt_2pGHD9NSN2ToGpmsPTVv6ylB',
    ],
    [
      'a charge of no app',
      chargeSucceeded({ object: { app: undefined } }),
      '-:live:evt_2pGHD9NSN2ToGpmsPTVv6ylB',
    ],
    [
      'an event without an id, by payload and time',
      chargeSucceeded({ id: undefined }),
      'app_1Gqj58ynP0mHeX1q:live:charge.succeeded:ch_AHa8orGa3paOKU0ME1xIhAcv:1707523200',
    ],
    [
      'an event that no catalogue has, by its id',
      chargeSucceeded({ type: 'coupon.created' }),
      'app_1Gqj58ynP0mHeX1q:live:evt_2pGHD9NSN2ToGpmsPTVv6ylB',
    ],
  ])('of %s', async (_, event, key) => {
    const opened = openListener()
    expect((await opened.deliver(event)).outcome).toBe('handled')
    expect(opened.applied).toEqual([key])
    expect(opened.reports).toMatchObject([{ key }])
  })

  it('is the same for two notifications of one step', async () => {
    const opened = openListener()
    await opened.deliver(envelopeSent({ id: 'evt_1' }))
    const reply = await opened.deliver(envelopeSent({ id: 'evt_2', created: CREATED + 1 }))
    expect(reply).toMatchObject({ outcome: 'duplicate', status: 200 })
    expect(opened.seen).toMatchObject([{ id: 'evt_1' }])
  })
})

describe('isEventType and isCatalogued', () => {
  it('know only the names of catalogued types', () => {
    expect(isEventType('red_envelope.sent')).toBe(true)
    for (const type of ['toString', 'constructor', '__proto__', '', '*', 'coupon.created']) {
      expect(isEventType(type)).toBe(false)
    }
  })

  it('knows the events that have a payload type', () => {
    const type: EventType = 'charge.succeeded'
    expect(isCatalogued(asEvent(chargeSucceeded({ type })))).toBe(true)
    expect(isCatalogued(asEvent(chargeSucceeded({ type: 'coupon.created' })))).toBe(false)
    expect(unlisted('coupon.created')).toBe('coupon.created')
  })

  it('know the types that another copy of core in the process declared [F22]', async () => {
    vi.resetModules()
    const copy = await import('../src/index.ts')
    expect(copy.unlisted).not.toBe(unlisted)
    const opened = openReceiver()
    opened.webhooks.on(copy.unlisted('copied.created'), () => {})
    expect(opened.lines).toEqual([])
    opened.webhooks.on('never.declared' as never, () => {})
    expect(opened.lines).toHaveLength(1)
  })
})

/** Malformed means: 400 with only the outcome, no handler, no call of the inbox, one report. */
async function expectMalformed(content: Content, code: string): Promise<void> {
  const opened = openListener({ maxBodyBytes: 4_000_000 })
  const reply = await opened.deliver(content)
  expect(reply).toMatchObject({
    outcome: 'rejected',
    code,
    status: 400,
    body: `{"outcome":"rejected","code":"${code}"}`,
  })
  expect(opened.seen).toEqual([])
  expect(opened.admitted).toEqual([])
  expect(opened.reports).toMatchObject([{ outcome: 'rejected', code, eventType: undefined }])
}

/** The event as its handler saw it. */
async function handled(content: Content): Promise<WebhookEvent> {
  const opened = openListener()
  expect((await opened.deliver(content)).outcome).toBe('handled')
  return opened.seen[0] as WebhookEvent
}

/** The JSON of an event with its first such piece replaced. */
function textOf(event: Readonly<Record<string, unknown>>, piece: string, by: string): string {
  const text = JSON.stringify(event)
  expect(text).toContain(piece)
  return text.replace(piece, () => by)
}

function withAmount(amount: string): string {
  return textOf(envelopeSent(), '"amount":100', `"amount":${amount}`)
}

function withChargeId(id: string): string {
  return textOf(chargeSucceeded({ id: undefined }), '"ch_AHa8orGa3paOKU0ME1xIhAcv"', id)
}

function withText(bytes: Buffer): Buffer {
  const [before = '', behind = ''] = JSON.stringify(envelopeSent()).split('新年红包')
  return Buffer.concat([Buffer.from(before), bytes, Buffer.from(behind)])
}

function eventWith(name: string, value: unknown): Record<string, unknown> {
  return { ...envelopeSent(), [name]: value }
}

/** An event whose payload has a member of so many levels; the event itself has three. */
function nested(levels: number): string {
  const deep = '['.repeat(levels) + ']'.repeat(levels)
  return textOf(envelopeSent(), '"order_no"', `"deep":${deep},"order_no"`)
}
