import { describe, expect, it } from 'vitest'
import { readEventWorkerOptions, readHandOffOptions } from '../src/hand-off-options.ts'
import { OptionError } from '../src/index.ts'

describe('the options of a hand-off', () => {
  it('have defaults', () => {
    expect(readHandOffOptions({})).toEqual({
      confirmTimeoutMs: 1000,
      attempts: 15,
      backoffSeconds: 5,
      keepAppliedSeconds: 604_800,
      keepFailedSeconds: 2_592_000,
    })
  })

  it('are taken as they are given', () => {
    const given = {
      confirmTimeoutMs: 250.5,
      attempts: 1,
      backoffSeconds: 86_400,
      keepAppliedSeconds: 700_000,
      keepFailedSeconds: 700_000,
    }
    expect(readHandOffOptions(given)).toEqual(given)
  })

  it.each<[string, unknown, RegExp]>([
    ['confirmTimeoutMs', 0, /milliseconds from 1 to 2,147,483,647/],
    ['confirmTimeoutMs', '1000', /milliseconds/],
    ['attempts', 0, /whole number from 1 to 30/],
    ['attempts', 2.5, /whole number from 1 to 30/],
    ['attempts', Infinity, /whole number from 1 to 30/],
    ['backoffSeconds', 0, /whole number from 1 to 86,400/],
    ['backoffSeconds', 0.5, /whole number/],
    ['keepAppliedSeconds', 604_799, /from 604,800 to 2,147,483,647/],
    ['keepFailedSeconds', 604_799, /from 604,800 to/],
    ['keepFailedSeconds', Infinity, /to 2,147,483,647/],
  ])('refuse %s = %j', (option, value, expected) => {
    const read = () => readHandOffOptions({ [option]: value })
    expect(read).toThrow(OptionError)
    expect(read).toThrow(new RegExp(`\`${option}\` must be .*${expected.source}`))
  })

  it('refuse to keep what failed for a shorter time than what was applied', () => {
    const options = { keepAppliedSeconds: 3_000_000 }
    expect(() => readHandOffOptions(options)).toThrow(/`keepFailedSeconds` must be .* 3,000,000/)
  })

  it('refuse names that are not theirs, and take those of their queue', () => {
    const misspelt: object = { attempt: 3 }
    expect(() => readHandOffOptions(misspelt)).toThrow(
      '`attempt` is no option. There are: confirmTimeoutMs, attempts, backoffSeconds, keepAppliedSeconds, keepFailedSeconds.',
    )
    expect(() => readHandOffOptions(misspelt, { attempt: true })).not.toThrow()
    expect(() => readHandOffOptions(null as never)).toThrow('`handOff` expects an object')
  })
})

describe('the options of a worker', () => {
  it('have defaults', () => {
    expect(readEventWorkerOptions({}, {})).toEqual({ concurrency: 4, unhandled: 'accept' })
  })

  it.each<[string, unknown, RegExp]>([
    ['concurrency', 0, /whole number from 1 to 1,000/],
    ['concurrency', 1001, /whole number from 1 to 1,000/],
    ['unhandled', 'ignore', /"accept" or "reject"/],
    ['onFailed', 'page', /a function/],
    ['attempts', 5, /is no option\. There are: concurrency, unhandled, onFailed, logger, name\./],
  ])('refuse %s = %j', (option, value, expected) => {
    const read = () => readEventWorkerOptions({ [option]: value }, { name: true })
    expect(read).toThrow(OptionError)
    expect(read).toThrow(expected)
  })

  it('are an object', () => {
    expect(() => readEventWorkerOptions(undefined as never, {})).toThrow(
      '`createEventWorker` expects an object of options.',
    )
  })
})
