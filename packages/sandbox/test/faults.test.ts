import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../src/clock/timer-clock.ts'
import type { Engine } from '../src/engine/engine.ts'
import type { ApiFaultKind, FaultKind, FaultRule } from '../src/faults/fault-kind.ts'
import { createFaults, type FaultSource } from '../src/faults/faults.ts'
import { functionApp, httpApp, isGenuine, openEngine, startsOf, type App } from './open-engine.ts'

type AnyApp = App & { readonly target: string | ((request: Request) => Promise<Response>) }

const HOSTS = {
  'an app behind a URL': async () => httpApp(),
  'an app in this process': async () => Object.assign(functionApp(), { close: async () => {} }),
}

describe.each(Object.entries(HOSTS))('%s', (_name, start) => {
  let app: AnyApp & { close(): Promise<void> }
  let engine: Engine

  beforeEach(async () => {
    app = await start()
    engine = openEngine({ target: app.target, responseTimeoutMs: 600_000 })
  })
  afterEach(async () => {
    await engine.close()
    await app.close()
  })

  it('answer-lost: the app has the notification, and gets it again', async () => {
    const event = await deliver('answer-lost')
    expect(app.seen.map(isGenuine)).toEqual([true, true])
    expect(event.attempts).toMatchObject([
      // What was answered is shown, so that nobody looks for it.
      { ok: false, errorCode: 'fault', faults: ['answer-lost'], response: { status: 200 } },
      { ok: true, faults: [] },
    ])
  })

  it('timeout: the same, without waiting for the time to be over', async () => {
    const event = await deliver('timeout')
    expect(app.seen.map(isGenuine)).toEqual([true, true])
    expect(event.attempts).toMatchObject([
      { ok: false, errorCode: 'fault', error: expect.stringContaining('too late') as string },
      { ok: true },
    ])
  })

  it('duplicate: several times, one after another', async () => {
    const event = await deliver('duplicate', { copies: 3 })
    expect(app.seen.map(isGenuine)).toEqual([true, true, true])
    expect(event.attempts).toMatchObject([
      { n: 1, kind: 'scheduled', ok: true, faults: ['duplicate'] },
      { n: 1, kind: 'duplicate', ok: true, faults: ['duplicate'] },
      { n: 1, kind: 'duplicate', ok: true, faults: ['duplicate'] },
    ])
    expect(event.status).toBe('delivered')
  })

  it('duplicate: all copies must fail for a retry', async () => {
    app.statuses = [500, 200]
    const event = await deliver('duplicate')
    expect(event.attempts.map(({ n, ok }) => [n, ok])).toEqual([
      [1, false],
      [1, true],
    ])
    expect(event.status).toBe('delivered')
  })

  it('reorder: after another notification', async () => {
    engine.faults.add('reorder')
    const held = engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    expect(app.seen).toHaveLength(0)
    expect(engine.event(held.id)).toMatchObject({ status: 'pending', attempts: [] })
    const other = engine.trigger('red_envelope.received')
    await engine.clock.settled()
    expect(idsOf(app)).toEqual([other.id, held.id])
    expect(startsOf(engine, held.id)).toEqual([0])
  })

  it('reorder: by itself where no other one comes', async () => {
    engine.faults.add('reorder', { delayMs: 90_000 })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.advance(89_999)
    expect(app.seen).toHaveLength(0)
    await engine.clock.advance(1)
    expect(startsOf(engine, id)).toEqual([90_000])
    expect(engine.event(id)).toMatchObject({
      status: 'delivered',
      attempts: [{ faults: ['reorder'] }],
    })
  })

  it('delay: late, and the retry counts from then', async () => {
    app.statuses = [500, 200]
    engine.faults.add('delay', { delayMs: 45_000 })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    expect(engine.event(id)?.nextAttemptMs).toBe(engine.clock.now() + 45_000)
    await engine.clock.advance(60_000)
    expect(startsOf(engine, id)).toEqual([45_000, 50_000])
  })

  it('tampered-body: one byte is another, and the signature is the old one', async () => {
    const event = await deliver('tampered-body', {}, [401, 200])
    const [tampered, genuine] = app.seen
    expect(tampered?.body).toHaveLength(event.bytes.length)
    expect(differences(tampered?.body, event.bytes)).toBe(1)
    expect(tampered?.signature).toBe(event.signature)
    // It is still an event: another amount.
    expect(objectIn(tampered?.body)).toMatchObject({ amount: 200 })
    expect(
      isGenuine({ body: tampered?.body ?? Buffer.alloc(0), signature: tampered?.signature }),
    ).toBe(false)
    expect(genuine?.body).toEqual(event.bytes)
    expect(event.status).toBe('delivered')
  })

  it('tampered-signature: one character is another, and it is still base64', async () => {
    const event = await deliver('tampered-signature', {}, [401, 200])
    const [tampered] = app.seen
    expect(tampered?.body).toEqual(event.bytes)
    expect(tampered?.signature).toMatch(/^[A-Za-z0-9+/]{342}==$/)
    expect(differences(Buffer.from(tampered?.signature ?? ''), Buffer.from(event.signature))).toBe(
      1,
    )
  })

  it('missing-signature: no header', async () => {
    await deliver('missing-signature', {}, [401, 200])
    expect(app.seen.map(({ signature }) => signature === undefined)).toEqual([true, false])
  })

  it('wrong-key: signed well, by a stranger', async () => {
    const event = await deliver('wrong-key', {}, [401, 200])
    expect(app.seen[0]?.body).toEqual(event.bytes)
    expect(app.seen[0]?.signature).toMatch(/^[A-Za-z0-9+/]{342}==$/)
    expect(app.seen.map(isGenuine)).toEqual([false, true])
  })

  it('escaped-body: the same JSON in other bytes, under the signature of the plain ones', async () => {
    const event = await deliver('escaped-body', {}, [401, 200])
    const [escaped] = app.seen
    expect(escaped?.signature).toBe(event.signature)
    expect(escaped?.body.toString()).toContain(String.raw`"subject":"\u65b0\u5e74\u7ea2\u5305"`)
    expect(escaped?.body.toString()).toMatch(/^[\x20-\x7e]+$/)
    expect(JSON.parse(String(escaped?.body))).toEqual(JSON.parse(event.bytes.toString()))
    expect(app.seen.map(isGenuine)).toEqual([false, true])
  })

  it('escaped-body: other bytes even where nothing has to be escaped', async () => {
    app.statuses = [401, 200]
    engine.faults.add('escaped-body')
    const object = { subject: 'a', body: 'b', description: 'c', extra: { send_name: 'd' } }
    const event = engine.trigger('red_envelope.sent', { object })
    await engine.clock.advance(5000)
    const [escaped] = app.seen
    expect(JSON.parse(String(escaped?.body))).toEqual(JSON.parse(event.bytes.toString()))
    expect(app.seen.map(isGenuine)).toEqual([false, true])
  })

  it('truncated-body: the body ends early, and nothing the app says about it counts', async () => {
    const event = await deliver('truncated-body')
    expect(app.seen.map(({ isWhole }) => isWhole)).toEqual([false, true])
    expect(event.bytes.subarray(0, app.seen[0]?.body.length)).toEqual(app.seen[0]?.body)
    expect(event.attempts).toMatchObject([
      { ok: false, errorCode: 'fault', faults: ['truncated-body'] },
      { ok: true },
    ])
  })

  it('connection-reset: the app never has the whole body', async () => {
    const event = await deliver('connection-reset')
    expect(app.seen.filter(({ isWhole }) => isWhole)).toHaveLength(1)
    expect(event.attempts).toMatchObject([
      { ok: false, errorCode: 'fault', faults: ['connection-reset'] },
      { ok: true },
    ])
  })

  it('slow-body: all of it, in small pieces', async () => {
    const event = await deliver('slow-body', { chunkBytes: 100, chunkMs: 1 })
    expect(app.seen).toHaveLength(1)
    expect(app.seen.map(isGenuine)).toEqual([true])
    expect(event).toMatchObject({ status: 'delivered', attempts: [{ faults: ['slow-body'] }] })
  })

  it('of different kinds fire together', async () => {
    app.statuses = [401]
    for (const kind of [
      'tampered-body',
      'missing-signature',
      'slow-body',
      'duplicate',
      'answer-lost',
    ] as const) {
      engine.faults.add(kind, kind === 'slow-body' ? { chunkMs: 0 } : {})
    }
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    expect(app.seen).toHaveLength(2)
    expect(app.seen.map(({ signature }) => signature)).toEqual([undefined, undefined])
    expect(engine.event(id)?.attempts[0]?.faults).toEqual([
      'tampered-body',
      'missing-signature',
      'slow-body',
      'duplicate',
      'answer-lost',
    ])
  })

  /** One event of which one fault fires, until it is delivered. */
  async function deliver(
    kind: FaultKind,
    rule: Omit<FaultRule, 'kind'> = {},
    statuses: number[] = app.statuses,
  ) {
    app.statuses = statuses
    engine.faults.add(kind, rule)
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.advance(5000)
    const event = engine.event(id)
    if (event === undefined) throw new Error('no event')
    expect(event.status).toBe('delivered')
    expect(engine.faults.list()).toMatchObject([{ kind, fired: 1 }])
    return event
  }
})

