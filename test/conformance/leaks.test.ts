import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { describe, expect, it, vi } from 'vitest'
import { hosts } from './hosts.ts'
import type { RawResponse } from './raw-http.ts'
import { expectAnswer, keys, notification, open, signed } from './reception.ts'

const SECRET = 'sk_live_aHiddenThing'
const stranger = createTestKeys()

describe.each(hosts)('what $name discloses to an unauthenticated sender', (host) => {
  it('answers every forgery alike, with any body [B30]', async () => {
    const reception = await open(host)
    const genuine = notification()
    const forgeries = [
      { headers: genuine.headers, body: Buffer.from('not JSON') },
      { headers: genuine.headers, body: Buffer.from([0xff, 0xfe]) },
      { headers: genuine.headers, body: notification().bytes },
      { headers: signDelivery(genuine.bytes, stranger).headers, body: genuine.bytes },
    ]
    const answers: RawResponse[] = []
    for (const forgery of forgeries) answers.push(await reception.send(forgery))
    for (const answer of answers) {
      expectAnswer(answer, 401, 'signature-mismatch')
      expect(withoutDate(answer)).toEqual(withoutDate(answers[0]))
    }
    expect(reception.handled).toEqual([])
  })

  it('answers every malformed signature alike, with any body [B30]', async () => {
    const reception = await open(host)
    const valid = notification().headers['x-pingplusplus-signature'] ?? ''
    const answers: RawResponse[] = []
    for (const signature of ['no base64!', `${valid}, ${valid}`]) {
      for (const body of [notification().bytes, Buffer.from('not JSON')]) {
        const headers = { 'x-pingplusplus-signature': signature }
        answers.push(await reception.send({ headers, body }))
      }
    }
    for (const answer of answers) {
      expectAnswer(answer, 401, 'signature-malformed')
      expect(withoutDate(answer)).toEqual(withoutDate(answers[0]))
    }
  })

  it('answers every unsigned body alike [B30]', async () => {
    const reception = await open(host)
    const bodies = [notification().bytes, Buffer.from('not JSON'), Buffer.alloc(0)]
    const answers: RawResponse[] = []
    for (const body of bodies) answers.push(await reception.send({ body }))
    for (const answer of answers) {
      expectAnswer(answer, 401, 'signature-missing')
      expect(withoutDate(answer)).toEqual(withoutDate(answers[0]))
    }
  })

  it('answers every signed body that is no event alike [B30]', async () => {
    const reception = await open(host)
    const answers: RawResponse[] = []
    for (const content of ['null', '[]', '{"type":5}', '{"type":"constructor"}']) {
      answers.push(await reception.deliver(signed(content)))
    }
    for (const answer of answers) {
      expectAnswer(answer, 400, 'event-invalid')
      expect(withoutDate(answer)).toEqual(withoutDate(answers[0]))
    }
  })

  it('puts a secret of a handler error neither into the answer nor into the log [S13]', async () => {
    const reception = await open(host, {
      handle() {
        throw new Error(`could not reach https://user:${SECRET}@example.com`)
      },
    })
    const event = eventFixture('red_envelope.sent')
    const response = await reception.deliver(signDelivery(event, keys))
    expectAnswer(response, 500, 'handler-failed')
    expect(JSON.stringify(response)).not.toContain(SECRET)
    expect(reception.log).toHaveLength(1)
    expect(reception.log[0]).toContain(`handler-failed (red_envelope.sent ${event.id})`)
    expect(reception.log[0]).not.toContain(SECRET)
    expect(reception.log[0]).not.toContain('example.com')
  })

  it('puts a secret of an inbox error neither into the answer nor into the log [S13]', async () => {
    const reception = await open(host, {
      inbox: {
        retentionSeconds: 172_800,
        admit: () => Promise.reject(new Error(`redis://:${SECRET}@cache refused`)),
      },
    })
    const response = await reception.deliver(notification())
    expectAnswer(response, 500, 'inbox-unavailable')
    expect(JSON.stringify(response)).not.toContain(SECRET)
    expect(reception.log).toHaveLength(1)
    expect(reception.log[0]).not.toContain(SECRET)
  })

  it('puts no body and no signature into the log [S13]', async () => {
    const reception = await open(host)
    const content = Buffer.from(`{"type":"red_envelope.sent","order_no":"${SECRET}"}`)
    const { headers } = notification()
    await reception.send({ body: content })
    await reception.send({ headers, body: content })
    await reception.deliver(signed(content))
    expect(reception.log).toHaveLength(3)
    expect(reception.log.join()).not.toContain(SECRET)
    expect(reception.log.join()).not.toContain(headers['x-pingplusplus-signature']?.slice(0, 20))
  })

  it('keeps the same secrets out of the default log, the console [S13]', async () => {
    const lines: unknown[] = []
    for (const level of ['error', 'warn', 'info', 'log'] as const) {
      vi.spyOn(console, level).mockImplementation((...line) => void lines.push(...line))
    }
    try {
      const reception = await open(host, {
        logger: undefined,
        handle: () => Promise.reject(new Error(SECRET)),
      })
      expectAnswer(await reception.deliver(notification()), 500, 'handler-failed')
    } finally {
      vi.restoreAllMocks()
    }
    expect(lines).toHaveLength(1)
    expect(String(lines[0])).not.toContain(SECRET)
  })
})

function withoutDate(response: RawResponse | undefined) {
  return { ...response, headers: { ...response?.headers, date: '' } }
}
