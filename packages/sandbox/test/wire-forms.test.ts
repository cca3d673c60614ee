import { afterEach, describe, expect, it } from 'vitest'
import type { SignatureMode } from '../src/http/api/request-signature.ts'
import {
  exchange,
  KEY,
  MERCHANT_KEYS,
  nowSeconds,
  openApi,
  signText,
  type Answered,
  type OpenedApi,
} from './open-api.ts'

// Requests in the form in which those of Ping++'s official SDKs were recorded: order of members, escapes,
// spaces, brackets, headers. They are written to a socket, so that nothing encodes them again. The SDK for
// Node is run itself in test/e2e/official-sdk.test.ts; the others are not on npm.

/** What an SDK sends. The target and its signature are filled in. */
interface WireForm {
  readonly authorization: string
  /** What it sends with every request. */
  readonly headers: readonly string[]
  /** What it sends with a body. */
  readonly bodyHeaders: readonly string[]
  /** The body of a create. */
  readonly body: string
  /** Query of a list of one app, since a time. */
  readonly listQuery: string
  /** What follows the path where there is no query. */
  readonly emptyQuery?: string
  readonly isChunked?: true
}

const BEARER = `Bearer ${KEY}`
const BASIC = `Basic ${Buffer.from(`${KEY}:`).toString('base64')}`
const ENCODED_QUERY = 'limit=3&app%5Bid%5D=app_1Gqj58ynP0mHeX1q&created%5Bgte%5D=1'
const RAW_QUERY = 'limit=3&app[id]=app_1Gqj58ynP0mHeX1q&created[gte]=1'

