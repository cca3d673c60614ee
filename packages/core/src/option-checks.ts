import { OptionError } from './errors.ts'
import type { Logger } from './log.ts'

// Node's timers hold 31 bits and fire at once above that.
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** Options are an object, and hold none that does not exist. `owner` is who takes them, for the message. */
export function checkOptions(
  owner: string,
  options: object,
  names: Readonly<Record<string, true>>,
): void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError('option-invalid', `${owner} expects an object of options.`)
  }
  refuseUnknown(options, names)
}

/** A misspelt `liveMode` would silently guard nothing. */
export function refuseUnknown(options: object, names: Readonly<Record<string, true>>): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(names, name))
  if (unknown === undefined) return
  throw new OptionError(
    'option-invalid',
    `\`${unknown}\` is no option. There are: ${Object.keys(names).join(', ')}.`,
  )
}

export function checkKind(
  option: string,
  value: unknown,
  kinds: readonly string[],
  expected: string,
): void {
  if (!kinds.includes(typeof value)) throw wrong(option, expected)
}

export function readTimeout(option: string, ms: number): number {
  if (Number.isFinite(ms) && ms >= 1 && ms <= MAX_TIMEOUT_MS) return ms
  throw wrong(option, 'a time in milliseconds from 1 to 2,147,483,647')
}

export function readLogger(logger: Logger | false = console): Logger {
  if (logger === false) return { warn() {}, error() {} }
  if (typeof logger?.warn === 'function' && typeof logger.error === 'function') return logger
  throw wrong('logger', 'an object with `warn` and `error`, or false')
}

/** The error of a wrong option: `expected` ends the sentence "`option` must be …". */
export function wrong(option: string, expected: string): OptionError {
  return new OptionError('option-invalid', `\`${option}\` must be ${expected}.`)
}
