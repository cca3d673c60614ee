import { request } from 'node:http'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type {
  CatalogueView,
  EnvelopeView,
  EventDetail,
  EventView,
  ListAnswer,
  RequestDetail,
  RequestView,
  StateView,
} from '../src/http/control/types.ts'
import type { SandboxOptions } from '../src/options.ts'
import type { Sandbox } from '../src/sandbox.ts'
import { startSandbox } from '../src/start.ts'
import { ENVELOPE } from './open-api.ts'
import { freePort, httpApp } from './open-engine.ts'

const opened: Sandbox[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map((sandbox) => sandbox.close()))
})

describe('GET /state', () => {
  it('shows mode, signatures, schedule, version, boot and counts', async () => {
    const sandbox = await open({ maxEvents: 5, publicUrl: 'https://4141-shop.example.dev/x' })
    sandbox.trigger('red_envelope.sent')
    expect(await get<StateView>(sandbox, '/state')).toMatchObject({
      boot: sandbox.journal()[0]?.boot,
      seq: sandbox.journal().at(-1)?.seq,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      publicUrl: 'https://4141-shop.example.dev',
      mode: 'on-retrieve',
      requestSignatures: 'off',
      schedule: [5, 10, 120, 300, 600, 1800, 3600, 7200, 21_600, 54_000].map((each) => each * 1000),
      clock: { speed: 1, pendingDeliveries: 0, nextDelivery: null, nextKind: 'envelope' },
      events: { undelivered: 1 },
      maxEvents: 5,
      envelopes: 1,
      requests: 0,
      lastAttempt: null,
      persist: false,
    })
  })

  it('shows the last attempt to the present target, and no fault that is spent', async () => {
    const sandbox = await open({
      clock: 'virtual',
      target: () => new Response(null, { status: 503 }),
    })
    sandbox.faults.add('duplicate')
    sandbox.trigger('charge.succeeded')
    await sandbox.clock.settled()
    expect(await get<StateView>(sandbox, '/state')).toMatchObject({
      faults: 0,
      lastAttempt: { status: 503, target: 'in-process' },
    })
    expect(await get(sandbox, '/faults')).toEqual({ data: [] })
    sandbox.setTarget(undefined)
    expect(await get<StateView>(sandbox, '/state')).toMatchObject({ lastAttempt: null })
  })
})

describe('GET /events', () => {
  it('finds its cursor also if that event does not match the filter any more', async () => {
    const sandbox = await open({ clock: 'virtual' })
    const [older, newer] = [
      sandbox.trigger('charge.succeeded'),
      sandbox.trigger('charge.succeeded'),
    ]
    const undelivered = '/events?status=undelivered&limit=1'
    const first = await get<ListAnswer<EventView>>(sandbox, undelivered)
    expect(first).toMatchObject({ data: [{ id: newer.id }], before: newer.id })
    sandbox.setTarget(() => new Response())
    sandbox.resend(newer.id)
    await sandbox.clock.settled()
    expect(sandbox.events({ id: newer.id })).toMatchObject([{ status: 'delivered' }])
    const second = await get<ListAnswer<EventView>>(
      sandbox,
      `${undelivered}&before=${first.before}`,
    )
    expect(second).toMatchObject({ data: [{ id: older.id }], before: null })
  })

  it('has pages, latest first page, oldest first in each, by a cursor that survives new events', async () => {
    const sandbox = await open()
    const ids = Array.from({ length: 5 }, () => sandbox.trigger('charge.succeeded').id)
    const first = await get<ListAnswer<EventView>>(sandbox, '/events?limit=2')
    sandbox.trigger('charge.failed')
    const second = await get<ListAnswer<EventView>>(
      sandbox,
      `/events?limit=2&before=${first.before}`,
    )
    const third = await get<ListAnswer<EventView>>(
      sandbox,
      `/events?limit=2&before=${second.before}`,
    )
    const pages = [first, second, third].map(({ data }) => data.map(({ id }) => id))
    expect(pages).toEqual([ids.slice(3), ids.slice(1, 3), ids.slice(0, 1)])
    expect(third.before).toBeNull()
    expect(await get(sandbox, '/events?before=evt_gone')).toEqual({ data: [], before: null })
  })

  it('is searched by words, in a field or in all', async () => {
    const sandbox = await open({ clock: 'virtual', target: () => new Response() })
    sandbox.faults.add('answer-lost', { match: { type: 'charge.failed' } })
    const sent = sandbox.trigger('red_envelope.sent', { object: { order_no: '42424242424242' } })
    const failed = sandbox.trigger('charge.failed')
    await sandbox.clock.settled()
    const find = async (q: string) => {
      const query = new URLSearchParams({ q }).toString()
      const { data } = await get<ListAnswer<EventView>>(sandbox, `/events?${query}`)
      return data.map(({ id }) => id)
    }
    expect(await find('order:42424242424242')).toEqual([sent.id])
    expect(await find('type:failed fault:answer-lost')).toEqual([failed.id])
    expect(await find('RED_envelope delivered')).toEqual([sent.id])
    expect(await find('status:pending')).toEqual([failed.id])
    expect(await find('order:red_envelope')).toEqual([])
  })

  it.each(['limit=0', 'limit=1001', 'limit=x', 'state=lost'])(
    'answers 400 for ?%s',
    async (query) => {
      const sandbox = await open()
      expect(await status(sandbox, 'GET', `/events?${query}`)).toBe(400)
    },
  )
})

