import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createPingppClient } from '../src/client.ts'
import type { PingppClientOptions } from '../src/options.ts'
import { API_KEY, envelope, errorOf, GUIDE, startPingpp } from './pingpp.ts'

function refusalOf(options: unknown): unknown {
  try {
    createPingppClient(options as PingppClientOptions)
  } catch (error) {
    return error
  }
  return undefined
}

function refusalWith(options: object): unknown {
  return refusalOf({ apiKey: API_KEY, ...options })
}

describe('the options of a client', () => {
  it.each([undefined, null, '', API_KEY, 5])('must be an object: %j', (options) => {
    expect(refusalOf(options)).toMatchObject({
      name: 'OptionError',
      code: 'option-invalid',
      message: '`createPingppClient` expects an object of options.',
    })
  })

  it('may not include an unknown one', () => {
    expect(refusalWith({ timeout: 5 })).toMatchObject({
      code: 'option-invalid',
      message:
        'Unknown option `timeout`. Did you mean `timeoutMs`? Valid options: apiKey, privateKey, publicKey, app, baseUrl, timeoutMs, retries, fetch, now.',
    })
  })

  it('refuse a guard that is given but null: `publicKey` [S18]', () => {
    expect(refusalWith({ publicKey: null })).toMatchObject({ code: 'key-missing' })
  })

  it('refuse a guard that is given but undefined: `publicKey` [S18]', () => {
    expect(refusalWith({ publicKey: undefined })).toMatchObject({
      name: 'OptionError',
      code: 'key-missing',
      message:
        '`publicKey` is given, but undefined. Is the variable set that it is read from? Leave `publicKey` out to accept answers without verifying them.',
    })
  })

  it('may be undefined, all but `apiKey`, `publicKey` and `app`', () => {
    const nothing = {
      privateKey: undefined,
      baseUrl: undefined,
      timeoutMs: undefined,
      retries: undefined,
      fetch: undefined,
      now: undefined,
    }
    expect(refusalWith(nothing)).toBeUndefined()
  })
})

describe('`apiKey`', () => {
  it.each([undefined, null, '', ' \n', 5, ['sk_test_1']])('is missing: %j', (apiKey) => {
    expect(refusalOf({ apiKey })).toMatchObject({
      name: 'OptionError',
      code: 'key-missing',
      message:
        '`apiKey` is empty or not set. It is in the Ping++ dashboard: company name, 企业面板, 开发参数, Secret Key (test or live).',
    })
  })

  it.each([
    'pk_test_ibbTe5jLGCi5rzfH4OqPW9KC',
    'ibbTe5jLGCi5rzfH4OqPW9KC',
    'sk_test_!',
    'sk_ibbTe5jLGCi5rzfH4OqPW9KC',
    'app_1Gqj58ynP0mHeX1q',
    'sk_test_ibbTe5jLGCi5 rzfH4OqPW9KC',
    'sk_test_ibbTe5jLGCi5\r\nX-Injected: 1',
    'Bearer sk_test_ibbTe5jLGCi5rzfH4OqPW9KC',
    '${PINGPP_API_KEY}',
    '-----BEGIN PRIVATE KEY-----',
  ])('is refused without being repeated: %j', (apiKey) => {
    const error = refusalOf({ apiKey })
    expect(error).toMatchObject({ code: 'option-invalid' })
    expect(String(error)).toContain('`apiKey` must be a secret key, sk_test_… or sk_live_…')
    expect(String(error)).not.toContain(apiKey)
  })

  it('may have the quotes of an environment file, as `baseUrl` may [C22]', async () => {
    const { seen, url } = await startPingpp({ steps: [{ json: envelope() }] })
    const client = createPingppClient({ apiKey: `"${API_KEY}"\r\n`, baseUrl: `'${url}'` })
    await client.redEnvelopes.retrieve('red_04er10TuvT4OCyLO08aLOqbD')
    expect(seen[0]?.headers.authorization).toBe(`Bearer ${API_KEY}`)
  })

  it('may end in the newline of its file', async () => {
    const options = { apiKey: `${API_KEY}\n` }
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }], options })
    await client.redEnvelopes.retrieve('red_04er10TuvT4OCyLO08aLOqbD')
    expect(seen[0]?.headers.authorization).toBe(`Bearer ${API_KEY}`)
  })
})

