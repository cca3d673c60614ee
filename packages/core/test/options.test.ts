import { describe, expect, it } from 'vitest'
import { createWebhooks, memoryInbox, OptionError, type WebhooksOptions } from '../src/index.ts'
import { envelopeSent, openListener, PINGPP } from './signed.ts'

const REQUIRED = { publicKey: PINGPP.publicKey }

// Option, the given value, and what was expected according to the message.
const WRONG: readonly [string, unknown, RegExp][] = [
  ['app', '', /the id of an app/],
  ['app', [], /the id of an app/],
  ['app', ['app_1', ''], /or a list of them/],
  ['app', ['app_1', 5], /or a list of them/],
  ['app', 5, /the id of an app/],
  ['app', '""', /the id of an app/],
  ['app', [['app_1']], /the id of an app/],
  ['app', { id: 'app_1' }, /the id of an app/],
  ['livemode', 'true', /true or false/],
  ['livemode', 1, /true or false/],
  ['inbox', {}, /an inbox, such as `memoryInbox\(\)`/],
  ['inbox', 'redis', /an inbox/],
  ['inbox', { admit: 5, retentionSeconds: 172_800 }, /an inbox/],
  ['inbox', { admit: () => {}, retentionSeconds: 97_199 }, /97,200 \(27 h\)/],
  ['inbox', { admit: () => {} }, /97,200 \(27 h\)/],
  ['inbox', { admit: () => {}, retentionSeconds: Number.NaN }, /97,200 \(27 h\)/],
  ['handlerTimeoutMs', 0, /milliseconds from 1 to 2,147,483,647/],
  ['handlerTimeoutMs', -1, /milliseconds from 1/],
  ['handlerTimeoutMs', Number.NaN, /milliseconds from 1/],
  ['handlerTimeoutMs', Infinity, /milliseconds from 1/],
  ['handlerTimeoutMs', 2_147_483_648, /milliseconds from 1/],
  ['handlerTimeoutMs', '5000', /milliseconds from 1/],
  ['bodyTimeoutMs', 0, /milliseconds from 1/],
  ['bodyTimeoutMs', Infinity, /milliseconds from 1/],
  ['maxBodyBytes', 0, /a whole number of bytes, 1 or more/],
  ['maxBodyBytes', 1.5, /a whole number of bytes/],
  ['maxBodyBytes', Infinity, /a whole number of bytes/],
  ['maxBodyBytes', '256kb', /a whole number of bytes/],
  ['unhandled', 'ignore', /"accept" or "fail"/],
  ['unhandled', false, /"accept" or "fail"/],
  ['maxEventAgeSeconds', 93_599, /93,600 \(26 h;/],
  ['maxEventAgeSeconds', 0, /93,600 \(26 h;/],
  ['maxEventAgeSeconds', Number.NaN, /93,600 \(26 h;/],
  ['maxEventAgeSeconds', '100000', /93,600 \(26 h;/],
  ['onReport', 'console.log', /a function/],
  ['onReport', null, /a function/],
  ['logger', true, /an object with `warn` and `error`, or false/],
  ['logger', {}, /an object with `warn` and `error`/],
  ['logger', { warn: () => {} }, /an object with `warn` and `error`/],
  ['logger', null, /an object with `warn` and `error`/],
  ['maxEventAgeSeconds', 172_800, /to 169200, which the inbox remembers/],
  ['allowPublishedKeys', 'false', /true or false/],
  ['now', 5, /a function that returns milliseconds/],
  ['now', new Date(0), /a function that returns milliseconds/],
  ['now', null, /a function that returns milliseconds/],
]

describe('a wrong option', () => {
  it.each(WRONG)('is refused at start-up and named: %s: %j', (option, value, expected) => {
    const error = refusalOf({ ...REQUIRED, [option]: value })
    expect(error).toBeInstanceOf(OptionError)
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({ name: 'OptionError', code: 'option-invalid' })
    expect((error as Error).message).toContain(`\`${option}\` must be `)
    expect((error as Error).message).toMatch(expected)
  })

  it.each(['liveMode', 'publicKeys', 'appId', 'handlerTimeout'])(
    'is refused if its name is misspelt, because it would have no effect: %s',
    (option) => {
      expect(refusalOf({ ...REQUIRED, [option]: true })).toMatchObject({
        code: 'option-invalid',
        message: expect.stringMatching(
          `^Unknown option .${option}.. .*Valid options: publicKey, app, `,
        ),
      })
    },
  )

  it.each([undefined, null, 'key', 5])(
    'is refused if it is not an object of options: %j',
    (options) => {
      expect(refusalOf(options)).toMatchObject({
        name: 'OptionError',
        code: 'option-invalid',
        message: '`createWebhooks` expects an object of options.',
      })
    },
  )

  it.each([
    ['app', 'Leave `app` out to accept the events of every app.'],
    ['livemode', 'Leave `livemode` out to accept live and test events.'],
    ['inbox', 'Leave `inbox` out to remember applied events in the memory of this process.'],
  ])('is refused if a guard is given but undefined or null: %s [S18]', (option, advice) => {
    for (const value of [undefined, null]) {
      expect(refusalOf({ ...REQUIRED, [option]: value })).toMatchObject({
        name: 'OptionError',
        code: 'option-invalid',
        message: `\`${option}\` is given, but ${value}. Is the variable set that it is read from? ${advice}`,
      })
    }
  })

  it('is refused if it is a missing key', () => {
    expect(refusalOf({})).toMatchObject({ name: 'OptionError', code: 'key-missing' })
  })
})

describe('an option', () => {
  it.each<Partial<WebhooksOptions>>([
    { app: 'app_1' },
    { app: ['app_1', 'app_2'] },
    { app: Object.freeze(['app_1']) },
    { livemode: true },
    { livemode: false },
    { inbox: memoryInbox() },
    { inbox: { admit: () => Promise.resolve('applied'), retentionSeconds: 97_200 } },
    { handlerTimeoutMs: 1 },
    { handlerTimeoutMs: 2_147_483_647 },
    { bodyTimeoutMs: 1.5 },
    { maxBodyBytes: 1 },
    { unhandled: 'accept' },
    { unhandled: 'fail' },
    { maxEventAgeSeconds: 93_600 },
    { maxEventAgeSeconds: Infinity },
    { onReport: () => {} },
    { logger: false },
    { logger: console },
    { now: () => 0 },
    { allowPublishedKeys: true },
  ])('may be %j', (options) => {
    expect(refusalOf({ ...REQUIRED, ...options })).toBeUndefined()
  })

  it('that is undefined is its default, unless it is a guard', () => {
    const guards = new Set(['app', 'livemode', 'inbox'])
    const names = WRONG.map(([name]) => name).filter((name) => !guards.has(name))
    const all = Object.fromEntries(names.map((name) => [name, undefined]))
    expect(refusalOf({ ...REQUIRED, ...all })).toBeUndefined()
  })

  it.each([
    ['"app_1Gqj58ynP0mHeX1q"'],
    ["'app_1Gqj58ynP0mHeX1q'\r\n"],
    [['x', '"app_1Gqj58ynP0mHeX1q"']],
  ])('may have the quotes of an environment file: app %j [C22]', async (app) => {
    const opened = openListener({ app })
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
    const other = await opened.deliver(envelopeSent({ object: { app: 'app_other' } }))
    expect(other).toMatchObject({ outcome: 'rejected', code: 'app-mismatch' })
  })

  it('is read once: later changes of the object have no effect', async () => {
    const options = { app: 'app_1Gqj58ynP0mHeX1q' }
    const opened = openListener(options)
    options.app = 'app_other'
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
  })
})

function refusalOf(options: unknown): unknown {
  try {
    createWebhooks(options as WebhooksOptions)
    return undefined
  } catch (error) {
    return error
  }
}
