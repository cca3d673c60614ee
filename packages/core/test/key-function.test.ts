import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { PublicKeyInput, Reply, WebhookReport } from '../src/index.ts'
import { deferred } from './deferred.ts'
import {
  asEvent,
  bytesOf,
  chargeSucceeded,
  deliveryOf,
  envelopeSent,
  NOW_MS,
  openListener,
  PINGPP,
  type Content,
  type Opened,
} from './signed.ts'

const NEXT = generateKeyPairSync('rsa', { modulusLength: 2048 })
const LONGER = generateKeyPairSync('rsa', { modulusLength: 3072 })
const SECOND = 1000
const MINUTE = 60 * SECOND

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  const timersLeft = vi.getTimerCount()
  vi.useRealTimers()
  if (timersLeft > 0) throw new Error(`The test leaves ${timersLeft} timers.`)
})

describe('a `publicKey` that is a function', () => {
  it.each<[string, (key: KeyObject) => () => unknown]>([
    ['sync', (key) => () => key],
    ['async', (key) => () => Promise.resolve(key)],
    ['of a list', (key) => () => [LONGER.publicKey, key]],
    ['of a PEM', (key) => async () => key.export({ type: 'spki', format: 'pem' }).toString()],
  ])('verifies deliveries: %s [C19]', async (_, functionOf) => {
    const publicKey = functionOf(PINGPP.publicKey) as () => PublicKeyInput
    const opened = openListener({ publicKey })
    expect(await opened.deliver(envelopeSent())).toMatchObject({ outcome: 'handled', status: 200 })
    expect(opened.reports).toMatchObject([{ keyFingerprint: expect.any(String) as string }])
  })

  it('is not called at start-up, and not for a request without a signature [C19]', async () => {
    const { opened, source } = openRotating()
    expect(source.calls).toBe(0)
    expect(await opened.deliver(envelopeSent(), { signature: null })).toMatchObject({
      code: 'signature-missing',
    })
    expect(source.calls).toBe(0)
  })

  it.each([Infinity, 1e300, Number.NaN])(
    'is waited for if the `deadlineMs` of an adapter is %d [F35]',
    async (deadlineMs) => {
      const { opened, source } = openRotating()
      const answer = deferred<PublicKeyInput>()
      source.next = () => answer.promise
      const reply = opened.webhooks.handle({ ...deliveryOf(envelopeSent()), deadlineMs })
      await vi.advanceTimersByTimeAsync(2)
      answer.resolve(PINGPP.publicKey)
      expect(await reply).toMatchObject({ outcome: 'handled' })
    },
  )

  it('is called once for many simultaneous deliveries [C24]', async () => {
    const { opened, source } = openRotating()
    const answer = deferred<PublicKeyInput>()
    source.next = () => answer.promise
    const replies = Array.from({ length: 50 }, (_each, count) =>
      opened.deliver(chargeSucceeded({ id: `evt_${count}` })),
    )
    answer.resolve(PINGPP.publicKey)
    const outcomes = (await Promise.all(replies)).map(({ outcome }) => outcome)
    expect(new Set(outcomes)).toEqual(new Set(['handled']))
    expect(source.calls).toBe(1)
  })

  it('is called again after 10 minutes, and not before [C19]', async () => {
    const { opened, source, pass } = openRotating()
    await opened.deliver(envelopeSent())
    pass(10 * MINUTE - 1)
    await opened.deliver(envelopeSent())
    expect(source.calls).toBe(1)
    pass(1)
    source.next = () => NEXT.publicKey
    expect(await opened.deliver(envelopeSent())).toMatchObject({ code: 'signature-mismatch' })
    expect(source.calls).toBe(2)
  })

  it('is called again after the clock was set back [C19]', async () => {
    const { opened, source, pass } = openRotating()
    await opened.deliver(envelopeSent())
    pass(-MINUTE)
    await opened.deliver(envelopeSent())
    expect(source.calls).toBe(2)
  })
})

