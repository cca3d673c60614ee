import { describe, expect, it } from 'vitest'
import { reconcile, type ReconcileOptions } from '../src/index.ts'
import { APP, createPingpp } from './in-memory-pingpp.ts'

const GOOD: ReconcileOptions = {
  client: createPingpp(Date.now).client,
  webhooks: { dispatch: () => Promise.resolve({ outcome: 'handled' }) },
  app: APP,
}

describe('reconcile', () => {
  it('takes what `createClient` and `createWebhooks` give, and an app', () => {
    expect(() => reconcile(GOOD)).not.toThrow()
  })

  it.each<[string, unknown, string]>([
    ['client', undefined, 'what `createClient` gives'],
    ['client', {}, 'what `createClient` gives'],
    ['webhooks', undefined, 'what `createWebhooks` gives'],
    ['webhooks', {}, 'what `createWebhooks` gives'],
    ['app', undefined, 'the id of an app ("app_…")'],
    ['app', '', 'the id of an app ("app_…")'],
    ['open', [], 'a function that gives your open envelopes'],
    ['requestsPerSecond', 0, 'a number above 0'],
    ['requestsPerSecond', Number.NaN, 'a number above 0'],
    ['requestsPerSecond', Infinity, 'a number above 0'],
    ['overlapSeconds', -1, 'a time in seconds, 0 or more'],
    ['intervalMs', 0, 'a time in milliseconds from 1 to 86,400,000 (a day)'],
    ['intervalMs', 86_400_001, 'a time in milliseconds from 1 to 86,400,000 (a day)'],
    ['sweptUntil', Date.now(), 'a Date, or Unix time in seconds'],
    ['sweptUntil', new Date('never'), 'a Date, or Unix time in seconds'],
    ['onReport', 1, 'a function'],
    ['logger', {}, 'an object with `warn` and `error`, or false'],
    ['now', 0, 'a function that gives milliseconds'],
    ['wait', 0, 'a function that waits for milliseconds'],
    ['random', 0, 'a function that gives numbers from 0 to 1'],
  ])('refuses %s: %o', (option, value, expected) => {
    expect(() => reconcile({ ...GOOD, [option]: value })).toThrow(
      expect.objectContaining({
        code: 'option-invalid',
        message: `\`${option}\` must be ${expected}.`,
      }),
    )
  })

  it('refuses `open` that is null, which would dispatch all [S18]', () => {
    expect(() => reconcile({ ...GOOD, open: null } as never)).toThrow(
      expect.objectContaining({
        code: 'option-invalid',
        message: expect.stringContaining('`open` is given, but null. ') as unknown,
      }),
    )
  })

  it('refuses `open` that is given but undefined, which would dispatch all [S18]', () => {
    expect(() => reconcile({ ...GOOD, open: undefined } as never)).toThrow(
      expect.objectContaining({
        code: 'option-invalid',
        message:
          '`open` is given, but undefined. Is the variable set that it is read from? Leave `open` out to dispatch all envelopes that the sweep shows.',
      }),
    )
  })

  it('refuses an option that it does not know, and what is no options', () => {
    expect(() => reconcile({ ...GOOD, intervalSeconds: 5 } as never)).toThrow(
      /^`intervalSeconds` is no option. There are: client, webhooks, app, open, /,
    )
    expect(() => reconcile(undefined as never)).toThrow('an object of options')
  })
})
