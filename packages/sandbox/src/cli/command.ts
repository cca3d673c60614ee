import { usageError, type CliError } from './exit.ts'
import type { Session } from './session.ts'
import type { TextName } from './texts/texts.ts'

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

type ExpectedName =
  Extract<TextName, `expected.${string}`> extends `expected.${infer Which}` ? Which : never

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

/** One command. Its text is `commands` of the texts, by its path. */
export interface Command {
  readonly args: readonly Argument[]
  readonly options: Options
  readonly run: (
    session: Session,
    values: Readonly<Record<string, unknown>>,
    words: readonly string[],
  ) => unknown
}

/** A command with commands of its own; the first of them runs if none is named. */
export interface Group {
  readonly commands: Readonly<Record<string, Command>>
}

/** Declares a command; `run` gets the values of its options by name, and then its words. */
export function command<Given extends Options = Options>(declared: {
  readonly args?: readonly (string | Argument)[]
  readonly options?: Given
  readonly run: (session: Session, values: Values<Given>, ...words: string[]) => unknown
}): Command {
  const { args = [], options = {}, run } = declared
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

/** A number that is written in a certain way. */
export function number(value: string, pattern: RegExp, expected: ExpectedName): Option<number> {
  return { value, expected, read: (given) => (pattern.test(given) ? Number(given) : undefined) }
}

export function whole(value: string): Option<number> {
  return number(value, /^-?\d{1,15}$/, 'whole')
}

export function initially<Value>(
  option: Option<Value>,
  initial: Value,
): Option<Value> & { readonly initial: Value } {
  return { ...option, initial }
}

/** A name that there is not: of a command, of an option, or of a choice of either. */
export class UnknownName extends Error {
  readonly kind: string
  readonly given: string
  readonly names: readonly string[]

  constructor(kind: string, given: string, names: readonly string[]) {
    super(given)
    this.kind = kind
    this.given = given
    this.names = names
  }
}

/** `retryAfter` is written `--retry-after`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

const SHORT: Readonly<Record<string, string>> = { '-h': '--help', '-V': '--version' }

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

/** @throws UnknownName, CliError */
export function parse(
  args: readonly string[],
  options: Options,
): { readonly values: Readonly<Record<string, unknown>>; readonly words: readonly string[] } {
  const initial = Object.entries(options).map(([name, option]) => [name, option.initial])
  const values: Record<string, unknown> = Object.fromEntries(initial)
  const seen = new Set<string>()
  const words: string[] = []
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? ''
    if (arg === '--') return { values, words: [...words, ...args.slice(at + 1)] }
    if (!isOption(arg)) {
      words.push(arg)
      continue
    }
    const [name, option] = find(options, arg) ?? unknownOption(arg, options)
    const inline = /=(.*)$/s.exec(arg)?.[1]
    const given = option.value === undefined ? inline : (inline ?? args[(at += 1)])
    values[name] = readOption(name, option, given, seen.has(name) ? values[name] : undefined)
    seen.add(name)
  }
  return { values, words }
}

function find(options: Options, arg: string): readonly [string, Option<unknown>] | undefined {
  const [given = ''] = (SHORT[arg] ?? arg).split('=', 1)
  return Object.entries(options).find(([name]) => flagOf(name) === given)
}

function unknownOption(arg: string, options: Options): never {
  throw new UnknownName('option', arg.replace(/=.*$/s, ''), Object.keys(options).map(flagOf))
}

function readOption(
  name: string,
  option: Option<unknown>,
  given: string | undefined,
  before: unknown,
): unknown {
  const { value, expected, choices = [] } = option
  const shown = flagOf(name)
  if (value === undefined) {
    if (given !== undefined) throw usageError('optionTakesNoValue', { option: shown })
    return true
  }
  if (given === undefined) throw usageError('optionNeedsValue', { option: `${shown} ${value}` })
  const result = option.read?.(given, before)
  if (result !== undefined) return result
  if (expected === undefined) throw new UnknownName(shown, given, choices)
  throw wrongValue(shown, given, expected)
}

export function wrongValue(option: string, given: string, expected: ExpectedName): CliError {
  return usageError((t) => t('wrongOption', { option, given, expected: t(`expected.${expected}`) }))
}

/** @throws CliError if words are missing, are too many, or are not among the choices */
export function checkWords({ args }: Command, words: readonly string[], usage: string): void {
  const missing = args.find(({ name }, at) => name.startsWith('<') && words[at] === undefined)
  if (missing !== undefined) throw usageError('missingWord', { word: missing.name, path: usage })
  const isOpen = args.at(-1)?.name.endsWith('...]') === true
  const extra = isOpen ? undefined : words[args.length]
  if (extra !== undefined) throw usageError('extraWord', { word: extra, path: usage })
  for (const [at, word] of words.entries()) {
    const { choices, name = '' } = args[at] ?? args.at(-1) ?? {}
    checkId(name, word)
    if (choices === undefined || choices.includes(word)) continue
    throw new UnknownName(name, word, choices)
  }
}

/** An id is a part of a path; as one, these would make it another path. */
function checkId(name: string, word: string): void {
  const isNoId = /^<(?:id|envelope)>$/.test(name) && /^\.{0,2}$/.test(word)
  if (isNoId) throw usageError('wrongId', { word: name, given: word })
}
