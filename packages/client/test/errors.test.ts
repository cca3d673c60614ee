import { OptionError } from '@hongbao/core'
import { getEventListeners } from 'node:events'
import { createServer } from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import { createPingppClient, createPingppClientWith } from '../src/client.ts'
import { ERRORS, PingppError, type PingppErrorCode } from '../src/errors.ts'
import {
  API_KEY,
  close,
  cutOff,
  envelope,
  errorOf,
  GUIDE,
  hang,
  listen,
  refusal,
  reset,
  startPingpp,
  type Answer,
  type Step,
} from './pingpp.ts'

async function createErrorOf(step: Step, how: object = {}): Promise<PingppError> {
  const { client } = await startPingpp({ steps: [step] })
  const options = { retries: 0, ...how }
  return (await errorOf(client.redEnvelopes.create(GUIDE, options))) as PingppError
}

const UNKNOWN =
  'Whether the envelope was created is unknown: look for order_no 123456789 in redEnvelopes.list, or create it again with the same order_no, never with a new one.'

describe('an answer of Ping++ that is a refusal', () => {
  const invalid = { type: 'invalid_request_error', message: '参数不对' }
  const channel = { type: 'channel_error', message: '渠道错误' }

  it.each<[string, Answer, PingppErrorCode, boolean]>([
    ['400', refusal(400, invalid), 'request-invalid', true],
    ['401', refusal(401, invalid), 'api-key-invalid', true],
    ['402', refusal(402, channel), 'channel-failed', true],
    ['403', refusal(403, invalid), 'rate-limited', true],
    ['404', refusal(404, invalid), 'not-found', true],
    ['409', refusal(409, invalid), 'request-invalid', false],
    ['429', refusal(429, invalid), 'rate-limited', true],
    ['500', refusal(500, { type: 'api_error', message: 'x' }), 'server-failed', false],
    ['501', refusal(501, { type: 'api_error', message: 'x' }), 'server-failed', false],
    ['502', refusal(502, { type: 'api_error', message: 'x' }), 'server-failed', false],
    ['503 in HTML', { status: 503, body: '<html>' }, 'server-failed', false],
    ['500 in HTML', { status: 500, body: '<html>' }, 'server-failed', false],
    ['429 in HTML', { status: 429, body: '<html>' }, 'rate-limited', false],
    ['429 without a body', { status: 429 }, 'rate-limited', false],
    [
      '400 with an error of one text',
      { status: 400, json: { error: 'x' } },
      'request-invalid',
      false,
    ],
    ['400 with an error of nothing', refusal(400, {}), 'request-invalid', false],
    ['400 with an unknown type', refusal(400, { type: 'x' }), 'request-invalid', false],
    [
      'the number was used, perhaps for this envelope',
      refusal(402, { ...channel, code: 'charge_order_no_used' }),
      'order-number-used',
      false,
    ],
    [
      'there is something about the number, which had the right form',
      refusal(400, { ...invalid, param: 'order_no' }),
      'request-invalid',
      false,
    ],
    [
      'the channel is busy, and may yet send',
      refusal(402, { ...channel, code: 'red_system_busy' }),
      'channel-busy',
      false,
    ],
    [
      'the channel refused',
      refusal(402, { ...channel, code: 'channel_request_error' }),
      'channel-failed',
      true,
    ],
    [
      'the channel did not answer Ping++',
      refusal(402, { ...channel, code: 'channel_connection_error' }),
      'channel-failed',
      false,
    ],
    [
      'the channel answered Ping++ something',
      refusal(402, { ...channel, code: 'channel_parse_error' }),
      'channel-failed',
      false,
    ],
    ['200 with an error, invalid', refusal(200, invalid), 'request-invalid', false],
    ['200 with an error, channel', refusal(200, channel), 'channel-failed', false],
    ['200 with an error, api', refusal(200, { type: 'api_error' }), 'server-failed', false],
    ['200 with an error, card', refusal(200, { type: 'card_error' }), 'channel-failed', false],
    ['200 with an unknown error', refusal(200, { type: 'x' }), 'response-invalid', false],
    [
      'codes that every object has',
      refusal(400, { type: 'constructor', code: 'toString' }),
      'request-invalid',
      false,
    ],
  ])('has a code: %s', async (_, step, code, notCreated) => {
    const error = await createErrorOf(step)
    expect(error).toMatchObject({
      name: 'PingppError',
      code,
      status: step.status,
      attempts: 1,
      orderNo: '123456789',
      notCreated,
    })
    expect(error.message.startsWith(ERRORS[code].message)).toBe(true)
    expect(error.message.endsWith(UNKNOWN)).toBe(!notCreated)
  })

  it('quotes the message of Ping++, and nothing else of it', async () => {
    const api = {
      type: 'channel_error',
      code: 'channel_request_error',
      param: 'amount',
      message: '对支付渠道的请求未能成功。来自 wx_pub 渠道的错误信息:余额不足',
    }
    const error = await createErrorOf(refusal(402, api))
    expect(error.api).toEqual(api)
    expect(error.param).toBe('amount')
    expect(error.message).toBe(
      'The channel (WeChat) refused the envelope, or failed. Ping++ answered: 对支付渠道的请求未能成功。来自 wx_pub 渠道的错误信息:余额不足 (402, channel_error, channel_request_error, amount)',
    )
    const short = await createErrorOf(refusal(404, { type: 'invalid_request_error', message: 'x' }))
    expect(Object.keys(short.api ?? {})).toEqual(['type', 'message'])
    expect(short.param).toBeUndefined()
  })

  it.each([
    ['提供了无效的 API KEY: sk_test_****。', 'Is the key complete, and was it replaced?'],
    [
      '请求签名验证失败',
      '`privateKey` set, and is its public half in the dashboard (商户 RSA 公钥)?',
    ],
    ['Invalid Signature.', '`privateKey` set, and is its public half in the dashboard'],
  ])('with status 401 names what to check: %s', async (message, advice) => {
    const error = await createErrorOf(refusal(401, { type: 'invalid_request_error', message }))
    expect(error.code).toBe('api-key-invalid')
    expect(error.message).toContain('signature of the request. Is')
    expect(error.message).toContain(advice)
    expect(error.message).toContain(`Ping++ answered: ${message} (401`)
  })

  it('quotes only strings', async () => {
    const error = await createErrorOf(refusal(400, { type: 5, code: null, param: {}, message: [] }))
    expect(error.api).toEqual({})
    const expected = 'Ping++ refused the request. Ping++ answered: no message (400)'
    expect(error.message).toBe(`${expected} ${UNKNOWN}`)
  })

  it('cannot forge a log line, nor fill the log', async () => {
    const error = await createErrorOf(
      refusal(400, { ...invalid, message: `a\r\n\u2028b${'长'.repeat(5000)}` }),
    )
    expect(error.message).toMatch(/Ping\+\+ answered: a b长+ \(400, invalid_request_error\)$/)
    expect(error.message.length).toBeLessThan(400)
    const names = { type: 'a\nb', code: '\u001B[2J', param: `c${'长'.repeat(5000)}` }
    const named = await createErrorOf(refusal(400, names))
    expect(named.message).toMatch(/answered: no message \(400, a b,  \[2J, c长+\) Whether/)
    expect(named.message.length).toBeLessThan(400 + UNKNOWN.length)
  })

  it('is not cut within a character', async () => {
    const error = await createErrorOf(refusal(400, { ...invalid, message: `a${'🧧'.repeat(200)}` }))
    expect(error.message.isWellFormed()).toBe(true)
    expect(error.message.match(/🧧/gu)?.length).toBe(149)
  })

  it('has the id of the request if there is one', async () => {
    const header = { 'x-request-id': 'iar_qH4y1KbTy5eLGm1uHSTS00s' }
    const error = { message: 'x' }
    expect(await createErrorOf(refusal(400, error, header))).toMatchObject({
      requestId: 'iar_qH4y1KbTy5eLGm1uHSTS00s',
    })
    expect(await createErrorOf(refusal(400, { ...error, request_id: 'iar_1' }))).toMatchObject({
      requestId: 'iar_1',
    })
    const beside = { status: 400, json: { error, request_id: 'iar_2' } }
    expect(await createErrorOf(beside)).toMatchObject({ requestId: 'iar_2' })
    expect(await createErrorOf({ status: 502, headers: header })).toMatchObject({
      requestId: 'iar_qH4y1KbTy5eLGm1uHSTS00s',
    })
    const strange = { 'x-request-id': 'a b<script>' }
    expect(await createErrorOf(refusal(400, error, strange))).toMatchObject({
      requestId: undefined,
    })
  })
})

describe('a connection that fails', () => {
  it('before anything was sent leaves nothing uncertain: refused', async () => {
    const server = createServer()
    const baseUrl = await listen(server)
    await close(server)
    const client = createPingppClient({ apiKey: API_KEY, baseUrl, retries: 0 })
    const error = await errorOf(client.redEnvelopes.create(GUIDE))
    expect(error).toMatchObject({
      code: 'pingpp-unreachable',
      status: undefined,
      attempts: 1,
      orderNo: '123456789',
      notCreated: true,
      message: `The connection to Ping++ failed. ECONNREFUSED, ${baseUrl}. Is the sandbox running?`,
      cause: { name: 'TypeError', cause: { code: 'ECONNREFUSED' } },
    })
  })

  it.each<[string, unknown, boolean]>([
    ['no such host', { code: 'ENOTFOUND' }, true],
    ['no answer to the connection', { code: 'UND_ERR_CONNECT_TIMEOUT' }, true],
    ['a certificate of another host', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }, true],
    ['lost', { code: 'ECONNRESET' }, false],
    ['closed', { code: 'UND_ERR_SOCKET' }, false],
    ['for an unnamed reason', {}, false],
    ['for nothing', undefined, false],
  ])('leaves a request uncertain that may have been sent: %s', async (_, reason, notCreated) => {
    const fetch = (): Promise<Response> =>
      Promise.reject(
        new TypeError('fetch failed', { cause: Object.assign(new Error('x'), reason) }),
      )
    const client = createPingppClient({ apiKey: API_KEY, retries: 0, fetch })
    expect(await errorOf(client.redEnvelopes.create(GUIDE))).toMatchObject({
      code: 'pingpp-unreachable',
      notCreated,
    })
  })

  it('counts as tried, not sent, as often as it failed', async () => {
    const server = createServer()
    const baseUrl = await listen(server)
    await close(server)
    const wait = (): Promise<void> => Promise.resolve()
    const client = createPingppClientWith({ apiKey: API_KEY, baseUrl }, { wait, random: () => 0 })
    const { message } = (await errorOf(client.redEnvelopes.create(GUIDE))) as PingppError
    expect(message.endsWith('It was tried 3 times.')).toBe(true)
  })

  it.each([
    [{ code: 'ENOTFOUND' }, 'ENOTFOUND, https://proxy.example:8443.'],
    [{}, 'It was to https://proxy.example:8443.'],
  ])('names the host, and mentions no sandbox for another host: %o', async (reason, ending) => {
    const fetch = (): Promise<Response> =>
      Promise.reject(Object.assign(new TypeError('fetch failed'), reason))
    const baseUrl = 'https://proxy.example:8443/pingpp'
    const client = createPingppClient({ apiKey: API_KEY, baseUrl, retries: 0, fetch })
    expect(String(await errorOf(client.redEnvelopes.retrieve('red_1')))).toBe(
      `PingppError: The connection to Ping++ failed. ${ending}`,
    )
  })

  it.each<[string, Step]>([
    ['after the request', reset],
    ['within the answer', cutOff],
  ])('%s, leaves a create uncertain', async (_, step) => {
    const error = await createErrorOf(step)
    expect(error).toMatchObject({ code: 'pingpp-unreachable', notCreated: false })
    expect(error.message.endsWith(UNKNOWN)).toBe(true)
  })

  it('leaves nothing uncertain for a query', async () => {
    const { client } = await startPingpp({ steps: [reset], options: { retries: 0 } })
    expect(await errorOf(client.redEnvelopes.retrieve('red_1'))).toMatchObject({
      code: 'pingpp-unreachable',
      orderNo: undefined,
      notCreated: false,
      message: expect.not.stringContaining('unknown'),
    })
  })

  it('is also the error of a `fetch` that throws', async () => {
    for (const thrown of [new Error('broken'), 'broken', undefined, null, { broken: true }]) {
      const fetch = (): never => {
        // oxlint-disable-next-line typescript/only-throw-error -- what JavaScript may throw
        throw thrown
      }
      const client = createPingppClient({ apiKey: API_KEY, retries: 0, fetch })
      expect(await errorOf(client.redEnvelopes.create(GUIDE))).toMatchObject({
        code: 'pingpp-unreachable',
        notCreated: false,
      })
    }
  })
})

