import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { functionApp, httpApp, isGenuine, openEngine } from './open-engine.ts'

describe('what an attempt keeps of the app’s answer', () => {
  const KEYS = ['sk_test_ibbTe5jLGCi5rzfH4OqPW9KC', 'MIIEvSecret', 'sk_live_0123456789abcdef']
  const [key = '', pem = '', live = ''] = KEYS
  const PEM = `-----BEGIN RSA PRIVATE KEY-----\n${pem}\n-----END RSA PRIVATE KEY-----`

  it.each([
    [
      'text',
      `红包 ${key} and ${PEM} end`,
      '红包 sk_test_**** and -----BEGIN RSA PRIVATE KEY-----**** end',
    ],
    [
      'JSON',
      JSON.stringify({ env: `a\n${key}\n${PEM}` }),
      String.raw`{"env":"a\nsk_test_****\n-----BEGIN RSA PRIVATE KEY-----****"}`,
    ],
    ['a key that was cut', PEM.slice(0, -40), '-----BEGIN RSA PRIVATE KEY-----****'],
  ])('has no API key and no private key: %s', async (_name, body, shown) => {
    const target = () => new Response(body, { status: 500, headers: { 'x-config': live } })
    const engine = openEngine({ target })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.next()
    const [attempt] = engine.event(id)?.attempts ?? []
    expect(attempt?.response?.body.toString()).toBe(shown)
    expect(attempt?.response?.headers).toMatchObject({ 'x-config': 'sk_live_****' })
    const kept = JSON.stringify([engine.journal.since(0), attempt?.response?.body.toString()])
    expect(kept).toContain('****')
    for (const each of KEYS) expect(kept).not.toContain(each)
  })

  it('keeps other bytes as they are', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at)
    const engine = openEngine({ target: () => new Response(bytes) })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    const [attempt] = engine.event(id)?.attempts ?? []
    expect(attempt?.response?.body.equals(bytes)).toBe(true)
  })

  it('has no key in the error of a target that throws', async () => {
    const engine = openEngine({ target: () => Promise.reject(new Error(`bad ${key}`)) })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.next()
    const [attempt] = engine.event(id)?.attempts ?? []
    expect(attempt?.error).toContain('bad sk_test_****')
  })
})

describe('an attempt shows what was really sent', () => {
  it('to a URL: every header, the event’s own bytes, the target and the timings', async () => {
    const app = await httpApp()
    const engine = openEngine({ target: app.target })
    const event = engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    const [attempt] = engine.event(event.id)?.attempts ?? []
    expect(attempt).toMatchObject({
      target: app.target,
      sent: {
        url: app.target,
        headers: {
          host: `127.0.0.1:${app.port}`,
          'content-length': String(event.bytes.length),
          connection: 'close',
          'x-pingplusplus-signature': event.signature,
        },
      },
    })
    expect(attempt?.sent.body.equals(event.bytes)).toBe(true)
    const { connectMs, firstByteMs, totalMs } = attempt?.timings ?? {}
    expect([connectMs, firstByteMs, totalMs]).toEqual(
      [connectMs, firstByteMs, totalMs].toSorted((a, b) => Number(a) - Number(b)),
    )
    expect(connectMs).toBeGreaterThan(0)
    await app.close()
  })

  it('under a fault: the bytes and the header that the app received, not the genuine ones', async () => {
    const app = functionApp(500)
    const engine = openEngine({ target: app.target })
    engine.faults.add('tampered-body', { attempt: 1 })
    engine.faults.add('missing-signature', { attempt: 1 })
    engine.faults.add('truncated-body', { attempt: 2 })
    const { id, bytes } = engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    await engine.clock.next()
    const [tampered, cut] = engine.event(id)?.attempts ?? []
    expect(tampered?.sent.body.equals(app.seen[0]?.body ?? bytes)).toBe(true)
    expect(tampered?.sent.body.equals(bytes)).toBe(false)
    expect(tampered?.sent.headers).not.toHaveProperty('x-pingplusplus-signature')
    expect(cut?.sent.body.equals(bytes.subarray(0, bytes.length >> 1))).toBe(true)
    expect(tampered?.timings).toMatchObject({ connectMs: null })
  })
})

