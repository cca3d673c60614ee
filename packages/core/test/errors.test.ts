import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { isNativeError } from 'node:util/types'
import { describe, expect, it } from 'vitest'
import { createFailure, ERRORS, withStack } from '../src/reply/errors.ts'
import {
  InboxError,
  OptionError,
  WebhookError,
  type OptionErrorCode,
  type WebhookErrorCode,
  type WebhookOutcome,
} from '../src/index.ts'
import { replyTo } from '../src/reply/reply.ts'

// Code, outcome, status, how often it is logged, and the result of a job, by hand.
const TABLE: readonly [
  WebhookErrorCode,
  WebhookOutcome,
  number,
  'each' | 'error' | 'warning',
  'again' | 'dead',
][] = [
  ['method-not-allowed', 'rejected', 405, 'warning', 'dead'],
  ['path-mismatch', 'rejected', 404, 'warning', 'dead'],
  ['body-encoded', 'rejected', 415, 'warning', 'dead'],
  ['body-too-large', 'rejected', 413, 'warning', 'dead'],
  ['body-too-slow', 'rejected', 408, 'warning', 'dead'],
  ['body-aborted', 'rejected', 400, 'warning', 'dead'],
  ['body-consumed', 'failed', 500, 'error', 'dead'],
  ['signature-missing', 'rejected', 401, 'warning', 'dead'],
  ['signature-malformed', 'rejected', 401, 'warning', 'dead'],
  ['signature-mismatch', 'rejected', 401, 'warning', 'dead'],
  ['key-unavailable', 'failed', 500, 'error', 'again'],
  ['event-not-utf8', 'rejected', 400, 'each', 'dead'],
  ['event-not-json', 'rejected', 400, 'each', 'dead'],
  ['event-invalid', 'rejected', 400, 'each', 'dead'],
  ['app-mismatch', 'rejected', 403, 'warning', 'dead'],
  ['mode-mismatch', 'rejected', 403, 'warning', 'dead'],
  ['event-too-old', 'rejected', 403, 'warning', 'dead'],
  ['event-from-future', 'rejected', 403, 'warning', 'dead'],
  ['no-handler', 'failed', 500, 'each', 'dead'],
  ['handler-failed', 'failed', 500, 'each', 'again'],
  ['handler-timed-out', 'failed', 500, 'each', 'again'],
  ['inbox-busy', 'failed', 500, 'warning', 'again'],
  ['inbox-unavailable', 'failed', 500, 'each', 'again'],
  ['shutting-down', 'failed', 500, 'warning', 'again'],
  ['internal-error', 'failed', 500, 'each', 'again'],
]

const OPTION_CODES: readonly OptionErrorCode[] = [
  'option-invalid',
  'key-missing',
  'key-unreadable',
  'key-ambiguous',
  'key-private',
  'key-public',
  'key-not-rsa',
  'key-too-small',
  'key-weak-exponent',
  'key-published',
]

const SPOKEN = {
  each: 'logged every time',
  error: 'logged at most once a minute',
  warning: 'logged at most once a minute',
}