describe('a PingppError that foreign code throws during a create', () => {
  const foreign = new PingppError('request-invalid', { notCreated: true })

  it('of `fetch` leaves this create uncertain: it may have been sent [S26]', async () => {
    const fetch = (): Promise<Response> => Promise.reject(foreign)
    const client = createPingppClient({ apiKey: API_KEY, retries: 0, fetch })
    expect(await errorOf(client.redEnvelopes.create(GUIDE))).toMatchObject({
      code: 'pingpp-unreachable',
      attempts: 1,
      notCreated: false,
    })
  })

  it('of `beforeAttempt` ends the call with nothing sent', async () => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const beforeAttempt = (): Promise<never> => Promise.reject(foreign)
    const error = await errorOf(client.redEnvelopes.create(GUIDE, { beforeAttempt }))
    expect(error).toMatchObject({ code: 'request-aborted', attempts: 0, notCreated: true })
    expect((error as Error).cause).toBe(foreign)
    expect(seen).toEqual([])
  })
})

describe('a custom `fetch`', () => {
  const bytes = new TextEncoder().encode(JSON.stringify(envelope()))

  function fetchOf(response: object): typeof globalThis.fetch {
    return () => Promise.resolve({ status: 200, ...response } as Response)
  }

  it.each<[string, object]>([
    ['headers in an object', { headers: { 'content-type': 'application/json' } }],
    ['no headers', {}],
  ])('may answer with %s', async (_, response) => {
    const fetch = fetchOf({ ...response, body: new Response(bytes).body })
    const client = createPingppClient({ apiKey: API_KEY, fetch })
    expect(await client.redEnvelopes.create(GUIDE)).toEqual(envelope())
  })

  it('may answer with a body that has only a reader, as mocks and polyfills have it', async () => {
    const chunks = [bytes.slice(0, 40), bytes.slice(40)]
    const body = {
      getReader: () => ({
        async read() {
          const value = chunks.shift()
          return { done: value === undefined, value }
        },
      }),
    }
    const fetch = fetchOf({ headers: {}, body })
    const client = createPingppClient({ apiKey: API_KEY, retries: 0, fetch })
    expect(await client.redEnvelopes.create(GUIDE)).toEqual(envelope())
  })

  it('may have a body that cannot be cancelled, and the call still ends in time', async () => {
    const body = { getReader: () => ({ read: () => new Promise(() => {}) }) }
    const fetch = fetchOf({ headers: {}, body })
    const client = createPingppClient({ apiKey: API_KEY, retries: 0, timeoutMs: 5, fetch })
    expect(await errorOf(client.redEnvelopes.create(GUIDE))).toMatchObject({
      code: 'request-timed-out',
    })
  })

  it.each<[string, object]>([
    ['headers that are none', { headers: 5, body: null }],
    ['no body', { headers: {} }],
    ['a body that is none', { headers: {}, body: 'text' }],
  ])('leaves a create uncertain with an answer that cannot be read: %s', async (_, response) => {
    const client = createPingppClient({ apiKey: API_KEY, retries: 0, fetch: fetchOf(response) })
    expect(await errorOf(client.redEnvelopes.create(GUIDE))).toMatchObject({
      name: 'PingppError',
      notCreated: false,
    })
  })
})