describe('`baseUrl`', () => {
  it.each([
    'https://api.pingxx.com',
    'https://api.pingxx.com/',
    'https://proxy.example/pingpp/',
    'http://localhost:4141',
    'http://api.localhost:4141',
    'http://127.0.0.1:4141',
    'http://127.8.9.10',
    'http://[::1]:4141',
    'http://2130706433',
    'http://sandbox:4141',
    'http://host.docker.internal:4141',
  ])('is taken: %s', (baseUrl) => {
    expect(refusalWith({ baseUrl })).toBeUndefined()
  })

  it.each([
    ['http://api.pingxx.com', 'https, because the key is in every request'],
    ['http://localhost.example.com', 'https, because the key is in every request'],
    ['http://127.0.0.1.example.com', 'https, because the key is in every request'],
    ['http://notlocalhost.cn', 'https, because the key is in every request'],
    ['http://host.docker.internal.cn', 'https, because the key is in every request'],
    ['http://0.0.0.0:4141', 'https, because the key is in every request'],
    ['ftp://localhost', 'https, because the key is in every request'],
    ['file:///etc/passwd', 'https, because the key is in every request'],
    ['api.pingxx.com', 'a URL, such as'],
    [5, 'a URL, such as'],
    ['https://user@api.pingxx.com', 'without a user, a query and a fragment'],
    ['https://:secret@api.pingxx.com', 'without a user, a query and a fragment'],
    ['https://api.pingxx.com?x=1', 'without a user, a query and a fragment'],
    ['https://api.pingxx.com#x', 'without a user, a query and a fragment'],
    ['https://api.pingxx.com/v1', 'without /v1'],
    ['https://api.pingxx.com/v1/', 'without /v1'],
  ])('is refused: %s', (baseUrl, expected) => {
    const error = refusalWith({ baseUrl })
    expect(error).toMatchObject({ code: 'option-invalid' })
    expect(String(error)).toContain('`baseUrl` must be ')
    expect(String(error)).toContain(expected)
    expect(String(error)).not.toContain('secret')
  })
})

it.each(['http://sandbox:4141', 'http://host.docker.internal:4141'])(
  '`baseUrl` is not for a live key: %s',
  (baseUrl) => {
    const error = refusalWith({ apiKey: 'sk_live_ibbTe5jLGCi5rzfH4OqPW9KC', baseUrl })
    expect(String(error)).toContain('https, because the key is in every request')
  },
)

it.each(['', '""', ' \n'])(
  '`baseUrl` that is empty is one that is not set: %j [C22]',
  async (baseUrl) => {
    const asked: string[] = []
    const client = createPingppClient({
      apiKey: API_KEY,
      baseUrl,
      retries: 0,
      fetch: (url) => {
        asked.push(new Request(url).url)
        return Promise.resolve(Response.json({ error: {} }, { status: 404 }))
      },
    })
    await expect(client.redEnvelopes.retrieve('red_1')).rejects.toMatchObject({ code: 'not-found' })
    expect(asked).toEqual(['https://api.pingxx.com/v1/red_envelopes/red_1'])
  },
)

describe('both halves of one key pair', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pkcs1 = publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 })

  it.each<[string, PingppClientOptions['publicKey']]>([
    ['as it is', publicKey],
    ['in another layout', pkcs1],
    ['in a list', [other.publicKey, pkcs1]],
  ])('are refused, because Ping++ signs with a key of its own: %s [C21]', (_, given) => {
    const error = refusalWith({ privateKey, publicKey: given })
    expect(error).toMatchObject({ name: 'OptionError', code: 'option-invalid' })
    expect(String(error)).toContain(
      '`publicKey` must be the Ping++ public key, not the public half of your own `privateKey`',
    )
    expect(String(error)).not.toContain(pkcs1.slice(40, 60))
  })

  it('of two pairs are taken [C21]', () => {
    expect(refusalWith({ privateKey, publicKey: other.publicKey })).toBeUndefined()
  })
})

