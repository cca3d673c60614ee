import type { WebhookEvent } from '@hongbao/core'
import { parseEvent, verifierOf } from '@hongbao/core/internal'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../core/test/seeded.ts'
import {
  asEvent,
  bytesOf,
  chargeSucceeded,
  envelopeSent,
  openReceiver,
} from '../../core/test/signed.ts'
import { packEvent, unpackEvent, type EventJob, type Reading } from '../src/event-job.ts'
import { contextOf, packed, RECEIVED_AT, signatureOf } from './packed.ts'

const QUEUE = 'bull:hongbao'

describe('the data of a job', () => {
  it('is the signed bytes in base64 and their signature', () => {
    const bytes = bytesOf(envelopeSent())
    expect(packEvent(asEvent(envelopeSent()), contextOf(bytes), QUEUE)).toStrictEqual({
      version: 1,
      key: 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD',
      type: 'red_envelope.sent',
      id: 'evt_dS28Kn8qsUCBZYTgSUxCPnKA',
      body: bytes.toString('base64'),
      signature: signatureOf(bytes),
      receivedAt: '2024-02-10T00:00:05.250Z',
      source: 'webhook',
    })
  })

  it('keeps an event byte for byte through JSON', async () => {
    const random = seeded(20_240_210)
    const subjects = ['新年红包 🧧', '恭喜发财,大吉大利!', 'Happy 新年', '\u0000\u2028"\\', '']
    for (let round = 0; round < 100; round += 1) {
      const subject = random.pick(subjects) + random.pick(subjects)
      const text = JSON.stringify(envelopeSent({ object: { subject } }))
      const bytes = bytesOf(random.pick(['', '\uFEFF']) + text + random.pick(['', '\n', '  ']))
      const event = asEvent(envelopeSent({ object: { subject } }))
      const data = throughQueue(packEvent(event, contextOf(bytes), QUEUE))
      const unpacked = await unpack(data)
      expect(unpacked.event).toStrictEqual(event)
      expect(Buffer.from(unpacked.how.rawBody ?? []).equals(bytes)).toBe(true)
      expect(unpacked.how).toMatchObject({ receivedAt: RECEIVED_AT, source: 'webhook' })
      expect(unpacked.how.keyFingerprint).toMatch(/^[0-9a-f]{64}$/)
    }
  })

  it('keeps an id that is a number too large for a double', async () => {
    const summary = { id: 0, object: 'account_daily_summary' }
    const changes = { type: 'account.summary.available', object: summary }
    const text = JSON.stringify(chargeSucceeded(changes))
    const bytes = bytesOf(text.replace('"id":0', '"id":2111608270000005209'))
    const event = parseEvent(bytes) as WebhookEvent
    const { event: unpacked } = await unpack(packEvent(event, contextOf(bytes), QUEUE))
    expect(unpacked.data.object).toMatchObject({ id: '2111608270000005209' })
  })

  it('of a polled event has no signature, and its handlers get no raw bytes', async () => {
    const { event, how } = await unpack(throughQueue(polled()), { acceptUnsigned: true })
    expect(polled()).toMatchObject({ signature: null, source: 'poll' })
    expect(event).toStrictEqual(envelopeSent())
    expect(how).toEqual({ source: 'poll', receivedAt: RECEIVED_AT })
  })

  it('is refused for an event without an idempotency key', () => {
    const event = asEvent(chargeSucceeded({ id: undefined, object: { id: undefined } }))
    expect(() => packEvent(event, contextOf(undefined), QUEUE)).toThrow(
      expect.objectContaining({ name: 'InboxError', code: 'queue-job-invalid' }),
    )
  })

  it('is refused for an event that came from the same queue', async () => {
    const { event } = await unpack(packed())
    expect(() => packEvent(event, contextOf(undefined), QUEUE)).toThrow(
      expect.objectContaining({ name: 'InboxError', code: 'queue-circle' }),
    )
  })

  it('can be made by a worker for another queue', async () => {
    const { event } = await unpack(packed())
    expect(packEvent(event, contextOf(undefined), 'bull:archive').type).toBe('red_envelope.sent')
  })
})

describe('a job that no receiver made', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'red_envelope.sent'],
    ['an event as it is', envelopeSent()],
    ['the layout of another version', { ...packed(), version: 2 }],
    ['a body that is no text', { ...packed(), body: 5 }],
    ['no field `signature`', { ...packed(), signature: undefined }],
    [
      'a field `signed` in place of `signature`',
      { ...packed(), signature: undefined, signed: true },
    ],
    ['a signature that is no text', { ...packed(), signature: true }],
    ['an unknown source', { ...packed(), source: 'guess' }],
    ['no time', { ...packed(), receivedAt: undefined }],
    ['an invalid time', { ...packed(), receivedAt: 'yesterday' }],
  ])('is refused: %s [E31]', async (_, data) => {
    await expect(unpack(data)).rejects.toMatchObject({ code: 'queue-job-invalid' })
    await expect(unpack(data, { acceptUnsigned: true })).rejects.toMatchObject({
      code: 'queue-job-invalid',
    })
  })

  it.each<[string, object, string]>([
    ['its body is another', { body: bodyOf(envelopeSent({ id: 'evt_2' })) }, 'signature-mismatch'],
    [
      'its signature is of another body',
      { signature: signatureOf(bytesOf('{}')) },
      'signature-mismatch',
    ],
    ['its signature is made up', { signature: 'a'.repeat(64) }, 'signature-malformed'],
    ['its signature is empty', { signature: '' }, 'signature-missing'],
    ['it has no signature', { signature: null }, 'queue-job-unsigned'],
    ['it has none and claims a poll', { signature: null, source: 'poll' }, 'queue-job-unsigned'],
  ])('is refused if %s [E73]', async (_, changes, code) => {
    await expect(unpack({ ...packed(), ...changes })).rejects.toMatchObject({ code })
  })

  it.each<[string, string, string]>([
    ['is no JSON', 'hello', 'event-not-json'],
    ['is no event', '{"type":"red_envelope.sent"}', 'event-invalid'],
    ['names a member twice', '{"id":1,"id":2}', 'event-not-json'],
    ['is empty', '', 'event-not-json'],
  ])('is refused if its body %s, though it is signed', async (_, body, code) => {
    const bytes = bytesOf(body)
    const data = { body: bytes.toString('base64'), signature: signatureOf(bytes) }
    await expect(unpack({ ...packed(), ...data })).rejects.toMatchObject({ code })
    const unsigned = { ...packed(), ...data, signature: null }
    await expect(unpack(unsigned, { acceptUnsigned: true })).rejects.toMatchObject({ code })
  })
})

function polled(): EventJob {
  const context = { ...contextOf(undefined), source: 'poll' } as const
  return packEvent(asEvent(envelopeSent()), context, QUEUE)
}

function bodyOf(event: Record<string, unknown>): string {
  return bytesOf(event).toString('base64')
}

function throughQueue(data: EventJob): unknown {
  return JSON.parse(JSON.stringify(data))
}

function unpack(data: unknown, changes: Partial<Reading> = {}) {
  const verify = verifierOf(openReceiver().webhooks)
  if (verify === undefined) throw new Error('The receiver verifies nothing.')
  return unpackEvent(data, { queue: QUEUE, verify, acceptUnsigned: false, ...changes })
}
