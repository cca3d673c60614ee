import { findSigner, readPublicKeys, readSignature } from '@hongbao/core/internal'
import { once } from 'node:events'
import { request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { createControl, type ControlSettings } from '../src/http/control/control.ts'
import type { JournalRecord } from '../src/events/journal.ts'
import type { ErrorAnswer, EventView, ListAnswer, RequestView } from '../src/http/control/types.ts'
import { listen } from '../src/http/server.ts'
import { startSandbox } from '../src/start.ts'
import { openEngine } from './open-engine.ts'
import type { Sandbox } from '../src/sandbox.ts'
import type { SandboxOptions } from '../src/options.ts'

const HOUR_MS = 60 * 60 * 1000
const CHUNKED = { 'transfer-encoding': 'chunked' }
const JSON_HEADERS = { 'content-type': 'application/json' }

const SETTINGS: ControlSettings = {
  url: 'http://127.0.0.1:4141',
  keyFingerprint: '',
  sendWebhooks: 'by-hand',
  requestSignatures: 'lenient',
  merchantKeys: [],
  maxEvents: undefined,
  publicUrl: undefined,
  persist: undefined,
}

const opened: Sandbox[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map((sandbox) => sandbox.close()))
})

describe('GET', () => {
  it('ready answers as soon as the port is open', async () => {
    const sandbox = await open()
    expect(await get(sandbox, '/ready')).toEqual({ status: 200, body: { ready: true } })
  })

  it('state tells where everything is, and holds no secret', async () => {
    const sandbox = await open({ apiKey: 'sk_test_ibbTe5jLGCi5rzfH4OqPW9KC', clock: 'virtual' })
    sandbox.trigger('red_envelope.sent')
    sandbox.faults.add('delay')
    const { status, body } = await get(sandbox, '/state')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      url: sandbox.url,
      target: null,
      keyFingerprint: sandbox.keyFingerprint,
      publicKey: sandbox.publicKey,
      clock: { speed: 0 },
      events: { pending: 0, delivered: 0, exhausted: 0, undelivered: 1 },
      faults: 1,
    })
    expect(JSON.stringify(body)).not.toMatch(/PRIVATE|sk_test/)
  })

  it('events lists them, narrowed to what is asked for', async () => {
    const sandbox = await open()
    const sent = sandbox.trigger('red_envelope.sent')
    const charge = sandbox.trigger('charge.succeeded')
    const idsOf = async (query: string) => {
      const { body } = await get(sandbox, `/events${query}`)
      return (body as { data: { id: string }[] }).data.map(({ id }) => id)
    }
    expect(await idsOf('')).toEqual([sent.id, charge.id])
    expect(await idsOf('?type=charge.succeeded')).toEqual([charge.id])
    expect(await idsOf(`?envelope=${sent.envelope}`)).toEqual([sent.id])
    expect(await idsOf(`?orderNo=${sent.orderNo}`)).toEqual([sent.id])
    expect(await idsOf('?status=delivered')).toEqual([])
    expect((await get(sandbox, '/events?status=lost')).status).toBe(400)
    expect((await get(sandbox, '/events?order_no=1')).status).toBe(400)
  })

  it('events/last tells body, signature, and what the app answered', async () => {
    const target = () => new Response('不行', { status: 503, headers: { 'x-app': 'shop' } })
    const sandbox = await open({ target, clock: 'virtual' })
    sandbox.trigger('red_envelope.sent')
    await sandbox.clock.settled()
    const { body } = await get(sandbox, '/events/last')
    expect(body).toMatchObject({
      type: 'red_envelope.sent',
      status: 'pending',
      attemptCount: 1,
      nextAttempt: new Date(sandbox.clock.now() + 5000).toISOString(),
      attempts: [
        {
          n: 1,
          kind: 'scheduled',
          ok: false,
          status: 503,
          error: null,
          response: { body: '不行', truncated: false, headers: { 'x-app': 'shop' } },
        },
      ],
    })
    const { body: sent, signature } = body as { body: string; signature: string }
    expect(JSON.parse(sent)).toMatchObject({ data: { object: { status: 'sent' } } })
    const keys = readPublicKeys(sandbox.publicKey)
    const bytes = readSignature(signature, keys) as Uint8Array
    expect(findSigner(Buffer.from(sent), bytes, keys)?.fingerprint).toBe(sandbox.keyFingerprint)
  })

  it('events/:id and envelopes/:id answer 404 for what is not there', async () => {
    const sandbox = await open()
    expect(await get(sandbox, '/events/last')).toMatchObject(refused(404, 'event-unknown'))
    expect(await get(sandbox, '/events/evt_1')).toMatchObject(refused(404, 'event-unknown'))
    expect(await get(sandbox, '/envelopes/1')).toMatchObject(refused(404, 'envelope-unknown'))
  })

  it('anything else answers 404, and says what was asked for', async () => {
    const sandbox = await open()
    expect(await get(sandbox, '/nothing')).toMatchObject({
      status: 404,
      body: {
        error: {
          code: 'route-unknown',
          message: 'The control API has no GET /_sandbox/nothing.',
        },
      },
    })
  })
})