describe('a timeout', () => {
  it.each<[string, Step]>([
    ['without an answer', hang],
    [
      'within the answer',
      (response) => {
        response.writeHead(200)
        response.write('{')
      },
    ],
  ])('%s, leaves a create uncertain', async (_, step) => {
    const error = await createErrorOf(step, { timeoutMs: 30 })
    expect(error).toMatchObject({ code: 'request-timed-out', status: undefined, notCreated: false })
    expect(error.message).toBe(`Ping++ did not respond within \`timeoutMs\`. ${UNKNOWN}`)
  })

  it('ends a call although its `fetch` ignores the signal', async () => {
    const fetch = (): Promise<Response> => new Promise(() => {})
    const client = createPingppClient({ apiKey: API_KEY, retries: 0, timeoutMs: 20, fetch })
    expect(await errorOf(client.redEnvelopes.create(GUIDE))).toMatchObject({
      code: 'request-timed-out',
    })
  })

  it.each(['that has begun', 'that comes when the call is over'])(
    'ends an answer %s, although its `fetch` ignores the signal',
    async (when) => {
      const answered = Promise.withResolvers<void>()
      const ended = Promise.withResolvers<void>()
      const body = new ReadableStream({ cancel: () => ended.resolve() })
      const fetch = (): Promise<Response> => answered.promise.then(() => new Response(body))
      const client = createPingppClient({ apiKey: API_KEY, retries: 0, timeoutMs: 10, fetch })
      if (when === 'that has begun') answered.resolve()
      expect(await errorOf(client.redEnvelopes.create(GUIDE))).toMatchObject({
        code: 'request-timed-out',
      })
      answered.resolve()
      await ended.promise
    },
  )
})

