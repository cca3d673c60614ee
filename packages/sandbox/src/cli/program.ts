import { resolve } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import {
  checkWords,
  parse,
  takeWord,
  wrongValue,
  type Command,
  type Host,
  type Session,
} from './command.ts'
import { commandsOf, GLOBAL_OPTIONS, type GlobalValues } from './commands.ts'
import { ControlClient } from './control-client.ts'
import { describeError, EXIT, unknownName, type ExitStatus } from './exit.ts'
import { sandboxUrl, tokenIn, unquoted } from './inputs.ts'
import { Output } from './output.ts'
import { findDirectory, findPlace, placeAt } from './place.ts'
import { languageOf, textsIn } from './texts/texts.ts'

/**
 * Runs the command line.
 *
 * @param args without the program's name
 * @returns the exit status
 */
export async function run(args: readonly string[], host: Host): Promise<ExitStatus> {
  const texts = textsIn(languageOf(args, host.env))
  const switches = new Set(args.includes('--') ? args.slice(0, args.indexOf('--')) : args)
  const [json, quiet, plain] = ['--json', '--quiet', '--no-color'].map((each) => switches.has(each))
  // By name: to spread `process` would run every getter that it has.
  const { stdout, stderr } = host
  const output = new Output({ stdout, stderr, texts, json, quiet, color: !plain })
  try {
    return await runCommand(args, { host, output, texts })
  } catch (error) {
    const { status, code, message } = await describeError(error, texts)
    output.error(code, message)
    return status
  }
}

type Surroundings = Pick<Session, 'host' | 'output' | 'texts'>

async function runCommand(args: readonly string[], around: Surroundings): Promise<ExitStatus> {
  const [first, others] = takeWord(args, GLOBAL_OPTIONS)
  // Before a command there can only be options of all commands, or of the one that runs by itself.
  const isHelp = first === undefined && args.some((arg) => arg === '--help' || arg === '-h')
  if (first === 'help' || isHelp) {
    return showHelp(
      others.filter((arg) => !arg.startsWith('-')),
      around,
    )
  }
  const { path, named, command, rest } = await findCommand(first ?? 'start', others)
  const { values, words } = parse(rest, { ...GLOBAL_OPTIONS, ...command.options })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `parse` made them of GLOBAL_OPTIONS
  const globals = values as unknown as GlobalValues
  if (globals.version) {
    around.output.result({ version: manifest.version }, manifest.version)
    return EXIT.ok
  }
  if (globals.help) return showHelp(first === undefined ? [] : named, around)
  checkWords(command, words, path)
  const own = Object.keys(command.options).map((name) => [name, values[name]])
  const session = openSession(around, globals, path)
  return (await command.run(session, Object.fromEntries(own), words)) ?? EXIT.ok
}

interface Asked {
  /** `events show` */
  readonly path: string
  /** The words of it that were typed. */
  readonly named: readonly string[]
  readonly command: Command
  readonly rest: readonly string[]
}

/** @throws CliError */
async function findCommand(first: string, others: readonly string[]): Promise<Asked> {
  const commands = await commandsOf(first)
  const only = commands.get(first)
  if (only !== undefined) return { path: first, named: [first], command: only, rest: others }
  const [second, rest] = takeWord(others, GLOBAL_OPTIONS)
  const [initial = ''] = commands.keys()
  const path = second === undefined ? initial : `${first} ${second}`
  const command = commands.get(path)
  if (command === undefined) throw unknownName('unknownCommand', path, [...commands.keys()])
  return { path, named: second === undefined ? [first] : [first, second], command, rest }
}

function openSession(
  around: Surroundings,
  { url, dir, timeout }: GlobalValues,
  path: string,
): Session {
  const { host, output, texts } = around
  const given = url ?? urlIn(host.env)
  // A new sandbox belongs to the folder in which it is started.
  const directory =
    dir === undefined && path !== 'start' ? findDirectory() : resolve(dir ?? '.hongbao')
  const place = given === undefined ? findPlace(directory) : placeAt(given, directory)
  const controlToken = tokenIn(host.env) ?? place.controlToken
  const control = new ControlClient({
    place: { ...place, controlToken },
    timeoutMs: timeout,
    warnOfGuess: (guessed) => output.warn(texts('guessed', { url: guessed })),
  })
  return { ...around, directory, control }
}

/** Shell scripts often unset a variable by an empty value. */
function urlIn({ HONGBAO_SANDBOX_URL: given = '' }: Host['env']): string | undefined {
  if (unquoted(given) === '') return undefined
  const url = sandboxUrl(given)
  if (url !== undefined) return url
  throw wrongValue('HONGBAO_SANDBOX_URL', given, 'expected.sandboxUrl')
}

async function showHelp(
  path: readonly string[],
  { host, output, texts }: Surroundings,
): Promise<ExitStatus> {
  const { writeHelp } = await import('./help.ts')
  const columns = Math.min(output.columns, 100)
  host.stdout.write(`${await writeHelp(path, texts.language, columns)}\n`)
  return EXIT.ok
}
