import { describe, expect, it } from 'vitest'
import { parseEvent } from '../src/event.ts'
import { createWebhooks, type HandlerContext, type WebhookEvent } from '../src/index.ts'
import { Failure } from '../src/failure.ts'
import {
  handOffInbox,
  packEvent,
  unpackEvent,
  type HandedOffEvent,
  type Unpacked,
} from '../src/hand-off.ts'
import { seeded } from './seeded.ts'
import {
  asEvent,
  bytesOf,
  chargeSucceeded,
  CREATED,
  deliveryOf,
  envelopeSent,
  NOW_MS,
  PINGPP,
} from './signed.ts'

const QUEUE = 'bull:hongbao'
const FINGERPRINT = 'c0ffee'.repeat(10) + 'abcd'
const RECEIVED_AT = new Date('2024-02-10T00:00:05.250Z')

describe('the data of a job', () => {
  it('is the signed bytes in base64, with what the worker tells its handlers', () => {
    const bytes = bytesOf(envelopeSent())
    expect(packEvent(asEvent(envelopeSent()), contextOf(bytes), QUEUE)).toStrictEqual({
      version: 1,
      key: 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD',
      type: 'red_envelope.sent',
      id: 'evt_dS28Kn8qsUCBZYTgSUxCPnKA',
      body: bytes.toString('base64'),
      signed: true,
      receivedAt: '2024-02-10T00:00:05.250Z',
      source: 'webhook',
      keyFingerprint: FINGERPRINT,
    })
  })

  it('comes out as it went in, byte for byte, whatever a queue does to JSON', () => {
    const random = seeded(20_240_210)
    const subjects = ['新年红包 🧧', '恭喜发财,大吉大利!', 'Happy 新年', '\u0000\u2028"\\', '']
    for (let round = 0; round < 200; round += 1) {
      const subject = random.pick(subjects) + random.pick(subjects)
      const text = JSON.stringify(envelopeSent({ object: { subject } }))
      const bytes = bytesOf(random.pick(['', '\uFEFF']) + text + random.pick(['', '\n', '  ']))
      const event = asEvent(envelopeSent({ object: { subject } }))
      const data = throughQueue(packEvent(event, contextOf(bytes), QUEUE))
      const unpacked = unpack(data)
      expect(unpacked.event).toStrictEqual(event)
      expect(Buffer.from(unpacked.how.rawBody ?? []).equals(bytes)).toBe(true)
      expect(unpacked.how).toMatchObject({
        receivedAt: RECEIVED_AT,
        source: 'webhook',
        keyFingerprint: FINGERPRINT,
      })
    }
  })

  it('keeps an id that is a number too long for a double', () => {
    const summary = { id: 0, object: 'account_daily_summary' }
    const changes = { type: 'account.summary.available', object: summary }
    const text = JSON.stringify(chargeSucceeded(changes))
    const bytes = bytesOf(text.replace('"id":0', '"id":2111608270000005209'))
    const event = parseEvent(bytes) as WebhookEvent
    const { event: unpacked } = unpack(packEvent(event, contextOf(bytes), QUEUE))
    expect(unpacked.data.object).toMatchObject({ id: '2111608270000005209' })
  })

  it('of a poll holds the event, and gives its handlers no bytes that were never signed', () => {
    const context = { ...contextOf(undefined), source: 'poll', keyFingerprint: undefined } as const
    const data = throughQueue(packEvent(asEvent(envelopeSent()), context, QUEUE))
    expect(data).toMatchObject({ signed: false, source: 'poll', keyFingerprint: null })
    const { event, how } = unpack(data)
    expect(event).toStrictEqual(envelopeSent())
    expect(how).toEqual({
      source: 'poll',
      rawBody: undefined,
      receivedAt: RECEIVED_AT,
      keyFingerprint: undefined,
    })
  })

  it('is not made of an event that cannot be told from another', () => {
    const event = asEvent(chargeSucceeded({ id: undefined, object: { id: undefined } }))
    expect(() => packEvent(event, contextOf(undefined), QUEUE)).toThrow(
      expect.objectContaining({ name: 'HandOffError', code: 'no-key' }),
    )
  })

  it('is not made by the worker that took it out: that would go round for ever', () => {
    const { event } = unpack(packed())
    expect(() => packEvent(event, contextOf(undefined), QUEUE)).toThrow(
      expect.objectContaining({ name: 'HandOffError', code: 'own-worker' }),
    )
  })

  it('may be made for another queue by a worker', () => {
    const { event } = unpack(packed())
    expect(packEvent(event, contextOf(undefined), 'bull:archive').type).toBe('red_envelope.sent')
  })
})

