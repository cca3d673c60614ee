import { generateKeyPairSync } from 'node:crypto'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { vouchFor } from '../src/options/errors.ts'
import {
  createWebhooks,
  OptionError,
  unlisted,
  WebhookError,
  type Inbox,
  type WebhooksOptions,
} from '../src/index.ts'
import type { Delivery } from '../src/receive/delivery.ts'
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

afterEach(() => void vi.unstubAllEnvs())

const SUBJECT = '(red_envelope.sent evt_dS28Kn8qsUCBZYTgSUxCPnKA)'

describe('the log', () => {
  it('has no line for successful deliveries', async () => {
    const opened = openListener()
    await opened.deliver(envelopeSent())
    await opened.deliver(envelopeSent())
    expect(opened.lines).toEqual([])
  })

  it('warns once if a verified event arrives and no handler is registered', async () => {
    const unheard = openReceiver()
    await unheard.deliver(envelopeSent())
    await unheard.deliver(envelopeSent())
    expect(unheard.lines).toHaveLength(1)
    expect(unheard.lines[0]).toMatch(
      /^error \[hongbao\] Received a verified event, but no handlers.*imported\?/,
    )
  })

  it('warns once per type if a verified event has no handler but others exist [F19]', async () => {
    const opened = openReceiver()
    opened.webhooks.on('red_envelope.received', () => {})
    for (const type of ['red_envelope.sent', 'charge.succeeded', 'red_envelope.sent']) {
      const event = type === 'charge.succeeded' ? chargeSucceeded() : envelopeSent()
      expect(await opened.deliver(event)).toMatchObject({ outcome: 'unhandled', status: 200 })
      await opened.webhooks.dispatch(asEvent(event))
    }
    expect(opened.lines).toEqual([
      expect.stringMatching(/^warn \[hongbao\] Received a red_envelope\.sent, but no handler/),
      expect.stringMatching(/^warn \[hongbao\] Received a charge\.succeeded, but no handler/),
    ])
  })

  it('has no line for types outside the catalogue, of which there may be any number [F19]', async () => {
    const opened = openReceiver()
    opened.webhooks.on('red_envelope.received', () => {})
    for (let at = 0; at < 100; at += 1) {
      await opened.deliver(envelopeSent({ type: `coupon.created_${at}` }))
    }
    expect(opened.lines).toEqual([])
    expect(opened.reports).toHaveLength(100)
  })

  it.each([
    ['red_envelope.snet', 'red_envelope.sent'],
    ['red_envelope.recieved', 'red_envelope.received'],
    ['red-envelope.sent', 'red_envelope.sent'],
    ['RED_ENVELOPE.SENT', 'red_envelope.sent'],
    ['red_envelope.refunded', 'red_envelope.refund'],
    ['charge.success', 'charge.succeeded'],
    ['order.refund.succeded', 'order.refund.succeeded'],
  ])('suggests a type for a misspelt one: %s [F23]', (misspelt, meant) => {
    const opened = openReceiver()
    const handler = (): void => {}
    opened.webhooks.on(misspelt as never, handler)
    opened.webhooks.on([misspelt as never], handler)
    opened.webhooks.on({ [misspelt]: handler })
    const line: unknown = expect.stringContaining(`Did you mean '${meant}'?`)
    expect(opened.lines).toEqual([line, line, line])
    expect(openReceiver({ on: { [misspelt]: handler } }).lines).toEqual([line])
  })

  it.each(['coupon.created', 'x', 'toString', 'user.deleted'])(
    'suggests nothing for a type that resembles none: %s [F23]',
    (type) => {
      const opened = openReceiver()
      opened.webhooks.on(type as never, () => {})
      expect(opened.lines).toEqual([expect.stringContaining('Is it misspelt?')])
    },
  )

  it('warns of a type that Ping++ is not known to send, unless it is `unlisted`', () => {
    const opened = openReceiver()
    opened.webhooks.on('red_envelope.send' as never, () => {})
    opened.webhooks.on(unlisted('coupon.created'), () => {})
    opened.webhooks.on('*', () => {})
    expect(opened.lines).toHaveLength(1)
    expect(opened.lines[0]).toMatch(
      /^warn \[hongbao\] on\('red_envelope\.send'\).*unlisted\('red_envelope\.send'\)/,
    )
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
      expect(line).toContain('A handler failed; the event is retried.')
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
    [
      'whose message was shortened to its first line',
      () =>
        readThenChanged('x\nsecret card:6222:1\n    at y (/srv/secret.js:1:1)', { message: 'x' }),
      / \[Error]$/,
    ],
    [
      'whose message was shortened within its line',
      () => readThenChanged('x: secret', { message: 'x' }),
      / \[Error at .*log\.test\.ts:\d+:\d+\)?]$/,
    ],
    [
      'whose message was emptied',
      () => readThenChanged('x\nsecret card:6222:1', { message: '' }),
      / \[Error]$/,
    ],
  ])('names the kind and place of an error %s [S23]', async (_, make, ending) => {
    const opened = openFailing(() => Promise.reject(make()))
    await opened.deliver(envelopeSent())
    expect(opened.lines).toHaveLength(1)
    expect(opened.lines[0]).toMatch(ending)
    expect(opened.lines[0]).not.toMatch(/secret|card:6222/)
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
  ])('logs %s every time', async (code, act) => {
    const opened = openFailing(() => Promise.reject(new Error('x')))
    for (const time of [1, 2, 3]) {
      await act(opened)
      expect(opened.lines).toHaveLength(time)
      expect(opened.lines.at(-1)).toContain(`error [hongbao] ${code}`)
    }
  })
})