describe('POST', () => {
  it('trigger makes an event', async () => {
    const sandbox = await open()
    const { status, body } = await post(sandbox, '/trigger', {
      type: 'red_envelope.received',
      object: { amount: 888 },
    })
    expect(status).toBe(201)
    const [event] = sandbox.events()
    expect(body).toMatchObject({ id: event?.id, type: 'red_envelope.received' })
    expect(JSON.parse(event?.bytes.toString() ?? '')).toMatchObject({
      data: { object: { amount: 888, status: 'received' } },
    })
  })

  it('trigger tells of an envelope that exists', async () => {
    const sandbox = await open()
    const { envelope, orderNo } = sandbox.trigger('red_envelope.sent')
    const { body } = await post(sandbox, '/trigger', {
      type: 'red_envelope.received',
      envelope: orderNo,
    })
    expect(body).toMatchObject({ envelope })
  })

  it.each([
    [{}, 'option-invalid', '`type` must be a text'],
    [{ type: 'red_envelope.bought' }, 'type-unknown', 'red_envelope.bought'],
    [{ type: 'red_envelope.refund' }, 'type-without-webhook', 'no webhook'],
    [{ type: 7 }, 'option-invalid', '`type` must be a text'],
    [
      { type: 'red_envelope.sent', objekt: {} },
      'option-invalid',
      'Valid fields: type, envelope, object',
    ],
    [{ type: 'red_envelope.sent', object: [] }, 'option-invalid', '`object` must be an object'],
    [[], 'option-invalid', 'must be a JSON object'],
  ])('trigger answers 400 for %j', async (body, code, message) => {
    const sandbox = await open()
    expect(await post(sandbox, '/trigger', body)).toMatchObject({
      status: 400,
      body: { error: { code, message: expect.stringContaining(message) } },
    })
    expect(sandbox.events()).toEqual([])
  })

  it('events/:id/resend sends the same bytes again', async () => {
    const bodies: string[] = []
    const target = async (sent: Request) => {
      bodies.push(await sent.text())
      return new Response()
    }
    const sandbox = await open({ target, clock: 'virtual' })
    const { id } = sandbox.trigger('red_envelope.sent')
    await sandbox.clock.settled()
    expect(await post(sandbox, '/events/last/resend')).toMatchObject({ status: 200, body: { id } })
    await sandbox.clock.settled()
    expect(bodies).toHaveLength(2)
    expect(bodies[1]).toBe(bodies[0])
  })

  it('envelopes/:id/move moves one on, where it can go', async () => {
    const sandbox = await open()
    const { envelope = '', orderNo = '' } = sandbox.trigger('red_envelope.sent')
    const path = `/envelopes/${orderNo}/move`
    expect(await post(sandbox, path, { status: 'received' })).toMatchObject({
      status: 200,
      body: { id: envelope, status: 'received' },
    })
    expect(await get(sandbox, `/envelopes/${envelope}`)).toMatchObject({
      body: { status: 'received' },
    })
    expect(await post(sandbox, path, { status: 'sending' })).toMatchObject(
      refused(409, 'move-invalid'),
    )
    expect(await post(sandbox, path, { status: 'lost' })).toMatchObject(
      refused(400, 'option-invalid'),
    )
  })

  it('faults adds one, and DELETE ends it', async () => {
    const sandbox = await open()
    const rule = {
      kind: 'answer-lost',
      attempt: [1, 2],
      times: 'always',
      match: { type: 'red_envelope.sent' },
      probability: 0.5,
    }
    const added = { id: 'fault_1', fired: 0, ...rule }
    expect(await post(sandbox, '/faults', rule)).toEqual({ status: 201, body: added })
    expect(sandbox.faults.list()).toMatchObject([{ ...rule, times: Infinity }])
    expect(await get(sandbox, '/faults')).toEqual({ status: 200, body: { data: [added] } })

    expect(await send(sandbox, 'DELETE', '/faults/fault_1')).toMatchObject({ status: 200 })
    expect(sandbox.faults.list()).toEqual([])
    expect(await send(sandbox, 'DELETE', '/faults/fault_1')).toMatchObject(
      refused(404, 'fault-unknown'),
    )
    sandbox.faults.add('delay')
    sandbox.faults.add('duplicate')
    expect(await send(sandbox, 'DELETE', '/faults')).toMatchObject({ body: { removed: 2 } })
  })

  it.each([
    [{ kind: 'bad-luck' }],
    [{ kind: 'delay', delayMs: '5' }],
    [{ kind: 'delay', delay: 5 }],
    [{ kind: 'answer-lost', probability: 2 }],
  ])('faults answers 400 for %j', async (rule) => {
    const sandbox = await open()
    expect(await post(sandbox, '/faults', rule)).toMatchObject(refused(400, 'fault-invalid'))
  })

  it('clock moves a virtual clock', async () => {
    const startMs = Date.UTC(2026, 0, 1)
    const target = () => new Response(null, { status: 500 })
    const sandbox = await open({ target, clock: 'virtual', startMs })
    sandbox.trigger('charge.succeeded')
    await sandbox.clock.settled()

    expect((await get(sandbox, '/clock')).body).toEqual({
      now: '2026-01-01T00:00:00.000Z',
      speed: 0,
      aheadMs: expect.any(Number),
      pending: 1,
      next: '2026-01-01T00:00:05.000Z',
      nextKind: 'delivery',
      pendingDeliveries: 1,
      nextDelivery: '2026-01-01T00:00:05.000Z',
    })
    expect((await post(sandbox, '/clock/next')).body).toMatchObject({
      now: '2026-01-01T00:00:05.000Z',
      next: '2026-01-01T00:00:15.000Z',
      moved: true,
    })
    expect((await post(sandbox, '/clock/advance', { ms: 25 * HOUR_MS })).body).toMatchObject({
      now: '2026-01-02T01:00:05.000Z',
      pending: 0,
      next: null,
    })
    expect(sandbox.events()).toMatchObject([{ status: 'exhausted' }])
    expect((await post(sandbox, '/clock/next')).body).toMatchObject({ moved: false })
    expect((await post(sandbox, '/clock/drain')).body).toMatchObject({ ran: 0 })
  })

  it.each([{}, { ms: '5s' }, { ms: -1 }, { ms: 1e15 }, { hours: 1 }])(
    'clock/advance answers 400 for %j',
    async (body) => {
      const sandbox = await open({ clock: 'virtual' })
      expect(await post(sandbox, '/clock/advance', body)).toMatchObject(
        refused(400, 'option-invalid'),
      )
    },
  )

  it('reset forgets everything', async () => {
    const sandbox = await open()
    sandbox.trigger('charge.succeeded')
    sandbox.faults.add('delay')
    expect(await post(sandbox, '/reset')).toMatchObject({
      status: 200,
      body: { events: { undelivered: 0 }, faults: 0 },
    })
    expect(sandbox.events()).toEqual([])
  })
})

