import type { Readable } from 'node:stream'
import type { ControlClient } from './control-client.ts'
import type { Output, Stream } from './output.ts'
import type { TextName, Texts } from './texts/texts.ts'
import { unknownName, usageError, type CliError, type ExitStatus } from './exit.ts'

/** The process that a command runs in, or a test's substitute. */
export interface Host {
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined }
  readonly stdout: Stream
  readonly stderr: Stream
  readonly env: Readonly<Record<string, string | undefined>>
}

/** What every command works with. */
export interface Session {
  readonly host: Host
  readonly output: Output
  readonly texts: Texts
  /** Absolute path of the keys' folder. */
  readonly directory: string
  /** The running sandbox. */
  readonly control: ControlClient
}

/** An option of a command; its text is `options` of the texts, by its name. */
export interface Option<Value> {
  /** What stands for its value in the help: `<port>`. Absent: a switch. */
  readonly value?: string | undefined
  /** Reads the text; undefined if it is wrong. `before`: the value so far, if the option is repeated. */
  read?(text: string, before: Value | undefined): Value | undefined
  /** Which text says what a value must be. */
  readonly expected?: ExpectedName | undefined
  readonly choices?: readonly string[] | undefined
  readonly initial?: Value | undefined
}

type ExpectedName = Extract<TextName, `expected.${string}`>

/** A word after the command: `<id>`, `[file]`, `[keys...]`. */
export interface Argument {
  readonly name: string
  readonly choices?: readonly string[] | undefined
}

export type Options = Readonly<Record<string, Option<unknown>>>

type Values<Given> = {
  readonly [Name in keyof Given]: Given[Name] extends { readonly initial: infer Value }
    ? Value
    : Given[Name] extends Option<infer Value>
      ? Value | undefined
      : never
}

type Ending = ExitStatus | void

/** One command. Its text is `commands` of the texts, by its path. */
export interface Command {
  readonly args: readonly Argument[]
  readonly options: Options
  readonly run: (
    session: Session,
    values: Readonly<Record<string, unknown>>,
    words: readonly string[],
  ) => Ending | Promise<Ending>
}

/** Commands by their paths: `events ls`. The first one runs if only `events` is named. */
export type Commands = Readonly<Record<string, Command>>

/** Declares a command; `run` gets the values of its options by name, and then its words. */
export function command<Given extends Options>(
  args: readonly (string | Argument)[],
  options: Given,
  run: (
    session: Session,
    values: Values<Given>,
    ...words: (string | undefined)[]
  ) => Ending | Promise<Ending>,
): Command {
  return {
    args: args.map((each) => (typeof each === 'string' ? { name: each } : each)),
    options,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `parse` made the values of these options
    run: (session, values, words) => run(session, values as Values<Given>, ...words),
  }
}

export const flag: Option<true> = {}

export function text(value: string): Option<string> {
  return { value, read: (given) => given }
}

export function choice<const Name extends string>(
  value: string,
  choices: readonly Name[],
): Option<Name> {
  return { value, choices, read: (given) => choices.find((each) => each === given) }
}

/** An option with a value of its own kind. */
export function valued<Value>(
  value: string,
  expected: ExpectedName,
  read: (text: string, before: Value | undefined) => Value | undefined,
): Option<Value> {
  return { value, expected, read }
}

/** A number that is written in a certain way. */
export function number(value: string, pattern: RegExp, expected: ExpectedName): Option<number> {
  return valued(value, expected, (given) => (pattern.test(given) ? Number(given) : undefined))
}

export function whole(value: string): Option<number> {
  return number(value, /^-?\d{1,15}$/, 'expected.whole')
}

export function initially<Value>(
  option: Option<Value>,
  initial: Value,
): Option<Value> & { readonly initial: Value } {
  return { ...option, initial }
}

/** `retryAfter` is written `--retry-after`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** Whether something is an option; `-` is standard input, and `-2h` a wrong time. */
function isOption(arg: string): boolean {
  return /^-[^\d]/.test(arg)
}

/** Takes the first word out, which names a command; options of `known` and their values may stand before it. */
export function takeWord(
  args: readonly string[],
  known: Options,
): readonly [word: string | undefined, rest: readonly string[]] {
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? ''
    if (!isOption(arg)) return [arg, args.toSpliced(at, 1)]
    const option = find(known, arg)?.[1]
    if (option === undefined) break
    if (option.value !== undefined && !arg.includes('=')) at += 1
  }
  return [undefined, args]
}

/** @throws CliError */
export function parse(
  args: readonly string[],
  options: Options,
): { readonly values: Readonly<Record<string, unknown>>; readonly words: readonly string[] } {
  const values: Record<string, unknown> = {}
  const words: string[] = []
  const left = [...args]
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    if (arg === '--') words.push(...left.splice(0))
    else if (isOption(arg)) {
      const [name, option] = find(options, arg) ?? unknownOption(arg, options)
      const inline = /=(.*)$/s.exec(arg)?.[1]
      const given = option.value === undefined ? inline : (inline ?? left.shift())
      values[name] = readOption(flagOf(name), option, given, values[name])
    } else words.push(arg)
  }
  const initial = Object.entries(options).map(([name, option]) => [name, option.initial])
  return { values: { ...Object.fromEntries(initial), ...values }, words }
}

const SHORT: Readonly<Record<string, string>> = { '-h': '--help', '-V': '--version' }

function find(options: Options, arg: string): readonly [string, Option<unknown>] | undefined {
  const [given = ''] = (SHORT[arg] ?? arg).split('=', 1)
  return Object.entries(options).find(([name]) => flagOf(name) === given)
}

function unknownOption(arg: string, options: Options): never {
  const names = Object.keys(options).map(flagOf)
  throw unknownName('unknownOption', arg.replace(/=.*$/s, ''), names)
}

function readOption(
  shown: string,
  option: Option<unknown>,
  given: string | undefined,
  before: unknown,
): unknown {
  const { value, expected, choices = [] } = option
  if (value === undefined) {
    if (given !== undefined) throw usageError('optionTakesNoValue', { option: shown })
    return true
  }
  if (given === undefined) throw usageError('optionNeedsValue', { option: `${shown} ${value}` })
  const result = option.read?.(given, before)
  if (result !== undefined) return result
  if (expected === undefined) throw unknownName('unknownChoice', given, choices, shown)
  throw wrongValue(shown, given, expected)
}

export function wrongValue(option: string, given: string, expected: ExpectedName): CliError {
  return usageError((t) => t('wrongOption', { option, given, expected: t(expected) }))
}

/** @throws CliError if words are missing, are too many, or are not among the choices */
export function checkWords({ args }: Command, words: readonly string[], path: string): void {
  const missing = args.find(({ name }, at) => name.startsWith('<') && words[at] === undefined)
  if (missing !== undefined) throw usageError('missingWord', { word: missing.name, path })
  for (const [at, word] of words.entries()) {
    const last = args.at(-1)?.name.endsWith('...]') === true ? args.at(-1) : undefined
    const { name, choices = [word] } = args[at] ?? last ?? {}
    if (name === undefined) throw usageError('extraWord', { word, path })
    // An id is a part of a path; as one, these would make it another path.
    const isNoId = /^<(?:id|envelope)>$/.test(name) && /^\.{0,2}$/.test(word)
    if (isNoId) throw usageError('wrongId', { word: name, given: word })
    if (!choices.includes(word)) throw unknownName('unknownChoice', word, choices, name)
  }
}