describe('data that `handOff` did not make', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'red_envelope.sent'],
    ['an event as it is', envelopeSent()],
    ['the layout of another version', { ...packed(), version: 2 }],
    ['a body that is no text', { ...packed(), body: 5 }],
    ['no word on whether it was signed', { ...packed(), signed: undefined }],
    ['a source that there is not', { ...packed(), source: 'guess' }],
    ['a fingerprint that is no text', { ...packed(), keyFingerprint: 5 }],
    ['no time', { ...packed(), receivedAt: undefined }],
    ['a time that is none', { ...packed(), receivedAt: 'yesterday' }],
  ])('is refused: %s [E31]', (_, data) => {
    const refused = unpackEvent(data, QUEUE)
    expect(refused).toBeInstanceOf(Failure)
    expect(refused).toMatchObject({ code: 'event-invalid', outcome: 'malformed' })
  })

  it.each<[string, string, string]>([
    ['is no JSON', 'hello', 'event-not-json'],
    ['is no event', '{"type":"red_envelope.sent"}', 'event-invalid'],
    ['names a member twice', '{"id":1,"id":2}', 'event-not-json'],
    ['is empty', '', 'event-not-json'],
  ])('is refused where its body %s', (_, body, code) => {
    const data = { ...packed(), body: Buffer.from(body).toString('base64') }
    expect(unpackEvent(data, QUEUE)).toMatchObject({ code })
  })
})

describe('the inbox of a receiver that hands off', () => {
  it('remembers nothing, so that every delivery reaches the queue', async () => {
    const { webhooks, handed } = openReceiver()
    for (let delivery = 0; delivery < 3; delivery += 1) {
      const reply = await webhooks.handle(deliveryOf(envelopeSent()))
      expect(reply).toMatchObject({ outcome: 'handled', status: 200 })
    }
    expect(handed).toHaveLength(3)
  })

  it('lets a failed hand-off be a failure', async () => {
    const { webhooks } = openReceiver(() => Promise.reject(new Error('no broker')))
    const reply = await webhooks.handle(deliveryOf(envelopeSent()))
    expect(reply).toMatchObject({ outcome: 'failed', status: 500 })
  })

  it('makes a receiver refuse what is older than the queue remembers', async () => {
    const { webhooks, handed } = openReceiver()
    const created = CREATED - 7 * 24 * 60 * 60
    const reply = await webhooks.handle(deliveryOf(envelopeSent({ created })))
    expect(reply).toMatchObject({ outcome: 'stale', status: 403 })
    expect(handed).toEqual([])
  })
})

function contextOf(rawBody: Uint8Array | undefined): Omit<HandlerContext, 'signal'> {
  return { rawBody, receivedAt: RECEIVED_AT, source: 'webhook', keyFingerprint: FINGERPRINT }
}

function packed(): HandedOffEvent {
  return packEvent(asEvent(envelopeSent()), contextOf(bytesOf(envelopeSent())), QUEUE)
}

function throughQueue(data: HandedOffEvent): unknown {
  return JSON.parse(JSON.stringify(data))
}

function unpack(data: unknown): Unpacked {
  const unpacked = unpackEvent(data, QUEUE)
  if (unpacked instanceof Failure) throw unpacked.toError()
  return unpacked
}

function openReceiver(handOff: () => Promise<void> = () => Promise.resolve()) {
  const webhooks = createWebhooks({
    publicKey: PINGPP.publicKey,
    inbox: handOffInbox(),
    logger: false,
    now: () => NOW_MS,
  })
  const handed: unknown[] = []
  webhooks.on('*', (event) => {
    handed.push(event)
    return handOff()
  })
  return { webhooks, handed }
}