describe('a signal', () => {
  it('has no listener of a call that has ended, although its `fetch` never ends', async () => {
    const { signal } = new AbortController()
    const fetch = (): Promise<Response> => new Promise(() => {})
    const how = { signal, timeoutMs: 5, retries: 2 }
    const seams = { random: () => 0, wait: () => Promise.resolve() }
    const client = createPingppClientWith({ apiKey: API_KEY, fetch }, seams)
    expect(await errorOf(client.redEnvelopes.retrieve('red_1', how))).toMatchObject({
      code: 'request-timed-out',
      attempts: 3,
    })
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('that was given before ends the call with nothing sent', async () => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const signal = AbortSignal.abort('the user left')
    for (const call of [
      client.redEnvelopes.create(GUIDE, { signal }),
      client.redEnvelopes.retrieve('red_1', { signal }),
      client.redEnvelopes.list({}, { signal }),
      client.events.retrieve('evt_1', { signal }),
    ]) {
      expect(await errorOf(call)).toMatchObject({
        code: 'request-aborted',
        attempts: 0,
        message: 'The `signal` ended the call, or `beforeAttempt` failed.',
        cause: 'the user left',
      })
    }
    expect(seen).toEqual([])
  })

  it.each<[string, (abort: () => void) => Step]>([
    ['before the answer', (abort) => () => abort()],
    [
      'within the answer',
      (abort) => (response) => {
        response.writeHead(200)
        response.write('{', abort)
      },
    ],
  ])('ends a create %s, and leaves it uncertain', async (_, step) => {
    const controller = new AbortController()
    const reason = new Error('the user left')
    const { client, seen } = await startPingpp({ steps: [step(() => controller.abort(reason))] })
    const error = await errorOf(client.redEnvelopes.create(GUIDE, { signal: controller.signal }))
    expect(error).toMatchObject({ code: 'request-aborted', attempts: 1, notCreated: false })
    expect((error as Error).cause).toBe(reason)
    expect(seen.length).toBe(1)
  })
})

describe('a parameter', () => {
  it('that is wrong is named before anything is sent', async () => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const error = await errorOf(client.redEnvelopes.create({ ...GUIDE, subject: '恭'.repeat(12) }))
    expect(error).toMatchObject({
      name: 'PingppError',
      code: 'parameter-invalid',
      param: 'subject',
      status: undefined,
      attempts: 0,
      notCreated: true,
      message:
        'Nothing was sent, because of a parameter. `subject` must be a title of at most 32 bytes (10 Chinese characters); it is a string of 36 bytes.',
    })
    expect(seen).toEqual([])
  })

  it.each<[unknown, string]>([
    [undefined, '`create` expects an object of parameters.'],
    [null, '`create` expects an object of parameters.'],
    [[GUIDE], '`create` expects an object of parameters.'],
    ['text', '`create` expects an object of parameters.'],
    [{ ...GUIDE, toJSON: () => 1n }, 'They cannot be written as JSON: a BigInt, or a circle?'],
  ])('is refused: %o', async (parameters, message) => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const call = client.redEnvelopes.create(parameters as typeof GUIDE)
    expect(String(await errorOf(call))).toContain(message)
    expect(seen).toEqual([])
  })
})