describe('a loopback target', () => {
  it('gets its notification while this process is busy for a second', async () => {
    const app = await httpApp()
    const engine = openEngine({ target: app.target.replace('127.0.0.1', 'localhost') })
    const { id } = engine.trigger('red_envelope.sent')
    await Promise.resolve()
    // The connection is being opened now, and the event loop stands still.
    const until = performance.now() + 1000
    while (performance.now() < until);
    await engine.clock.settled()
    expect(engine.event(id)).toMatchObject({ status: 'delivered', attempts: [{ ok: true }] })
    await app.close()
  })

  it('may listen on ::1 only', async () => {
    const server = createServer((_, response) => response.end()).listen(0, '::1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const engine = openEngine({ target: `http://localhost:${port}/webhooks` })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    expect(engine.event(id)).toMatchObject({ status: 'delivered', attempts: [{ ok: true }] })
    server.close()
  })
})

describe('every trigger has a record, whatever becomes of it', () => {
  it('without a target: event.undelivered', () => {
    const engine = openEngine()
    const { id } = engine.trigger('charge.succeeded')
    expect(typesOf(engine, id)).toEqual(['event.created', 'event.undelivered'])
  })

  it.each([
    ['delay', false],
    ['reorder', true],
  ] as const)(
    'held back by %s: attempt.held, with the time it is due',
    async (kind, untilAnother) => {
      const engine = openEngine({ target: functionApp().target })
      engine.faults.add(kind, { delayMs: 60_000 })
      const { id } = engine.trigger('charge.succeeded')
      await engine.clock.settled()
      expect(engine.journal.since(0).find(({ type }) => type === 'attempt.held')).toMatchObject({
        event: id,
        n: 1,
        faults: [kind],
        dueAt: new Date(engine.clock.now() + 60_000).toISOString(),
        untilAnother,
      })
    },
  )

  it('when the target is removed before a retry', async () => {
    const engine = openEngine({ target: functionApp(500).target })
    const { id } = engine.trigger('charge.succeeded')
    await engine.clock.settled()
    engine.setTarget(undefined)
    await engine.clock.next()
    expect(typesOf(engine, id).at(-1)).toBe('event.undelivered')
  })
})

describe('resend with changes makes a new event', () => {
  it('with an id and a signature of its own, whose `from` is the old one', async () => {
    const app = functionApp()
    const engine = openEngine({ target: app.target })
    const { id, orderNo } = engine.trigger('red_envelope.sent')
    const copy = engine.resend(id, { object: { amount: 250 } })
    await engine.clock.settled()
    expect(copy).toMatchObject({ from: id, orderNo, type: 'red_envelope.sent' })
    expect(copy.id).not.toBe(id)
    const { body } = app.seen[1] ?? { body: Buffer.alloc(0) }
    expect(JSON.parse(body.toString())).toMatchObject({
      id: copy.id,
      data: { object: { amount: 250, order_no: orderNo } },
    })
    expect(app.seen.map(isGenuine)).toEqual([true, true])
  })

  it('with exactly the body that is given, signed, under the old signature, or without one', async () => {
    const app = functionApp()
    const engine = openEngine({ target: app.target })
    const { id, signature } = engine.trigger('red_envelope.sent')
    const body = '{ "type": "charge.succeeded", "note": "新" }'
    const signed = engine.resend(id, { body })
    engine.resend(id, { body, sign: 'keep' })
    engine.resend(id, { body, sign: 'none' })
    await engine.clock.settled()
    expect(signed).toMatchObject({ type: 'charge.succeeded', from: id })
    const copies = app.seen.slice(1)
    expect(copies.map((each) => each.body.toString())).toEqual([body, body, body])
    expect(copies.map(isGenuine)).toEqual([true, false, false])
    expect(copies.map((each) => each.signature).slice(1)).toEqual([signature, undefined])
  })

  it('is refused with both `object` and `body`, with an unknown option, and for an unknown event', () => {
    const engine = openEngine({ target: functionApp().target })
    const { id } = engine.trigger('red_envelope.sent')
    expect(() => engine.resend(id, { object: {}, body: '{}' })).toThrow('not both')
    expect(() => engine.resend(id, { boddy: '{}' } as object)).toThrow('boddy')
    expect(() => engine.resend('evt_0', { object: {} })).toThrow('no event')
  })
})

describe('a planned attempt', () => {
  it('can be cancelled: the event is given up, and may still be sent by hand', async () => {
    const engine = openEngine({ target: functionApp(500, 200).target })
    const { id } = engine.trigger('charge.succeeded')
    await engine.clock.settled()
    expect(engine.deliveries.cancelRetry(id)).toMatchObject({
      status: 'exhausted',
      nextAttemptMs: undefined,
    })
    expect(engine.clock.pending('delivery')).toEqual([])
    expect(typesOf(engine, id).slice(-2)).toEqual(['retry.cancelled', 'event.exhausted'])
    expect(engine.deliveries.cancelRetry(id)).toBeUndefined()
    engine.resend(id)
    await engine.clock.settled()
    expect(engine.event(id)?.status).toBe('delivered')
  })
})

describe('a maximum of events', () => {
  it('removes the oldest with their records; those that are still to be delivered stay longer', async () => {
    const engine = openEngine({ maxEvents: 3, target: functionApp(500, 200).target })
    const waiting = engine.trigger('charge.succeeded')
    await engine.clock.settled()
    for (let each = 0; each < 5; each += 1) {
      engine.trigger('red_envelope.sent')
      await engine.clock.settled()
    }
    const ids = engine.events().map(({ id }) => id)
    expect(ids).toHaveLength(3)
    expect(ids[0]).toBe(waiting.id)
    expect(engine.deliveries.counts).toMatchObject({ pending: 1, delivered: 2 })
    const told = engine.journal
      .since(0)
      .flatMap((record) => ('event' in record ? [record.event] : []))
    expect(new Set(told)).toEqual(new Set(ids))
  })

  it('bounds those that are to be delivered, too, and the envelopes', () => {
    const engine = openEngine({ maxEvents: 2, target: functionApp(500).target })
    for (let each = 0; each < 50; each += 1) engine.trigger('red_envelope.sent')
    expect(engine.events()).toHaveLength(20)
    expect(engine.deliveries.counts.pending).toBe(20)
    expect(engine.envelopes.size).toBe(4)
    expect(engine.clock.pending('delivery')).toHaveLength(20)
  })
})

function typesOf(engine: ReturnType<typeof openEngine>, id: string): string[] {
  return engine.journal
    .since(0)
    .filter((record) => 'event' in record && record.event === id)
    .map(({ type }) => type)
}
