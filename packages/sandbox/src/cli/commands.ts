import { choice, flag, initially, text } from './command.ts'
import type { Command, Commands, Options } from './command.ts'
import { unknownName } from './exit.ts'
import { duration, sandbox } from './inputs.ts'
import { LANGUAGES } from './texts/texts.ts'

/** The options of all commands. */
export const GLOBAL_OPTIONS: Options = {
  url: sandbox,
  dir: text('<path>'),
  json: flag,
  quiet: flag,
  noColor: flag,
  timeout: initially(duration, 30_000),
  lang: choice('<language>', LANGUAGES),
  help: flag,
  version: flag,
}

/** Those that decide where and whether a command runs. */
export interface GlobalValues {
  readonly url?: string
  readonly dir?: string
  readonly timeout: number
  readonly help?: true
  readonly version?: true
}

type Load = () => Promise<{ readonly commands: Commands }>

/** First word → the module of its commands. Each is loaded when it is used: none waits for what another one needs. */
export const COMMANDS: ReadonlyMap<string, Load> = new Map<string, Load>([
  ['start', () => import('./commands/start.ts')],
  ['trigger', () => import('./commands/trigger.ts')],
  ['events', () => import('./commands/events.ts')],
  ['envelopes', () => import('./commands/envelopes.ts')],
  ['clock', () => import('./commands/clock.ts')],
  ['fault', () => import('./commands/fault.ts')],
  ['target', () => import('./commands/sandbox.ts')],
  ['status', () => import('./commands/sandbox.ts')],
  ['tail', () => import('./commands/sandbox.ts')],
  ['open', () => import('./commands/open.ts')],
  ['reset', () => import('./commands/sandbox.ts')],
  ['doctor', () => import('./commands/doctor.ts')],
  ['env', () => import('./commands/keys.ts')],
  ['keys', () => import('./commands/keys.ts')],
  ['sign', () => import('./commands/signature.ts')],
  ['verify', () => import('./commands/signature.ts')],
  ['completion', () => import('./commands/completion.ts')],
])

/** The commands of a first word, by their paths. @throws CliError if there is no such command */
export async function commandsOf(name: string): Promise<ReadonlyMap<string, Command>> {
  const load = COMMANDS.get(name)
  if (load === undefined) throw unknownName('unknownCommand', name, [...COMMANDS.keys()])
  const all = Object.entries((await load()).commands)
  return new Map(all.filter(([path]) => path.split(' ', 1)[0] === name))
}