describe('on real sockets', () => {
  it('a duplicate can come at once: the second before the first is answered', async () => {
    const both = Promise.withResolvers<void>()
    let waiting = 0
    const server = createServer((request, response) => {
      waiting += 1
      if (waiting === 2) both.resolve()
      request.resume()
      void both.promise.then(() => response.end())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const engine = openEngine({ target: `http://127.0.0.1:${port}/`, responseTimeoutMs: 5000 })
    engine.faults.add('duplicate', { how: 'at-once' })
    engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    expect(engine.events()[0]).toMatchObject({
      status: 'delivered',
      attempts: [{ ok: true }, { ok: true }],
    })
    server.close()
  })

  it('what is truncated announces its whole length', async () => {
    const lengths: (string | undefined)[] = []
    const server = createServer((request) => {
      lengths.push(request.headers['content-length'])
      request.resume().on('error', () => {})
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const engine = openEngine({ target: `http://127.0.0.1:${port}/` })
    engine.faults.add('truncated-body')
    const { bytes } = engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    expect(lengths).toEqual([String(bytes.length)])
    // Node's server refuses a message that breaks off.
    expect(engine.events()[0]?.attempts).toMatchObject([{ ok: false, response: { status: 400 } }])
    server.close()
  })

  it('an app that is not there has nothing to do with the fault', async () => {
    const engine = openEngine({ target: 'http://127.0.0.1:1/' })
    for (const kind of ['answer-lost', 'truncated-body', 'connection-reset'] as const) {
      engine.faults.add(kind)
    }
    engine.trigger('charge.succeeded')
    await engine.clock.advance(15_000)
    expect(engine.events()[0]?.attempts.map(({ errorCode }) => errorCode)).toEqual([
      'connection-refused',
      'connection-refused',
      'connection-refused',
    ])
  })
})

describe('when a fault fires', () => {
  it.each<[string, Omit<FaultRule, 'kind'>, number[]]>([
    ['once, if nothing else is said', {}, [1]],
    ['a number of times', { times: 3 }, [1, 2, 3]],
    ['always', { times: Infinity }, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    ['at one attempt', { attempt: 2 }, [2]],
    ['at a range of attempts', { attempt: [2, 4], times: Infinity }, [2, 3, 4]],
    ['at each of a range', { attempt: [2, 4] }, [2, 3, 4]],
    ['at a range, but not too often', { attempt: [9, 11], times: 2 }, [9, 10]],
  ])('%s', async (_, rule, expected) => {
    const engine = openEngine({ target: functionApp(500).target })
    engine.faults.add('missing-signature', rule)
    const { id } = engine.trigger('charge.succeeded')
    await engine.clock.drain()
    const hit = (engine.event(id)?.attempts ?? []).filter(({ faults }) => faults.length > 0)
    expect(hit.map(({ n }) => n)).toEqual(expected)
  })

  it.each<[string, FaultRule['match'], string[]]>([
    ['anything', {}, ['1 sent', '2 sent', '1 received']],
    ['a type', { type: 'red_envelope.received' }, ['1 received']],
    ['an order', { orderNo: '1' }, ['1 sent', '1 received']],
    ['an order and a type', { orderNo: '2', type: 'red_envelope.received' }, []],
  ])('for %s', async (_, match, expected) => {
    const engine = openEngine({ target: functionApp(500).target })
    engine.faults.add('missing-signature', { match, attempt: 1, times: Infinity })
    engine.trigger('red_envelope.sent', { object: { order_no: '1' } })
    engine.trigger('red_envelope.sent', { object: { order_no: '2' } })
    engine.trigger('red_envelope.received', { envelope: '1' })
    await engine.clock.settled()
    const hit = engine.events().filter(({ attempts }) => attempts[0]?.faults.length === 1)
    expect(hit.map(({ orderNo, type }) => `${orderNo} ${type.slice(13)}`)).toEqual(expected)
  })

  it('for one envelope', async () => {
    const engine = openEngine({ target: functionApp().target })
    const [first, second] = [
      engine.trigger('red_envelope.sent'),
      engine.trigger('red_envelope.sent'),
    ]
    engine.faults.add('answer-lost', { match: { envelope: second.envelope } })
    await engine.clock.settled()
    expect([first, second].map(({ id }) => engine.event(id)?.status)).toEqual([
      'delivered',
      'pending',
    ])
  })

  it('takes turns with others that change the same thing', async () => {
    const engine = openEngine({ target: functionApp(401).target })
    for (const kind of ['wrong-key', 'missing-signature', 'tampered-signature'] as const)
      engine.faults.add(kind)
    const { id } = engine.trigger('charge.succeeded')
    await engine.clock.advance(135_000)
    expect(engine.event(id)?.attempts.map(({ faults }) => faults)).toEqual([
      ['wrong-key'],
      ['missing-signature'],
      ['tampered-signature'],
      [],
    ])
  })

  it('by chance, it is the same chance for the same seed', async () => {
    const [first, again, other] = [await hits(7), await hits(7), await hits(8)]
    expect(first).toEqual(again)
    expect(first).not.toEqual(other)
    // 110 attempts at 0.3 each: 33, give or take three standard deviations.
    expect(first.length).toBeGreaterThan(18)
    expect(first.length).toBeLessThan(48)

    async function hits(seed: number): Promise<string[]> {
      const engine = openEngine({ seed, target: functionApp(500).target })
      engine.faults.add('missing-signature', { probability: 0.3, times: Infinity })
      for (let each = 0; each < 10; each += 1) engine.trigger('charge.succeeded')
      await engine.clock.drain()
      return engine
        .events()
        .flatMap(({ attempts }, at) =>
          attempts.filter(({ faults }) => faults.length > 0).map(({ n }) => `${at}/${n}`),
        )
    }
  })

  it('is told to the journal and seen on the attempt', async () => {
    const engine = openEngine({ target: functionApp().target })
    const { id: fault } = engine.faults.add('answer-lost')
    const { id } = engine.trigger('charge.succeeded')
    await engine.clock.drain()
    const records = engine.journal.since(0)
    expect(records.filter(({ type }) => type === 'fault.fired')).toMatchObject([
      { fault, kind: 'answer-lost', subject: id },
    ])
    const told = records.filter(({ type }) => type.startsWith('attempt.'))
    expect(told.map((record) => 'faults' in record && record.faults)).toEqual([
      ['answer-lost'],
      ['answer-lost'],
      undefined,
      undefined,
    ])
  })

  it('meets what is sent by hand, too', async () => {
    const app = functionApp()
    const engine = openEngine({ target: app.target })
    const { id } = engine.trigger('charge.succeeded')
    await engine.clock.settled()
    engine.faults.add('missing-signature', { attempt: 1 })
    engine.resend(id)
    await engine.clock.settled()
    expect(app.seen.map(({ signature }) => signature === undefined)).toEqual([false, true])
  })

  it('is lost by nothing: held notifications arrive although they wait for each other', async () => {
    const app = functionApp()
    const engine = openEngine({ target: app.target, clock: createClock({ speed: 0 }) })
    engine.faults.add('reorder', { times: 3 })
    const ids = ['1', '2', '3'].map(
      (order) => engine.trigger('red_envelope.sent', { object: { order_no: order } }).id,
    )
    await engine.clock.settled()
    expect(app.seen).toHaveLength(0)
    await engine.clock.advance(60_000)
    expect(idsOf(app).toSorted()).toEqual(ids.toSorted())
  })

  it('does not hold back what was delivered by hand meanwhile', async () => {
    const app = functionApp()
    const engine = openEngine({ target: app.target })
    engine.faults.add('delay', { delayMs: 60_000 })
    const { id } = engine.trigger('charge.succeeded')
    await engine.clock.settled()
    engine.resend(id)
    await engine.clock.drain()
    expect(app.seen).toHaveLength(1)
    expect(engine.event(id)?.status).toBe('delivered')
  })

  it('holds nothing back for a target that has gone', async () => {
    const engine = openEngine({ target: functionApp().target })
    engine.faults.add('reorder')
    const { id } = engine.trigger('charge.succeeded')
    await engine.clock.settled()
    engine.setTarget(undefined)
    await engine.clock.drain()
    expect(engine.event(id)).toMatchObject({ status: 'undelivered', nextAttemptMs: undefined })
  })
})

describe('the rules', () => {
  it('have numbers, and say how often they fired', () => {
    const { faults } = openEngine()
    const first = faults.add('delay', { delayMs: 5 })
    faults.add('duplicate')
    expect(first).toEqual({ id: 'fault_1', kind: 'delay', delayMs: 5, fired: 0 })
    faults.takeForAttempt(EVENT, 1)
    expect(faults.list()).toMatchObject([
      { id: 'fault_1', fired: 1 },
      { id: 'fault_2', fired: 1 },
    ])
    expect(faults.remove('fault_1')).toBe(true)
    expect(faults.remove('fault_1')).toBe(false)
    expect(faults.list()).toHaveLength(1)
    faults.clear()
    expect(faults.list()).toEqual([])
  })

  it('start their chances again when they are cleared', () => {
    const { faults } = openEngine()
    const first = draws()
    faults.clear()
    expect(draws()).toEqual(first)

    function draws(): boolean[] {
      faults.add('delay', { probability: 0.5, times: Infinity })
      return Array.from({ length: 50 }, () => faults.takeForAttempt(EVENT, 1).length > 0)
    }
  })

  it.each<[FaultKind, object, RegExp]>([
    ['answers-lost' as FaultKind, {}, /^Unknown fault.*answer-lost/],
    ['constructor' as FaultKind, {}, /^Unknown fault/],
    ['delay', { delay: 5 }, /`delay` is not a field.*delayMs/],
    ['delay', { delayMs: 0 }, /`delayMs` must be a whole number of milliseconds/],
    ['delay', { delayMs: 1.5 }, /`delayMs`/],
    ['delay', { copies: 2 }, /`copies` is only for duplicate, not for delay/],
    ['api-error', { attempt: 1 }, /`attempt` is only for faults of webhooks/],
    ['timeout', { attempt: 0 }, /`attempt` must be an attempt from 1 to 11/],
    ['timeout', { attempt: 12 }, /`attempt`/],
    ['timeout', { attempt: [3, 2] }, /`attempt`/],
    ['timeout', { attempt: [1, 2, 3] }, /`attempt`/],
    ['timeout', { attempt: '1' }, /`attempt`/],
    ['timeout', { times: 0 }, /`times` must be a whole number, 1 or more, or Infinity/],
    ['timeout', { times: 1.5 }, /`times`/],
    ['timeout', { probability: 0 }, /`probability` must be a number above 0, up to 1/],
    ['timeout', { probability: 1.1 }, /`probability`/],
    ['timeout', { match: 'red_envelope.sent' }, /`match` must be an object/],
    ['timeout', { match: { order_no: '1' } }, /`match`.*`orderNo`/],
    ['timeout', { match: { operation: 'create' } }, /`match`/],
    ['api-hang', { match: { type: 'red_envelope.sent' } }, /`match`/],
    ['api-hang', { match: { operation: 'delete' } }, /`match`.*"create"/],
    ['duplicate', { copies: 1 }, /`copies` must be a whole number from 2 to 100/],
    ['duplicate', { how: 'together' }, /`how` must be "at-once" or "in-sequence"/],
    ['slow-body', { chunkBytes: 0 }, /`chunkBytes`/],
    ['slow-body', { chunkMs: -1 }, /`chunkMs`/],
    ['api-error', { status: 200 }, /`status` must be an HTTP status from 400 to 599/],
    ['api-error', { code: 'no spaces' }, /`code`/],
    ['api-error', { retryAfterSeconds: -1 }, /`retryAfterSeconds`/],
    ['api-latency', { latencyMs: Infinity }, /`latencyMs`/],
    ['channel-failure', { committed: 'yes' }, /`committed` must be true or false/],
  ])('are refused where they could not do what they say: %s %j', (kind, rule, message) => {
    const { faults } = openEngine()
    expect(() => faults.add(kind, rule)).toThrow(
      expect.objectContaining({ code: 'fault-invalid', message: expect.stringMatching(message) }),
    )
    expect(faults.list()).toEqual([])
  })

  it('may have fields that are undefined', () => {
    const rule = { times: undefined, match: undefined, copies: undefined }
    expect(() => openEngine().faults.add('delay', rule)).not.toThrow()
  })
})

describe('faults of the API', () => {
  it('fire for the operation, envelope and order that they match', () => {
    const faults = openFaults()
    faults.add('api-error', { match: { operation: 'create', orderNo: '1' } })
    expect(kinds(faults, 'retrieve', '1')).toEqual([])
    expect(kinds(faults, 'create', '2')).toEqual([])
    expect(kinds(faults, 'create', '1')).toEqual(['api-error'])
    expect(kinds(faults, 'create', '1')).toEqual([])
  })

  it('are not mixed up with those of webhooks', () => {
    const faults = openFaults()
    faults.add('answer-lost')
    faults.add('api-answer-lost')
    expect(faults.takeForAttempt(EVENT, 1).map(({ kind }) => kind)).toEqual(['answer-lost'])
    expect(kinds(faults, 'list')).toEqual(['api-answer-lost'])
  })

  it('let the channel fail where it is asked: at a create alone', () => {
    const faults = openFaults()
    faults.add('channel-failure')
    expect(kinds(faults, 'retrieve')).toEqual([])
    expect(kinds(faults, 'create')).toEqual(['channel-failure'])
  })

  it('fire late and in one of the ways to end', () => {
    const faults = openFaults()
    const ways: ApiFaultKind[] = ['api-latency', 'api-hang', 'api-reset', 'api-error']
    for (const kind of ways) faults.add(kind)
    expect(kinds(faults, 'create')).toEqual(['api-latency', 'api-hang'])
    expect(kinds(faults, 'create')).toEqual(['api-reset'])
    expect(kinds(faults, 'create')).toEqual(['api-error'])
  })

  it('are told to the journal', () => {
    const engine = openEngine()
    engine.faults.add('api-reset')
    engine.faults.takeForRequest({ operation: 'create', envelope: undefined, orderNo: '1' })
    expect(engine.journal.since(0)).toMatchObject([
      { type: 'faults.changed', inForce: 1 },
      { type: 'fault.fired', fault: 'fault_1', kind: 'api-reset', subject: 'create' },
      { type: 'faults.changed', inForce: 0 },
    ])
  })

  function openFaults(): FaultSource {
    return createFaults(1, () => {})
  }

  function kinds(
    faults: FaultSource,
    operation: 'create' | 'retrieve' | 'list',
    orderNo?: string,
  ): string[] {
    return faults
      .takeForRequest({ operation, envelope: undefined, orderNo })
      .map(({ kind }) => kind)
  }
})

const EVENT = {
  id: 'evt_1',
  type: 'charge.succeeded',
  envelope: undefined,
  orderNo: undefined,
}

function idsOf({ seen }: App): string[] {
  return seen.map(({ body }) => (JSON.parse(body.toString()) as { id: string }).id)
}

function objectIn(body: Buffer | undefined): unknown {
  return (JSON.parse(String(body)) as { data: { object: unknown } }).data.object
}

/** In how many bytes two buffers of one length differ. */
function differences(one: Buffer | undefined, other: Buffer): number {
  return [...other].filter((byte, at) => byte !== one?.[at]).length
}
