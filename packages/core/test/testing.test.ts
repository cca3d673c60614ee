import { createPrivateKey, createPublicKey, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createWebhooks, eventKey, type EventType, type WebhookHandler } from '../src/index.ts'
import { isFrozenThroughout } from './signed.ts'
import { createTestKeys, eventFixture, signDelivery, testContext } from '../src/testing.ts'

const KEYS = createTestKeys()

// One of each shape: with and without an event id, with ids in letters, in digits, and none.
const SAMPLES: readonly EventType[] = [
  'red_envelope.sent',
  'red_envelope.refund',
  'charge.succeeded',
  'order.succeeded',
  'royalty_settlement.succeeded',
  'agreement.succeeded',
  'summary.daily.available',
]

describe('createTestKeys', () => {
  it('makes a pair of RSA keys of 2048 bits in PEM, a new one each time', () => {
    const publicKey = createPublicKey(KEYS.publicKey)
    expect(publicKey.asymmetricKeyType).toBe('rsa')
    expect(publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048)
    const derived = createPublicKey(createPrivateKey(KEYS.privateKey))
    expect(derived.equals(publicKey)).toBe(true)
    expect(createTestKeys().publicKey).not.toBe(KEYS.publicKey)
  })
})

describe('eventFixture', () => {
  it.each(SAMPLES)('makes a current %s that no inbox has seen', (type) => {
    const before = Math.floor(Date.now() / 1000)
    const [first, second] = [eventFixture(type), eventFixture(type)]
    expect(first.type).toBe(type)
    expect(first.created).toBeGreaterThanOrEqual(before)
    expect(first.created).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000))
    for (const ids of [
      [first.id, second.id],
      [payloadId(first), payloadId(second)],
    ]) {
      expect(new Set(ids).size).toBe(ids[0] === undefined ? 1 : 2)
    }
  })

  it('has the given changes', () => {
    const event = eventFixture('red_envelope.sent', {
      id: 'evt_1',
      created: 1_700_000_000,
      livemode: false,
      object: { order_no: '42', amount: 7, id: 'red_1' },
    })
    expect(event).toMatchObject({
      id: 'evt_1',
      created: 1_700_000_000,
      livemode: false,
      data: { object: { id: 'red_1', order_no: '42', amount: 7, status: 'sent' } },
    })
  })

  it('dates the refund of an envelope now', () => {
    const { created, data } = eventFixture('red_envelope.refund', { created: 1_700_000_000 })
    expect([created, data.object.refunded]).toEqual([1_700_000_000, 1_700_000_000])
    expect(eventFixture('red_envelope.refunding').data.object.refunded).toBeNull()
  })

  it('has the given id even if the type has none', () => {
    expect(eventFixture('agreement.succeeded')).not.toHaveProperty('id')
    expect(eventFixture('agreement.succeeded', { id: 'evt_1' }).id).toBe('evt_1')
  })

  it.each(SAMPLES)('makes a frozen %s, as the event of a webhook is [F20]', (type) => {
    expect(isFrozenThroughout(eventFixture(type))).toBe(true)
  })

  it('does not modify the given changes [F20]', () => {
    const object = { extra: { send_name: '红包' } }
    expect(eventFixture('red_envelope.sent', { object }).data.object.extra).toEqual(object.extra)
    expect(Object.isFrozen(object) || Object.isFrozen(object.extra)).toBe(false)
  })
})