describe('PUT target', () => {
  it('says where notifications go from now on', async () => {
    const sandbox = await open()
    const target = 'http://localhost:3000/webhooks?a=1'
    expect(await send(sandbox, 'PUT', '/target', { target })).toMatchObject({ body: { target } })
    expect(sandbox.target).toBe(target)
    const nowhere = await send(sandbox, 'PUT', '/target', { target: null })
    expect(nowhere).toMatchObject({ status: 200, body: { target: null } })
  })

  it('refuses targets on other machines, and values that are not a URL', async () => {
    const sandbox = await open()
    const put = (target: unknown) => send(sandbox, 'PUT', '/target', { target })
    expect(await put('http://192.0.2.7/webhooks')).toMatchObject(refused(403, 'target-remote'))
    expect(await put('webhooks')).toMatchObject(refused(400, 'target-invalid'))
    expect(await put(7)).toMatchObject(refused(400, 'option-invalid'))
    expect(sandbox.target).toBeNull()
  })
})

describe('a web page of another origin', () => {
  it.each([
    ['Origin', { origin: 'http://evil.example' }],
    ['Origin of another port', { origin: 'http://127.0.0.1:1' }],
    ['Origin of a sandboxed frame', { origin: 'null' }],
    ['Sec-Fetch-Site', { 'sec-fetch-site': 'cross-site' }],
    ['Sec-Fetch-Site of another port', { 'sec-fetch-site': 'same-site' }],
  ])('is refused by its %s, whatever it asks for', async (_name, headers) => {
    const sandbox = await open()
    for (const [method, path] of [
      ['GET', '/state'],
      ['GET', '/stream'],
      ['POST', '/trigger'],
      ['DELETE', '/faults'],
    ] as const) {
      const answer = await raw(sandbox, method, path, { ...JSON_HEADERS, ...headers })
      expect(answer).toMatchObject(refused(403, 'origin-foreign'))
      expect(answer.headers['access-control-allow-origin']).toBeUndefined()
    }
  })

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    '',
  ])('changes nothing with a form of type "%s"', async (type) => {
    const sandbox = await open()
    const headers = type === '' ? {} : { 'content-type': type }
    const body = '{"type":"red_envelope.sent"}'
    const answer = await raw(sandbox, 'POST', '/trigger', headers, body)
    expect(answer).toMatchObject(refused(415, 'content-type-invalid'))
    expect(sandbox.events()).toEqual([])
  })

  it('gets no leave to send more', async () => {
    const sandbox = await open()
    const { status, headers } = await raw(sandbox, 'OPTIONS', '/trigger', {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    })
    expect(status).toBe(415)
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  it('cannot come by a name that it lets resolve to this machine', async () => {
    const sandbox = await open()
    const headers = { host: 'evil.example', origin: 'http://evil.example' }
    expect(await raw(sandbox, 'GET', '/state', headers)).toMatchObject(refused(403, 'host-foreign'))
  })

  it('is not what a page of this server is', async () => {
    const sandbox = await open()
    const headers = { ...JSON_HEADERS, origin: sandbox.url, 'sec-fetch-site': 'same-origin' }
    const answer = await raw(sandbox, 'POST', '/trigger', headers, '{"type":"red_envelope.sent"}')
    expect(answer.status).toBe(201)
  })

  it('can keep no answer, and embed none', async () => {
    const sandbox = await open()
    const { headers } = await raw(sandbox, 'GET', '/state', {})
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    })
  })
})

