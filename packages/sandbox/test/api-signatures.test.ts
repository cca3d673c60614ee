import {
  constants,
  createHash,
  createHmac,
  generateKeyPairSync,
  privateEncrypt,
  sign,
  type KeyObject,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { assert, asyncProperty, boolean, integer, oneof, string, uint8Array } from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { ApiOptions } from '../src/http/api/api.ts'
import {
  exchange,
  KEY,
  MERCHANT,
  MERCHANT_KEYS,
  nowSeconds,
  openApi,
  PINGPP,
  signText,
  type Answered,
  type OpenedApi,
} from './open-api.ts'

// With what shows a re-serialisation: spaces, a slash, Chinese, keys out of order.
const BODY =
  '{"order_no": "123456789", "app": {"id": "app_1Gqj58ynP0mHeX1q"}, "channel": "wx_pub", "amount": 100, "currency": "cny", "recipient": "o9zpMs7Xk9e9aJbTXgufovuWGp7c", "subject": "新年红包 <3", "body": "恭喜/发财", "description": "x", "extra": {"send_name": "商店"}}'
const POST = '/v1/red_envelopes'
const TS = nowSeconds()

const opened: OpenedApi[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map((api) => api.close()))
})

describe('a request is taken', () => {
  it('when body, target and timestamp are signed, as current SDKs do it', async () => {
    expect(await sendTo('strict', { signature: signText(BODY + POST + TS) })).toBe('valid')
    expect(await sendTo('lenient', { signature: signText(BODY + POST + TS) })).toBe('valid')
  })

  it('when the target is signed as it was sent: a trailing ?, raw brackets, encoded ones', async () => {
    for (const target of [
      '/v1/red_envelopes?',
      '/v1/red_envelopes?app[id]=app_1&limit=3',
      '/v1/red_envelopes?app%5Bid%5D=app_1&created%5bgte%5d=1',
    ]) {
      expect(await sendTo('strict', { target, signature: signText(target + TS) })).toBe('valid')
    }
  })

  it('when the target is signed as it was sent, without HTTP too', async () => {
    const api = await open({ requestSignatures: 'strict' })
    for (const target of ['/v1/red_envelopes?', '/v1/red_envelopes?app[id]=app_1']) {
      const { headers } = linesOf({ target, signature: signText(target + TS) })
      const response = await api.fetch(new Request(`http://sandbox.test${target}`, { headers }))
      expect(response.status).toBe(200)
    }
  })

  it('when only its body is signed, without a timestamp: SDKs of 2015, lenient alone', async () => {
    const old = { signature: signText(BODY), timestamp: undefined }
    expect(await sendTo('lenient', old)).toBe('valid')
    expect(await sendTo('strict', old)).toBe('invalid')
  })

  it('when body and timestamp are signed: SDKs of 2016, lenient alone', async () => {
    const old = { signature: signText(BODY + TS) }
    expect(await sendTo('lenient', old)).toBe('valid')
    expect(await sendTo('strict', old)).toBe('invalid')
  })

  it('when body and target are signed, without a timestamp: POST by the PHP SDK, lenient alone', async () => {
    const timeless = { signature: signText(BODY + POST), timestamp: undefined }
    expect(await sendTo('lenient', timeless)).toBe('valid')
    expect(await sendTo('strict', timeless)).toBe('invalid')
    const get = { target: POST, signature: signText(POST), timestamp: undefined }
    expect(await sendTo('lenient', get)).toBe('invalid')
  })

  it('unsigned, if it is a GET and lenient', async () => {
    expect(await sendTo('lenient', { target: '/v1/red_envelopes' })).toBe('absent 200')
    expect(await sendTo('strict', { target: '/v1/red_envelopes' })).toBe('absent 401')
    expect(await sendTo('lenient', {})).toBe('absent 401')
    expect(await sendTo('lenient', { signature: ' ' })).toBe('absent 401')
  })

  it('never with a wrong signature, if it is a GET', async () => {
    const wrong = { target: '/v1/red_envelopes', signature: signText('something else') }
    expect(await sendTo('lenient', wrong)).toBe('invalid')
  })

  it('whatever its signature is when signatures are off, or no key is configured', async () => {
    const wrong = { signature: signText('something else') }
    expect(await sendTo('off', wrong)).toBe('unchecked')
    const api = await open({ merchantKeys: [], requestSignatures: 'strict' })
    expect((await send(api, wrong)).status).toBe(200)
  })

  it('when any of several keys signed it', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 3072 })
    const { readPublicKeys } = await import('@hongbao/core/internal')
    const api = await open({ merchantKeys: [...readPublicKeys(other.publicKey), ...MERCHANT_KEYS] })
    expect((await send(api, { signature: signText(BODY + POST + TS) })).status).toBe(200)
    expect(
      (await send(api, { signature: signText(BODY + POST + TS, other.privateKey) })).status,
    ).toBe(200)
  })
})

