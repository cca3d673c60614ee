import { describe, expect, expectTypeOf, it } from 'vitest'
import { OptionError } from '../src/index.ts'
import { callback, flag, milliseconds, oneOf, whole } from '../src/options/readers.ts'
import { guard, must, optional, readSettings } from '../src/options/settings.ts'

interface Options {
  readonly timeoutMs?: number | undefined
  readonly mode?: 'fast' | 'safe' | undefined
  readonly livemode?: boolean
  readonly onDone?: ((seconds: number) => void) | undefined
  readonly name: string
}

function read(options: unknown) {
  return readSettings('`open`', options as Options, {
    timeoutMs: optional(milliseconds, 5000),
    mode: optional(oneOf('fast', 'safe'), 'safe'),
    livemode: guard('accept both modes', optional(flag)),
    onDone: optional(callback()),
    name: must('a text', (value) => typeof value === 'string'),
  })
}

describe('readSettings', () => {
  it('returns each option with its default', () => {
    expect(read({ name: 'a' })).toEqual({
      timeoutMs: 5000,
      mode: 'safe',
      livemode: undefined,
      onDone: undefined,
      name: 'a',
    })
    const given = { name: 'b', timeoutMs: 7, mode: 'fast', livemode: false, onDone() {} }
    expect(read(given)).toEqual(given)
  })

  it('returns the type that follows from the table', () => {
    expectTypeOf<ReturnType<typeof read>>().toEqualTypeOf<{
      timeoutMs: number
      mode: 'fast' | 'safe'
      livemode: boolean | undefined
      onDone: ((seconds: number) => void) | undefined
      name: string
    }>()
  })

  it('does not compile without a reader for every option', () => {
    const options: Options = { name: 'a' }
    // @ts-expect-error -- there is no reader of `timeoutMs`
    readSettings('`open`', options, { name: must('a text', Boolean) })
    // @ts-expect-error -- this is the reader of another type
    const wrong = (): unknown => readSettings('`open`', { name: 'a' }, { name: flag })
    expect(wrong).toThrow('`name` must be true or false.')
  })

  it.each([
    [
      { name: 'a', timeoutMS: 5 },
      'Unknown option `timeoutMS`. Did you mean `timeoutMs`? Valid options: timeoutMs, mode, livemode, onDone, name.',
    ],
    [
      { name: 'a', onDnoe: 5 },
      'Unknown option `onDnoe`. Did you mean `onDone`? Valid options: timeoutMs, mode, livemode, onDone, name.',
    ],
    [
      { name: 'a', mdoe: 5 },
      'Unknown option `mdoe`. Did you mean `mode`? Valid options: timeoutMs, mode, livemode, onDone, name.',
    ],
    [
      { name: 'a', retries: 5 },
      'Unknown option `retries`. Valid options: timeoutMs, mode, livemode, onDone, name.',
    ],
    [
      { toString: 1 },
      'Unknown option `toString`. Valid options: timeoutMs, mode, livemode, onDone, name.',
    ],
    [null, '`open` expects an object of options.'],
    [{}, '`name` must be a text.'],
    [
      { name: 'a', timeoutMs: null },
      '`timeoutMs` must be a time in milliseconds from 1 to 2,147,483,647.',
    ],
    [{ name: 'a', mode: 'slow' }, '`mode` must be "fast" or "safe".'],
    [{ name: 'a', livemode: 1 }, '`livemode` must be true or false.'],
  ])('refuses %j', (options, message) => {
    expect(() => read(options)).toThrow(
      expect.objectContaining({ code: 'option-invalid', message }),
    )
    expect(() => read(options)).toThrow(OptionError)
  })

  it.each([undefined, null])('refuses a guard that is given as %s', (livemode) => {
    expect(() => read({ name: 'a', livemode })).toThrow(
      `\`livemode\` is given, but ${livemode}. Is the variable set that it is read from? Leave \`livemode\` out to accept both modes.`,
    )
  })
})

describe('a whole number', () => {
  it.each([
    [whole(1), 1.5, 'a whole number, 1 or more'],
    [whole(0, 10), 11, 'a whole number from 0 to 10'],
    [whole(1, Infinity, ' of bytes'), 0, 'a whole number of bytes, 1 or more'],
    [whole(2, 2 ** 24), Number.NaN, 'a whole number from 2 to 16,777,216'],
  ])('is refused with its range', (reader, value, expected) => {
    expect(() => reader(value, 'size')).toThrow(`\`size\` must be ${expected}.`)
  })
})