describe('a body', () => {
  it('over 256 KiB is refused, with a length and without', async () => {
    const sandbox = await open()
    const body = JSON.stringify({ type: 'x'.repeat(256 * 1024) })
    for (const length of [{ 'content-length': String(body.length) }, CHUNKED]) {
      const answer = await raw(sandbox, 'POST', '/trigger', { ...JSON_HEADERS, ...length }, body)
      expect(answer).toMatchObject(refused(413, 'body-too-large'))
    }
  })

  it.each(['{', '{"type":"a","type":"b"}', '"text"'])('of %s is refused', async (body) => {
    const sandbox = await open()
    const answer = await raw(sandbox, 'POST', '/trigger', JSON_HEADERS, body)
    expect(answer).toMatchObject(refused(400, 'option-invalid'))
  })
})

describe('the stream', () => {
  it('tells as server-sent events what happened and what happens', async () => {
    const sandbox = await open()
    sandbox.trigger('charge.succeeded')
    const stream = await openStream(sandbox, '/stream')
    expect(stream.type).toBe('text/event-stream')
    const before = await stream.until(({ type }) => type === 'event.created')
    expect(before.map(({ type }) => type)).toEqual(['ready', 'event.created'])
    await stream.until(({ type }) => type === 'event.undelivered')
    const { id } = sandbox.trigger('charge.failed')
    const [created] = await stream.until(({ type }) => type === 'event.created')
    expect(created).toMatchObject({ event: id, eventType: 'charge.failed', seq: 4 })
    await stream.close()
  })

  it('goes on after Last-Event-ID', async () => {
    const sandbox = await open()
    sandbox.trigger('charge.succeeded')
    sandbox.trigger('charge.failed')
    const stream = await openStream(sandbox, '/stream', { 'last-event-id': '3' })
    const [first] = await stream.until(() => true)
    expect(first).toMatchObject({ seq: 4, eventType: 'charge.failed' })
    await stream.close()
  })

  it('has only the records of one event, if asked for', async () => {
    const sandbox = await open()
    sandbox.trigger('charge.succeeded')
    const { id } = sandbox.trigger('charge.failed')
    const stream = await openStream(sandbox, `/stream?event=${id}&after=0`)
    const [first] = await stream.until(() => true)
    expect(first).toMatchObject({ type: 'event.created', event: id })
    await stream.close()
  })

  it('is told apart from a dead one by a heartbeat', async () => {
    const control = createControl(openEngine(), { ...SETTINGS, heartbeatMs: 1 })
    const response = await control.request('/stream')
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      if (text.includes(': heartbeat\n\n: heartbeat\n\n')) break
    }
    expect(text).toMatch(/^retry: 1000\n\n: heartbeat\n\n/)
  })

  it('listens to the sandbox only while its client reads', async () => {
    const engine = openEngine()
    const { promise: left, resolve } = Promise.withResolvers<string>()
    const { journal } = engine
    const listenTo = journal.listen.bind(journal)
    journal.listen = (listener) => {
      const stop = listenTo(listener)
      return () => {
        stop()
        resolve('left')
      }
    }
    const control = createControl(engine, SETTINGS)
    const server = await listen((sent) => control.fetch(sent), {
      host: '127.0.0.1',
      port: 0,
      allowRemote: false,
    })
    const abort = new AbortController()
    const response = await fetch(`${server.url}/stream`, { signal: abort.signal })
    await response.body?.getReader().read()
    abort.abort()
    expect(await left).toBe('left')
    await server.close()
  })

  it('ends with the sandbox', async () => {
    const sandbox = await open()
    const stream = await openStream(sandbox, '/stream')
    await stream.until(({ type }) => type === 'ready')
    await sandbox.close()
    await expect(stream.until(() => false)).rejects.toThrow(/terminated|other side closed/)
  })

  it.each(['?format=ndjson', '?after=now', '?after=-1', '?since=1'])(
    'answers 400 for %s',
    async (query) => {
      const sandbox = await open()
      expect(await get(sandbox, `/stream${query}`)).toMatchObject(refused(400, 'option-invalid'))
    },
  )
})

