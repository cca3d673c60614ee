import { OptionError, type OptionErrorCode } from './errors.ts'
import { nearestTo } from './nearest.ts'
import { refuseOldRuntime } from './runtime.ts'

/**
 * Reads one option and returns its value, checked and completed, or throws an OptionError. `isGiven` is true
 * for `app: undefined`, and false for an option that was left out.
 */
export type Reader<Given, Value = Given> = (
  given: Given,
  option: string,
  isGiven?: boolean,
) => Value

/** A reader for each option of `Options`, and none for anything else. */
export type Readers<Options, Values> = {
  readonly [Option in keyof Values]: Reader<
    Option extends keyof Options ? Options[Option] : unknown,
    Values[Option]
  >
}

/** Options after reading: each one is there, with its default. */
export type Completed<Options> = {
  readonly [Option in keyof Options]-?: Exclude<Options[Option], undefined>
}

/**
 * Reads options by a table of one reader for each; the type of the result follows from it. `owner`, the
 * function that takes the options, is for the message.
 *
 * @throws OptionError for an unknown option, or the first one that is wrong
 */
export function readSettings<Options extends object, Values extends Record<keyof Options, unknown>>(
  owner: string,
  options: Options,
  readers: Readers<Options, Values>,
): Values {
  checkOptions(owner, options, readers)
  return readEach(options, readers)
}

/** The same without the check for unknown options. */
export function readEach<Options extends object, Values>(
  options: Options,
  readers: Readers<Options, Values>,
): Values {
  const entries: [string, Reader<unknown>][] = Object.entries(readers)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table has a reader for each of these values
  return Object.fromEntries(
    entries.map(([option, read]) => [
      option,
      read(Reflect.get(options, option), option, Object.hasOwn(options, option)),
    ]),
  ) as Values
}

/**
 * Refuses what is not an object, an option that is not a key of `known`, and, because every factory
 * calls this at start-up, a runtime that is too old.
 */
export function checkOptions(owner: string, options: object, known: object): void {
  refuseOldRuntime()
  if (typeof options !== 'object' || options === null) {
    throw new OptionError('option-invalid', `${owner} expects an object of options.`)
  }
  refuseUnknown(options, known)
}

/** A misspelt `liveMode` would silently guard nothing. */
export function refuseUnknown(options: object, known: object): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name))
  if (unknown === undefined) return
  const names = Object.keys(known)
  const nearest = nearestTo(unknown, names)
  const question = nearest === undefined ? '' : `Did you mean \`${nearest}\`? `
  throw new OptionError(
    'option-invalid',
    `Unknown option \`${unknown}\`. ${question}Valid options: ${names.join(', ')}.`,
  )
}

/** An option that must pass a test; `expected` ends the sentence "`option` must be …". */
export function must<Value>(expected: string, passes: (value: Value) => boolean): Reader<Value> {
  return function readValue(value, option) {
    if (passes(value)) return value
    throw wrong(option, expected)
  }
}

/** An option that may be left out or undefined. */
export function optional<Given, Value>(
  read: Reader<Given, Value>,
): Reader<Given | undefined, Value | undefined>
export function optional<Given, Value>(
  read: Reader<Given, Value>,
  fallback: Value,
): Reader<Given | undefined, Value>
export function optional<Given, Value>(
  read: Reader<Given, Value>,
  fallback?: Value,
): Reader<Given | undefined, Value | undefined> {
  return function readOptional(given, option, isGiven) {
    return given === undefined ? fallback : read(given, option, isGiven)
  }
}

/**
 * An option that guards something: left out it has an effect that is described as the end of a
 * sentence, but given as undefined, as `app: process.env.UNSET` is, or as null, it is refused.
 */
export function guard<Given, Value>(
  effect: string,
  read: Reader<Given, Value>,
  code: OptionErrorCode = 'option-invalid',
): Reader<Given, Value> {
  return function readGuard(given, option, isGiven) {
    if (isGiven !== true || (given ?? undefined) !== undefined) return read(given, option, isGiven)
    const advice = `Is the variable set that it is read from? Leave \`${option}\` out to ${effect}.`
    throw new OptionError(code, `\`${option}\` is given, but ${String(given)}. ${advice}`)
  }
}

/** The error for a wrong option; `expected` ends the sentence "`option` must be …". */
export function wrong(option: string, expected: string): OptionError {
  return new OptionError('option-invalid', `\`${option}\` must be ${expected}.`)
}
