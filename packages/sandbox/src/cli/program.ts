import { resolve } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { checkWords, parse, takeWord, UnknownName, wrongValue, type Command } from './command.ts'
import { COMMANDS } from './commands.ts'
import { createControlClient } from './control-client.ts'
import { describeError, EXIT, usageError, type ExitStatus } from './exit.ts'
import { GLOBAL_OPTIONS, type GlobalValues } from './global-options.ts'
import { sandboxUrl, tokenIn, unquoted } from './inputs.ts'
import { columnsOf, createOutput } from './output.ts'
import { findDirectory, findPlace, placeAt } from './place.ts'
import type { Host, Session } from './session.ts'
import { languageOf, textsIn, type Texts } from './texts/texts.ts'

interface Asked {
  /** `events show` */
  readonly path: string
  /** The words of it that were typed. */
  readonly named: readonly string[]
  readonly command: Command
  readonly rest: readonly string[]
}

/**
 * Runs the command line.
 *
 * @param args without the program's name
 * @returns the exit status
 */
export async function run(args: readonly string[], host: Host): Promise<ExitStatus> {
  const texts = textsIn(languageOf(args, host.env))
  try {
    return await runCommand(args, host, texts)
  } catch (error) {
    const failure = describeError(await namesSuggested(error), texts)
    const json = args.includes('--json')
    const color = !args.includes('--no-color')
    const output = createOutput({ ...host, texts, json, color, quiet: false })
    output.error(failure.code, failure.message)
    return failure.status
  }
}

async function runCommand(args: readonly string[], host: Host, texts: Texts): Promise<ExitStatus> {
  const [first, others] = takeWord(args, GLOBAL_OPTIONS)
  // Before a command there can only be options of all commands, or of the one that runs by itself.
  const isHelp = first === undefined && args.some((arg) => arg === '--help' || arg === '-h')
  if (first === 'help' || isHelp) return showHelp(others.filter(isWord), host, texts)
  const asked = await findCommand(first ?? 'start', others)
  const { values, words } = parse(asked.rest, { ...GLOBAL_OPTIONS, ...asked.command.options })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `parse` made them of GLOBAL_OPTIONS
  const globals = values as unknown as GlobalValues
  if (globals.version) {
    host.stdout.write(`${manifest.version}\n`)
    return EXIT.ok
  }
  if (globals.help) return showHelp(first === undefined ? [] : asked.named, host, texts)
  checkWords(asked.command, words, asked.path)
  let status: ExitStatus = EXIT.ok
  const session = await openSession(host, texts, globals, asked.path, (given) => (status = given))
  const own = Object.keys(asked.command.options).map((name) => [name, values[name]])
  await asked.command.run(session, Object.fromEntries(own), words)
  return status
}

function isWord(arg: string): boolean {
  return !arg.startsWith('-')
}

/** @throws UnknownName */
async function findCommand(first: string, others: readonly string[]): Promise<Asked> {
  const load = COMMANDS.get(first)
  if (load === undefined) throw new UnknownName('command', first, [...COMMANDS.keys()])
  const found = await load()
  if (!('commands' in found)) return { path: first, named: [first], command: found, rest: others }
  const [second, rest] = takeWord(others, GLOBAL_OPTIONS)
  const [initial = ''] = Object.keys(found.commands)
  const name = second ?? initial
  const command = Object.hasOwn(found.commands, name) ? found.commands[name] : undefined
  const named = second === undefined ? [first] : [first, name]
  if (command !== undefined) return { path: `${first} ${name}`, named, command, rest }
  throw new UnknownName(
    'command',
    `${first} ${name}`,
    Object.keys(found.commands).map((each) => `${first} ${each}`),
  )
}

async function openSession(
  host: Host,
  texts: Texts,
  globals: GlobalValues,
  path: string,
  endWith: Session['endWith'],
): Promise<Session> {
  const { json = false, quiet = false, noColor = false, dir, timeout } = globals
  const given = globals.url ?? urlOf(host.env['HONGBAO_SANDBOX_URL'])
  // A new sandbox belongs to the folder in which it is started.
  const own = path === 'start' ? resolve('.hongbao') : undefined
  const directory = dir === undefined ? (own ?? (await findDirectory())) : resolve(dir)
  const output = createOutput({ ...host, texts, json, quiet, color: !noColor })
  const control = createControlClient({
    timeoutMs: timeout,
    async findPlace() {
      const place = await (given === undefined ? findPlace(directory) : placeAt(given, directory))
      return { ...place, controlToken: tokenIn(host.env) ?? place.controlToken }
    },
    warnOfGuess: (url) => output.warn(texts('guessed', { url })),
  })
  return { host, output, texts, directory, control, endWith }
}

/** Shell scripts often unset a variable by an empty value. */
function urlOf(given = ''): string | undefined {
  if (unquoted(given) === '') return undefined
  const url = sandboxUrl(given)
  if (url !== undefined) return url
  throw wrongValue('HONGBAO_SANDBOX_URL', given, 'sandboxUrl')
}

async function showHelp(
  path: readonly string[],
  { stdout }: Host,
  texts: Texts,
): Promise<ExitStatus> {
  const { writeHelp } = await import('./help.ts')
  const columns = Math.min(columnsOf(stdout, 100), 100)
  stdout.write(`${await writeHelp(path, texts.language, columns)}\n`)
  return EXIT.ok
}

/** Loads what compares names only when a name is wrong. */
async function namesSuggested(error: unknown): Promise<unknown> {
  if (!(error instanceof UnknownName)) return error
  const { nearestTo } = await import('@hongbao/core/internal')
  const { kind, given, names } = error
  const near = nearestTo(given, names)
  const text =
    kind === 'command' ? 'unknownCommand' : kind === 'option' ? 'unknownOption' : 'unknownChoice'
  return usageError((t) => {
    const valid = names.join(t.language === 'zh' ? '、' : ', ')
    const hint = near === undefined ? t('validNames', { names: valid }) : t('didYouMean', { near })
    return t(text, { kind, given, hint })
  })
}