describe('the search of a list', () => {
  async function searched(q: string): Promise<number> {
    const sandbox = await open({
      target: () => new Response('', { status: 500 }),
      clock: 'virtual',
    })
    sandbox.trigger('charge.succeeded', { object: { order_no: '777' } })
    await sandbox.clock.drain()
    sandbox.faults.add('answer-lost')
    sandbox.trigger('red_envelope.sent', { object: { order_no: '20260217' } })
    await sandbox.clock.settled()
    const { body } = await get(sandbox, `/events?q=${encodeURIComponent(q)}`)
    return (body as ListAnswer<EventView>).data.filter(({ orderNo }) => orderNo !== '777').length
  }

  it.each([
    '',
    'type:sent',
    'STATUS:Failed',
    'status:50',
    'order:0217',
    'fault:',
    ' sent pending ',
  ])('finds an event by %j', async (q) => expect(await searched(q)).toBe(1))

  it.each(['type:charge', 'status:delivered', 'order:sent', 'fault:timeout', 'sent received'])(
    'leaves an event out by %j',
    async (q) => expect(await searched(q)).toBe(0),
  )

  it('leaves out by fault: what no fault has touched', async () => {
    const sandbox = await open({ target: () => new Response('') })
    await sandbox.waitFor({ id: sandbox.trigger('charge.succeeded').id, status: 'delivered' })
    expect((await get(sandbox, '/events?q=fault:')).body).toMatchObject({ data: [] })
  })

  it.each([
    ['type:get', 1],
    ['type:/v1/red', 1],
    ['status:failed', 1],
    ['status:401', 1],
    ['status:ok', 0],
    ['fault:', 0],
  ])('of requests finds with %j', async (q, count) => {
    const sandbox = await open()
    await fetch(`${sandbox.url}/v1/red_envelopes`)
    const { body } = await get(sandbox, `/requests?q=${encodeURIComponent(q)}`)
    expect((body as ListAnswer<RequestView>).data).toHaveLength(count)
  })
})

