import { describe, expect, it } from 'vitest'
import { createReconciler, type ReconcilerOptions } from '../src/index.ts'
import { APP, createPingpp } from './in-memory-pingpp.ts'

const GOOD: ReconcilerOptions = {
  pingpp: createPingpp(Date.now).client,
  webhooks: { dispatch: () => Promise.resolve({ outcome: 'handled' }) },
  app: APP,
}

describe('createReconciler', () => {
  it('takes the results of `createPingppClient` and `createWebhooks`, and an app', () => {
    expect(() => createReconciler(GOOD)).not.toThrow()
  })

  it.each<[string, unknown, string]>([
    ['pingpp', undefined, 'the client returned by createPingppClient()'],
    ['pingpp', {}, 'the client returned by createPingppClient()'],
    ['webhooks', undefined, 'the receiver returned by createWebhooks()'],
    ['webhooks', {}, 'the receiver returned by createWebhooks()'],
    ['app', undefined, 'the id of an app ("app_…")'],
    ['app', '', 'the id of an app ("app_…")'],
    ['open', [], 'a function that returns your open envelopes'],
    ['requestsPerSecond', 0, 'a number above 0'],
    ['requestsPerSecond', Number.NaN, 'a number above 0'],
    ['requestsPerSecond', Infinity, 'a number above 0'],
    ['overlapSeconds', -1, 'a time in seconds, 0 or more'],
    ['intervalSeconds', 0, 'a time in seconds above 0, at most 86,400 (a day)'],
    ['intervalSeconds', 86_401, 'a time in seconds above 0, at most 86,400 (a day)'],
    ['sweptUntil', Date.now(), 'a Date, or Unix time in seconds'],
    ['sweptUntil', new Date('never'), 'a Date, or Unix time in seconds'],
    ['onReport', 1, 'a function'],
    ['onError', 1, 'a function'],
    ['logger', {}, 'an object with `warn` and `error`, or false'],
    ['now', 0, 'a function that returns milliseconds'],
  ])('refuses %s: %o', (option, value, expected) => {
    expect(() => createReconciler({ ...GOOD, [option]: value })).toThrow(
      expect.objectContaining({
        code: 'option-invalid',
        message: `\`${option}\` must be ${expected}.`,
      }),
    )
  })

  it('refuses `open` that is null, which would dispatch all [S18]', () => {
    expect(() => createReconciler({ ...GOOD, open: null } as never)).toThrow(
      expect.objectContaining({
        code: 'option-invalid',
        message: expect.stringContaining('`open` is given, but null. ') as unknown,
      }),
    )
  })

  it('refuses `open` that is given but undefined, which would dispatch all [S18]', () => {
    expect(() => createReconciler({ ...GOOD, open: undefined } as never)).toThrow(
      expect.objectContaining({
        code: 'option-invalid',
        message:
          '`open` is given, but undefined. Is the variable set that it is read from? Leave `open` out to dispatch all envelopes that the sweep finds.',
      }),
    )
  })

  it('refuses an unknown option, and a value that is not an object of options', () => {
    expect(() => createReconciler({ ...GOOD, intervalMs: 5 } as never)).toThrow(
      /^Unknown option `intervalMs`. Valid options: pingpp, webhooks, app, open, /,
    )
    expect(() => createReconciler(undefined as never)).toThrow('an object of options')
  })
})