describe('an event in detail', () => {
  it('has what was really sent under a fault, in base64, with its timings', async () => {
    const app = await httpApp(500)
    const sandbox = await open({ clock: 'virtual', target: app.target })
    sandbox.faults.add('tampered-body', { attempt: 1 })
    sandbox.trigger('red_envelope.sent')
    await sandbox.clock.settled()
    await sandbox.clock.next()
    const event = await get<EventDetail>(sandbox, '/events/last')
    const [tampered, genuine] = event.attempts
    expect(Buffer.from(tampered?.sent.body ?? '', 'base64')).toEqual(app.seen[0]?.body)
    expect(genuine).toMatchObject({
      target: app.target,
      errorCode: null,
      status: 500,
      sent: {
        url: app.target,
        body: null,
        bytes: event.bytes,
        signature: event.signature,
        headers: { host: `127.0.0.1:${app.port}` },
      },
      response: { status: 500, body: '{"outcome":"handled"}', truncated: false },
      timings: {
        connectMs: expect.any(Number),
        firstByteMs: expect.any(Number),
        totalMs: expect.any(Number),
      },
    })
    expect(event).toMatchObject({
      faults: ['tampered-body'],
      sha256: expect.stringMatching(/^[\da-f]{64}$/),
    })
    await app.close()
  })

  it('has the code of an error', async () => {
    const sandbox = await open({
      clock: 'virtual',
      target: `http://127.0.0.1:${await freePort()}/`,
    })
    sandbox.trigger('charge.succeeded')
    await sandbox.clock.settled()
    expect(await get<EventDetail>(sandbox, '/events/last')).toMatchObject({
      attempts: [{ errorCode: 'connection-refused', response: null }],
    })
  })

  it('is resent with changes as a new event, and its planned attempt can be cancelled', async () => {
    const sandbox = await open({
      clock: 'virtual',
      target: () => new Response(null, { status: 500 }),
    })
    const { id } = sandbox.trigger('charge.succeeded')
    await sandbox.clock.settled()
    const made = await post(sandbox, `/events/${id}/resend`, {
      object: { amount: 7 },
      sign: 'none',
    })
    expect(made).toMatchObject({ status: 201, body: { from: id, type: 'charge.succeeded' } })
    expect(await post(sandbox, `/events/${id}/resend`, { sign: 'twice' })).toMatchObject({
      status: 400,
    })
    expect(await send(sandbox, 'DELETE', `/events/${id}/retry`)).toMatchObject({
      status: 200,
      body: { status: 'exhausted', nextAttempt: null },
    })
    expect(await send(sandbox, 'DELETE', `/events/${id}/retry`)).toMatchObject({
      status: 409,
      body: { error: { code: 'retry-unknown' } },
    })
  })
})

describe('requests of the API', () => {
  it('are shown with headers and bodies, and linked to the envelope and the events that they caused', async () => {
    const sandbox = await open({ sendWebhooks: 'on-create', clock: 'virtual' })
    const created = await callApi(sandbox, 'POST', '/v1/red_envelopes', JSON.stringify(ENVELOPE))
    await sandbox.clock.settled()
    const { data } = await get<ListAnswer<RequestView>>(sandbox, '/requests')
    expect(data).toMatchObject([
      {
        method: 'POST',
        path: '/v1/red_envelopes',
        status: 200,
        operation: 'create',
        orderNo: '123456789',
      },
    ])
    const id = data[0]?.id ?? ''
    expect(created.headers.get('x-request-id')).toBe(id)
    const detail = await get<RequestDetail>(sandbox, `/requests/${id}`)
    const event = sandbox.events().at(-1)
    expect(detail).toMatchObject({
      envelope: event?.envelope,
      headers: { authorization: 'Bearer ****', 'content-type': 'application/json' },
      body: { text: JSON.stringify(ENVELOPE), truncated: false },
      response: { headers: { 'x-request-id': id }, body: { text: created.text } },
      changes: [{ status: 'sending' }, { status: 'sent' }],
      events: [event?.id],
    })
    expect(event?.request).toBe(id)
    expect(JSON.parse(event?.bytes.toString() ?? '')).toMatchObject({ request: id })
    const { data: envelopes } = await get<ListAnswer<EnvelopeView>>(sandbox, '/envelopes')
    expect(envelopes).toMatchObject([{ id: event?.envelope, request: id }])
    expect(JSON.stringify(detail)).not.toContain('sk_test')
    expect(await status(sandbox, 'GET', '/requests/iar_0')).toBe(404)
  })

  it('keep 64 KB of a body, and are refused ones, too', async () => {
    const sandbox = await open()
    await callApi(sandbox, 'POST', '/v1/red_envelopes', `{"a":"${'x'.repeat(100_000)}"}`)
    const { data } = await get<ListAnswer<RequestView>>(sandbox, '/requests')
    const detail = await get<RequestDetail>(sandbox, `/requests/${data[0]?.id}`)
    expect(detail).toMatchObject({
      status: 400,
      reason: expect.any(String),
      body: { bytes: 100_008, truncated: true },
      changes: [],
      events: [],
    })
    expect(detail.body.text).toHaveLength(64 * 1024)
  })
})

