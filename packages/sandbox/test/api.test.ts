import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ENVELOPE,
  exchange,
  isSignedByPingpp,
  KEY,
  openApi,
  START_MS,
  type Answered,
  type OpenedApi,
} from './open-api.ts'
import { functionApp } from './open-engine.ts'

let api: OpenedApi

beforeEach(async () => {
  api = await openApi()
})

afterEach(async () => {
  await api.close()
})

describe('an answer', () => {
  it('is JSON indented by four spaces, with its Chinese as it is, as long as it says', async () => {
    const answer = await api.post(ENVELOPE)
    expect(answer.text).toMatch(/^\{\n {4}"id": "red_\w{24}",\n/)
    expect(answer.text).toContain('\n    "subject": "新年红包",\n')
    expect(answer.text).toContain('\n    "extra": {\n        "send_name": "红包商店"\n    },\n')
    expect(answer.headers.get('content-length')).toBe(String(Buffer.byteLength(answer.text)))
    expect(answer.headers.get('content-type')).toBe('application/json;charset=utf-8')
    expect(answer.headers.get('cache-control')).toBe('no-cache, no-store')
  })

  it('has `{}` where a hash is empty', async () => {
    const { metadata: _, ...rest } = ENVELOPE
    expect((await api.post(rest)).text).toContain('\n    "metadata": {}')
    expect((await api.post({ ...rest, order_no: '2', metadata: [] })).text).toContain(
      '\n    "metadata": {}',
    )
  })

  it('closes the connection, on which the official Node SDK would hang', async () => {
    expect((await api.post(ENVELOPE)).headers.get('connection')).toBe('close')
    expect((await api.get('/v1/red_envelopes/red_x')).headers.get('connection')).toBe('close')
  })

  it('is signed with the key of the webhooks, be it good news or bad', async () => {
    const made = await api.post(ENVELOPE)
    const refused = await api.post({ ...ENVELOPE, amount: 1.5 })
    expect([made.status, refused.status]).toEqual([200, 400])
    expect([isSignedByPingpp(made), isSignedByPingpp(refused)]).toEqual([true, true])
  })

  it('has a request id, which the journal knows', async () => {
    const { headers } = await api.post(ENVELOPE)
    expect(headers.get('x-request-id')).toMatch(/^iar_\w{24}$/)
    expect(api.requests().map(({ id }) => id)).toEqual([headers.get('x-request-id')])
  })
})

describe('API keys', () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

  it.each([
    ['Bearer', `Bearer ${KEY}`],
    ['bearer in lower case', `bearer ${KEY}`],
    ['Basic with an empty password', basic(`${KEY}:`)],
    ['Basic without a colon', basic(KEY)],
  ])('come by %s', async (_, authorization) => {
    expect((await api.post(ENVELOPE, { authorization })).status).toBe(200)
  })

  it.each([
    ['no header', ''],
    ['an empty key', 'Bearer '],
    ['an empty user', basic(':')],
    ['another scheme', `Digest ${KEY}`],
  ])('are asked for where there is %s', async (_, authorization) => {
    expect(await api.post(ENVELOPE, { authorization })).toMatchObject({
      status: 401,
      json: {
        error: {
          type: 'invalid_request_error',
          message: expect.stringContaining('没有提供 API KEY'),
        },
      },
    })
  })

  it('that are none are refused as Ping++ does it, without being repeated', async () => {
    const answer = await api.post(ENVELOPE, { authorization: 'Bearer hunter2' })
    expect(answer.status).toBe(401)
    expect(answer.json).toEqual({
      error: { type: 'invalid_request_error', message: '提供了无效的 API KEY: ****。' },
    })
  })

  it('that are live are refused loudly, in both languages, and appear nowhere', async () => {
    const live = 'sk_live_ibbTe5jLGCi5rzfH4OqPW9KC'
    const chinese = await api.post(ENVELOPE, { authorization: `Bearer ${live}` })
    const english = await api.post(ENVELOPE, {
      authorization: basic(`${live}:`),
      'accept-language': 'en',
    })
    expect([chinese.status, english.status]).toEqual([401, 401])
    expect(chinese.text).toContain('本地沙箱，不接受 live 模式的 API KEY: sk_live_****')
    expect(english.text).toContain('This is a local sandbox, and sk_live_**** is a live key')
    const seen = chinese.text + english.text + JSON.stringify(api.engine.journal.since(0))
    expect(seen).not.toContain('ibbTe5jLGCi5rzfH4OqPW9KC')
  })

  it('may be any sk_test_… unless some are configured', async () => {
    expect((await api.post(ENVELOPE, { authorization: 'Bearer sk_test_any' })).status).toBe(200)
    const closed = await openApi({ apiKeys: [KEY, 'sk_test_other'] })
    expect((await closed.post(ENVELOPE)).status).toBe(200)
    expect(
      (await closed.get('/v1/red_envelopes', { authorization: 'Bearer sk_test_other' })).status,
    ).toBe(200)
    const refused = await closed.get('/v1/red_envelopes', { authorization: 'Bearer sk_test_any' })
    expect(refused.json).toEqual({
      error: { type: 'invalid_request_error', message: '提供了无效的 API KEY: sk_test_****。' },
    })
    await closed.close()
  })

  it('are looked at before the body', async () => {
    expect((await api.post('no object', { authorization: '' })).status).toBe(401)
  })
})

