import { createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, asyncProperty, constantFrom, dictionary, integer, oneof, string } from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { PingppClientOptions } from '../src/options.ts'
import { encodeQuery } from '../src/red-envelopes/query.ts'
import { API_KEY, envelope, GUIDE, page, startPingpp, type Pingpp, type Seen } from './pingpp.ts'

const MERCHANT = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** Verifies a signature as the receiving end does, over what it received (Ping++ API, "RSA 签名"). */
function isSignedBy(publicKey: KeyObject, { body, target, headers }: Seen): boolean {
  const timestamp = String(headers['pingplusplus-request-timestamp'])
  const signed = Buffer.concat([body, Buffer.from(target + timestamp)])
  const signature = Buffer.from(String(headers['pingplusplus-signature']), 'base64')
  return verify('RSA-SHA256', signed, publicKey, signature)
}

function startSigned(json: unknown, options: Partial<PingppClientOptions> = {}): Promise<Pingpp> {
  const signing = { privateKey: MERCHANT.privateKey, ...options }
  return startPingpp({ steps: [{ json }], options: signing })
}

describe('a create as it is sent', () => {
  it('is the parameters as JSON, with key, time and signature', async () => {
    const { client, seen } = await startSigned(envelope())
    await client.redEnvelopes.create(GUIDE, { extraParams: { new_field: { of: '将来' } } })

    const [request] = seen as [Seen]
    expect(request).toMatchObject({
      method: 'POST',
      target: '/v1/red_envelopes',
      headers: {
        authorization: `Bearer ${API_KEY}`,
        accept: 'application/json',
        'content-type': 'application/json; charset=utf-8',
        'content-length': String(request.body.length),
        'pingplusplus-request-timestamp': '1707532800',
      },
    })
    expect(request.body.toString()).toBe(
      '{"order_no":"123456789","app":{"id":"app_1Gqj58ynP0mHeX1q"},"channel":"wx_pub","amount":100,' +
        '"currency":"cny","subject":"新年红包","body":"恭喜发财,大吉大利!🧧","extra":{"send_name":"红包商店"},' +
        '"recipient":"o9zpMs7Xk9e9aJbTXgufovuWGp7c","description":"春节活动:每位会员一个红包","new_field":{"of":"将来"}}',
    )
    expect(isSignedBy(MERCHANT.publicKey, request)).toBe(true)
  })

  it('has the parameters as they were when it was called', async () => {
    const { client, seen } = await startSigned(envelope())
    const parameters = structuredClone<{ -readonly [Name in keyof typeof GUIDE]: unknown }>(GUIDE)
    const created = client.redEnvelopes.create(parameters as typeof GUIDE)
    parameters.amount = 20_000
    await created
    expect(JSON.parse((seen[0] as Seen).body.toString())).toMatchObject({ amount: 100 })
  })
})

