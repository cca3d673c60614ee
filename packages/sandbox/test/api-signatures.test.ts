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

  it('that is no number is told so', async () => {
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

describe('a signature that does not verify is told its cause', () => {
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
    ['it does not cover the path', whole(BODY + TS)],
    ['it does not cover the timestamp', whole(BODY + POST)],
    ['it does not cover the path; it does not cover the timestamp', whole(BODY)],
    ['it does not cover the body', whole(POST + TS)],
    [
      'the header Pingplusplus-Request-Timestamp is missing',
      { ...whole(BODY + POST), timestamp: undefined },
    ],
    [
      'the header Pingplusplus-Request-Timestamp is missing; it does not cover the path',
      { ...whole(BODY), timestamp: undefined },
    ],
    [
      'it covers the timestamp in milliseconds, and seconds were sent',
      whole(`${BODY}${POST}${TS}000`),
    ],
    [
      'it covers the timestamp in seconds, and milliseconds were sent',
      { ...whole(BODY + POST + TS), timestamp: `${TS}123` },
    ],

    ['it covers the JSON written anew (without spaces)', body(COMPACT)],
    [
      'it covers the JSON written anew (with ", " and ": " between)',
      { body: COMPACT, ...body(BODY) },
    ],
    [
      'it covers the JSON written anew (indented by two spaces)',
      body(JSON.stringify(JSON_VALUE, null, 2)),
    ],
    [
      'it covers the JSON written anew (indented by four spaces)',
      body(JSON.stringify(JSON_VALUE, null, 4)),
    ],
    [
      'it covers the JSON written anew (with its keys sorted)',
      { body: '{"b":[{"d":1,"c":2}],"a":"x"}', ...body('{"a":"x","b":[{"c":2,"d":1}]}') },
    ],
    ['it covers the JSON with non-ASCII text as \\uXXXX', body(escapeAll(BODY))],
    ['it covers the JSON with / as \\/', body(BODY.replaceAll('/', '\\/'))],
    [
      'it covers the JSON with non-ASCII text as \\uXXXX and / as \\/',
      body(escapeAll(BODY).replaceAll('/', '\\/')),
    ],
    ['it covers the JSON with < > & as \\u003c', body(BODY.replaceAll('<', '\\u003c'))],
    ['the bytes of the body were read as latin1', body(Buffer.from(BODY).toString('latin1'))],
    ['the body was encoded as latin1', body(Buffer.from(BODY, 'latin1'))],
    ['non-ASCII text of the body became ?', body(BODY.replaceAll(/[^\0-\x7f]/g, '?'))],
    ['the body has a line break at its end in what was signed', body(`${BODY}\n`)],
    [
      'the body was sent with a line break at its end, and signed without it',
      { body: `${BODY}\n`, ...body(BODY) },
    ],
    ['the request has no body, and it covers {}', { target: GET, ...whole(`{}${GET}${TS}`) }],
    [
      'the request has no body, and it covers undefined',
      { target: GET, ...whole(`undefined${GET}${TS}`) },
    ],

    ['it does not cover the query', target('/v1/red_envelopes')],
    [
      'the ? at the end of the path is not covered',
      target('/v1/red_envelopes/red_x', '/v1/red_envelopes/red_x?'),
    ],
    [
      'it covers a ? at the end of the path that was not sent',
      target('/v1/red_envelopes/red_x?', '/v1/red_envelopes/red_x'),
    ],
    ['it covers the query decoded', target(decodeURIComponent(GET))],
    [
      'it covers the query encoded again',
      target('/v1/red_envelopes?app%5Bid%5D=a', '/v1/red_envelopes?app[id]=a'),
    ],
    [
      'it covers the percent-encoding in other letters',
      target(GET.replaceAll('%5B', '%5b').replaceAll('%5D', '%5d')),
    ],
    ['a space is + in one', target(GET.replaceAll('%20', '+'))],
    [
      'it covers the query with its parameters in another order',
      target('/v1/red_envelopes?a=1&b=2', '/v1/red_envelopes?b=2&a=1'),
    ],
    ['it covers the path without /v1', target(GET.slice(3))],
    ['it covers the path without its first /', target(GET.slice(1))],
    ['it covers the whole URL', target(`http://127.0.0.1${GET}`)],

    ['the order is body, path, timestamp', whole(POST + BODY + TS)],
    ['the order is body, path, timestamp', whole(TS + POST + BODY)],
    ['there is a "\\n" between the parts', whole([BODY, POST, TS].join('\n'))],
    ['there is a "&" between the parts', whole([BODY, POST, TS].join('&'))],
    ['there is a line break at the end of what was signed', whole(`${BODY}${POST}${TS}\n`)],
    ['it covers the method', whole(`POST${BODY}${POST}${TS}`)],
    [
      'it was hashed twice: it covers the SHA-256 as hexadecimal text',
      whole(sha256(BODY + POST + TS).toString('hex')),
    ],
    ['it was hashed twice: it covers the SHA-256, and', whole(sha256(BODY + POST + TS))],

    [
      'it is hexadecimal, not base64',
      encoded((base64) => Buffer.from(base64, 'base64').toString('hex')),
    ],
    [
      'it is base64 in the alphabet for URLs',
      encoded((base64) => Buffer.from(base64, 'base64').toString('base64url')),
    ],
    ['its base64 lacks the = at its end', encoded((base64) => base64.replace(/=+$/, ''))],
    ['its base64 is percent-encoded', encoded((base64) => encodeURIComponent(base64))],
    ['its base64 has spaces, quotes or other characters', encoded((base64) => `"${base64}"`)],
    [
      'its base64 has spaces, quotes or other characters',
      encoded((base64) => base64.replace(/(.{76})/g, '$1 ')),
    ],
    [
      'it has 32 bytes, too few for RSA: an HMAC or a hash has as many',
      { signature: createHmac('sha256', KEY).update(BODY).digest('base64') },
    ],
    [
      "which is not the length of the merchant's key",
      { signature: signText(BODY + POST + TS).slice(0, 200) },
    ],

    ['it was made with SHA-1, not SHA-256', { signature: signWith('sha1', BODY + POST + TS) }],
    ['it was made with MD5, not SHA-256', { signature: signWith('md5', BODY + POST + TS) }],
    ['it was made with SHA-512, not SHA-256', { signature: signWith('sha512', BODY + POST + TS) }],
    [
      'it is a hash encrypted with the private key',
      {
        signature: privateEncrypt(MERCHANT.privateKey, sha256(BODY + POST + TS)).toString('base64'),
      },
    ],
    [
      'it is RSA-PSS, not PKCS#1 v1.5',
      {
        signature: sign('sha256', Buffer.from(BODY + POST + TS), {
          key: MERCHANT.privateKey,
          padding: constants.RSA_PKCS1_PSS_PADDING,
        }).toString('base64'),
      },
    ],
    [
      "it was made with the key that signs webhooks in Ping++'s place",
      { signature: signText(BODY + POST + TS, PINGPP.privateKey) },
    ],
    [
      "it was made with your_rsa_private_key.pem, the example of Ping++'s SDKs",
      { signature: signWith('sha256', BODY + POST + TS, examplePrivateKey()) },
    ],
    [
      `it was made with another private key than that of the merchant's public key (${String(MERCHANT_KEYS[0]?.fingerprint.slice(0, 16))})`,
      {
        signature: signText(
          BODY + POST + TS,
          generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
        ),
      },
    ],

    [
      'it was made with SHA-1, not SHA-256; it does not cover the path',
      { signature: signWith('sha1', BODY + TS) },
    ],
    [
      'it covers the JSON written anew (without spaces), not the bytes that were sent; it does not cover the path; it does not cover the timestamp',
      whole(COMPACT),
    ],
    ['the key is right, but it covers something else than what arrived', whole('something else')],
    [
      'the key is right, but it covers something else than what arrived',
      { body: `"${'a'.repeat(17_000)}"`, ...whole(POST + TS) },
    ],
  ])('%s', async (cause, wrong) => {
    const api = await open({ requestSignatures: 'strict' })
    const answer = await send(api, wrong, { 'accept-language': 'en' })
    expect(answer).toMatchObject({
      status: 401,
      json: { error: { type: 'invalid_request_error' } },
    })
    const { message } = (answer.json as { error: { message: string } }).error
    expect(message).toMatch(/^The request signature does not verify: .+[^?]\. Sign body/)
    expect(message.slice('The request signature does not verify: '.length)).toContain(cause)
    expect(api.requests()).toMatchObject([{ status: 401, signature: 'invalid', reason: message }])
  })

  it('in Chinese, unless English is preferred', async () => {
    const api = await open({ requestSignatures: 'strict' })
    expect((await send(api, whole(BODY + TS))).json).toEqual({
      error: {
        type: 'invalid_request_error',
        message:
          '请求签名验证失败：签名内容缺少请求路径。应以商户私钥对「请求体 + 原样的请求路径与查询串 + 时间戳」做 RSA-SHA256 签名，并以 base64 放入 Pingplusplus-Signature。',
      },
    })
  })

  it('and does nothing', async () => {
    const api = await open({ requestSignatures: 'strict' })
    await send(api, whole(BODY))
    expect(api.engine.list({ limit: 10 })?.data).toEqual([])
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