describe('a signed timestamp', () => {
  const NOW_MS = 1_707_523_200_000

  it.each([-600, -1, 0, 600])('may be %i seconds off the wall clock', async (offset) => {
    expect((await sendAt(String(NOW_MS / 1000 + offset))).status).toBe(200)
  })

  it.each([
    ['-601', 'it is 601 seconds before the clock of this machine (600 are allowed)'],
    ['601', 'it is 601 seconds after the clock of this machine (600 are allowed)'],
    ['-28800', 'it is 28800 seconds before the clock of this machine (600 are allowed)'],
  ])('may not be %s seconds off', async (offset, message) => {
    const answer = await sendAt(String(NOW_MS / 1000 + Number(offset)))
    expect(answer.status).toBe(401)
    expect(answer.text).toContain(message)
  })

  it('that counts milliseconds is told so', async () => {
    expect((await sendAt(String(NOW_MS))).text).toContain('it counts milliseconds')
  })

  it('that is not a number is rejected with a reason', async () => {
    expect((await sendAt('2024-02-10T00:00:00Z')).text).toContain('it is not an integer')
  })

  it('is of the wall clock, wherever the clock of the sandbox is', async () => {
    const api = await open({ requestSignatures: 'strict' })
    await api.clock.advance(25 * 60 * 60 * 1000)
    expect((await send(api, { signature: signText(BODY + POST + TS) })).status).toBe(200)
  })

  async function sendAt(timestamp: string): Promise<Answered> {
    const api = await open({ requestSignatures: 'strict', now: () => NOW_MS })
    const signed = { timestamp, signature: signText(BODY + POST + timestamp) }
    return send(api, signed, { 'accept-language': 'en' })
  }
})

