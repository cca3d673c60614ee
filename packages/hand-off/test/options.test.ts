import { OptionError } from '@hongbao/core'
import { asGiven } from '@hongbao/core/internal'
import { describe, expect, it } from 'vitest'
import {
  readDeadLettersOptions,
  readJobOptions,
  readQueueOptions,
  readRedriveOptions,
  readWorkOptions,
  refuseHandlers,
} from '../src/options.ts'

const read = (options: object) =>
  readJobOptions('anyQueue', options, { connection: asGiven<unknown>() })

const QUEUE = readQueueOptions({})

describe('the options of a queue', () => {
  it('have defaults', () => {
    expect(readQueueOptions({})).toEqual({ confirmTimeoutMs: 1000, logger: console })
    expect(read({})).toMatchObject({
      attempts: 15,
      backoffSeconds: 5,
      jobTimeoutMs: 900_000,
      keepAppliedSeconds: 604_800,
      keepDeadLettersSeconds: 2_592_000,
    })
  })

  it('are taken as they are given', () => {
    const given = {
      attempts: 1,
      backoffSeconds: 86_400,
      jobTimeoutMs: 20,
      keepAppliedSeconds: 700_000,
      keepDeadLettersSeconds: 700_000,
    }
    expect(read(given)).toMatchObject(given)
    expect(readQueueOptions({ confirmTimeoutMs: 250.5 })).toMatchObject({ confirmTimeoutMs: 250.5 })
  })

  it.each<[string, unknown, RegExp]>([
    ['attempts', 0, /whole number from 1 to 30/],
    ['attempts', 2.5, /whole number from 1 to 30/],
    ['attempts', Infinity, /whole number from 1 to 30/],
    ['backoffSeconds', 0, /whole number from 1 to 86,400/],
    ['backoffSeconds', 0.5, /whole number/],
    ['jobTimeoutMs', 0, /whole number from 1 to 86,000,000/],
    ['jobTimeoutMs', 86_000_001, /whole number/],
    ['keepAppliedSeconds', 604_799, /from 604,800 to 2,147,483,647/],
    ['keepDeadLettersSeconds', 604_799, /from 604,800 to/],
    ['keepDeadLettersSeconds', Infinity, /to 2,147,483,647/],
  ])('refuse %s = %j', (option, value, expected) => {
    expect(() => read({ [option]: value })).toThrow(OptionError)
    expect(() => read({ [option]: value })).toThrow(
      new RegExp(`\`${option}\` must be .*${expected.source}`),
    )
  })

  it.each([0, '1000'])('refuse confirmTimeoutMs = %j', (confirmTimeoutMs) => {
    const given: object = { confirmTimeoutMs }
    expect(() => readQueueOptions(given)).toThrow(/milliseconds from 1 to 2,147,483,647/)
  })

  it('refuse to keep dead letters for a shorter time than what was applied', () => {
    const options = { keepAppliedSeconds: 3_000_000 }
    expect(() => read(options)).toThrow(/`keepDeadLettersSeconds` must be .* 3,000,000/)
  })

  it('refuse unknown names, and take those of their broker', () => {
    expect(() => read({ attempt: 3 })).toThrow(
      /Unknown option `attempt`\. Did you mean `attempts`\? Valid options: connection, .*attempts, backoffSeconds, jobTimeoutMs, /,
    )
    expect(() => read({ connection: {} })).not.toThrow()
    expect(() => read(null as never)).toThrow('`anyQueue` expects an object')
  })
})

describe('the options of work()', () => {
  it('have defaults', () => {
    expect(readWorkOptions({}, QUEUE)).toMatchObject({ concurrency: 4, acceptUnsigned: false })
  })

  it('have the hooks of the queue if they have none, or undefined ones', () => {
    const onWarning = () => {}
    const queue = { onWarning, logger: QUEUE.logger }
    for (const options of [{}, { onWarning: undefined, logger: undefined }]) {
      expect(readWorkOptions(options, queue)).toMatchObject(queue)
    }
    const logger = { warn() {}, error() {} }
    const own = { onWarning: () => {}, logger }
    expect(readWorkOptions(own, queue)).toMatchObject(own)
  })

  it.each<[string, unknown, RegExp]>([
    ['concurrency', 0, /whole number from 1 to 1,000/],
    ['concurrency', 1001, /whole number from 1 to 1,000/],
    ['acceptUnsigned', 'yes', /true or false/],
    [
      'attempts',
      5,
      /Unknown option `attempts`\. Valid options: concurrency, acceptUnsigned, onDeadLetter, onWarning, logger\./,
    ],
  ])('refuse %s = %j', (option, value, expected) => {
    expect(() => readWorkOptions({ [option]: value }, QUEUE)).toThrow(OptionError)
    expect(() => readWorkOptions({ [option]: value }, QUEUE)).toThrow(expected)
  })
})

describe('the selection of dead letters', () => {
  it('is 1,000 of them, or those with the ids', () => {
    expect(readDeadLettersOptions({})).toEqual({ limit: 1000 })
    expect(readRedriveOptions({})).toEqual({ jobIds: undefined, limit: 1000 })
    const selection = readRedriveOptions({ jobIds: ['a', 'b', 'c'], limit: 2 })
    expect(selection).toEqual({ jobIds: ['a', 'b'], limit: 2 })
  })

  it.each<[string, object]>([
    ['limit', { limit: 0 }],
    ['limit', { limit: 100_001 }],
    ['jobIds', { jobIds: 'a' }],
    ['ids', { ids: [] }],
  ])('refuses a wrong %s', (name, options) => {
    expect(() => readRedriveOptions(options)).toThrow(OptionError)
    expect(() => readRedriveOptions(options)).toThrow(`\`${name}\``)
  })
})

describe('the options of receiver()', () => {
  it.each(['on', 'inbox', 'unhandled', 'handlerTimeoutMs'])('refuse %s', (name) => {
    expect(() => refuseHandlers({ [name]: undefined })).toThrow(
      `\`${name}\` is not an option of the receiver of a queue`,
    )
  })
})