describe('PingppError', () => {
  it('is an instance of PingppError in every copy of hongbao, such as ESM beside CommonJS', async () => {
    vi.resetModules()
    const { PingppError: Another } = await import('../src/errors.ts')
    expect(Another).not.toBe(PingppError)
    expect(new Another('not-found') instanceof PingppError).toBe(true)
    expect(new PingppError('not-found') instanceof Another).toBe(true)
    expect(new OptionError('option-invalid', 'x') instanceof Another).toBe(false)
  })

  it.each([
    undefined,
    null,
    'not-found',
    new Error('x'),
    new OptionError('option-invalid', 'x'),
    Object.assign(new Error('x'), { name: 'PingppError', code: 'request-aborted' }),
  ])('is not an error of other code: %o', (thrown) => {
    expect(thrown instanceof PingppError).toBe(false)
  })
})

describe('notCreated', () => {
  // What an app writes in a `catch` around more than the create.
  function isMarkedFailed(error: unknown): boolean {
    return Boolean((error as { notCreated?: boolean } | undefined)?.notCreated)
  }

  it('is certain, or not, for each code without other facts', () => {
    const certain = Object.entries(ERRORS).map(([code, { notCreated }]) => [code, notCreated])
    expect(Object.fromEntries(certain)).toEqual({
      'parameter-invalid': true,
      'request-invalid': true,
      'api-key-invalid': true,
      'not-found': true,
      'order-number-used': false,
      'channel-failed': true,
      'channel-busy': false,
      'rate-limited': true,
      'server-failed': false,
      'pingpp-unreachable': false,
      'request-timed-out': false,
      'request-aborted': false,
      'response-invalid': false,
      'response-forged': false,
    })
  })

  it('is certain of no error that other code threw [S26]', () => {
    for (const foreign of [
      undefined,
      null,
      'text',
      new Error('the database is away'),
      new DOMException('x', 'AbortError'),
      new OptionError('option-invalid', 'x'),
      new PingppError('request-invalid'),
    ]) {
      expect(isMarkedFailed(foreign)).toBe(false)
    }
  })

  it.each(['retrieve', 'list', 'event'] as const)(
    'is certain of nothing after a %s that failed, since a create before it may have worked [S26]',
    async (what) => {
      const invalid = refusal(404, { type: 'invalid_request_error', message: 'x' })
      const { client } = await startPingpp({ steps: [invalid] })
      const calls = {
        retrieve: () => client.redEnvelopes.retrieve('red_1'),
        list: () => client.redEnvelopes.list(),
        event: () => client.events.retrieve('evt_1'),
      }
      expect(isMarkedFailed(await errorOf(calls[what]()))).toBe(false)
    },
  )

  it('is certain of nothing when a call has a wrong option', async () => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const call = client.redEnvelopes.create(GUIDE, { retries: -1 })
    expect(isMarkedFailed(await errorOf(call))).toBe(false)
    expect(seen).toEqual([])
  })
})
