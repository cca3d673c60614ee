import { InvalidArgumentError, Option, type Command } from 'commander'
import type { SandboxOptions } from '../../options.ts'
import type { JournalRecord } from '../../events/journal.ts'
import type { Sandbox } from '../../sandbox.ts'
import { writeBanner } from '../banner.ts'
import { EXIT, usageError } from '../exit.ts'
import { addDirectory, numberParser, openFor, type DirectoryOptions } from '../inputs.ts'
import { writeRecord } from '../record-lines.ts'
import type { OpenSession, Session } from '../session.ts'

interface StartOptions extends DirectoryOptions {
  readonly port: number
  readonly host: string
  readonly strictPort?: true
  readonly target?: string
  readonly clock: NonNullable<SandboxOptions['clock']>
  readonly sendWebhooks: NonNullable<SandboxOptions['sendWebhooks']>
  readonly merchantPublicKey?: string
  readonly requestSignatures?: NonNullable<SandboxOptions['requestSignatures']>
  readonly responseTimeoutMs: number
  readonly seed: number
  readonly allowRemote?: true
}

export function addStart(program: Command, open: OpenSession): void {
  addDirectory(program.command('start', { isDefault: true }))
    .description('start a sandbox, and show what happens in it until Ctrl-C')
    .option('--port <port>', 'port; the next free one if it is taken', parseInteger, 4141)
    .option('--strict-port', 'fail if the port is taken')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--target <url>', 'your app: where notifications go; without it they are kept')
    .option('--clock <clock>', 'real, virtual, or how many times as fast: 60', parseClock, 'real')
    .addOption(
      new Option('--send-webhooks <when>', 'when red envelopes cause notifications')
        .choices(['on-retrieve', 'on-create', 'by-hand'])
        .default('on-retrieve'),
    )
    .option('--merchant-public-key <path>', 'check the signatures of requests with this key')
    .addOption(
      new Option(
        '--request-signatures <mode>',
        'how strictly requests must be signed; by default with the key of the folder',
      ).choices(['strict', 'lenient', 'off']),
    )
    .option('--response-timeout-ms <ms>', 'how long your app may take', parseInteger, 10_000)
    .option('--seed <number>', 'what random faults go by', parseInteger, 1)
    .option('--allow-remote', 'notifications to other machines, and requests from them')
    // A mistyped command ends up here, because this one is the default.
    .argument('[words...]')
    .usage('[options]')
    .action(async (words: readonly string[], options: StartOptions) => {
      if (words.length > 0) {
        const names = program.commands.map((command) => command.name()).join(', ')
        const word = JSON.stringify(words[0])
        throw usageError(`There is no command ${word}. There are: ${names}. See --help.`)
      }
      await start(open(), options)
    })
}

async function start(session: Session, options: StartOptions): Promise<void> {
  const { output } = session
  const keys = await openFor(output, options.dir)
  const settings: SandboxOptions = {
    ...readSettings(options, keys.merchant.publicPath),
    privateKey: { path: keys.webhook.privatePath },
  }
  const sandbox = await startOnFreePort(settings, options.strictPort === true)
  const ended = waitForEnd(session)
  if (options.port !== 0 && !sandbox.url.endsWith(`:${options.port}`)) {
    output.warn(
      `Port ${options.port} is taken; --strict-port makes that an error. Other commands need --url ${sandbox.url}, or HONGBAO_SANDBOX_URL.`,
    )
  }
  const { merchantPublicKey, requestSignatures } = settings
  const isChecked = merchantPublicKey !== undefined && requestSignatures !== 'off'
  writeBanner(output, sandbox, keys, isChecked)
  show(session, sandbox)
  const ending = await ended
  await sandbox.close()
  session.endWith(EXIT[ending])
}

const PORT_TRIES = 20

/** Starts on the given port, or on the next free one. */
async function startOnFreePort(options: SandboxOptions, isStrict: boolean): Promise<Sandbox> {
  // Imported here: the other commands start in half the time without a server.
  const { startSandbox } = await import('../../start.ts')
  const { port: first = 0 } = options
  const last = isStrict || first === 0 ? first : Math.min(first + PORT_TRIES, 65_535)
  for (let port = first; ; port += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one port after another
      return await startSandbox({ ...options, port })
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'port-taken'
      if (port >= last || !isTaken) throw error
    }
  }
}

function readSettings(
  { dir: _dir, strictPort: _strict, merchantPublicKey: path, ...options }: StartOptions,
  ownMerchantKey: string,
): SandboxOptions {
  const { requestSignatures = 'off' } = options
  const merchantKey = path ?? (requestSignatures === 'off' ? undefined : ownMerchantKey)
  return { ...options, merchantPublicKey: merchantKey && { path: merchantKey } }
}

/** Prints all records, past and future. */
function show({ output }: Session, sandbox: Sandbox): void {
  const options = { tint: output.tint, withDay: sandbox.clock.speed !== 1 }
  function showRecord(record: JournalRecord): void {
    const line = output.isJson ? undefined : writeRecord(record, options)
    if (output.isJson) output.result(record, '')
    else if (line !== undefined) output.note(line)
  }
  sandbox.listen(showRecord)
  sandbox.journal().forEach(showRecord)
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Resolves when the sandbox is to end; a second signal ends the process at once. */
function waitForEnd({ host }: Session): Promise<(typeof SIGNALS)[number] | 'ok'> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.once(signal, () => resolve(signal))
    // The reader of the records has left.
    host.stdout.once('error', () => resolve('ok'))
  })
}

const parseInteger = numberParser(/^-?\d{1,15}$/, 'a whole number')

function parseClock(text: string): NonNullable<SandboxOptions['clock']> {
  if (text === 'real' || text === 'virtual') return text
  const [, speed] = /^[x×]?(\d+(?:\.\d+)?)[x×]?$/.exec(text) ?? []
  if (speed !== undefined && Number(speed) > 0) return Number(speed)
  throw new InvalidArgumentError('Write real, virtual, or a number above 0.')
}
