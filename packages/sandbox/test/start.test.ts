import { execFile } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { SandboxError, startSandbox, type Sandbox, type SandboxOptions } from '../src/index.ts'
import { functionApp, parameters, START_MS } from './open-engine.ts'
import { PATIENCE_MS } from '../../../test/patience.ts'

const open: Sandbox[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((sandbox) => sandbox.close()))
})

describe('startSandbox', () => {
  it('listens on loopback, on a free port, and takes the key that it gives', async () => {
    const sandbox = await start()
    expect(sandbox.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(sandbox.apiKey).toMatch(/^sk_test_[0-9A-Za-z]{24}$/)
    const created = await createOver(fetch, sandbox)
    expect(created).toMatchObject({ status: 'sending', created: START_MS / 1000 })
    expect(sandbox.envelope('123456789')).toMatchObject({ id: created.id })
  })

  it('takes any test key where none is given, and only those that are given', async () => {
    const any = await start()
    expect((await list(any, 'sk_test_ibbTe5jLGCi5rzfH4OqPW9KC')).status).toBe(200)
    const some = await start({ apiKey: ['sk_test_one', 'sk_test_two'] })
    expect(some.apiKey).toBe('sk_test_one')
    expect((await list(some, 'sk_test_two')).status).toBe(200)
    expect((await list(some, 'sk_test_three')).status).toBe(401)
  })

  it('has what an app needs to know as variables, under the names that the command `env` prints', async () => {
    const { url, apiKey, publicKey, env } = await start()
    expect(env).toEqual({
      PINGPP_BASE_URL: url,
      PINGPP_API_KEY: apiKey,
      PINGPP_PUBLIC_KEY: publicKey.trim(),
    })
    expect(createPublicKey(env.PINGPP_PUBLIC_KEY).asymmetricKeyType).toBe('rsa')
  })

  it('throws an error that is a `SandboxError` of another copy of hongbao too [E75]', async () => {
    // A query makes a module of its own of the same file.
    const path = '../src/errors.ts?copy'
    const copy = (await import(path)) as typeof import('../src/errors.ts')
    expect(copy.SandboxError).not.toBe(SandboxError)
    const error = new SandboxError('closed', 'The sandbox is closed.')
    expect(error).toBeInstanceOf(copy.SandboxError)
    expect(error).toBeInstanceOf(SandboxError)
  })

  it('has its API without HTTP, too', async () => {
    const sandbox = await start()
    const created = await createOver((url, init) => sandbox.fetch(url, init), sandbox)
    expect(sandbox.envelope(created.id)).toMatchObject({ order_no: '123456789' })
  })

  it('rejects with the reason of a caller who has left, as `fetch` does', async () => {
    const sandbox = await start()
    sandbox.faults.add('api-hang')
    const leaving = new AbortController()
    const asked = sandbox.fetch(`${sandbox.url}/v1/red_envelopes`, {
      headers: auth(sandbox),
      signal: leaving.signal,
    })
    leaving.abort(new RangeError('left'))
    await expect(asked).rejects.toThrow('left')
  })

  it.each(['reset', 'close'] as const)(
    'rejects as `fetch` does when a connection is lost, if it hangs at a %s',
    async (end) => {
      const sandbox = await start()
      sandbox.faults.add('api-hang')
      const asked = sandbox.fetch(`${sandbox.url}/v1/red_envelopes`, { headers: auth(sandbox) })
      const failure = asked.catch((error: unknown) => error)
      await vi.waitFor(
        () => expect(sandbox.faults.list()).toMatchObject([{ fired: 1 }]),
        PATIENCE_MS,
      )
      await sandbox[end]()
      expect(await failure).toMatchObject({
        name: 'TypeError',
        message: 'fetch failed',
        cause: { code: 'ECONNRESET' },
      })
    },
  )

  it('goes through the loop: create, retrieve, retrieve, and the app is told', async () => {
    const app = functionApp()
    const sandbox = await start({ target: app.target })
    const { id } = await createOver(fetch, sandbox)
    for (const status of ['sent', 'received']) {
      const retrieved = await fetch(`${sandbox.url}/v1/red_envelopes/${id}`, {
        headers: auth(sandbox),
      })
      expect(await retrieved.json()).toMatchObject({ id, status })
    }
    await sandbox.clock.settled()
    expect(sandbox.events().map(({ type, status }) => `${type} ${status}`)).toEqual([
      'red_envelope.sent delivered',
      'red_envelope.received delivered',
    ])
    const signed = app.seen.map(({ body, signature = '' }) =>
      verify('sha256', body, sandbox.publicKey, Buffer.from(signature, 'base64')),
    )
    expect(signed).toEqual([true, true])
  })

  it('has a key of its own, the same one for all sandboxes of a process', async () => {
    const [first, second] = [await start(), await start()]
    expect(first.publicKey).toMatch(/^-----BEGIN PUBLIC KEY-----\n/)
    expect(first.keyFingerprint).toMatch(/^[0-9a-f]{64}$/)
    expect(second.publicKey).toBe(first.publicKey)
  })

  it('signs with the key that it is given', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const sandbox = await start({
      privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }) as string,
    })
    expect(createPublicKey(sandbox.publicKey).equals(publicKey)).toBe(true)
    const { bytes, signature } = sandbox.trigger('red_envelope.sent')
    expect(verify('sha256', bytes, publicKey, Buffer.from(signature, 'base64'))).toBe(true)
  })

  it('says that it is ready, and tells of moves of the clock', async () => {
    const sandbox = await start({ target: 'http://127.0.0.1:3000/webhooks' })
    await sandbox.clock.advance(5000)
    expect(sandbox.journal()).toMatchObject([
      {
        seq: 1,
        type: 'ready',
        url: sandbox.url,
        target: 'http://127.0.0.1:3000/webhooks',
        keyFingerprint: sandbox.keyFingerprint,
        pid: process.pid,
      },
      { type: 'clock.moved', from: '2024-02-10T00:00:00.000Z', to: '2024-02-10T00:00:05.000Z' },
    ])
    expect(sandbox.journal(1)).toHaveLength(1)
  })

  it('tells listeners of what happens', async () => {
    const sandbox = await start({ target: functionApp().target })
    const heard: string[] = []
    const stop = sandbox.listen(({ type }) => void heard.push(type))
    sandbox.trigger('charge.succeeded')
    await sandbox.clock.settled()
    stop()
    sandbox.trigger('charge.succeeded')
    expect(heard).toEqual([
      'event.created',
      'attempt.started',
      'attempt.finished',
      'event.delivered',
    ])
  })

  it('runs on the clock that is asked for', async () => {
    expect((await start({ clock: 'virtual' })).clock.speed).toBe(0)
    expect((await start({ clock: 'real' })).clock.speed).toBe(1)
    expect((await start({ clock: 60 })).clock.speed).toBe(60)
    expect((await start({ clock: 'virtual', startMs: 42_000 })).clock.now()).toBe(42_000)
  })

  it('has a control API, and says what it is where there is nothing', async () => {
    const sandbox = await start()
    const ready = await fetch(`${sandbox.url}/_sandbox/ready`)
    expect(await ready.json()).toEqual({ ready: true })
    const nothing = await fetch(`${sandbox.url}/webhooks`)
    expect(nothing.status).toBe(404)
    expect(await nothing.text()).toContain('/v1')
  })

  it('moves, triggers, sends again and forgets', async () => {
    const sandbox = await start({ target: functionApp(500).target, sendWebhooks: 'by-hand' })
    await createOver(fetch, sandbox)
    expect(sandbox.move('123456789', 'sent')).toMatchObject({ status: 'sent' })
    const { id } = sandbox.trigger('red_envelope.received', { envelope: '123456789' })
    await sandbox.clock.settled()
    sandbox.resend(id)
    await sandbox.clock.settled()
    expect(sandbox.event(id)?.attempts.map(({ kind }) => kind)).toEqual(['scheduled', 'manual'])
    expect(sandbox.events({ type: 'red_envelope.sent' })).toHaveLength(1)
    sandbox.setTarget(undefined)
    expect(sandbox.target).toBeNull()
    await sandbox.reset()
    expect(sandbox.events()).toEqual([])
    expect(sandbox.envelope('123456789')).toBeUndefined()
  })

  it('reports work of somebody else on its clock that throws', async () => {
    const sandbox = await start()
    sandbox.clock.at(START_MS, () => {
      throw new RangeError('broken')
    })
    await sandbox.clock.settled()
    expect(sandbox.journal(1)).toMatchObject([{ type: 'error', message: 'RangeError: broken' }])
  })

  it('works under the fake timers of a test, while its clock is virtual and its app in the process', async () => {
    const sandbox = await start({ target: functionApp(500).target })
    vi.useFakeTimers()
    try {
      sandbox.trigger('red_envelope.sent')
      await sandbox.clock.advance(25 * 60 * 60 * 1000)
      expect(sandbox.events()).toMatchObject([{ status: 'exhausted' }])
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('waitFor', () => {
  it('gives an event of the past', async () => {
    const sandbox = await start({ target: functionApp().target })
    const { id } = sandbox.trigger('red_envelope.sent')
    await sandbox.clock.settled()
    expect(await sandbox.waitFor({ status: 'delivered' })).toBe(sandbox.event(id))
  })

  it('gives one of the future, in the state that is waited for', async () => {
    const sandbox = await start({ target: functionApp(500, 500, 200).target })
    const pending = sandbox.waitFor({ orderNo: '42', status: 'pending' })
    const delivered = sandbox.waitFor({ orderNo: '42', status: 'delivered' })
    sandbox.trigger('red_envelope.sent')
    const { id } = sandbox.trigger('red_envelope.sent', { object: { order_no: '42' } })
    expect(await pending).toMatchObject({ id, attempts: [] })
    void sandbox.clock.drain()
    expect(await delivered).toMatchObject({ id, attempts: [{ ok: false }, { ok: true }] })
  })

  it.each<[object]>([
    [{ type: 'red_envelope.received' }],
    [{ orderNo: '2', type: 'red_envelope.sent' }],
    [{ id: 'evt_none' }],
    [{ envelope: 'red_none' }],
    [{ status: 'exhausted' }],
  ])('does not take another one for %j', async (query) => {
    const sandbox = await start({ target: functionApp().target })
    sandbox.trigger('red_envelope.sent', { object: { order_no: '1' } })
    await sandbox.clock.settled()
    await expect(sandbox.waitFor(query, { timeoutMs: 10 })).rejects.toMatchObject({
      code: 'wait-timed-out',
    })
  })

  it('says what happened instead when the time is over', async () => {
    const sandbox = await start({ target: functionApp(500, 200).target })
    sandbox.faults.add('answer-lost', { attempt: 2 })
    const { id } = sandbox.trigger('red_envelope.sent', { object: { order_no: '42' } })
    await sandbox.clock.advance(5000)
    const waiting = sandbox.waitFor({ orderNo: '42', status: 'delivered' }, { timeoutMs: 10 })
    const error = await waiting.catch((thrown: unknown) => thrown as Error)
    const lines = (error as Error).message.split('\n')
    expect(lines).toEqual([
      'No event (orderNo 42, status delivered) came within 10 ms. There were:',
      `  ${id}  red_envelope.sent  42  pending, next 2024-02-10T00:00:15.000Z`,
      expect.stringMatching(/^ {5}1 scheduled {2}2024-02-10T00:00:00\.000Z {2}\d+ ms {2}500$/),
      expect.stringMatching(
        /^ {5}2 scheduled {2}2024-02-10T00:00:05\.000Z {2}\d+ ms {2}200 .*lost.*answer-lost/,
      ),
    ])
  })

  it('says so where nothing happened', async () => {
    const sandbox = await start()
    await expect(sandbox.waitFor({}, { timeoutMs: 1 })).rejects.toThrow(
      'No event (any) came within 1 ms. There were none at all.',
    )
  })

  it('refuses what events cannot be looked for by', async () => {
    const sandbox = await start()
    const query = { order_no: '42' } as object
    await expect(sandbox.waitFor(query)).rejects.toMatchObject({ code: 'option-invalid' })
    expect(() => sandbox.events(query)).toThrow(/`order_no`.*orderNo/)
    await expect(sandbox.waitFor({}, { timeoutMs: Number.NaN })).rejects.toMatchObject({
      code: 'option-invalid',
    })
  })
})

describe('closing', () => {
  it('can be done twice, or by `await using`', async () => {
    const sandbox = await startSandbox()
    await Promise.all([sandbox.close(), sandbox.close()])
    await sandbox.close()
    await expect(fetch(`${sandbox.url}/_sandbox/ready`)).rejects.toThrow('fetch failed')
    let url: string
    {
      await using inScope = await startSandbox()
      url = inScope.url
    }
    await expect(fetch(url)).rejects.toThrow('fetch failed')
  })

  it('rejects waits, and all that is asked afterwards', async () => {
    const sandbox = await start()
    const waiting = sandbox.waitFor({})
    const closed = { code: 'closed' }
    await Promise.all([expect(waiting).rejects.toMatchObject(closed), sandbox.close()])
    await expect(sandbox.waitFor({})).rejects.toMatchObject(closed)
    await expect(sandbox.fetch(`${sandbox.url}/v1/red_envelopes`)).rejects.toMatchObject(closed)
    await expect(sandbox.reset()).rejects.toMatchObject(closed)
    expect(() => sandbox.trigger('red_envelope.sent')).toThrow(expect.objectContaining(closed))
  })

  it('ends what is on its way to an app that does not answer', async () => {
    const sandbox = await start({ clock: 'real', target: () => new Promise(() => {}) })
    sandbox.trigger('red_envelope.sent')
    await Promise.resolve()
    await sandbox.close()
    expect(sandbox.clock.pending()).toEqual([])
  })

  it('leaves nothing that keeps a process alive', async () => {
    const script = `
      import { startSandbox } from './src/index.ts'
      const sandbox = await startSandbox({ target: 'http://127.0.0.1:1/' })
      sandbox.trigger('red_envelope.sent')
      sandbox.waitFor({ status: 'delivered' }, { timeoutMs: 60_000 }).catch(({ code }) => console.log(code))
      await sandbox.waitFor({ status: 'pending' })
      await sandbox.close()
    `
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--disable-warning=ExperimentalWarning', '--eval', script],
      { cwd: new URL('..', import.meta.url), timeout: 20_000 },
    )
    expect(stdout).toBe('closed\n')
  }, 30_000)
})

describe('the options', () => {
  it.each<[unknown, RegExp]>([
    [null, /expects an object/],
    ['virtual', /expects an object/],
    [{ webhook: 'by-hand' }, /Unknown option `webhook`. Valid options: target, port, /],
    [{ port: -1 }, /`port` must be a whole number from 0 to 65,535/],
    [{ port: '3000' }, /`port`/],
    [{ host: '' }, /`host` must be an address/],
    [{ clock: 'fast' }, /`clock` must be "real", "virtual", or a multiple of real time/],
    [{ clock: 0 }, /`clock`/],
    [{ clock: -1 }, /`clock`/],
    [{ clock: Number.NaN }, /`clock`/],
    [{ startMs: 1.5 }, /`startMs` must be a whole number/],
    [{ startMs: Infinity }, /`startMs`/],
    [{ sendWebhooks: 'never' }, /`sendWebhooks` must be "on-retrieve" or "on-create" or "by-hand"/],
    [{ apiKey: 'pk_test_1' }, /`apiKey` must be a test key/],
    [{ apiKey: [] }, /`apiKey`/],
    [{ requestSignatures: 'loose' }, /`requestSignatures` must be "lenient" or "strict" or "off"/],
    [{ requestSignatures: 'strict' }, /no `merchantPublicKey`/],
    [{ merchantPublicKey: 'nonsense' }, /`merchantPublicKey` is not a public RSA key/],
    [{ merchantPublicKey: [] }, /`merchantPublicKey`/],
    [
      { responseTimeoutMs: 0 },
      /`responseTimeoutMs` must be a time in milliseconds from 1 to 2,147,483,647/,
    ],
    [{ seed: 0.5 }, /`seed` must be a whole number/],
    [{ allowRemote: 'yes' }, /`allowRemote` must be true or false/],
    [{ controlToken: 'too short' }, /`controlToken` must be 16 letters/],
  ])('%j is refused, and named', async (options, message) => {
    await expect(startSandbox(options as SandboxOptions)).rejects.toThrow(
      expect.objectContaining({
        code: 'option-invalid',
        message: expect.stringMatching(message),
      }),
    )
  })

  it('an API key and a target may have the quotes of an environment file [C22]', async () => {
    const apiKey = '"sk_test_ibbTe5jLGCi5rzfH4OqPW9KC"'
    const sandbox = await start({ apiKey, target: '"http://127.0.0.1:9/webhooks"' })
    expect(sandbox.apiKey).toBe('sk_test_ibbTe5jLGCi5rzfH4OqPW9KC')
    expect((await list(sandbox, sandbox.apiKey)).status).toBe(200)
  })

  it('a live key is refused without being repeated', async () => {
    const apiKey = 'sk_live_ibbTe5jLGCi5rzfH4OqPW9KC'
    const error = await startSandbox({ apiKey }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'option-invalid' })
    expect(String(error)).not.toContain('ibbTe5jLGCi5rzfH4OqPW9KC')
  })

  it('a private key that could not sign is refused with its own code', async () => {
    await expect(startSandbox({ privateKey: 'nonsense' })).rejects.toMatchObject({
      code: 'key-unreadable',
    })
  })

  it('a target on another machine, or none at all, is refused', async () => {
    await expect(startSandbox({ target: 'http://192.168.1.2/' })).rejects.toMatchObject({
      code: 'target-remote',
    })
    await expect(startSandbox({ target: 'webhooks' })).rejects.toMatchObject({
      code: 'target-invalid',
    })
  })

  it('an address that others can reach is refused', async () => {
    await expect(startSandbox({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'host-remote' })
  })

  it('a port that is taken is refused', async () => {
    const { url } = await start()
    const port = Number(new URL(url).port)
    await expect(startSandbox({ port })).rejects.toMatchObject({ code: 'port-taken' })
  })
})

/** A sandbox on a virtual clock that is closed after the test. */
async function start(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ clock: 'virtual', startMs: START_MS, ...options })
  open.push(sandbox)
  return sandbox
}

function auth({ apiKey }: Pick<Sandbox, 'apiKey'>): { authorization: string } {
  return { authorization: `Bearer ${apiKey}` }
}

async function createOver(
  send: (url: string, init: RequestInit) => Promise<Response>,
  sandbox: Sandbox,
): Promise<{ readonly id: string; readonly status: string }> {
  const { app, ...rest } = parameters()
  const response = await send(`${sandbox.url}/v1/red_envelopes`, {
    method: 'POST',
    headers: { ...auth(sandbox), 'content-type': 'application/json' },
    body: JSON.stringify({ ...rest, app: { id: app } }),
  })
  expect(response.status).toBe(200)
  return (await response.json()) as { id: string; status: string }
}

function list(sandbox: Sandbox, apiKey: string): Promise<Response> {
  return fetch(`${sandbox.url}/v1/red_envelopes?limit=1`, { headers: auth({ apiKey }) })
}