describe('signDelivery', () => {
  it.each<[string, string | Uint8Array, string]>([
    ['text', '{"红包":1}', '{"红包":1}'],
    ['bytes', Buffer.from([0xff, 0x00, 0x7b]), Buffer.from([0xff, 0x00, 0x7b]).toString()],
    ['nothing', '', ''],
  ])('signs %s as it is', (_, content, text) => {
    const signed = signDelivery(content, KEYS)
    expect(signed.bytes).toStrictEqual(Buffer.from(content))
    expect(signed.text).toBe(text)
    expect(isSigned(signed.bytes, signed.headers['x-pingplusplus-signature'])).toBe(true)
  })

  it('signs an event as JSON', () => {
    const event = eventFixture('red_envelope.sent')
    const signed = signDelivery(event, KEYS)
    expect(JSON.parse(signed.text)).toStrictEqual(event)
    expect(signed.headers).toEqual({
      'content-type': 'application/json; charset=utf-8',
      'x-pingplusplus-signature': expect.stringMatching(/^[A-Za-z0-9+/]{342}==$/) as string,
    })
  })

  it('takes a KeyObject for the private key', () => {
    const signed = signDelivery('x', { privateKey: createPrivateKey(KEYS.privateKey) })
    expect(isSigned(signed.bytes, signed.headers['x-pingplusplus-signature'])).toBe(true)
  })

  it('holds its own copy of the bytes', () => {
    const content = Buffer.from('{"a":1}')
    const signed = signDelivery(content, KEYS)
    content.fill(0)
    expect(signed.text).toBe('{"a":1}')
    expect(isSigned(signed.bytes, signed.headers['x-pingplusplus-signature'])).toBe(true)
  })

  it('has the form of each test tool', () => {
    const signed = signDelivery('{"a":1}', KEYS)
    expect(signed.init()).toEqual({
      method: 'POST',
      headers: signed.headers,
      body: new Uint8Array(signed.bytes),
    })
    expect(signed.inject()).toEqual({
      method: 'POST',
      headers: signed.headers,
      payload: signed.bytes,
    })
    signed.init().headers['x-pingplusplus-signature'] = 'changed'
    expect(signed.init().headers['x-pingplusplus-signature']).not.toBe('changed')
  })

  it.each(SAMPLES)(
    'makes a delivery of a %s that a receiver applies, again and again',
    async (type) => {
      const webhooks = createWebhooks({ publicKey: KEYS.publicKey, logger: false })
      const types: string[] = []
      webhooks.on('*', (event) => void types.push(event.type))
      const signed = signDelivery(JSON.stringify(eventFixture(type)), KEYS)
      expect(await webhooks.handle(signed.delivery())).toMatchObject({ outcome: 'handled' })
      expect(await webhooks.handle(signed.delivery())).toMatchObject({ outcome: 'duplicate' })
      expect(types).toEqual([type])
    },
  )

  it('makes a forgery with another pair of keys', async () => {
    const webhooks = createWebhooks({ publicKey: createTestKeys().publicKey, logger: false })
    const reply = await webhooks.handle(signDelivery('{}', KEYS).delivery())
    expect(reply).toMatchObject({ outcome: 'rejected', code: 'signature-mismatch', status: 401 })
  })
})

describe('testContext', () => {
  it('makes the context that a receiver passes to a handler', async () => {
    const webhooks = createWebhooks({ publicKey: KEYS.publicKey, logger: false })
    const passed: object[] = []
    webhooks.on('*', (_, context) => void passed.push(context))
    await webhooks.handle(signDelivery(eventFixture('charge.succeeded'), KEYS).delivery())
    const context = testContext()
    expect(Object.keys(context).toSorted()).toEqual(Object.keys(passed[0] ?? {}).toSorted())
    expect(context).toMatchObject({ source: 'webhook', signal: { aborted: false } })
    expect(context.key).not.toBe(testContext().key)
  })

  it('takes the context of the inbox and any other change', async () => {
    interface Lent {
      readonly tx: { insert(key: string): void }
    }
    const inserted: string[] = []
    const onSent: WebhookHandler<'red_envelope.sent', Lent> = (_, { tx, key }) => tx.insert(key)
    const event = eventFixture('red_envelope.sent')
    const key = eventKey(event) ?? ''
    await onSent(event, testContext({ key, tx: { insert: (row: string) => inserted.push(row) } }))
    expect(inserted).toEqual([key])
  })
})

function isSigned(bytes: Uint8Array, signature = ''): boolean {
  return verify('RSA-SHA256', bytes, KEYS.publicKey, Buffer.from(signature, 'base64'))
}

function payloadId(event: { readonly data: { readonly object: object } }): unknown {
  return (event.data.object as { readonly id?: unknown }).id
}