describe('the other options', () => {
  it.each<[object, string]>([
    [{ timeoutMs: 0 }, '`timeoutMs` must be a time in milliseconds from 1 to 2,147,483,647.'],
    [{ timeoutMs: 2 ** 31 }, '`timeoutMs` must be a time in milliseconds from 1 to 2,147,483,647.'],
    [{ timeoutMs: '5' }, '`timeoutMs` must be a time in milliseconds from 1 to 2,147,483,647.'],
    [{ timeoutMs: Number.NaN }, '`timeoutMs` must be a time'],
    [{ retries: -1 }, '`retries` must be a whole number from 0 to 10.'],
    [{ retries: 11 }, '`retries` must be a whole number from 0 to 10.'],
    [{ retries: 1.5 }, '`retries` must be a whole number from 0 to 10.'],
    [{ retries: true }, '`retries` must be a whole number from 0 to 10.'],
    [{ fetch: 'fetch' }, '`fetch` must be a function like the global `fetch`.'],
    [{ now: 5 }, '`now` must be a function that returns milliseconds.'],
  ])('are refused: %j', (options, message) => {
    const error = refusalWith(options)
    expect(error).toMatchObject({ name: 'OptionError', code: 'option-invalid' })
    expect(String(error)).toContain(message)
  })

  it('are refused if a key is not a key', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    expect(refusalWith({ privateKey: publicKey })).toMatchObject({ code: 'key-public' })
    expect(refusalWith({ privateKey: '' })).toMatchObject({ code: 'key-missing' })
    expect(refusalWith({ publicKey: privateKey })).toMatchObject({ code: 'key-private' })
    expect(refusalWith({ publicKey: [] })).toMatchObject({ code: 'key-missing' })
  })

  it('reject the call if `now` returns no time', async () => {
    const options = { now: () => Number.NaN }
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }], options })
    expect(await errorOf(client.redEnvelopes.retrieve('red_1'))).toMatchObject({
      code: 'option-invalid',
      message: '`now` must give milliseconds since 1970.',
    })
    expect(seen).toEqual([])
  })

  it('default to the global `fetch` at the time of the call', async () => {
    const client = createPingppClient({ apiKey: API_KEY })
    const { fetch } = globalThis
    const urls: unknown[] = []
    try {
      globalThis.fetch = (input) => {
        urls.push(input)
        return Promise.resolve(Response.json(envelope({ id: 'red_1' })))
      }
      await client.redEnvelopes.retrieve('red_1')
    } finally {
      globalThis.fetch = fetch
    }
    expect(urls).toEqual(['https://api.pingxx.com/v1/red_envelopes/red_1'])
  })
})

describe('the options of a call', () => {
  it.each<[unknown, string]>([
    [
      { timeout: 5 },
      'Unknown option `timeout`. Did you mean `timeoutMs`? Valid options: signal, timeoutMs, retries, beforeAttempt, extraParams.',
    ],
    [{ timeoutMs: -5 }, '`timeoutMs` must be a time in milliseconds from 1 to 2,147,483,647.'],
    [{ retries: 100 }, '`retries` must be a whole number from 0 to 10.'],
    [{ beforeAttempt: 5 }, '`beforeAttempt` must be a function.'],
    [{ signal: 'now' }, '`signal` must be an AbortSignal.'],
    [{ signal: null }, '`signal` must be an AbortSignal.'],
    [null, 'The call expects an object of options.'],
  ])('are refused before anything is sent: %j', async (how, message) => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    for (const call of [
      client.redEnvelopes.create(GUIDE, how as object),
      client.redEnvelopes.retrieve('red_1', how as object),
      client.redEnvelopes.list({}, how as object),
      client.events.retrieve('evt_1', how as object),
    ]) {
      expect(await errorOf(call)).toMatchObject({ name: 'OptionError', message })
    }
    expect(seen).toEqual([])
  })
})