describe('the cause of a signature that does not verify', () => {
  const GET = '/v1/red_envelopes?app%5Bid%5D=app_1&subject=a%20b'
  const JSON_VALUE: unknown = JSON.parse(BODY)
  const COMPACT = JSON.stringify(JSON_VALUE)

  const body = (signedBody: string | Buffer): Wrong => ({
    signature: signText(Buffer.concat([Buffer.from(signedBody), Buffer.from(POST + TS)])),
  })
  const target = (signedTarget: string, sent = GET): Wrong => ({
    target: sent,
    signature: signText(signedTarget + TS),
  })
  const whole = (content: string | Buffer): Wrong => ({ signature: signText(content) })
  const encoded = (change: (base64: string) => string): Wrong => ({
    signature: change(signText(BODY + POST + TS)),
  })
  const escapeAll = (text: string): string =>
    text.replaceAll(/[^\0-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)

  it.each<[string, Wrong]>([
    ['only the body is signed', whole(BODY)],
    ['only the body is signed', { ...whole(BODY), timestamp: undefined }],
    ['the path is not signed', whole(BODY + TS)],
    [
      'the header Pingplusplus-Request-Timestamp is missing',
      { ...whole(BODY + POST), timestamp: undefined },
    ],
    ['the timestamp is not signed', { target: GET, ...whole(GET) }],
    ['the signed timestamp is in milliseconds', whole(`${BODY}${POST}${TS}000`)],
    ['the query is not signed', target('/v1/red_envelopes')],
    ['the query is not signed', target('/v1/red_envelopes/red_x', '/v1/red_envelopes/red_x?')],
    ['the query is signed decoded', target(decodeURIComponent(GET))],
    ['the request has no body, and {} is signed', { target: GET, ...whole(`{}${GET}${TS}`) }],
    ['the order must be body, path, timestamp', whole(POST + BODY + TS)],

    ['the JSON was serialised again for signing', body(COMPACT)],
    ["(Python's json.dumps)", { body: COMPACT, ...body(BODY) }],
    ['the signed JSON has non-ASCII text as \\uXXXX', body(escapeAll(BODY))],
    ["in PHP's default format", body(escapeAll(BODY).replaceAll('/', '\\/'))],
    ["(Go's json.Marshal)", body(BODY.replaceAll('<', '\\u003c'))],
    ['the signed body ends with a line break', body(`${BODY}\n`)],
    ['the body was encoded as latin1', body(Buffer.from(BODY, 'latin1'))],

    [
      'the signature is hexadecimal, not base64',
      encoded((base64) => Buffer.from(base64, 'base64').toString('hex')),
    ],
    [
      'not standard base64',
      encoded((base64) => Buffer.from(base64, 'base64').toString('base64url')),
    ],
    ['not standard base64', encoded((base64) => base64.replace(/=+$/, ''))],
    ['not standard base64', encoded((base64) => encodeURIComponent(base64))],
    ['not standard base64', encoded((base64) => base64.replace(/(.{76})/g, '$1 '))],
    [
      "its length (32 bytes) is not that of the merchant's key",
      { signature: createHmac('sha256', KEY).update(BODY).digest('base64') },
    ],
    [
      "its length (150 bytes) is not that of the merchant's key",
      { signature: signText(BODY + POST + TS).slice(0, 200) },
    ],

    ['it was not signed with SHA-256', { signature: signWith('sha1', BODY + POST + TS) }],
    ['it was not signed with SHA-256', { signature: signWith('md5', BODY + POST + TS) }],
    ['it was not signed with SHA-256', { signature: signWith('sha512', BODY + POST + TS) }],
    [
      'it was not signed with SHA-256',
      {
        signature: privateEncrypt(MERCHANT.privateKey, sha256(BODY + POST + TS)).toString('base64'),
      },
    ],
    [
      'or with RSA-PSS',
      {
        signature: sign('sha256', Buffer.from(BODY + POST + TS), {
          key: MERCHANT.privateKey,
          padding: constants.RSA_PKCS1_PSS_PADDING,
        }).toString('base64'),
      },
    ],
    [
      'it was signed with the key that signs webhooks',
      { signature: signText(BODY + POST + TS, PINGPP.privateKey) },
    ],
    [
      'it was signed with your_rsa_private_key.pem',
      { signature: signWith('sha256', BODY + POST + TS, examplePrivateKey()) },
    ],
    [
      `does not belong to the merchant's public key (${String(MERCHANT_KEYS[0]?.fingerprint.slice(0, 16))})`,
      {
        signature: signText(
          BODY + POST + TS,
          generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
        ),
      },
    ],

    ['the key is right, but other content was signed', whole('something else')],
    ['the key is right, but other content was signed', whole(COMPACT)],
  ])('is given: %s', async (cause, wrong) => {
    const api = await open({ requestSignatures: 'strict' })
    const answer = await send(api, wrong, { 'accept-language': 'en' })
    expect(answer).toMatchObject({
      status: 401,
      json: { error: { type: 'invalid_request_error' } },
    })
    const { message } = (answer.json as { error: { message: string } }).error
    expect(message).toMatch(/^The request signature does not verify: .+[^.?]\. Sign body/)
    expect(message.slice('The request signature does not verify: '.length)).toContain(cause)
    expect(api.requests()).toMatchObject([{ status: 401, signature: 'invalid', reason: message }])
  })

  it('is in Chinese, unless English is preferred', async () => {
    const api = await open({ requestSignatures: 'strict' })
    expect((await send(api, whole(BODY + TS))).json).toEqual({
      error: {
        type: 'invalid_request_error',
        message:
          '请求签名验证失败：签名内容缺少请求路径。应以商户私钥对「请求体 + 原样的请求路径与查询串 + 时间戳」做 RSA-SHA256 签名，并以 base64 放入 Pingplusplus-Signature。',
      },
    })
  })

  it('comes with no envelope created', async () => {
    const api = await open({ requestSignatures: 'strict' })
    await send(api, whole(BODY))
    expect(api.engine.envelopes.list({ limit: 10 })?.data).toEqual([])
  })
})

describe('whatever stands in the headers of a signature', () => {
  it('is an answer of 401 or 200, never a failure of the sandbox', async () => {
    const api = await open({ requestSignatures: 'lenient' })
    // What HTTP lets stand in a header.
    const text = string({ unit: integer({ min: 0x21, max: 0x7e }).map(toCharacter) })
    const base64 = uint8Array({ maxLength: 300 }).map((bytes) =>
      Buffer.from(bytes).toString('base64'),
    )
    await assert(
      asyncProperty(oneof(text, base64), text, boolean(), async (signature, timestamp, isPost) => {
        const { headers } = linesOf(
          isPost ? { signature, timestamp } : { target: POST, signature, timestamp },
        )
        const init = isPost ? { method: 'POST', body: BODY, headers } : { headers }
        const response = await api.fetch(new Request(`http://sandbox.test${POST}`, init))
        expect(response.status).toBe(!isPost && signature === '' ? 200 : 401)
      }),
    )
  })
})

function toCharacter(code: number): string {
  return String.fromCharCode(code)
}

interface Wrong {
  /** Default: {@link BODY} where the target is that of a POST. */
  readonly body?: string
  /** Default: a POST of an envelope; another one is a GET. */
  readonly target?: string
  readonly signature?: string
  readonly timestamp?: string | undefined
}

async function open(options: ApiOptions): Promise<OpenedApi> {
  const api = await openApi({ merchantKeys: MERCHANT_KEYS, ...options })
  opened.push(api)
  return api
}

/** What the journal says of the signature; the status too where there is none. */
async function sendTo(mode: 'strict' | 'lenient' | 'off', request: Wrong): Promise<string> {
  const api = await open({ requestSignatures: mode })
  const { status } = await send(api, request)
  const signature = api.requests()[0]?.signature
  if (signature === 'absent') return `absent ${status}`
  expect(status).toBe(signature === 'invalid' ? 401 : 200)
  return String(signature)
}

function linesOf(request: Wrong): {
  method: string
  target: string
  body: Buffer
  headers: Record<string, string>
} {
  const isPost = request.target === undefined
  const timestamp = 'timestamp' in request ? request.timestamp : TS
  return {
    method: isPost ? 'POST' : 'GET',
    target: request.target ?? POST,
    body: Buffer.from(isPost ? (request.body ?? BODY) : ''),
    headers: {
      authorization: `Bearer ${KEY}`,
      ...(isPost ? { 'content-type': 'application/json' } : {}),
      ...(request.signature === undefined ? {} : { 'pingplusplus-signature': request.signature }),
      ...(timestamp === undefined ? {} : { 'pingplusplus-request-timestamp': timestamp }),
    },
  }
}

/** Through a raw socket, so that target and body arrive as they are. */
async function send(
  api: OpenedApi,
  request: Wrong,
  more: Record<string, string> = {},
): Promise<Answered> {
  const { method, target, body, headers } = linesOf(request)
  const head = [
    `${method} ${target} HTTP/1.1`,
    'Host: 127.0.0.1',
    ...Object.entries({ ...headers, ...more }).map(([name, value]) => `${name}: ${value}`),
    ...(method === 'POST' ? [`Content-Length: ${body.length}`] : []),
    '\r\n',
  ].join('\r\n')
  return exchange(api.port, Buffer.concat([Buffer.from(head), body]))
}

function signWith(
  algorithm: string,
  content: string,
  key: KeyObject | string = MERCHANT.privateKey,
): string {
  return sign(algorithm, Buffer.from(content), key).toString('base64')
}

function sha256(content: string): Buffer {
  return createHash('sha256').update(content).digest()
}

/** From the official SDK, a dependency of the tests that span packages. */
function examplePrivateKey(): string {
  const sdk = createRequire(new URL('../../../test/package.json', import.meta.url))
  return readFileSync(sdk.resolve('pingpp/example/your_rsa_private_key.pem'), 'utf8')
}