describe('a query as it is sent', () => {
  it('is a signed GET without a body', async () => {
    const { client, seen } = await startSigned(envelope({ id: 'red_1' }))
    await client.redEnvelopes.retrieve('red_1')

    const [request] = seen as [Seen]
    expect(request).toMatchObject({ method: 'GET', target: '/v1/red_envelopes/red_1' })
    expect(request.body.length).toBe(0)
    expect(request.headers).toHaveProperty('cache-control', 'no-cache')
    expect(request.headers).not.toHaveProperty('content-type')
    expect(isSignedBy(MERCHANT.publicKey, request)).toBe(true)
  })

  it('has its query in brackets, escaped, and signed as it is sent', async () => {
    const { client, seen } = await startSigned(page([1], false))
    const extraParams = { expand: ['app', 'x'], nothing: undefined, none: null, live: true }
    await client.redEnvelopes.list(
      { limit: 3, app: { id: 'app_1' }, created: { gte: 1, lt: 2 }, starting_after: 'red_9' },
      { extraParams },
    )

    const [request] = seen as [Seen]
    expect(request.target).toBe(
      '/v1/red_envelopes?limit=3&app%5Bid%5D=app_1&created%5Bgte%5D=1&created%5Blt%5D=2' +
        '&expand%5B%5D=app&expand%5B%5D=x&live=true&starting_after=red_9',
    )
    expect(isSignedBy(MERCHANT.publicKey, request)).toBe(true)
  })

  it('has no question mark without a query', async () => {
    const { client, seen } = await startSigned(page([1], false))
    await client.redEnvelopes.list()
    expect(seen.map(({ target }) => target)).toEqual(['/v1/red_envelopes'])
    expect(isSignedBy(MERCHANT.publicKey, seen[0] as Seen)).toBe(true)
  })

  it('arrives unchanged, and is signed as it is sent, for every query', async () => {
    const { client, seen } = await startSigned(page([1], false))
    const reserved = constantFrom(
      ...Array.from(`!'()*~-._ &=+#%/?:;,@$[]{}|\\^\`"<>\u0000\r\n\t恭喜🧧é`),
    )
    const text = string({ unit: oneof(reserved, constantFrom('a', 'Z', '0')) })
    const name = text.filter((each) => !/^(?:\d+|__proto__)$/.test(each) && each !== '')
    const query = dictionary(name, oneof(text, integer().map(String)), { maxKeys: 5 })
    await assert(
      asyncProperty(query, async (asked) => {
        await client.redEnvelopes.list({ limit: 3 }, { extraParams: asked })
        const request = seen.at(-1) as Seen
        const [path, search] = request.target.split('?')
        expect(path).toBe('/v1/red_envelopes')
        // The reader is URLSearchParams: WHATWG's, and none of ours.
        const read = Object.fromEntries(new URLSearchParams(search))
        expect(read).toEqual({ ...asked, limit: '3' })
        expect(request.target).toMatch(/^[\w\-.~/?&=%]+$/)
        expect(isSignedBy(MERCHANT.publicKey, request)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })
})

describe('a query', () => {
  it.each<[object, string]>([
    [{}, ''],
    [{ a: undefined, b: null, c: [] }, ''],
    [{ a: '', b: 0, c: false, d: 10n }, 'a=&b=0&c=false&d=10'],
    [{ a: { b: { c: 'd' } } }, 'a%5Bb%5D%5Bc%5D=d'],
    [{ a: [{ b: 1 }, { b: 2 }] }, 'a%5B%5D%5Bb%5D=1&a%5B%5D%5Bb%5D=2'],
    [{ '恭 喜': '发&财=+' }, '%E6%81%AD%20%E5%96%9C=%E5%8F%91%26%E8%B4%A2%3D%2B'],
    [{ a: `!'()*~` }, 'a=%21%27%28%29%2A~'],
    [Object.assign(Object.create(null), { a: 1 }), 'a=1'],
  ])('is written: %o', (query, expected) => {
    expect(encodeQuery(query as Record<string, unknown>)).toBe(expected)
  })

  it.each([
    new Date(0),
    new Map(),
    new Amount(),
    Object.create({ b: 1 }),
    () => 1,
    Symbol('x'),
    Number.NaN,
    Infinity,
  ])('refuses a value that has no text: %s', (value) => {
    expect(() => encodeQuery({ a: { b: value } })).toThrow(
      '`a[b]` is not a string, a number or a boolean.',
    )
  })

  it.each([
    ['a[b]', circular()],
    ['a[b][]', { b: circularList() }],
  ])('refuses an object that contains itself: %s', (name, value) => {
    expect(() => encodeQuery({ a: value })).toThrow(
      expect.objectContaining({
        code: 'parameter-invalid',
        message: `Nothing was sent, because of a parameter. \`${name}\` contains itself.`,
      }),
    )
  })
})

/** As of a library for money: its own fields are not what Ping++ expects. */
class Amount {
  readonly fen = 100
}

function circular(): object {
  const value: Record<string, unknown> = {}
  value['b'] = value
  return value
}

function circularList(): unknown[] {
  const list: unknown[] = []
  list.push(list)
  return list
}

describe('the target that is signed', () => {
  it.each([
    ['', '/v1/red_envelopes/red_1'],
    ['/', '/v1/red_envelopes/red_1'],
    ['/pingpp', '/pingpp/v1/red_envelopes/red_1'],
    ['/pingpp//', '/pingpp/v1/red_envelopes/red_1'],
    ['/红包/a b', '/%E7%BA%A2%E5%8C%85/a%20b/v1/red_envelopes/red_1'],
    ['/a/../b', '/b/v1/red_envelopes/red_1'],
  ])('is the whole one, after a base of "%s"', async (path, target) => {
    const steps = [{ json: envelope({ id: 'red_1' }) }]
    const options = { privateKey: MERCHANT.privateKey }
    const { client, seen } = await startPingpp({ steps, options, path })
    await client.redEnvelopes.retrieve('red_1')
    expect((seen[0] as Seen).target).toBe(target)
    expect(isSignedBy(MERCHANT.publicKey, seen[0] as Seen)).toBe(true)
  })
})

describe('the private key', () => {
  const pem = (type: 'pkcs1' | 'pkcs8'): string =>
    MERCHANT.privateKey.export({ type, format: 'pem' }).toString()

  it.each<[string, () => PingppClientOptions['privateKey']]>([
    ['PEM, PKCS#1', () => pem('pkcs1')],
    ['PEM, PKCS#8', () => pem('pkcs8')],
    ['PEM with literal \\n', () => pem('pkcs1').replaceAll('\n', String.raw`\n`)],
    ['DER', () => MERCHANT.privateKey.export({ type: 'pkcs8', format: 'der' })],
    ['a KeyObject', () => MERCHANT.privateKey],
    ['a file', () => ({ path: fileOf(pem('pkcs8')) })],
  ])('signs, given as %s', async (_, privateKey) => {
    const { client, seen } = await startSigned(envelope(), { privateKey: privateKey() })
    await client.redEnvelopes.create(GUIDE)
    expect(isSignedBy(MERCHANT.publicKey, seen[0] as Seen)).toBe(true)
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
    expect(isSignedBy(other, seen[0] as Seen)).toBe(false)
  })

  it('left out, leaves a request unsigned, with its time', async () => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    await client.redEnvelopes.create(GUIDE)
    expect(seen[0]?.headers).not.toHaveProperty('pingplusplus-signature')
    expect(seen[0]?.headers).toHaveProperty('pingplusplus-request-timestamp', '1707532800')
  })

  it('signs as openssl does: PKCS#1 v1.5, which is the same every time', async () => {
    const { client, seen } = await startSigned(envelope({ id: 'red_1' }))
    await client.redEnvelopes.retrieve('red_1')
    const signed = Buffer.from('/v1/red_envelopes/red_11707532800')
    const expected = sign('RSA-SHA256', signed, MERCHANT.privateKey).toString('base64')
    expect(seen[0]?.headers['pingplusplus-signature']).toBe(expected)
    expect(createPublicKey(MERCHANT.privateKey).equals(MERCHANT.publicKey)).toBe(true)
  })
})

describe('an id', () => {
  it.each([
    '',
    '.',
    '..',
    '../events/evt_1',
    'red_1/../../v2',
    'red_1?expand[]=app',
    'red_1#x',
    'red%5F1',
    'red 1',
    '红包',
    'a'.repeat(65),
    undefined,
    null,
    5,
    ['red_1'],
  ])('that could change the path is refused before anything is sent: %j', async (id) => {
    const { client, seen } = await startSigned(envelope())
    const expected = {
      name: 'PingppError',
      code: 'parameter-invalid',
      param: 'id',
      attempts: 0,
      notCreated: false,
      message: expect.stringMatching(/`id` must be the id of an (?:envelope|event)/),
    }
    await expect(client.redEnvelopes.retrieve(id as string)).rejects.toMatchObject(expected)
    await expect(client.events.retrieve(id as string)).rejects.toMatchObject(expected)
    expect(seen).toEqual([])
  })

  it('that is an order number is refused with the advice to search the list', async () => {
    const { client, seen } = await startSigned(envelope())
    await expect(client.redEnvelopes.retrieve('20260217')).rejects.toMatchObject({
      code: 'parameter-invalid',
      param: 'id',
      message: expect.stringContaining(
        'An order number is not an id: look for it in `redEnvelopes.list`.',
      ),
    })
    expect(seen).toEqual([])
  })
})

function fileOf(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'hongbao-client-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'rsa_private_key.pem')
  writeFileSync(path, content)
  return path
}
