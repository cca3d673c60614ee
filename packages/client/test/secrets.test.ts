import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createPingppClient } from '../src/client.ts'
import { createSecrets } from '../src/http/secrets.ts'
import {
  API_KEY,
  envelope,
  errorOf,
  GUIDE,
  hang,
  PINGPP,
  refusal,
  reset,
  startPingpp,
  type Step,
} from './pingpp.ts'

const MERCHANT = generateKeyPairSync('rsa', { modulusLength: 2048 })
const PEM = MERCHANT.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const SECRET = API_KEY.slice('sk_test_'.length)
/** Lines of the key that no other key has; the first ones are the same for all. */
const PRIVATE_LINES = PEM.split('\n').slice(3, -2)

/** Everything that a log, a debugger or a crash would show of a value. */
function everythingOf(value: unknown): string {
  const error = value as Partial<Error>
  return [
    inspect(value, { showHidden: true, depth: Infinity, getters: true }),
    String(value),
    JSON.stringify(value),
    String(error.message),
    String(error.stack),
    inspect(error.cause, { showHidden: true, depth: Infinity, getters: true }),
  ].join('\n')
}

function expectNoSecret(value: unknown): void {
  const shown = everythingOf(value)
  expect(shown).not.toContain(SECRET)
  expect(shown).not.toContain(Buffer.from(API_KEY).toString('base64'))
  for (const line of PRIVATE_LINES) expect(shown).not.toContain(line)
}

describe('API key and private key', () => {
  it('do not show in a client', async () => {
    const client = createPingppClient({ apiKey: API_KEY, privateKey: PEM })
    expectNoSecret(client)
    expectNoSecret(client.redEnvelopes)
    expectNoSecret(Object.values(client.redEnvelopes))
    expectNoSecret(client.redEnvelopes.list())
  })

  it.each<[string, Step]>([
    ['repeated in a message', refusal(401, { message: `提供了无效的 API KEY: ${API_KEY}。` })],
    ['repeated in every field', refusal(400, { type: API_KEY, code: API_KEY, param: API_KEY })],
    ['repeated in a page that is no JSON', { status: 500, body: `<pre>${API_KEY}\n${PEM}</pre>` }],
    ['repeated in a header', refusal(400, { message: 'x' }, { 'x-request-id': API_KEY })],
    ['repeated in an envelope that is refused', { json: envelope({ object: API_KEY }) }],
    ['repeated as an error of one text', { status: 400, json: { error: API_KEY } }],
    ['of a request that was dropped', reset],
    ['of a request without an answer', hang],
  ])('do not show in an error: %s', async (_, step) => {
    const options = { privateKey: PEM, timeoutMs: 50, retries: 1 }
    const { client } = await startPingpp({ steps: [step], options })
    const error = await errorOf(client.redEnvelopes.create(GUIDE))
    expect(error).toMatchObject({ name: 'PingppError' })
    expectNoSecret(error)
  })

  it('do not show in an error of a `fetch` that quotes the request', async () => {
    const fetch: typeof globalThis.fetch = (input, init) => {
      const error = new Error(`failed: ${JSON.stringify(init?.headers)}`, {
        cause: new AggregateError([new Error(API_KEY), API_KEY], API_KEY, { cause: API_KEY }),
      })
      return Promise.reject(Object.assign(error, { code: API_KEY, request: { input, init } }))
    }
    const client = createPingppClient({ apiKey: API_KEY, privateKey: PEM, retries: 0, fetch })
    const error = (await errorOf(client.redEnvelopes.create(GUIDE))) as Error
    expect(error).toMatchObject({
      code: 'pingpp-unreachable',
      message: expect.stringContaining('[API key]'),
    })
    expect(error.cause).toMatchObject({ message: expect.stringContaining('Bearer [API key]') })
    expectNoSecret(error)
  })

  it('do not show in an error about options', () => {
    for (const options of [
      { apiKey: ` ${API_KEY} x` },
      { apiKey: API_KEY, privateKey: PEM.slice(0, 900) },
      { apiKey: API_KEY, privateKey: { path: PEM } },
      { apiKey: API_KEY, baseUrl: `https://${API_KEY}@api.pingxx.com` },
      { apiKey: API_KEY, publicKey: PEM },
    ]) {
      let thrown: unknown
      try {
        createPingppClient(options)
      } catch (error) {
        thrown = error
      }
      expect(thrown).toMatchObject({ name: 'OptionError' })
      expectNoSecret(thrown)
    }
  })

  it('do not show in an error about parameters', async () => {
    const { client } = await startPingpp({ steps: [reset] })
    const subject = API_KEY.repeat(3)
    expectNoSecret(await errorOf(client.redEnvelopes.create({ ...GUIDE, subject })))
    expectNoSecret(await errorOf(client.redEnvelopes.retrieve(`${API_KEY}/..`)))
  })

  it('are not sent, except in the one header', async () => {
    const steps = [{ json: envelope() }]
    const options = { privateKey: PEM, publicKey: PINGPP.publicKey, retries: 0 }
    const { client, seen } = await startPingpp({ steps, options })
    await errorOf(client.redEnvelopes.create(GUIDE))
    const { authorization, ...headers } = seen[0]?.headers ?? {}
    expect(authorization).toContain(SECRET)
    expectNoSecret({ ...seen[0], body: String(seen[0]?.body), headers })
  })
})

describe('a text or an error of other code', () => {
  const { mask, maskCause } = createSecrets(API_KEY)

  it('loses API keys, and nothing else', () => {
    expect(mask(`a ${API_KEY} b`)).toBe('a [API key] b')
    expect(mask('sk_live_4eC39HqLyjWDarjtT1zdp7dc。')).toBe('sk_live_****。')
    expect(mask('sk_test_****。')).toBe('sk_test_****。')
    expect(mask('task_test_1, 余额不足')).toBe('task_test_1, 余额不足')
  })

  it('keeps the shape of an error: name, message, code, stack, causes', () => {
    const inner = Object.assign(new RangeError(`inner ${API_KEY}`), { code: 'ECONNRESET' })
    const copy = maskCause(new TypeError('outer', { cause: inner })) as Error
    expect(copy).toMatchObject({
      name: 'TypeError',
      message: 'outer',
      cause: { name: 'RangeError', message: 'inner [API key]', code: 'ECONNRESET' },
    })
    expect(copy).toBeInstanceOf(Error)
    expect(copy.stack).toContain('secrets.test.ts')
  })

  it('has no name and no stack if the thrown value had none', () => {
    const copy = maskCause({ message: 'x', name: Object.create(null), stack: 5 }) as Error
    expect(String(copy)).toBe('Error: x')
    expect(copy.stack).toMatch(/^Error: x\n/)
    expect(String(maskCause({ message: 'x' }))).toBe('Error: x')
  })

  it('is finite, although its causes form a cycle', () => {
    const error = new Error('x')
    error.cause = error
    const all = new AggregateError([error, error], 'y')
    all.errors.push(all)
    expect(inspect(maskCause(error), { depth: Infinity })).toContain('x')
    expect(String(maskCause(all))).toContain('y')
  })

  it.each([undefined, null, 5, {}, { message: 5 }, () => API_KEY])(
    'is undefined if it is not an error: %o',
    (thrown) => {
      expect(maskCause(thrown)).toBeUndefined()
    },
  )
})