describe('an error of hongbao in the log', () => {
  /** As a store's package makes its errors. */
  class StoreError extends Error {
    override readonly name = 'StoreError'
    readonly code = 'postgres-pool-timed-out'

    constructor(message?: string, options?: ErrorOptions) {
      super(message, options)
      vouchFor(this, 'The pool lent no connection in time. Is it large enough?')
    }
  }

  it.each<[string, () => Error, RegExp]>([
    [
      'has its code and its sentence, and no message that was put there since',
      () => Object.assign(new StoreError(), { message: 'secret' }),
      / \[StoreError postgres-pool-timed-out .*] The pool lent no connection in time\. Is it large enough\?$/,
    ],
    [
      'has the code of its cause as well',
      () => new StoreError('', { cause: Object.assign(new Error('secret'), { code: '57014' }) }),
      / \[StoreError postgres-pool-timed-out 57014 at .*log\.test\.ts:\d+:\d+\)?] The pool lent /,
    ],
    [
      'is known as the cause of another one',
      () => new RangeError('secret', { cause: new StoreError() }),
      / \[RangeError postgres-pool-timed-out at .*log\.test\.ts:\d+:\d+\)?] The pool lent /,
    ],
    [
      'is a wrong option, too',
      () => new OptionError('key-missing', '`apiKey` is empty or not set.'),
      / \[OptionError key-missing at .*log\.test\.ts:\d+:\d+\)?] `apiKey` is empty or not set\.$/,
    ],
    [
      'is a wrong option, whose message has been changed since',
      () =>
        Object.assign(new OptionError('key-missing', '`apiKey` is empty.'), { message: 'secret' }),
      / \[OptionError key-missing.*] `apiKey` is empty\.$/,
    ],
    [
      'is another receiver’s, too',
      () => new WebhookError('inbox-busy'),
      / \[WebhookError inbox-busy at .*log\.test\.ts:\d+:\d+\)?] Another process is applying /,
    ],
    [
      'is not one that looks like it',
      () => Object.assign(new Error('secret'), { name: 'StoreError', code: 'secret-code' }),
      / \[StoreError at .*log\.test\.ts:\d+:\d+\)?]$/,
    ],
  ])('%s [S19]', async (_, make, ending) => {
    const opened = openFailing(() => Promise.reject(make()))
    await opened.deliver(envelopeSent())
    expect(opened.lines[0]).toMatch(ending)
    expect(opened.lines[0]).not.toContain('secret')
  })
})