describe('the message of an error', () => {
  it.each([
    [{ type: 7 }, 'type 应为事件类型，如 red_envelope.sent。'],
    [{ type: 'charge.succeeded', object: [] }, 'object 应为 JSON 对象。'],
    [
      { type: 'charge.suceeded' },
      '"charge.suceeded" 不是 Ping++ 的事件类型。是否想输入 charge.succeeded？',
    ],
    [{ type: 'charge.succeeded', envelope: 'red_1' }, '只适用于红包事件'],
    [{ typ: 'charge.succeeded' }, '未知字段 "typ"。可用字段：type, envelope, object。'],
  ])(
    'of a trigger with %j is in Chinese for who prefers it, and otherwise in English',
    async (body, text) => {
      const sandbox = await open()
      const message = async (accepted: string) => {
        const headers = { ...JSON_HEADERS, 'accept-language': accepted }
        const answer = await raw(sandbox, 'POST', '/trigger', headers, JSON.stringify(body))
        return (answer.body as ErrorAnswer).error.message
      }
      expect(await message('zh-CN,zh;q=0.9,en;q=0.8')).toContain(text)
      for (const accepted of ['*', 'en', 'de', 'en-GB,zh;q=0.5']) {
        expect(await message(accepted)).not.toMatch(/\p{Script=Han}/u)
      }
    },
  )
})

describe('the message of a field that must be one of several', () => {
  it.each([
    ['POST', '/events/last/resend', { sign: 'key' }, 'sign 应为以下之一：webhook, keep, none。'],
    ['POST', '/clock/next', { kind: 'expiry' }, 'kind 应为以下之一：delivery, any。'],
    ['GET', '/events?status=sent', undefined, 'status 应为以下之一：pending, delivered, '],
    ['POST', '/envelopes/1/move', { status: 'open' }, 'status 应为以下之一：'],
    ['POST', '/envelopes/1/move', {}, 'status 应为以下之一：'],
    ['POST', '/trigger', { type: 'red_envelope.sent', envelope: 1 }, 'envelope 应为红包的 id'],
    ['GET', '/stream?after=x', undefined, 'after 应为某条记录的 seq'],
  ])('or of another kind, of %s %s %j, is in Chinese too', async (method, path, body, text) => {
    const sandbox = await open()
    const json = body && JSON.stringify(body)
    const message = async (accepted: string) => {
      const headers = { ...JSON_HEADERS, 'accept-language': accepted }
      const answer = await raw(sandbox, method, path, headers, json)
      expect(answer.status).toBe(400)
      return (answer.body as ErrorAnswer).error.message
    }
    expect(await message('zh')).toContain(text)
    expect(await message('en')).toMatch(/^`\w+` must be \w/)
  })
})