describe('GET /envelopes', () => {
  it('shows the statuses so far, the moves there are, and what time brings', async () => {
    const startMs = Date.UTC(2026, 0, 1)
    const sandbox = await open({ clock: 'virtual', startMs })
    const { envelope, orderNo } = sandbox.trigger('red_envelope.sent')
    const { data } = await get<ListAnswer<EnvelopeView>>(sandbox, `/envelopes?q=order:${orderNo}`)
    expect(data).toEqual([
      {
        id: envelope,
        orderNo,
        status: 'sent',
        amount: 100,
        created: '2026-01-01T00:00:00.000Z',
        request: null,
        moves: ['received', 'refunding'],
        history: [
          { status: 'sending', at: '2026-01-01T00:00:00.000Z' },
          { status: 'sent', at: '2026-01-01T00:00:00.000Z' },
        ],
        next: { status: 'refunding', at: '2026-01-02T00:00:00.000Z' },
      },
    ])
  })
})

describe('GET /catalogue', () => {
  it('has the types that can be triggered with a sample, and the faults with their fields', async () => {
    const sandbox = await open()
    const { eventTypes, faultKinds, envelopeSteps } = await get<CatalogueView>(
      sandbox,
      '/catalogue',
    )
    for (const { type, sample } of eventTypes) {
      const made = await post(sandbox, '/trigger', { type })
      expect(made.status).toBe(201)
      expect(Object.keys(sample).length).toBeGreaterThan(2)
    }
    expect(eventTypes.map(({ type }) => type)).not.toContain('red_envelope.refund')
    expect(faultKinds).toHaveLength(19)
    expect(faultKinds.find(({ kind }) => kind === 'delay')).toMatchObject({
      of: 'webhook',
      aspect: 'time',
      fields: expect.arrayContaining([
        { name: 'delayMs', expected: 'a whole number of milliseconds, 1 or more' },
      ]),
    })
    expect(envelopeSteps.sent).toEqual(['received', 'refunding'])
  })
})

describe('the clock', () => {
  it('goes on to a time, to the next delivery, or to the next timer of any kind', async () => {
    const startMs = Date.UTC(2026, 0, 1)
    const sandbox = await open({ clock: 'virtual', startMs, target: () => new Response() })
    sandbox.trigger('red_envelope.sent')
    await sandbox.clock.settled()
    expect(await post(sandbox, '/clock/next')).toMatchObject({
      body: {
        moved: false,
        now: '2026-01-01T00:00:00.000Z',
        nextDelivery: null,
        nextKind: 'envelope',
      },
    })
    expect(
      await post(sandbox, '/clock/advance', { to: '2026-01-01T03:00:00+01:00' }),
    ).toMatchObject({
      body: { now: '2026-01-01T02:00:00.000Z' },
    })
    expect(await post(sandbox, '/clock/next', { kind: 'any' })).toMatchObject({
      body: { moved: true, now: '2026-01-02T00:00:00.000Z' },
    })
    expect(await post(sandbox, '/reset')).toMatchObject({
      body: { clock: { now: '2026-01-01T00:00:00.000Z' } },
    })
  })

  it('has a speed that can be changed', async () => {
    const sandbox = await open({ clock: 'virtual' })
    expect(await send(sandbox, 'PUT', '/clock', { speed: 60 })).toMatchObject({
      body: { speed: 60 },
    })
    expect(sandbox.clock.speed).toBe(60)
    expect(sandbox.journal().at(-1)).toMatchObject({ type: 'clock.speed', speed: 60 })
  })

  it.each([
    ['PUT', '/clock', { speed: -1 }],
    ['PUT', '/clock', { speed: 'fast' }],
    ['POST', '/clock/next', { kind: 'refund' }],
    ['POST', '/clock/advance', { to: 'tomorrow' }],
    ['POST', '/clock/advance', { to: '1999-01-01T00:00:00Z' }],
    ['POST', '/clock/advance', { to: '2999-01-01T00:00:00Z' }],
    ['POST', '/clock/advance', { to: '2030-01-01T00:00:00Z', ms: 5 }],
  ])('%s %s answers 400 for %j', async (method, path, body) => {
    const sandbox = await open({ clock: 'virtual' })
    expect((await send(sandbox, method, path, body)).status).toBe(400)
  })
})