describe('the place of an error in the log', () => {
  const APP = 'at async send (/srv/app/dist/send.js:12:3)'

  // As Node, Deno, Bun and workerd write them.
  it.each([
    ['Node', 'at listOnTimeout (node:internal/timers:605:17)'],
    ['Node', 'at new Promise (<anonymous>)'],
    ['Node', 'at async Promise.all (index 0)'],
    ['hongbao', 'at lend (file:///srv/app/node_modules/@hongbao/postgres/dist/index.js:80:11)'],
    [
      'hongbao',
      'at lend (/srv/app/node_modules/.pnpm/@hongbao+core@0.1.0/node_modules/@hongbao/core/dist/index.cjs:8:1)',
    ],
    ['a driver', String.raw`at C:\srv\app\node_modules\pg-pool\index.js:45:11`],
    ['a driver', 'at file:///srv/.yarn/cache/pg-npm-8.1.zip/node_modules/pg/lib/client.js:9:5'],
    ['a driver', 'at file:///root/.cache/deno/npm/registry.npmjs.org/pg-pool/3.8.0/index.js:45:11'],
    ['Deno', 'at eventLoopTick (ext:core/01_core.js:175:7)'],
    ['Bun', 'at processTicksAndRejections (native:7:39)'],
    ['Bun', 'at emit (internal:streams/add-abort-signal:2:3)'],
    ['workerd', 'at emit (node-internal:events:2:3)'],
    ['workerd', 'at run (cloudflare-internal:workflows:2:3)'],
  ])('is not a frame of %s: %s [S19]', async (_, frame) => {
    expect(await placeWith(frame, APP)).toBe(` [Error ${APP}]`)
    expect(await placeWith(frame)).toBe(' [Error]')
  })

  it.each([
    'at Object.<anonymous> (/srv/app/dist/send.js:12:3)',
    'at file:///srv/app/dist/send.js:12:3',
    String.raw`at send (C:\srv\app\dist\send.js:12:3)`,
    'at send (worker.js:12:3)',
    'at send (webpack-internal:///(rsc)/./app/send.ts:12:3)',
  ])('is a frame of the app: %s [S19]', async (frame) => {
    expect(await placeWith('at emit (node:events:5:3)', frame, APP)).toBe(` [Error ${frame}]`)
  })

  it('is not taken from text that a package appended to the frames [S23]', async () => {
    const frame = 'at emit (node:events:5:3)'
    const error = withStack(new Error('failed'), frame)
    error.stack += `\nFrom previous event:\n    ${APP}`
    expect(await lineOf(error)).toMatch(/ \[Error]$/)
  })

  it('is that of the cause if the error was created by other code [S19]', async () => {
    const cause = withStack(new Error('away'), APP)
    const frame = 'at toError (/srv/app/node_modules/driver/index.js:1:1)'
    const error = withStack(new Error('failed', { cause }), frame)
    expect(await lineOf(error)).toContain(` [Error ${APP}]`)
  })

  async function placeWith(...frames: readonly string[]): Promise<string | undefined> {
    return / \[Error.*]/.exec(await lineOf(withStack(new Error('failed'), ...frames)))?.[0]
  }

  function withStack(error: Error, ...frames: readonly string[]): Error {
    const stack = [`Error: ${error.message}`, ...frames.map((frame) => `    ${frame}`)].join('\n')
    return Object.assign(error, { stack })
  }

  async function lineOf(error: Error): Promise<string> {
    const opened = openFailing(async () => {
      throw error
    })
    await opened.deliver(envelopeSent())
    return opened.lines[0] ?? ''
  }
})