describe('POST /v1/red_envelopes', () => {
  it('makes an envelope that is being sent (guide, note 1)', async () => {
    const { status, json } = await api.post(ENVELOPE)
    expect(status).toBe(200)
    expect(json).toEqual({
      id: expect.stringMatching(/^red_\w{24}$/),
      object: 'red_envelope',
      created: START_MS / 1000,
      received: null,
      refunded: null,
      livemode: false,
      status: 'sending',
      app: 'app_1Gqj58ynP0mHeX1q',
      channel: 'wx_pub',
      order_no: '123456789',
      transaction_no: null,
      amount: 100,
      amount_settle: 100,
      currency: 'cny',
      recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
      subject: '新年红包',
      body: '恭喜发财',
      description: '每位会员一个',
      failure_msg: null,
      extra: { send_name: '红包商店' },
      metadata: { branch: '上海/徐汇' },
    })
    expect(api.engine.events()).toEqual([])
  })

  it('gives the same envelope for the same order with the same parameters', async () => {
    const first = await api.post(ENVELOPE)
    const second = await api.post(ENVELOPE)
    expect([second.status, second.json]).toEqual([200, first.json])
    expect(api.engine.list({ limit: 10 })?.data).toHaveLength(1)
  })

  it('takes an order number that is an integer, as the C# and Python examples send it [S22]', async () => {
    const first = await api.post({ ...ENVELOPE, order_no: 123456789 })
    expect([first.status, first.json]).toMatchObject([200, { order_no: '123456789' }])
    const again = await api.post({ ...ENVELOPE, order_no: '123456789' })
    expect([again.status, again.json]).toEqual([200, first.json])
  })

  it('answers what is wrong with a parameter in the language that is asked for', async () => {
    const wrong = (headers: Record<string, string>) =>
      api.post({ ...ENVELOPE, amount: 1.5 }, headers)
    const messageOf = ({ json }: Answered) => (json as { error: { message: string } }).error.message
    expect(messageOf(await wrong({ 'accept-language': 'zh-CN' }))).toBe(
      '参数无效：amount 应为以分为单位的整数：100 到 20,000（1 到 200 元），超出范围须提供 extra[scene_id]。',
    )
    expect(messageOf(await wrong({ 'accept-language': 'en' }))).toContain(
      '`amount` must be a whole number of fen',
    )
    const { subject: _subject, ...rest } = ENVELOPE
    expect(messageOf(await api.post(rest, { 'accept-language': 'zh' }))).toMatch(
      /^参数无效：缺少 subject，应为标题/,
    )
  })

  it('answers 402 where the order number was used with other parameters', async () => {
    await api.post(ENVELOPE)
    expect(await api.post({ ...ENVELOPE, amount: 200 })).toMatchObject({
      status: 402,
      json: {
        error: {
          type: 'channel_error',
          message: '订单号 123456789 已被使用，且参数不同。',
          code: 'charge_order_no_used',
          param: 'order_no',
        },
      },
    })
  })

  it.each([
    ['amount', { amount: 1.5 }],
    ['amount', { amount: '100' }],
    ['amount', { amount: 99 }],
    ['order_no', { order_no: '12345678901234567890123456789' }],
    ['order_no', { order_no: 2 ** 53 }],
    ['order_no', { order_no: 1.5 }],
    ['order_no', { order_no: -1 }],
    ['subject', { subject: 2024 }],
    ['app[id]', { app: {} }],
    ['extra[send_name]', { extra: {} }],
    ['subject', { subject: '十一个汉字就超过三十二字节' }],
    ['currency', { currency: 'usd' }],
  ])('answers 400 with the parameter where it is wrong: %s of %j', async (param, change) => {
    const answer = await api.post({ ...ENVELOPE, ...change }, { 'accept-language': 'en' })
    expect(answer).toMatchObject({
      status: 400,
      json: {
        error: {
          type: 'invalid_request_error',
          message: expect.stringMatching(/^Invalid parameter: `/),
          param,
        },
      },
    })
    expect(answer.json).not.toHaveProperty('error.code')
    expect(api.engine.list({ limit: 10 })?.data).toEqual([])
  })

  it('shows the app itself on demand', async () => {
    expect((await api.post({ ...ENVELOPE, expand: ['app'] })).json).toMatchObject({
      app: { id: 'app_1Gqj58ynP0mHeX1q', object: 'app' },
    })
  })
})

describe('bodies', () => {
  it('may be forms, where an amount is text', async () => {
    const answer = await postRaw(FORM, 'application/x-www-form-urlencoded')
    const json = await api.post(ENVELOPE)
    expect([answer.status, answer.json]).toEqual([200, json.json])
  })

  it.each([
    '',
    'application/json',
    'application/json;charset=UTF-8',
    'Application/JSON; charset="utf8"',
  ])('are JSON by the content type "%s"', async (contentType) => {
    expect((await postRaw(JSON.stringify(ENVELOPE), contentType)).status).toBe(200)
  })

  it('without a content type are forms where they do not look like JSON', async () => {
    expect((await postRaw(FORM, '')).status).toBe(200)
  })

  it('may come in chunks', async () => {
    const body = Buffer.from(JSON.stringify(ENVELOPE))
    const chunks = [body.subarray(0, 107), body.subarray(107)].map(
      (chunk) => `${chunk.length.toString(16)}\r\n${chunk.toString('latin1')}\r\n`,
    )
    const head = requestHead('Content-Type: application/json', 'Transfer-Encoding: chunked')
    const answer = await exchange(
      api.port,
      Buffer.from(`${head}${chunks.join('')}0\r\n\r\n`, 'latin1'),
    )
    expect(answer).toMatchObject({ status: 200, json: { subject: '新年红包' } })
  })

  it.each([
    ['is not JSON', '{"order_no":', 'application/json', '不是合法的 JSON'],
    ['names a member twice', '{"amount":100,"amount":200}', 'application/json', '重复的名称'],
    ['is no object', '["a"]', 'application/json', '应为一个对象'],
    ['is GBK', Buffer.from('7b2261223a22bacec6227d', 'hex'), 'application/json', '不是 UTF-8'],
    ['says that it is GBK', '{}', 'application/json; charset=gbk', '字符集应为 UTF-8'],
    ['is XML', '<xml/>', 'text/xml', '不支持该 Content-Type'],
    ['is a form in GBK', 'subject=%BA%EC%B0%FC', 'application/x-www-form-urlencoded', '不是 UTF-8'],
    [
      'is a form in GBK, unencoded',
      Buffer.from('a=\xba\xec', 'latin1'),
      'application/x-www-form-urlencoded',
      '不是 UTF-8',
    ],
    ['is a form too deep', 'a[b][c][d][e]=1', 'application/x-www-form-urlencoded', '嵌套过深'],
    ['is a form too long', 'a=1&'.repeat(300), 'application/x-www-form-urlencoded', '参数过多'],
  ])('are refused with 400 where one %s', async (_, body, contentType, message) => {
    expect(await postRaw(body, contentType)).toMatchObject({
      status: 400,
      json: {
        error: { type: 'invalid_request_error', message: expect.stringContaining(message) },
      },
    })
  })

  it('count as no parameters where there is none', async () => {
    expect(await postRaw('', 'application/json')).toMatchObject({
      status: 400,
      json: { error: { param: 'app[id]' } },
    })
  })

  it('that are too large are refused with 413, announced or not', async () => {
    const small = await openApi({ maxBodyBytes: 100 })
    const body = 'a'.repeat(101)
    const announced = requestHead('Content-Type: application/json', 'Content-Length: 101')
    const chunked = requestHead('Content-Type: application/json', 'Transfer-Encoding: chunked')
    const answers = [
      await exchange(small.port, announced + body),
      await exchange(small.port, `${chunked}65\r\n${body}\r\n0\r\n\r\n`),
    ]
    for (const { status, json } of answers) {
      expect([status, json]).toEqual([
        413,
        { error: { type: 'invalid_request_error', message: '请求体超过 100 字节。' } },
      ])
    }
    await small.close()
  })

  it('may have a mebibyte', async () => {
    const padding = 'a'.repeat(
      1024 * 1024 - Buffer.byteLength(JSON.stringify({ ...ENVELOPE, note: '' })),
    )
    expect((await api.post({ ...ENVELOPE, note: padding })).status).toBe(200)
    expect((await api.post({ ...ENVELOPE, note: `${padding}a` })).status).toBe(413)
  })

  const FORM = [
    'order_no=123456789&app[id]=app_1Gqj58ynP0mHeX1q&channel=wx_pub&amount=100&currency=cny',
    'recipient=o9zpMs7Xk9e9aJbTXgufovuWGp7c',
    `subject=新年红包&body=${encodeURIComponent('恭喜发财')}&description=%E6%AF%8F%E4%BD%8D%E4%BC%9A%E5%91%98%E4%B8%80%E4%B8%AA`,
    'extra%5Bsend_name%5D=%E7%BA%A2%E5%8C%85%E5%95%86%E5%BA%97&metadata[branch]=上海/徐汇',
  ].join('&')

  async function postRaw(
    body: string | Buffer,
    contentType: string,
  ): Promise<Awaited<ReturnType<typeof exchange>>> {
    const bytes = Buffer.from(body)
    const type = contentType === '' ? [] : [`Content-Type: ${contentType}`]
    const head = requestHead(...type, `Content-Length: ${bytes.length}`)
    return exchange(api.port, Buffer.concat([Buffer.from(head), bytes]))
  }

  function requestHead(...lines: string[]): string {
    return [
      'POST /v1/red_envelopes HTTP/1.1',
      'Host: 127.0.0.1',
      `Authorization: Bearer ${KEY}`,
      ...lines,
      '\r\n',
    ].join('\r\n')
  }
})

describe('GET /v1/red_envelopes/:id', () => {
  it('moves the envelope on: first sent, then received (guide, note 4)', async () => {
    const id = await createEnvelope()
    expect((await api.get(`/v1/red_envelopes/${id}`)).json).toMatchObject({ id, status: 'sent' })
    expect((await api.get(`/v1/red_envelopes/${id}?`)).json).toMatchObject({
      id,
      status: 'received',
    })
    expect(api.engine.events().map(({ type }) => type)).toEqual([
      'red_envelope.sent',
      'red_envelope.received',
    ])
  })

  it.each(['?expand[]=app', '?expand%5B%5D=app', '?expand=app', '?expand[]=channel&expand[]=app'])(
    'shows the app itself for %s',
    async (query) => {
      const id = await createEnvelope()
      expect((await api.get(`/v1/red_envelopes/${id}${query}`)).json).toMatchObject({
        app: { id: 'app_1Gqj58ynP0mHeX1q', object: 'app', livemode: false },
      })
    },
  )

  it('answers 404 where there is none, in the language that is preferred', async () => {
    const chinese = await api.get('/v1/red_envelopes/red_x', { 'accept-language': 'zh-CN' })
    const english = await api.get('/v1/red_envelopes/red_x', {
      'accept-language': 'zh;q=0.5, en-US;q=0.9',
    })
    expect([chinese.status, chinese.json]).toEqual([
      404,
      {
        error: {
          type: 'invalid_request_error',
          message: '未找到 red_envelope : red_x。',
          param: 'id',
        },
      },
    ])
    expect([english.status, english.json]).toEqual([
      404,
      {
        error: {
          type: 'invalid_request_error',
          message: 'No such red_envelope: red_x',
          param: 'id',
        },
      },
    ])
  })

  it('goes by id and not by order number', async () => {
    await createEnvelope()
    expect((await api.get('/v1/red_envelopes/123456789')).status).toBe(404)
  })

  it('does nothing for HEAD', async () => {
    const id = await createEnvelope()
    const response = await fetch(`${api.url}/v1/red_envelopes/${id}`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${KEY}` },
    })
    expect(response.status).toBe(404)
    expect(api.engine.find(id)?.status).toBe('sending')
  })
})

describe('GET /v1/events/:id', () => {
  it('gives the event that was sent', async () => {
    const id = await createEnvelope()
    await api.get(`/v1/red_envelopes/${id}`)
    const [sent] = api.engine.events()
    const { status, text, json } = await api.get(`/v1/events/${sent?.id}`)
    expect(status).toBe(200)
    expect(json).toEqual({ ...JSON.parse(String(sent?.bytes)), pending_webhooks: 0 })
    expect(json).toMatchObject({
      type: 'red_envelope.sent',
      data: { object: { id, status: 'sent' } },
    })
    expect(text).toContain('"subject": "新年红包"')
  })

  it('counts in `pending_webhooks` what was not delivered, also when it is given up', async () => {
    const app = functionApp(500)
    api.engine.setTarget(app.target)
    const { id } = api.engine.trigger('red_envelope.sent')
    await api.clock.settled()
    expect(await stateOf(id)).toEqual(['pending', 1])
    await api.clock.drain()
    expect(await stateOf(id)).toEqual(['exhausted', 1])
    app.statuses = [200]
    api.engine.resend(id)
    await api.clock.settled()
    expect(await stateOf(id)).toEqual(['delivered', 0])
  })

  it('counts none without a target, and one where the target has gone after a failure', async () => {
    const { id: never } = api.engine.trigger('red_envelope.sent')
    api.engine.setTarget(functionApp(500).target)
    const { id: failed } = api.engine.trigger('red_envelope.sent')
    await api.clock.settled()
    api.engine.setTarget(undefined)
    await api.clock.drain()
    expect(await stateOf(never)).toEqual(['undelivered', 0])
    expect(await stateOf(failed)).toEqual(['undelivered', 1])
  })

  it('answers 404 where there is none', async () => {
    expect(await api.get('/v1/events/evt_x', { 'accept-language': 'en' })).toMatchObject({
      status: 404,
      json: { error: { message: 'No such event: evt_x', param: 'id' } },
    })
  })

  /** Its status here, and what the API says of it. */
  async function stateOf(id: string): Promise<unknown[]> {
    const { json } = await api.get(`/v1/events/${id}`)
    return [api.engine.event(id)?.status, (json as Record<string, unknown>)['pending_webhooks']]
  }
})

describe('everything else', () => {
  it.each([
    ['GET', '/v1/charges'],
    ['GET', '/v1'],
    ['GET', '/v1/'],
    ['GET', '/v1/events'],
    ['GET', '/v1/red_envelopes/'],
    ['GET', '/v1/red_envelopes/a/b'],
    ['DELETE', '/v1/red_envelopes/red_x'],
    ['PUT', '/v1/red_envelopes'],
    ['POST', '/v1/events/evt_x'],
  ])('is a 404 that says what there is: %s %s', async (method, path) => {
    const response = await fetch(api.url + path, {
      method,
      headers: { authorization: `Bearer ${KEY}`, 'accept-language': 'en' },
    })
    expect(response.status).toBe(404)
    expect(await response.json()).toEqual({
      error: {
        type: 'invalid_request_error',
        message: `Unrecognized request: ${method} ${path}. The sandbox has POST /v1/red_envelopes, GET /v1/red_envelopes, GET /v1/red_envelopes/:id and GET /v1/events/:id.`,
      },
    })
  })
})

describe('without HTTP', () => {
  it('is the same API, and a 404 elsewhere too', async () => {
    const headers = { authorization: `Bearer ${KEY}` }
    const list = await api.fetch(new Request('http://sandbox.test/v1/red_envelopes', { headers }))
    expect([list.status, list.headers.get('connection')]).toEqual([200, 'close'])
    const other = await api.fetch(new Request('http://sandbox.test/v2', { headers }))
    expect([other.status, await other.json()]).toMatchObject([
      404,
      { error: { type: 'invalid_request_error' } },
    ])
  })
})

describe('the journal', () => {
  it('has a line for every request, in the words of the schema', async () => {
    const id = await createEnvelope()
    await api.get(`/v1/red_envelopes/${id}?a=1`)
    await api.get('/v1/red_envelopes/red_x')
    expect(api.requests()).toMatchObject([
      { method: 'POST', path: '/v1/red_envelopes', status: 200, signature: 'unchecked' },
      { method: 'GET', path: `/v1/red_envelopes/${id}?a=1`, status: 200, signature: 'unchecked' },
      { path: '/v1/red_envelopes/red_x', status: 404, reason: 'No such red_envelope: red_x' },
    ])
    expect(api.requests()[0]).not.toHaveProperty('reason')
  })

  it('hides keys, wherever they were put', async () => {
    const headers = { 'x-api-key': KEY, 'x-note': `key=${KEY};` }
    const answer = await api.get(`/v1/red_envelopes/${KEY}?key=${KEY}`, headers)
    const [logged] = api.engine.requests.list()
    expect(logged?.headers).toMatchObject({
      'x-api-key': 'sk_test_****',
      'x-note': 'key=sk_test_****;',
    })
    const seen = answer.text + JSON.stringify([api.engine.journal.since(0), logged?.headers])
    expect(seen).toContain('sk_test_****')
    expect(seen).not.toContain(KEY)
  })
})

async function createEnvelope(): Promise<string> {
  await api.post(ENVELOPE)
  return api.engine.find(ENVELOPE.order_no)?.id ?? ''
}