describe('POST /target/probe', () => {
  it('says whether the app can be reached, without a notification', async () => {
    const app = await httpApp(405)
    const sandbox = await open({ target: app.target })
    expect(await post(sandbox, '/target/probe')).toMatchObject({
      status: 200,
      body: { target: app.target, ok: true, status: 405, error: null },
    })
    await app.close()
    expect(await post(sandbox, '/target/probe')).toMatchObject({
      body: {
        ok: false,
        status: null,
        errorCode: 'connection-refused',
        error: expect.stringContaining('listens'),
      },
    })
    expect(sandbox.events()).toEqual([])
    sandbox.setTarget(undefined)
    expect(await post(sandbox, '/target/probe')).toMatchObject({ status: 409 })
  })
})

describe('the stream', () => {
  it('starts again for a record of another boot, and for one that is still to come', async () => {
    const sandbox = await open()
    sandbox.trigger('charge.succeeded')
    const boot = sandbox.journal()[0]?.boot
    const seqAfter = async (after: string) => (await firstRecord(sandbox, after)).seq
    expect(await seqAfter(`${boot}.2`)).toBe(3)
    expect(await seqAfter('2')).toBe(3)
    expect(await seqAfter('00000000.2')).toBe(1)
    expect(await seqAfter('999')).toBe(1)
    expect(await status(sandbox, 'GET', '/stream?after=x.2')).toBe(400)
  })
})

describe('a proxy in front of the sandbox', () => {
  it('may be named: its pages may control it, and no others', async () => {
    const sandbox = await open({ publicUrl: 'https://4141-shop.example.dev' })
    const from = (origin: string, host: string) => rawTrigger(sandbox, { origin, host })
    expect(await from('https://4141-shop.example.dev', '4141-shop.example.dev')).toBe(201)
    expect(await from('https://4141-shop.example.dev', 'localhost')).toBe(201)
    expect(await from('https://other.example.dev', 'localhost')).toBe(403)
    expect(await from('https://other.example.dev', 'other.example.dev')).toBe(403)
  })

  it('is unknown by default, and must be a URL', async () => {
    const sandbox = await open()
    const origin = 'https://4141-shop.example.dev'
    expect(await rawTrigger(sandbox, { origin, host: 'localhost' })).toBe(403)
    await expect(startSandbox({ publicUrl: '4141-shop' })).rejects.toThrow('publicUrl')
  })
})

async function open(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox(options)
  opened.push(sandbox)
  return sandbox
}

async function get<View>({ url }: Sandbox, path: string): Promise<View> {
  const response = await fetch(`${url}/_sandbox${path}`)
  return (await response.json()) as View
}

async function status({ url }: Sandbox, method: string, path: string): Promise<number> {
  const response = await fetch(`${url}/_sandbox${path}`, { method })
  await response.body?.cancel()
  return response.status
}

function post(sandbox: Sandbox, path: string, body?: object) {
  return send(sandbox, 'POST', path, body)
}

async function send({ url }: Sandbox, method: string, path: string, body: object = {}) {
  const response = await fetch(`${url}/_sandbox${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as unknown }
}

async function callApi({ url, apiKey }: Sandbox, method: string, path: string, body: string) {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  const response = await fetch(url + path, { method, headers, body })
  return { headers: response.headers, text: await response.text() }
}

async function firstRecord({ url }: Sandbox, after: string): Promise<{ seq: number }> {
  const response = await fetch(`${url}/_sandbox/stream?after=${after}`)
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString()
    const [, record] = /^data: (.*)$/m.exec(text) ?? []
    if (record === undefined) continue
    return JSON.parse(record) as { seq: number }
  }
  throw new Error('No record came.')
}

async function rawTrigger({ url }: Sandbox, headers: Record<string, string>): Promise<number> {
  const sent = request(`${url}/_sandbox/trigger`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    agent: false,
  })
  sent.end('{"type":"charge.succeeded"}')
  const [response] = await once(sent, 'response')
  response.resume()
  return response.statusCode
}
