import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import {
  createWebhooks,
  unlisted,
  WebhookError,
  type Delivery,
  type WebhooksOptions,
} from '../src/index.ts'
import {
  asEvent,
  chargeSucceeded,
  deliveryOf,
  envelopeSent,
  NOW_MS,
  openListener,
  openReceiver,
  PINGPP,
  signatureOf,
  type Opened,
} from './signed.ts'

const SUBJECT = '(red_envelope.sent evt_dS28Kn8qsUCBZYTgSUxCPnKA)'

describe('the log', () => {
  it('is silent about what went well', async () => {
    const opened = openListener()
    await opened.deliver(envelopeSent())
    await opened.deliver(envelopeSent())
    expect(opened.lines).toEqual([])
  })

  it('says once that a genuine event met not one handler', async () => {
    const unheard = openReceiver()
    await unheard.deliver(envelopeSent())
    await unheard.deliver(envelopeSent())
    expect(unheard.lines).toHaveLength(1)
    expect(unheard.lines[0]).toMatch(/^error \[hongbao\] .*not one handler.*imported\?/)
  })

  it('asks about a type that nobody is known to send, unless it is meant', () => {
    const opened = openReceiver()
    opened.webhooks.on('red_envelope.send' as never, () => {})
    opened.webhooks.on(unlisted('coupon.created'), () => {})
    opened.webhooks.on('*', () => {})
    expect(opened.lines).toHaveLength(1)
    expect(opened.lines[0]).toMatch(/^warn \[hongbao\] on\('red_envelope\.send'\).*Misspelt\?/)
  })

  it('has one line for each failure of a handler, with its event and the place of the error', async () => {
    const opened = openFailing(() => {
      throw new RangeError('declined')
    })
    await opened.deliver(envelopeSent())
    await opened.deliver(envelopeSent())
    expect(opened.lines).toHaveLength(2)
    for (const line of opened.lines) {
      expect(line).toMatch(/^error \[hongbao\] handler-failed /)
      expect(line).toContain(SUBJECT)
      expect(line).toContain('A handler failed; the event is tried again.')
      expect(line).toMatch(/ \[RangeError at .*log\.test\.ts:\d+:\d+\)?]$/)
      expect(line).not.toContain('\n')
    }
  })

  it.each<[string, () => Error, RegExp]>([
    [
      'whose name was set after its stack was made',
      () => readThenChanged('declined', { name: 'CardDeclinedByIssuingBankError' }),
      / \[CardDeclinedByIssuingBankError at .*log\.test\.ts:\d+:\d+\)?]$/,
    ],
    [
      'with a code',
      () => Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
      / \[Error ECONNREFUSED at .*log\.test\.ts/,
    ],
    [
      'with a code that is a text of its own',
      () => Object.assign(new Error('x'), { code: 'card 6222 declined' }),
      / \[Error at .*log\.test\.ts/,
    ],
    ['without a stack', () => Object.assign(new Error('x'), { stack: undefined }), / \[Error]$/],
    ['without a message', () => new TypeError(), / \[TypeError at .*log\.test\.ts/],
    [
      'whose message looks like a stack',
      () => new Error('x\n    at secret (/srv/secret.js:1:1)'),
      / \[Error at .*log\.test\.ts/,
    ],
    [
      'whose message was replaced by a shorter one',
      () => readThenChanged('x\n    at secret (/srv/secret.js:1:1)', { message: 'y' }),
      / \[Error]$/,
    ],
  ])('names the kind and place of an error %s', async (_, make, ending) => {
    const opened = openFailing(() => Promise.reject(make()))
    await opened.deliver(envelopeSent())
    expect(opened.lines).toHaveLength(1)
    expect(opened.lines[0]).toMatch(ending)
    expect(opened.lines[0]).not.toMatch(/secret|6222/)
  })

  it('names an event without an id by its type', async () => {
    const opened = openFailing(() => Promise.reject(new Error('x')))
    await opened.deliver(envelopeSent({ id: undefined }))
    expect(opened.lines[0]).toContain('(red_envelope.sent without id)')
  })

  it.each<[string, (opened: Opened) => Promise<unknown>]>([
    ['handler-failed', (opened) => opened.deliver(envelopeSent())],
    ['event-invalid', (opened) => opened.deliver('{}')],
    ['event-not-json', (opened) => opened.deliver('{')],
    ['event-not-utf8', (opened) => opened.deliver(Buffer.of(0xff))],
    ['handler-failed', (opened) => opened.webhooks.dispatch(asEvent(chargeSucceeded()))],
  ])('tells of %s every time', async (code, act) => {
    const opened = openFailing(() => Promise.reject(new Error('x')))
    for (const time of [1, 2, 3]) {
      await act(opened)
      expect(opened.lines).toHaveLength(time)
      expect(opened.lines.at(-1)).toContain(`error [hongbao] ${code}`)
    }
  })
})

describe('the log of what strangers can cause', () => {
  const strangers: readonly [string, string, (opened: Opened) => Promise<unknown>][] = [
    ['signature-missing', 'warn', (opened) => opened.deliver('{}', { signature: null })],
    ['signature-malformed', 'warn', (opened) => opened.deliver('{}', { signature: 'x' })],
    [
      'signature-mismatch',
      'warn',
      (opened) => opened.deliver('{}', { signature: signatureOf('x') }),
    ],
    ['method-not-allowed', 'warn', (opened) => opened.deliver('{}', { method: 'GET' })],
    [
      'body-encoded',
      'warn',
      (opened) => opened.deliver('{}', { headers: { 'content-encoding': 'br' } }),
    ],
    ['body-too-large', 'warn', (opened) => opened.deliver('x'.repeat(300_000))],
    ['body-too-slow', 'warn', (opened) => opened.webhooks.handle(failing('body-too-slow'))],
    ['body-aborted', 'warn', (opened) => opened.webhooks.handle(failing('body-aborted'))],
    [
      'app-mismatch',
      'warn',
      (opened) => opened.deliver(envelopeSent({ object: { app: 'app_x' } })),
    ],
    ['mode-mismatch', 'warn', (opened) => opened.deliver(envelopeSent({ livemode: false }))],
    ['event-too-old', 'warn', (opened) => opened.deliver(envelopeSent({ created: 1_400_000_000 }))],
    [
      'event-from-future',
      'warn',
      (opened) => opened.deliver(envelopeSent({ created: 2_000_000_000 })),
    ],
  ]

  it.each(strangers)(
    'has %s at most once a minute, and counts the rest [B29]',
    async (code, level, act) => {
      let now = NOW_MS
      const opened = openListener({ now: () => now, app: 'app_1Gqj58ynP0mHeX1q', livemode: true })
      for (let count = 0; count < 100; count += 1) await act(opened)
      now += 59_999
      await act(opened)
      expect(opened.lines).toHaveLength(1)
      now += 1
      await act(opened)
      await act(opened)
      expect(opened.lines).toHaveLength(2)
      expect(opened.lines[0]).toContain(`${level} [hongbao] ${code}`)
      expect(opened.lines[0]).not.toContain('since the last line')
      expect(opened.lines[1]).toContain('(100 more since the last line.)')
      now += 60_000
      await act(opened)
      expect(opened.lines[2]).toContain('(1 more since the last line.)')
    },
  )

  it('has each kind once: one does not hide another [B29]', async () => {
    const opened = openListener({ app: 'app_1Gqj58ynP0mHeX1q', livemode: true })
    for (const [, , act] of [...strangers, ...strangers]) await act(opened)
    expect(opened.lines.map((line) => /\] ([a-z0-9-]+)/.exec(line)?.[1])).toEqual(
      strangers.map(([code]) => code),
    )
  })

  it('repeats what to move when a parser read the body, once a minute [G1, D41]', async () => {
    let now = NOW_MS
    const opened = openListener({ now: () => now })
    for (let second = 0; second < 120; second += 1) {
      await opened.webhooks.handle(failing('body-consumed'))
      now += 1000
    }
    expect(opened.lines).toHaveLength(2)
    for (const line of opened.lines) {
      expect(line).toMatch(/^error \[hongbao] body-consumed/)
      expect(line).toContain('Mount it above the parser.')
    }
    expect(opened.lines[1]).toContain('(59 more since the last line.)')
    expect(opened.reports).toHaveLength(120)
  })
})

describe('no line', () => {
  const SECRET = 'sk_live_7Hq3LmZ'
  const cause = new Error(`connect ${SECRET}`, { cause: new Error(SECRET) })

  it.each<[string, Partial<WebhooksOptions>, (opened: Opened) => Promise<unknown>]>([
    ['an error of a handler [S13]', {}, (opened) => opened.deliver(envelopeSent())],
    [
      'an error of an inbox [S13]',
      { inbox: brokenInbox(cause) },
      (opened) => opened.deliver(envelopeSent()),
    ],
    ['an error of an adapter [S13]', {}, (opened) => opened.webhooks.handle(throwing(cause))],
    ['a signed body that does not parse', {}, (opened) => opened.deliver(`{"x":"${SECRET}"`)],
    [
      'a signed body that is not an event',
      {},
      (opened) => opened.deliver({ type: 'x', secret: SECRET }),
    ],
    [
      'a signed amount',
      {},
      (opened) => opened.deliver(envelopeSent({ object: { amount: SECRET } })),
    ],
    ['a signed id', {}, (opened) => opened.deliver(envelopeSent({ id: `${SECRET} ` }))],
    [
      'a signed status',
      {},
      (opened) => opened.deliver(envelopeSent({ object: { status: SECRET } })),
    ],
    ['a forged body', {}, (opened) => opened.deliver(SECRET, { signature: signatureOf('x') })],
    ['a malformed signature', {}, (opened) => opened.deliver('{}', { signature: SECRET })],
    ['a header', {}, (opened) => opened.deliver('{}', { headers: { 'content-encoding': SECRET } })],
    ['a method', {}, (opened) => opened.deliver('{}', { method: SECRET })],
  ])('and no answer has the text of %s', async (_, options, act) => {
    const opened = openFailing(() => Promise.reject(cause), options)
    const answer = await act(opened)
    expect(opened.lines).toHaveLength(1)
    expect(opened.lines[0]).not.toContain(SECRET)
    expect(JSON.stringify(answer)).not.toContain(SECRET)
  })

  it('has anything of the key', async () => {
    const opened = openListener()
    await opened.deliver('{}', { signature: signatureOf('x') })
    const key = PINGPP.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
    for (let at = 40; at + 12 < key.length; at += 1) {
      expect(opened.lines[0]).not.toContain(key.slice(at, at + 12))
    }
  })
})

describe('a logger', () => {
  it.each<[string, () => unknown]>([
    ['throws', fail],
    ['rejects', reject],
    ['hangs', hang],
  ])('that %s changes nothing [F15] [S8]', async (_, speak) => {
    const logger = { warn: speak, error: speak }
    const opened = openFailing(() => Promise.reject(new Error('x')), { logger })
    expect((await opened.deliver(envelopeSent())).outcome).toBe('failed')
    expect((await opened.deliver('{}', { signature: null })).outcome).toBe('unsigned')
    expect(opened.reports).toHaveLength(2)
  })

  it('keeps its own `this`', async () => {
    const logger = {
      lines: [] as string[],
      warn(line: string) {
        this.lines.push(line)
      },
      error(line: string) {
        this.lines.push(line)
      },
    }
    const opened = openFailing(() => Promise.reject(new Error('x')), { logger })
    await opened.deliver(envelopeSent())
    await opened.deliver('{}', { signature: null })
    expect(logger.lines).toHaveLength(2)
  })

  it('is the console where nothing is said, and nobody where it is false', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    for (const options of [{ publicKey }, { publicKey, logger: false as const }]) {
      await createWebhooks(options).handle(deliveryOf('{}', { signature: null }))
      await createWebhooks(options).handle(failing('body-consumed'))
    }
    expect(warn.mock.calls.map(String)).toEqual([expect.stringContaining('signature-missing')])
    expect(error.mock.calls.map(String)).toEqual([
      expect.stringMatching(/signature-m|body-consumed/),
    ])
    warn.mockRestore()
    error.mockRestore()
  })
})

function openFailing(handler: () => Promise<void>, options: Partial<WebhooksOptions> = {}): Opened {
  const opened = openReceiver(options)
  opened.webhooks.on('*', handler)
  return opened
}

function failing(code: ConstructorParameters<typeof WebhookError>[0]): Delivery {
  const body = (): Promise<never> =>
    Promise.reject(new WebhookError(code, 'Mount it above the parser.'))
  return { ...deliveryOf(envelopeSent()), body }
}

function throwing(thrown: Error): Delivery {
  return { ...deliveryOf(envelopeSent()), body: () => Promise.reject(thrown) }
}

function brokenInbox(thrown: Error): WebhooksOptions['inbox'] {
  return { retentionSeconds: 172_800, admit: () => Promise.reject(thrown) }
}

/** An error whose stack was read, and so made, before its name or message changed. */
function readThenChanged(message: string, change: object): Error {
  const error = new Error(message)
  expect(error.stack).toContain(message)
  return Object.assign(error, change)
}

function fail(): never {
  throw new Error('disk full')
}

function reject(): Promise<never> {
  return Promise.reject(new Error('disk full'))
}

function hang(): Promise<never> {
  return new Promise(() => {})
}