describe('a rotation of the key', () => {
  it('needs no restart: after a mismatch the key is read again [C19]', async () => {
    const { opened, source, pass } = openRotating()
    expect(await opened.deliver(envelopeSent())).toMatchObject({ outcome: 'handled' })
    source.next = () => NEXT.publicKey
    pass(30 * SECOND)
    expect(await deliverBy(opened, NEXT.privateKey, chargeSucceeded())).toMatchObject({
      outcome: 'handled',
    })
    expect(source.calls).toBe(2)
  })

  it('may be to a longer key, whose signatures are longer too [C28]', async () => {
    const { opened, source, pass } = openRotating()
    await opened.deliver(envelopeSent())
    source.next = () => LONGER.publicKey
    pass(30 * SECOND)
    expect(await deliverBy(opened, LONGER.privateKey, chargeSucceeded())).toMatchObject({
      outcome: 'handled',
    })
  })

  it('is checked for at most once in 30 s, however many forgeries arrive [C24]', async () => {
    const { opened, source, pass } = openRotating()
    for (let count = 0; count < 20; count += 1) {
      expect(await deliverBy(opened, NEXT.privateKey, envelopeSent())).toMatchObject({
        outcome: 'rejected',
        code: 'signature-mismatch',
        status: 401,
      })
    }
    expect(source.calls).toBe(1)
    pass(30 * SECOND)
    const forgeries = Array.from({ length: 20 }, () =>
      deliverBy(opened, NEXT.privateKey, envelopeSent()),
    )
    await Promise.all(forgeries)
    expect(source.calls).toBe(2)
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
  })
})

describe('a `publicKey` function that fails', () => {
  it.each<[string, () => never]>([
    ['throws', () => fail('vault is sealed')],
    ['rejects', () => Promise.reject(new Error('vault is sealed')) as never],
  ])('is answered 500, never 401: it %s [C25]', async (_, next) => {
    const thrown: [unknown, WebhookReport][] = []
    const { opened, source, pass } = openRotating({
      onError: (error, report) => void thrown.push([error, report]),
    })
    source.next = next
    expect(await opened.deliver(envelopeSent())).toMatchObject({
      outcome: 'failed',
      code: 'key-unavailable',
      status: 500,
    })
    expect(thrown).toMatchObject([[{ message: 'vault is sealed' }, { code: 'key-unavailable' }]])
    expect(opened.lines).toMatchObject([expect.stringContaining('error [hongbao] key-unavailable')])
    expect(opened.admitted).toEqual([])

    source.next = () => PINGPP.publicKey
    pass(SECOND)
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
  })

  it('is called once a second at most while there is no key [C25]', async () => {
    const { opened, source, pass } = openRotating()
    source.next = () => fail('vault is sealed')
    for (let count = 0; count < 10; count += 1) await opened.deliver(envelopeSent())
    expect(source.calls).toBe(1)
    pass(SECOND)
    await opened.deliver(envelopeSent())
    expect(source.calls).toBe(2)
  })

  it('delays deliveries for 5 s at most if it hangs [C26]', async () => {
    const { opened, source, pass } = openRotating()
    source.next = () => new Promise(() => {})
    const replies = [opened.deliver(envelopeSent()), opened.deliver(chargeSucceeded())]
    await vi.advanceTimersByTimeAsync(5000)
    for (const reply of await Promise.all(replies)) {
      expect(reply).toMatchObject({ outcome: 'failed', code: 'key-unavailable', status: 500 })
    }
    expect(source.calls).toBe(1)
    source.next = () => PINGPP.publicKey
    pass(SECOND)
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
  })

  it.each<[string, unknown, string]>([
    ['a private key', PINGPP.privateKey, 'key-private'],
    ['nothing', undefined, 'key-missing'],
    ['a text that is no key', 'hello', 'key-unreadable'],
    ['an empty list', [], 'key-missing'],
  ])('with %s has the OptionError as its cause [C27]', async (_, value, code) => {
    const { opened, source } = openRotating()
    source.next = () => value as PublicKeyInput
    expect(await opened.deliver(envelopeSent())).toMatchObject({ code: 'key-unavailable' })
    expect(opened.reports).toMatchObject([
      {
        outcome: 'failed',
        error: { code: 'key-unavailable', cause: { name: 'OptionError', code } },
      },
    ])
  })

  it('keeps the last good key in use, and logs it once a minute at most [C25]', async () => {
    const { opened, source, pass } = openRotating()
    await opened.deliver(envelopeSent())
    source.next = () => fail('vault is sealed')
    pass(10 * MINUTE)
    for (let count = 0; count < 5; count += 1) {
      const reply = await opened.deliver(chargeSucceeded({ id: `evt_${count}` }))
      expect(reply.outcome).toBe('handled')
      expect(source.calls).toBe(2 + Math.floor(count / 3))
      pass(10 * SECOND)
    }
    expect(opened.lines).toHaveLength(1)
    expect(opened.lines[0]).toContain('The last good keys stay in use.')
  })

  it('rejects no delivery as forged: the signature may be by a newer key [C25]', async () => {
    const { opened, source, pass } = openRotating()
    await opened.deliver(envelopeSent())
    source.next = () => fail('vault is sealed')
    pass(MINUTE)
    const unavailable = { code: 'key-unavailable', outcome: 'failed', status: 500 }
    expect(await deliverBy(opened, NEXT.privateKey, envelopeSent())).toMatchObject(unavailable)
    expect(opened.reports.at(-1)).toMatchObject({
      error: { cause: { message: 'vault is sealed' } },
    })
    // Within 30 s it is not called again, and nothing is known of newer keys all the same.
    expect(await deliverBy(opened, NEXT.privateKey, envelopeSent())).toMatchObject(unavailable)
    expect(source.calls).toBe(2)
    source.next = () => PINGPP.publicKey
    pass(MINUTE)
    expect(await deliverBy(opened, NEXT.privateKey, envelopeSent())).toMatchObject({
      code: 'signature-mismatch',
      status: 401,
    })
  })
})