const CURRENT: Readonly<Record<string, WireForm>> = {
  'Node 2.1.6: chunked, a ? behind every path': {
    authorization: BASIC,
    headers: [
      'Accept: application/json',
      'User-Agent: Pingpp/v1 NodeBindings/2.1.6',
      'X-Pingpp-Client-User-Agent: {"bindings_version":"2.1.6","lang":"node"}',
    ],
    bodyHeaders: ['Content-Type: application/json; charset=UTF-8'],
    body: '{"order_no":"123456789","app":{"id":"app_1Gqj58ynP0mHeX1q"},"channel":"wx_pub","amount":100,"currency":"cny","recipient":"o9zpMs7Xk9e9aJbTXgufovuWGp7c","subject":"红包 <3 & 恭喜","body":"恭喜/发财","description":"Your Description","extra":{"send_name":"红包商店"}}',
    listQuery: ENCODED_QUERY,
    emptyQuery: '?',
    isChunked: true,
  },
  'Python 2.7.2: ASCII, a space behind , and :': {
    authorization: BEARER,
    headers: [
      'User-Agent: Pingpp/v1 PythonBindings/2.7.2',
      'Accept-Encoding: gzip, deflate',
      'Accept: */*',
      'Connection: keep-alive',
      'X-Pingpp-Client-User-Agent: {"publisher": "pingpp", "lang": "python"}',
    ],
    bodyHeaders: ['Content-Type: application/json;charset=utf-8'],
    body: '{"order_no": "123456789", "channel": "wx_pub", "amount": 100, "subject": "\\u7ea2\\u5305 <3 & \\u606d\\u559c", "body": "\\u606d\\u559c/\\u53d1\\u8d22", "currency": "cny", "app": {"id": "app_1Gqj58ynP0mHeX1q"}, "extra": {"send_name": "\\u7ea2\\u5305\\u5546\\u5e97"}, "recipient": "o9zpMs7Xk9e9aJbTXgufovuWGp7c", "description": "Your Description"}',
    listQuery: ENCODED_QUERY,
  },
  'PHP 3.0.0: Chinese and slashes as they are': {
    authorization: BEARER,
    headers: [
      'Accept: */*',
      'X-Pingpp-Client-User-Agent: {"bindings_version":"3.0.0","lang":"php"}',
      'User-Agent: Pingpp/v1 PhpBindings/3.0.0',
    ],
    bodyHeaders: ['Content-Type: application/json;charset=UTF-8'],
    body: '{"order_no":"123456789","app":{"id":"app_1Gqj58ynP0mHeX1q"},"channel":"wx_pub","amount":100,"currency":"cny","subject":"红包 <3 & 恭喜","body":"恭喜/发财","extra":{"send_name":"红包商店"},"metadata":[],"recipient":"o9zpMs7Xk9e9aJbTXgufovuWGp7c","description":"Your Description"}',
    listQuery: ENCODED_QUERY,
  },
  'Ruby 2.2.4: brackets as they are': {
    authorization: BEARER,
    headers: [
      'Accept: */*',
      'Accept-Encoding: gzip, deflate',
      'User-Agent: Pingpp/v1 RubyBindings/2.2.4',
      'X-Pingpp-Client-User-Agent: {"bindings_version":"2.2.4","lang":"ruby"}',
    ],
    bodyHeaders: ['Content-Type: application/json'],
    body: '{"order_no":"123456789","app":{"id":"app_1Gqj58ynP0mHeX1q"},"channel":"wx_pub","amount":100,"currency":"cny","subject":"红包 <3 & 恭喜","body":"恭喜/发财","extra":{"send_name":"红包商店"},"recipient":"o9zpMs7Xk9e9aJbTXgufovuWGp7c","description":"Your Description"}',
    listQuery: RAW_QUERY,
  },
  'Java 2.5.2: < > & escaped, as Gson does it': {
    authorization: BEARER,
    headers: [
      'Accept-Charset: UTF-8',
      'Accept-Language: zh-CN',
      'User-Agent: Pingpp/v1 JavaBindings/2.5.2',
      'X-Pingpp-Client-User-Agent: {"bindings.version":"2.5.2","lang":"Java"}',
      'Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2',
      'Connection: keep-alive',
    ],
    bodyHeaders: ['Content-Type: application/json;charset=UTF-8'],
    body: '{"app":{"id":"app_1Gqj58ynP0mHeX1q"},"amount":100,"body":"恭喜/发财","channel":"wx_pub","currency":"cny","description":"Your Description","extra":{"send_name":"红包商店"},"order_no":"123456789","recipient":"o9zpMs7Xk9e9aJbTXgufovuWGp7c","subject":"红包 \\u003c3 \\u0026 恭喜"}',
    listQuery: ENCODED_QUERY,
  },
  'Go 3.2.6: a misspelt version header, JSON on GET too': {
    authorization: BASIC,
    headers: [
      'User-Agent: Pingpp go SDK version:3.2.6',
      'Accept-Language: zh-CN',
      'Content-Type: application/json',
      'Pingpluspplus-Version: 2025-04-08',
      'X-Pingpp-Client-User-Agent: {"lang":"go","lang_version":"go1.22"}',
      'Accept-Encoding: gzip',
    ],
    bodyHeaders: [],
    body: '{"app":{"id":"app_1Gqj58ynP0mHeX1q"},"channel":"wx_pub","order_no":"123456789","amount":100,"currency":"cny","recipient":"o9zpMs7Xk9e9aJbTXgufovuWGp7c","subject":"红包 \\u003c3 \\u0026 恭喜","body":"恭喜/发财","description":"Your Description","extra":{"send_name":"红包商店"}}',
    listQuery: 'app%5Bid%5D=app_1Gqj58ynP0mHeX1q&created%5Bgte%5D=1&limit=3',
  },
  'C# 1.6.0: indented, with CRLF': {
    authorization: BEARER,
    headers: [
      'User-Agent: Pingpp C# SDK version: 1.6.0',
      'Pingpp-Client-User-Agent: {"bindings_version":"1.6.0","lang":"csharp"}',
      'Accept-Language: zh-CN',
      'Connection: Keep-Alive',
    ],
    // HttpWebRequest of .NET asks first.
    bodyHeaders: ['Content-Type: application/json;charset=utf-8', 'Expect: 100-continue'],
    body: [
      '{',
      '  "order_no": "123456789",',
      '  "amount": 100,',
      '  "channel": "wx_pub",',
      '  "currency": "cny",',
      '  "subject": "红包 <3 & 恭喜",',
      '  "body": "恭喜/发财",',
      '  "recipient": "o9zpMs7Xk9e9aJbTXgufovuWGp7c",',
      '  "description": "Your Description",',
      '  "extra": {',
      '    "send_name": "红包商店"',
      '  },',
      '  "app": {',
      '    "id": "app_1Gqj58ynP0mHeX1q"',
      '  }',
      '}',
    ].join('\r\n'),
    listQuery: ENCODED_QUERY,
  },
  'curl: a form': {
    authorization: BASIC,
    headers: ['User-Agent: curl/8.5.0', 'Accept: */*'],
    bodyHeaders: ['Content-Type: application/x-www-form-urlencoded'],
    body: 'order_no=123456789&app[id]=app_1Gqj58ynP0mHeX1q&channel=wx_pub&amount=100&currency=cny&recipient=o9zpMs7Xk9e9aJbTXgufovuWGp7c&subject=红包 <3 %26 恭喜&body=恭喜/发财&description=Your+Description&extra[send_name]=红包商店',
    listQuery: RAW_QUERY,
  },
}