describe('the token of a sandbox that other machines can reach', () => {
  const TOKEN = 'a-token-of-16-or-more'

  it.each([
    ['no Authorization', undefined],
    ['another token', 'Bearer a-token-of-16-or-mora'],
    ['a part of it', 'Bearer a-token-of-16'],
    ['another scheme', `Basic ${TOKEN}`],
    ['an API key', 'Bearer sk_test_ibbTe5jLGCi5rzfH4OqPW9KC'],
  ])('is demanded for everything but ready: %s gets 401', async (_name, authorization) => {
    const sandbox = await open({ allowRemote: true, controlToken: TOKEN })
    const headers = { ...JSON_HEADERS, ...(authorization !== undefined && { authorization }) }
    for (const [method, path] of [
      ['GET', '/state'],
      ['GET', '/stream'],
      ['GET', '/nowhere'],
      ['POST', '/trigger'],
      ['PUT', '/target'],
      ['DELETE', '/faults'],
    ] as const) {
      const body = method === 'POST' ? '{"type":"charge.succeeded"}' : ''
      const answer = await raw(sandbox, method, path, headers, body)
      expect(answer).toMatchObject(refused(401, 'token-invalid'))
      expect(answer.headers['www-authenticate']).toBe('Bearer')
      expect(JSON.stringify(answer)).not.toContain(TOKEN)
    }
    expect(sandbox.events()).toEqual([])
    expect(await get(sandbox, '/ready')).toEqual({ status: 200, body: { ready: true } })
  })

  it('is random unless it is given, and opens everything', async () => {
    const [one, other] = [await open({ allowRemote: true }), await open({ allowRemote: true })]
    expect(one.controlToken).toMatch(/^\w{24}$/)
    expect(one.controlToken).not.toBe(other.controlToken)
    const headers = { ...JSON_HEADERS, authorization: `Bearer ${one.controlToken}` }
    const answer = await raw(one, 'POST', '/trigger', headers, '{"type":"charge.succeeded"}')
    expect(answer).toMatchObject({ status: 201, body: { type: 'charge.succeeded' } })
    const foreign = { ...headers, authorization: `Bearer ${other.controlToken}` }
    expect((await raw(one, 'GET', '/state', foreign)).status).toBe(401)
    const state = await raw(one, 'GET', '/state', headers)
    expect(JSON.stringify(state.body)).not.toContain(one.controlToken)
  })

  it('is not demanded by the API of Ping++, which has its own keys', async () => {
    const sandbox = await open({ allowRemote: true })
    const headers = { authorization: `Bearer ${sandbox.apiKey}` }
    expect((await fetch(`${sandbox.url}/v1/red_envelopes`, { headers })).status).toBe(200)
  })

  it('is none without allowRemote', async () => {
    const sandbox = await open()
    expect(sandbox.controlToken).toBeUndefined()
    expect((await get(sandbox, '/state')).status).toBe(200)
  })
})

async function open(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox(options)
  opened.push(sandbox)
  return sandbox
}

function refused(status: number, code: string): object {
  return { status, body: { error: { code, message: expect.any(String) } } }
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

function get(sandbox: Sandbox, path: string): Promise<Answer> {
  return send(sandbox, 'GET', path)
}

function post(sandbox: Sandbox, path: string, body?: object): Promise<Answer> {
  return send(sandbox, 'POST', path, body)
}

async function send(
  { url }: Sandbox,
  method: string,
  path: string,
  body?: object,
): Promise<Answer> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const headers = method === 'GET' ? {} : JSON_HEADERS
  const response = await fetch(`${url}/_sandbox${path}`, { method, headers, ...sent })
  return { status: response.status, body: await response.json() }
}

/** With `node:http`: `fetch` sets the headers that a page cannot forge by itself. */
async function raw(
  { url }: Sandbox,
  method: string,
  path: string,
  headers: Record<string, string>,
  body = '',
): Promise<Answer & { headers: Record<string, unknown> }> {
  const sent = request(`${url}/_sandbox${path}`, { method, headers, agent: false })
  sent.on('error', () => {})
  sent.end(body)
  const [response] = await once(sent, 'response')
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode, headers: response.headers, body: JSON.parse(text) }
}

async function openStream({ url }: Sandbox, path: string, headers: Record<string, string> = {}) {
  const abort = new AbortController()
  const response = await fetch(`${url}/_sandbox${path}`, { headers, signal: abort.signal })
  const reader = (response.body ?? new ReadableStream()).getReader()
  let rest = ''

  /** Records up to the first that is meant, that one included. */
  async function until(isMeant: (record: JournalRecord) => boolean): Promise<JournalRecord[]> {
    const records: JournalRecord[] = []
    for (;;) {
      const at = rest.indexOf('\n')
      if (at === -1) {
        const { value } = await reader.read()
        rest += Buffer.from(value as Uint8Array).toString()
        continue
      }
      const line = rest.slice(0, at).replace(/^data: /, '')
      rest = rest.slice(at + 1)
      if (!line.startsWith('{')) continue
      const record = JSON.parse(line) as JournalRecord
      records.push(record)
      if (isMeant(record)) return records
    }
  }

  return {
    type: response.headers.get('content-type'),
    until,
    close: () => Promise.resolve(abort.abort()),
  }
}
