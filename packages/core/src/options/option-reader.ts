import { OptionError, type OptionErrorCode } from './errors.ts'
import type { Logger } from './logger.ts'
import { refuseOldRuntime } from './runtime.ts'

// Node's timers hold 31 bits and fire at once above that.
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/**
 * Options are an object, and hold none that does not exist; and the runtime is new enough, because every
 * factory comes by here at start-up. `owner` is the factory, for the message.
 */
export function checkOptions(
  owner: string,
  options: object,
  names: Readonly<Record<string, true>>,
): void {
  refuseOldRuntime()
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

/**
 * Refuses guards that are given but undefined, as `app: process.env.UNSET` is, or null: they would
 * silently check nothing. `guards` says of each what follows when it is left out, as the end of a
 * sentence.
 */
export function refuseUnset(
  options: object,
  guards: Readonly<Record<string, string>>,
  code: OptionErrorCode = 'option-invalid',
): void {
  const values = new Map<string, unknown>(Object.entries(options))
  for (const [name, effect] of Object.entries(guards)) {
    const value = values.get(name)
    if (!values.has(name) || (value !== undefined && value !== null)) continue
    const advice = `Is the variable set that it is read from? Leave \`${name}\` out to ${effect}.`
    throw new OptionError(code, `\`${name}\` is given, but ${value}. ${advice}`)
  }
}

/** A text without the quotes, blanks and line ends that environment files and `docker run --env-file` leave around it. */
export function unquote(text: string): string {
  // No `/["'\s]+$/`, which is quadratic where such characters stand elsewhere.
  let [start, end] = [0, text.length]
  while (start < end && WRAPPING.test(text.charAt(start))) start += 1
  while (start < end && WRAPPING.test(text.charAt(end - 1))) end -= 1
  return text.slice(start, end)
}

// `\s` has the byte order mark too.
const WRAPPING = /["'\s]/

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

/** The id of an app, without the quotes that a variable may have; `expected` is for the message. */
export function readApp(app: unknown, expected = 'the id of an app ("app_…")'): string {
  const id = typeof app === 'string' ? unquote(app) : ''
  if (id === '') throw wrong('app', expected)
  return id
}

const CONSUMER = /^[A-Za-z0-9._-]{1,100}$/

/**
 * The name of the service whose effects an inbox remembers. The same rule for every store: the name
 * stands before or after the key, and no character of it may end the one or the other.
 */
export function readConsumer(consumer: unknown): string {
  if (typeof consumer === 'string' && CONSUMER.test(consumer)) return consumer
  throw wrong(
    'consumer',
    "the name of this service, such as `consumer: 'orders'`: 1 to 100 characters, only letters (a to z, A to Z), digits, `-`, `_` and `.`. All processes of a service give the same name, and services that share a store give different ones",
  )
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
