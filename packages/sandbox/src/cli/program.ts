import { unquote } from '@hongbao/core/internal'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import manifest from '../../package.json' with { type: 'json' }
import { addClock } from './commands/clock.ts'
import { addEnv } from './commands/env.ts'
import { addEnvelopes, addEvents } from './commands/events.ts'
import { addFault } from './commands/fault.ts'
import { addKeys } from './commands/keys.ts'
import { addSign } from './commands/sign.ts'
import { addStart } from './commands/start.ts'
import { addTrigger } from './commands/trigger.ts'
import { addVerify } from './commands/verify.ts'
import { createControlClient } from './control-client.ts'
import { describeError, EXIT, type ExitStatus } from './exit.ts'
import { parseDuration } from './inputs.ts'
import { createOutput } from './output.ts'
import { DEFAULT_URL, type Host, type Session } from './session.ts'

const COMMANDS = [
  addStart,
  addTrigger,
  addEvents,
  addEnvelopes,
  addClock,
  addFault,
  addKeys,
  addEnv,
  addSign,
  addVerify,
]

interface GlobalOptions {
  readonly url: string
  readonly json: boolean
  readonly quiet: boolean
  readonly color: boolean
  readonly timeout: number
}

/**
 * Runs the command line.
 *
 * @param args without the program's name
 * @returns the exit status
 */
export async function run(args: readonly string[], host: Host): Promise<ExitStatus> {
  let status: ExitStatus = EXIT.ok
  const program = createProgram(host)
  function openSession(): Session {
    const { url, timeout, ...options } = program.opts<GlobalOptions>()
    return {
      host,
      output: createOutput({ stdout: host.stdout, stderr: host.stderr, ...options }),
      control: createControlClient(url, timeout),
      endWith: (given) => (status = given),
    }
  }
  for (const add of COMMANDS) add(program, openSession)
  try {
    await program.parseAsync(args, { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version are no errors.
      return error.exitCode === 0 || error.code === 'commander.help' ? EXIT.ok : EXIT.usage
    }
    const failure = describeError(error)
    const { json, color } = program.opts<GlobalOptions>()
    const { stdout, stderr } = host
    createOutput({ stdout, stderr, json, color, quiet: false }).error(failure.code, failure.message)
    return failure.status
  }
}

function createProgram({ stdout, stderr }: Host): Command {
  return new Command('hongbao-sandbox')
    .description(
      'A local Ping++: the red-envelope API, signed webhooks, retries on a clock, faults.',
    )
    .version(manifest.version)
    .addOption(
      new Option('--url <url>', 'the sandbox to speak with')
        .env('HONGBAO_SANDBOX_URL')
        .default(DEFAULT_URL)
        .argParser(parseUrl),
    )
    .option('--json', 'results as one JSON object per line, on stdout', false)
    .option('--quiet', 'nothing on stderr but errors', false)
    .option('--no-color', 'no colours; NO_COLOR does the same')
    .addOption(
      new Option('--timeout <duration>', 'how long to wait for the sandbox')
        .default(30_000, '30s')
        .argParser(parseDuration),
    )
    .addHelpText('after', HELP)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
    })
    .showHelpAfterError('See --help.')
    .exitOverride()
}

const HELP = `
Exit status:
  0 done                      4 the app did not answer 2xx, or there is no target
  1 unexpected failure        5 timed out
  2 wrong usage               6 the signature is invalid
  3 no sandbox answers        130, 143 ended by SIGINT, SIGTERM`

function parseUrl(given: string): string {
  const text = unquote(given)
  // Shell scripts often unset a variable by an empty value.
  if (text === '') return DEFAULT_URL
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.origin
  throw new InvalidArgumentError('Write it as http://127.0.0.1:4141.')
}