const MADE = {
  order_no: '123456789',
  app: 'app_1Gqj58ynP0mHeX1q',
  amount: 100,
  subject: '红包 <3 & 恭喜',
  body: '恭喜/发财',
  description: 'Your Description',
  extra: { send_name: '红包商店' },
  metadata: {},
}

const opened: OpenedApi[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map((api) => api.close()))
})

describe.each(Object.entries(CURRENT))('%s', (_, form) => {
  it('creates, retrieves and lists, with every signature enforced', async () => {
    const api = await open('strict')
    const created = await send(api, form, 'POST', '/v1/red_envelopes', form.body)
    expect(created).toMatchObject({ status: 200, json: { ...MADE, status: 'sending' } })

    const { id } = created.json as { id: string }
    const path = `/v1/red_envelopes/${id}${form.emptyQuery ?? ''}`
    const retrieved = await send(api, form, 'GET', path)
    expect(retrieved).toMatchObject({ status: 200, json: { ...MADE, id, status: 'sent' } })

    const listed = await send(api, form, 'GET', `/v1/red_envelopes?${form.listQuery}`)
    expect(listed).toMatchObject({ status: 200, json: { object: 'list', data: [{ id }] } })
    expect(api.requests().map(({ signature }) => signature)).toEqual(['valid', 'valid', 'valid'])
  })

  it('is refused when one byte of the body is another', async () => {
    const api = await open('strict')
    const tampered = form.body.replace('100', '101')
    const answer = await send(api, form, 'POST', '/v1/red_envelopes', tampered, form.body)
    expect(answer.status).toBe(401)
    expect(api.engine.find('123456789')).toBeUndefined()
  })

  it('is refused when the query is another', async () => {
    const api = await open('strict')
    const target = `/v1/red_envelopes?${form.listQuery}`
    const tampered = target.replace('limit=3', 'limit=4')
    const { status } = await exchange(
      api.port,
      requestOf(form, 'GET', tampered, signatureOf(target, nowSeconds())),
    )
    expect(status).toBe(401)
  })
})

describe('PHP', () => {
  const php = required(CURRENT['PHP 3.0.0: Chinese and slashes as they are'])

  it('sends PUT with an override of the method, and is told that there is nothing to PUT', async () => {
    const api = await open('strict')
    const put = { ...php, headers: ['X-HTTP-Method-Override: PUT'] }
    const answer = await send(api, put, 'PUT', '/v1/red_envelopes/red_x', '{"status":"canceled"}')
    expect(answer.status).toBe(404)
    expect(api.requests()).toMatchObject([{ method: 'PUT', signature: 'valid' }])
  })

  it('signs body and path, and sends no time, if its `sign_opts` say so: taken when lenient', async () => {
    const target = '/v1/red_envelopes'
    const signed = [`Pingplusplus-Signature: ${signText(php.body + target)}`]
    const request = requestOf(php, 'POST', target, signed, php.body)
    const lenient = await open('lenient')
    expect((await exchange(lenient.port, request)).status).toBe(200)
    expect(lenient.requests()).toMatchObject([{ signature: 'valid' }])

    const strict = await open('strict')
    expect((await exchange(strict.port, request)).status).toBe(401)
    const reason = expect.stringContaining(
      'verify: the header Pingplusplus-Request-Timestamp is missing. Sign',
    )
    expect(strict.requests()).toMatchObject([{ signature: 'invalid', reason }])
  })
})

