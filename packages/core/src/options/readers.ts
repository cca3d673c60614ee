import type { Logger } from './logger.ts'
import { must, wrong, type Reader } from './settings.ts'

// Node's timers hold 31 bits and fire at once above that.
export const MAX_TIMEOUT_MS: number = 2 ** 31 - 1

export const milliseconds: Reader<number> = must(
  'a time in milliseconds from 1 to 2,147,483,647',
  (ms) => Number.isFinite(ms) && ms >= 1 && ms <= MAX_TIMEOUT_MS,
)

/** A whole number; `unit` is for the message: `' of bytes'`. */
export function whole(min: number, max: number = Infinity, unit = ''): Reader<number> {
  const [least, most] = [min, max].map((bound) => bound.toLocaleString('en'))
  const range = max === Infinity ? `, ${least} or more` : ` from ${least} to ${most}`
  return must(
    `a whole number${unit}${range}`,
    (value) => Number.isSafeInteger(value) && value >= min && value <= max,
  )
}

export const flag: Reader<boolean> = must('true or false', (value) => typeof value === 'boolean')

export function oneOf<const Choice>(...choices: Choice[]): Reader<Choice> {
  const expected = choices.map((choice) => JSON.stringify(choice)).join(' or ')
  return must(expected, (value) => choices.includes(value))
}

export function callback<Callback>(expected = 'a function'): Reader<Callback> {
  return must(expected, (value) => typeof value === 'function')
}

export const clock: Reader<() => number> = callback('a function that returns milliseconds')

/** An option that is checked later, together with others or by the code that uses it. */
export function asGiven<Given>(): Reader<Given> {
  return (given) => given
}

export function abortSignal<Signal extends AbortSignal | undefined>(): Reader<Signal> {
  return must('an AbortSignal', (signal) => typeof signal?.addEventListener === 'function')
}

/** The id of an app, without the quotes that a variable may have. */
export function readApp(app: unknown): string {
  return readAppId(app, 'the id of an app ("app_…")')
}

/** The same for one or several. */
export function readApps(apps: unknown): readonly string[] {
  const expected = 'the id of an app ("app_…"), or a list of them'
  const ids = [apps].flat().map((app) => readAppId(app, expected))
  if (ids.length === 0) throw wrong('app', expected)
  return ids
}

function readAppId(app: unknown, expected: string): string {
  const id = typeof app === 'string' ? unquote(app) : ''
  if (id === '') throw wrong('app', expected)
  return id
}

const CONSUMER = /^[A-Za-z0-9._-]{1,100}$/

/**
 * The name of the service whose effects an inbox remembers. The rule is the same for every store: the
 * name is next to the key, so it must not contain a separator.
 */
export function readConsumer(name: string, option: string): string {
  if (typeof name === 'string' && CONSUMER.test(name)) return name
  throw wrong(
    option,
    "the name of this service, such as `consumer: 'orders'`: 1 to 100 characters, only letters (a to z, A to Z), digits, `-`, `_` and `.`. All processes of a service use the same name; services that share a store use different names",
  )
}

/** The app's logger; `false` is one that writes nothing. Default: `console`. */
export function readLogger(logger: Logger | false = console): Logger {
  if (logger === false) return { warn() {}, error() {} }
  if (typeof logger?.warn === 'function' && typeof logger.error === 'function') return logger
  throw wrong('logger', 'an object with `warn` and `error`, or false')
}

/**
 * Removes the quotes, blanks and line ends that environment files and `docker run --env-file` leave
 * around a text.
 */
export function unquote(text: string): string {
  // Not `/["'\s]+$/`, which takes quadratic time for a text with many such characters inside.
  let [start, end] = [0, text.length]
  while (start < end && WRAPPING.test(text.charAt(start))) start += 1
  while (start < end && WRAPPING.test(text.charAt(end - 1))) end -= 1
  return text.slice(start, end)
}

// `\s` has the byte order mark too.
const WRAPPING = /["'\s]/
