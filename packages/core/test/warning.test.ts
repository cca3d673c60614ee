import { afterEach, describe, expect, it, vi } from 'vitest'
import { InboxError, memoryInbox, type Logger } from '../src/index.ts'
import { inboxErrors } from '../src/inbox/errors.ts'
import { readWarn } from '../src/options/warning.ts'

const storeError = inboxErrors({
  'store-full': 'The store is full.',
  'store-silent': 'The store did not answer.',
})

afterEach(() => vi.unstubAllEnvs())

describe('the onWarning hook', () => {
  it('gets the error, its code and the key', () => {
    const onWarning = vi.fn<() => void>()
    const warn = readWarn({ onWarning })
    const [error, other] = [storeError('store-full'), storeError('store-silent')]
    warn(error, 'app:live:evt_1')
    warn(other)
    expect(onWarning.mock.calls).toEqual([
      [error, { code: 'store-full', key: 'app:live:evt_1' }],
      [other, { code: 'store-silent' }],
    ])
  })

  it('replaces the line in the log', () => {
    const lines: string[] = []
    readWarn({ onWarning() {}, logger: loggerTo(lines) })(storeError('store-full'))
    expect(lines).toEqual([])
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('metrics are down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('metrics are down'))],
    [
      'returns what throws when it is awaited',
      () =>
        Object.defineProperty({}, 'then', {
          get() {
            throw new Error('metrics are down')
          },
        }),
    ],
  ])('is harmless if it %s [F15]', async (_, onWarning) => {
    const rejections = vi.fn<() => void>()
    process.on('unhandledRejection', rejections)
    expect(() => readWarn({ onWarning })(storeError('store-full'))).not.toThrow()
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', rejections)
    expect(rejections).not.toHaveBeenCalled()
  })

  it.each([
    ['onWarning', { onWarning: 'console' }],
    ['onWarning', { onWarning: null }],
    ['logger', { logger: 'console' }],
  ])('is refused at start-up if `%s` is wrong: %j', (option, options) => {
    expect(() => memoryInbox(options as never)).toThrow(
      expect.objectContaining({
        code: 'option-invalid',
        message: expect.stringContaining(`\`${option}\` must be `) as string,
      }),
    )
  })
})

describe('the line of a warning', () => {
  const refused = Object.assign(new Error('password is 12345'), { code: 'ECONNREFUSED' })

  it('has the code, the key and the sentence', () => {
    expect(lineOf(storeError('store-full'), 'app:live:evt_1')).toBe(
      '[hongbao] store-full (app:live:evt_1): The store is full.',
    )
    expect(lineOf(storeError('store-full'))).toBe('[hongbao] store-full: The store is full.')
  })

  it('has name, code and sentence of the cause, and in production no text of other code', () => {
    vi.stubEnv('NODE_ENV', 'production')
    const cause = storeError('store-silent', { cause: refused })
    const line = lineOf(storeError('store-full', { cause }))
    expect(line).toMatch(
      /^\[hongbao] store-full: The store is full\. \[InboxError store-silent ECONNREFUSED at .*] The store did not answer\.$/,
    )
  })

  it.each(['development', 'test'])('has the text and the stack of causes in %s', (mode) => {
    vi.stubEnv('NODE_ENV', mode)
    const line = lineOf(storeError('store-full', { cause: refused }))
    expect(line).toMatch(
      /^\[hongbao] store-full: .*ECONNREFUSED.*\nError: password is 12345\n +at /,
    )
  })

  it('is not written with `logger: false`', () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    readWarn({ logger: false })(storeError('store-full'))
    expect(warn).not.toHaveBeenCalled()
    warn.mockRestore()
  })
})

describe('an error of a store', () => {
  it('is an `InboxError` with the code and the sentence of the table', () => {
    const cause = new Error('socket closed')
    const error = storeError('store-silent', { cause })
    expect(error).toBeInstanceOf(InboxError)
    expect(error).toMatchObject({
      name: 'InboxError',
      code: 'store-silent',
      message: 'The store did not answer.',
      cause,
    })
    expect('cause' in storeError('store-full')).toBe(false)
  })

  it('of another copy of hongbao is an `InboxError` too, with its sentence in the log [E75]', async () => {
    // A query makes a module of its own of the same file.
    const path = '../src/inbox/errors.ts?copy'
    const copy = (await import(path)) as typeof import('../src/inbox/errors.ts')
    expect(copy.InboxError).not.toBe(InboxError)
    const makeError = copy.inboxErrors({ 'store-silent': 'The store did not answer.' })
    const cause = makeError('store-silent')
    expect(cause).toBeInstanceOf(InboxError)
    expect(storeError('store-full')).toBeInstanceOf(copy.InboxError)
    expect(lineOf(storeError('store-full', { cause }))).toMatch(
      / \[InboxError store-silent at .*] The store did not answer\.$/,
    )
  })

  it('shows the sentence of the table, even if the message has changed since', () => {
    const cause = Object.assign(storeError('store-silent'), { message: 'secret' })
    expect(lineOf(storeError('store-full', { cause }))).toMatch(
      / \[InboxError store-silent.*] The store did not answer\.$/,
    )
  })

  it('that an app created shows neither its code nor its message in the log', () => {
    const cause = new InboxError('store-silent', 'secret')
    expect(lineOf(storeError('store-full', { cause }))).toMatch(/ \[InboxError at [^\]]*]$/)
  })
})

function loggerTo(lines: string[]): Logger {
  return { warn: (line) => void lines.push(line), error() {} }
}

function lineOf(error: InboxError, key?: string): string | undefined {
  const lines: string[] = []
  readWarn({ logger: loggerTo(lines) })(error, key)
  expect(lines).toHaveLength(1)
  return lines[0]
}