describe('the text of an error', () => {
  const cause = new Error('password authentication failed for user "app"')

  it.each(['development', 'test'])('follows the line when NODE_ENV is %s [S20]', async (mode) => {
    vi.stubEnv('NODE_ENV', mode)
    const opened = openFailing(() => Promise.reject(new RangeError('declined', { cause })))
    await opened.deliver(envelopeSent())
    const [first, ...rest] = (opened.lines[0] ?? '').split('\n')
    expect(first).toMatch(
      /^error \[hongbao] handler-failed .* \[RangeError at .*log\.test\.ts:\d+:\d+\)?]$/,
    )
    expect(rest[0]).toBe('RangeError: declined')
    expect(rest[1]).toMatch(/^ {4}at .*log\.test\.ts/)
    const text = rest.join('\n')
    expect(text).toContain(
      '\nCaused by:\nError: password authentication failed for user "app"\n    at ',
    )
  })

  it.each(['production', 'staging', '', undefined])(
    'is not logged when NODE_ENV is %j [S20] [S13]',
    async (mode) => {
      vi.stubEnv('NODE_ENV', mode)
      const opened = openFailing(() => Promise.reject(new RangeError('declined', { cause })))
      await opened.deliver(envelopeSent())
      expect(opened.lines[0]).not.toMatch(/\n|declined|password/)
    },
  )

  it.each<[string, unknown]>([
    ['is no object', undefined],
    ['has a process without an environment', {}],
    [
      'may not be read',
      {
        get env() {
          throw new Error('NotCapable: Requires env access')
        },
      },
    ],
  ])('is not logged on a runtime whose process %s [S20]', async (_, process) => {
    vi.stubGlobal('process', process)
    try {
      const opened = openFailing(() => Promise.reject(new Error('declined')))
      await opened.deliver(envelopeSent())
      expect(opened.lines[0]).not.toMatch(/\n|declined/)
    } finally {
      vi.unstubAllGlobals()
    }
  })

  it.each([
    ['granted', /\n/],
    ['prompt', /^[^\n]*$/],
    ['denied', /^[^\n]*$/],
  ])('is shown on Deno if NODE_ENV may be read without asking: %s [S20]', async (state, line) => {
    vi.stubEnv('NODE_ENV', 'development')
    vi.stubGlobal('Deno', { permissions: { querySync: () => ({ state }) } })
    onTestFinished(() => void vi.unstubAllGlobals())
    const opened = openFailing(() => Promise.reject(new Error('declined')))
    await opened.deliver(envelopeSent())
    expect(opened.lines[0]).toMatch(line)
  })

  it.each<[string, () => unknown, string]>([
    ['a text', () => 'declined', '\ndeclined'],
    ['nothing', () => undefined, '\nundefined'],
    [
      'an error without a stack',
      () => Object.assign(new Error('declined'), { stack: undefined }),
      '\nError: declined\n',
    ],
    [
      'an error whose message was changed',
      () => readThenChanged('x', { message: 'declined' }),
      '\nError: declined\nError: x\n',
    ],
    ['an object that cannot be shown', () => Object.create(null) as unknown, 'threw object]'],
    ['an error that is its own cause', circular, '\nCaused by:\nError: declined'],
  ])('is shown in development for %s [S20]', async (_, make, text) => {
    vi.stubEnv('NODE_ENV', 'development')
    const opened = openFailing(() => Promise.reject(make()))
    await opened.deliver(envelopeSent())
    expect(opened.lines).toHaveLength(1)
    expect(opened.lines[0]).toContain(text)
  })

  it('is not shown for errors that any sender can cause, in development either [S20]', async () => {
    vi.stubEnv('NODE_ENV', 'development')
    const opened = openListener()
    await opened.deliver('{"secret":1}', { signature: signatureOf('x') })
    expect(opened.lines[0]).not.toMatch(/\n|secret/)
  })

  function circular(): Error {
    const error = new Error('declined')
    error.cause = error
    return error
  }
})

describe('the log of errors that any sender can cause', () => {
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

  it('has each kind once: one kind does not hide another [B29]', async () => {
    const opened = openListener({ app: 'app_1Gqj58ynP0mHeX1q', livemode: true })
    for (const [, , act] of [...strangers, ...strangers]) await act(opened)
    expect(opened.lines.map((line) => /\] ([a-z0-9-]+)/.exec(line)?.[1])).toEqual(
      strangers.map(([code]) => code),
    )
  })

  it('repeats which parser to move once a minute if a parser read the body [G1, D23]', async () => {
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

describe('a log line', () => {
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
  ])('and an answer never contain the text of %s', async (_, options, act) => {
    const opened = openFailing(() => Promise.reject(cause), options)
    const answer = await act(opened)
    expect(opened.lines).toHaveLength(1)
    expect(opened.lines[0]).not.toContain(SECRET)
    expect(JSON.stringify(answer)).not.toContain(SECRET)
  })

  it('never contains key material', async () => {
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
    expect(await opened.deliver('{}', { signature: null })).toMatchObject({
      outcome: 'rejected',
      code: 'signature-missing',
    })
    expect(opened.reports).toHaveLength(2)
  })

  it('is called with its own `this`', async () => {
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

  it('is the console by default, and none if it is false', async () => {
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

function brokenInbox(thrown: Error): Inbox {
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