describe('`ready` with a `publicKey` function', () => {
  it('resolves if there is a key, and does not read it for every probe', async () => {
    const { opened, source } = openRotating()
    await opened.webhooks.ready()
    await opened.webhooks.ready()
    expect(source.calls).toBe(1)
  })

  it('rejects with `key-unavailable` if there is none [C25]', async () => {
    const { opened, source } = openRotating()
    source.next = () => fail('vault is sealed')
    await expect(opened.webhooks.ready()).rejects.toMatchObject({
      name: 'WebhookError',
      code: 'key-unavailable',
      cause: { message: 'vault is sealed' },
    })
  })
})

describe('`verify`', () => {
  const signatureOf = (content: Content): string =>
    sign('RSA-SHA256', bytesOf(content), PINGPP.privateKey).toString('base64')

  it('returns the event, and calls neither the inbox nor a handler', async () => {
    const opened = openListener()
    const event = await opened.webhooks.verify(bytesOf(envelopeSent()), signatureOf(envelopeSent()))
    expect(event).toEqual(asEvent(envelopeSent()))
    expect(Object.isFrozen(event)).toBe(true)
    expect([opened.seen, opened.admitted, opened.reports]).toEqual([[], [], []])
  })

  it('returns the event under a key of a function', async () => {
    const { opened } = openRotating()
    const event = await opened.webhooks.verify(bytesOf(envelopeSent()), signatureOf(envelopeSent()))
    expect(event.type).toBe('red_envelope.sent')
  })

  it.each<[string, Content, string | null | undefined, object]>([
    ['signature-missing', envelopeSent(), undefined, {}],
    ['signature-missing', envelopeSent(), null, {}],
    ['signature-malformed', envelopeSent(), 'AAAA', {}],
    ['signature-mismatch', envelopeSent(), signatureOf('something else'), {}],
    ['event-not-json', '{', signatureOf('{'), {}],
    ['event-invalid', 'null', signatureOf('null'), {}],
    ['app-mismatch', envelopeSent(), signatureOf(envelopeSent()), { app: 'app_other' }],
    ['mode-mismatch', envelopeSent(), signatureOf(envelopeSent()), { livemode: false }],
    [
      'event-too-old',
      envelopeSent({ created: 1_400_000_000 }),
      signatureOf(envelopeSent({ created: 1_400_000_000 })),
      {},
    ],
    [
      'event-from-future',
      envelopeSent({ created: 2_000_000_000 }),
      signatureOf(envelopeSent({ created: 2_000_000_000 })),
      {},
    ],
  ])('throws a WebhookError %s', async (code, content, signature, options) => {
    const { webhooks } = openListener(options)
    await expect(webhooks.verify(bytesOf(content), signature)).rejects.toMatchObject({
      name: 'WebhookError',
      code,
      outcome: 'rejected',
    })
  })

  it('throws `body-consumed` for a body that is not bytes', async () => {
    const { webhooks } = openListener()
    const text = bytesOf(envelopeSent()).toString() as unknown as Uint8Array
    await expect(webhooks.verify(text, signatureOf(envelopeSent()))).rejects.toMatchObject({
      code: 'body-consumed',
      message: expect.stringContaining('`verify` expects the raw body as bytes') as string,
    })
  })
})

interface Source {
  calls: number
  next: () => PublicKeyInput | Promise<PublicKeyInput>
}

/** A receiver whose key a test can change, on a clock that it can move. */
function openRotating(options: Parameters<typeof openListener>[0] = {}) {
  const source: Source = { calls: 0, next: () => PINGPP.publicKey }
  let nowMs = NOW_MS
  const opened = openListener({
    ...options,
    now: () => nowMs,
    publicKey: () => {
      source.calls += 1
      return source.next()
    },
  })
  const pass = (ms: number): void => void (nowMs += ms)
  return { opened, source, pass }
}

function deliverBy(opened: Opened, key: KeyObject, content: Content): Promise<Reply> {
  const signature = sign('RSA-SHA256', bytesOf(content), key).toString('base64')
  return opened.deliver(content, { signature })
}

function fail(message: string): never {
  throw new Error(message)
}