describe('the errors', () => {
  it('are exactly the documented ones', () => {
    expect(Object.keys(ERRORS)).toEqual(TABLE.map(([code]) => code))
  })

  it.each(TABLE)('%s is %s, answered %d', (code, outcome, status, log, job) => {
    const message = expect.any(String) as string
    expect(ERRORS[code]).toEqual({ outcome, status, log, job, message })
    expect(replyTo(code)).toMatchObject({ outcome, code, status })
    expect(status).toBeGreaterThanOrEqual(400)
  })

  it.each(TABLE)('%s explains what happened in sentences', (code) => {
    expect(ERRORS[code].message).toMatch(/^[A-Zh`].+[.?]$/)
    expect(ERRORS[code].message.length).toBeGreaterThan(30)
  })

  it.each(['errors.md', 'errors.zh-CN.md'])(
    'are all explained in docs/%s, and no other',
    (name) => {
      // Behind these come those of the client.
      const [ours = ''] = docs(name).split(/^## (?:Client|客户端)$/m)
      const explained = [...ours.matchAll(/^### (.+)$/gm)].map(([, code]) => code)
      expect(explained).toEqual([...TABLE.map(([code]) => code), ...OPTION_CODES])
    },
  )

  it.each(TABLE)('%s is documented as it is', (code, outcome, status, log) => {
    const line = `### ${code}\n\n\`${outcome}\` · ${status} · ${SPOKEN[log]}\n`
    expect(docs('errors.md')).toContain(line)
  })
})

describe('a WebhookError that a step returns', () => {
  it('is an Error like one that is thrown, for inspection and JSON as well', () => {
    const cause = new TypeError('The store is gone.')
    const failure = createFailure('inbox-unavailable', 'It is gone.', { cause })
    const thrown = new WebhookError('inbox-unavailable', 'It is gone.', { cause })
    expect(failure).toBeInstanceOf(WebhookError)
    expect(isNativeError(failure)).toBe(true)
    expect(failure).toEqual(thrown)
    expect(JSON.stringify(failure)).toBe(JSON.stringify(thrown))
    expect(inspect(failure)).toContain('[cause]: TypeError: The store is gone.')
    expect(structuredClone(failure).message).toBe(thrown.message)
  })

  it('has no frames in its stack, and every other error has as many as before', () => {
    const before = Error.stackTraceLimit
    const { stack = '', message } = createFailure('signature-missing')
    expect(stack).toContain(message)
    expect(stack).not.toContain('\n    at ')
    expect(Error.stackTraceLimit).toBe(before)
    expect(new WebhookError('signature-missing').stack).toContain('\n    at ')
  })

  it('leaves the stacks of other errors as they were if it cannot be made', () => {
    const before = Error.stackTraceLimit
    expect(() => createFailure('no-such-code' as WebhookErrorCode)).toThrow(TypeError)
    expect(Error.stackTraceLimit).toBe(before)
  })

  it('is thrown as a copy, which an app may change', () => {
    const failure = createFailure('key-unavailable', 'No answer.', { cause: undefined })
    const thrown = withStack(failure)
    expect(thrown).toEqual(failure)
    expect('cause' in thrown).toBe(true)
    Object.assign(thrown, { code: 'handled' })
    expect(failure.code).toBe('key-unavailable')
  })

  it('has the stack of the place where it is thrown', () => {
    function throwsIt(): never {
      throw withStack(createFailure('shutting-down'))
    }
    expect(throwsIt).toThrow(
      expect.objectContaining({ stack: expect.stringContaining('at throwsIt') }),
    )
  })
})

describe('a WebhookError', () => {
  it.each(TABLE)('%s has its code, its outcome and its sentence', (code, outcome) => {
    const error = new WebhookError(code)
    expect(error).toMatchObject({ name: 'WebhookError', code, outcome, detail: undefined })
    expect(error.message).toBe(ERRORS[code].message)
    expect('cause' in error).toBe(false)
  })

  it('keeps its details and its cause, even if nothing was thrown', () => {
    const error = new WebhookError('event-invalid', 'It has no id.', { cause: undefined })
    expect(error.message).toBe(`${ERRORS['event-invalid'].message} It has no id.`)
    expect(error.detail).toBe('It has no id.')
    expect('cause' in error).toBe(true)
  })

  it('is an instance of WebhookError, made by another copy of hongbao too', () => {
    expect(new WebhookError('handler-failed')).toBeInstanceOf(WebhookError)
    const mark = Symbol.for('hongbao.error.WebhookError')
    expect(Object.create({ [mark]: true })).toBeInstanceOf(WebhookError)
  })

  it.each<[string, unknown]>([
    ['another error', new Error('x')],
    ['an error with its code', Object.assign(new Error('x'), { code: 'handler-failed' })],
    ['an OptionError', new OptionError('option-invalid', 'x')],
    ['an InboxError', new InboxError('redis-timed-out', 'x')],
    ['a text', 'handler-failed'],
    ['null', null],
  ])('is not %s', (_, error) => {
    expect(error instanceof WebhookError).toBe(false)
  })

  it('of a subclass is an instance of both, and no other error is one of the subclass', () => {
    class ShopError extends WebhookError {}
    expect(new ShopError('handler-failed')).toBeInstanceOf(WebhookError)
    expect(new ShopError('handler-failed')).toBeInstanceOf(ShopError)
    expect(new WebhookError('handler-failed')).not.toBeInstanceOf(ShopError)
  })
})

describe('an OptionError', () => {
  it('is a TypeError with a code', () => {
    const error = new OptionError('key-missing', 'x', { cause: 1 })
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({
      name: 'OptionError',
      code: 'key-missing',
      message: 'x',
      cause: 1,
    })
  })
})

function docs(name: string): string {
  return readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
}