describe('SDKs of 2015 and 2016', () => {
  const node = required(CURRENT['Node 2.1.6: chunked, a ? behind every path'])
  const NODE_2_0_7: WireForm = {
    ...node,
    headers: ['Accept: application/json', 'User-Agent: Pingpp/v1 NodeBindings/2.0.7'],
  }

  it('sign the body alone, POST alone, and send no time: taken when lenient', async () => {
    for (const [mode, status] of [
      ['lenient', 200],
      ['strict', 401],
    ] as const) {
      const api = await open(mode)
      const lines = [`Pingplusplus-Signature: ${signText(node.body)}`]
      const request = requestOf(NODE_2_0_7, 'POST', '/v1/red_envelopes', lines, node.body)
      expect((await exchange(api.port, request)).status).toBe(status)
      const list = requestOf(NODE_2_0_7, 'GET', '/v1/red_envelopes?', [])
      expect((await exchange(api.port, list)).status).toBe(status)
    }
  })

  it('sign body and time, and not the path: taken when lenient', async () => {
    for (const [mode, status] of [
      ['lenient', 200],
      ['strict', 401],
    ] as const) {
      const api = await open(mode)
      const now = nowSeconds()
      const time = `Pingplusplus-Request-Timestamp: ${now}`
      const signature = `Pingplusplus-Signature: ${signText(node.body + now)}`
      const request = requestOf(node, 'POST', '/v1/red_envelopes', [signature, time], node.body)
      expect((await exchange(api.port, request)).status).toBe(status)
      const get = [`Pingplusplus-Signature: ${signText(now)}`, time]
      const list = requestOf(node, 'GET', '/v1/red_envelopes?', get)
      expect((await exchange(api.port, list)).status).toBe(status)
    }
  })
})

async function open(requestSignatures: SignatureMode): Promise<OpenedApi> {
  const api = await openApi({ merchantKeys: MERCHANT_KEYS, requestSignatures })
  opened.push(api)
  return api
}

/** Sends a request of an SDK, signed as current ones do it: body, target, time. */
async function send(
  { port }: OpenedApi,
  form: WireForm,
  method: 'GET' | 'POST' | 'PUT',
  target: string,
  body?: string,
  signedBody = body,
): Promise<Answered> {
  const lines = signatureOf((signedBody ?? '') + target, nowSeconds())
  return exchange(port, requestOf(form, method, target, lines, body))
}

function signatureOf(content: string, time: string): string[] {
  return [
    `Pingplusplus-Signature: ${signText(content + time)}`,
    `Pingplusplus-Request-Timestamp: ${time}`,
  ]
}

function requestOf(
  form: WireForm,
  method: string,
  target: string,
  signatureLines: readonly string[],
  body?: string,
): Buffer {
  const bytes = Buffer.from(body ?? '')
  const length = form.isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes.length}`
  const head = [
    `${method} ${target} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: ${form.authorization}`,
    ...form.headers,
    ...(body === undefined ? [] : [...form.bodyHeaders, length]),
    ...signatureLines,
    '\r\n',
  ].join('\r\n')
  return Buffer.concat([
    Buffer.from(head),
    form.isChunked && body !== undefined ? chunk(bytes) : bytes,
  ])
}

function chunk(bytes: Buffer): Buffer {
  const size = `${bytes.length.toString(16)}\r\n`
  return Buffer.concat([Buffer.from(size), bytes, Buffer.from('\r\n0\r\n\r\n')])
}

function required(form: WireForm | undefined): WireForm {
  if (form === undefined) throw new Error('There is no such form.')
  return form
}
