import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { run } from '../src/cli/program.ts'

const CLI = join(import.meta.dirname, '../src/cli.ts')

/** How a command ended, and what it said. */
export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface SpawnOptions {
  readonly cwd: string
  readonly input?: string | Buffer | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** Starts the real command, as a process of its own. */
export function startCli(args: readonly string[], { cwd, env = {} }: SpawnOptions): ChildProcess {
  const { HONGBAO_SANDBOX_URL: _ours, NO_COLOR: _too, FORCE_COLOR: _and, ...rest } = process.env
  const settings = { ...rest, LC_ALL: 'C', ...env }
  return spawn(process.execPath, [CLI, ...args], { cwd, env: settings })
}

/** Runs the real command to its end. */
export async function spawnCli(args: readonly string[], options: SpawnOptions): Promise<Ended> {
  const child = startCli(args, options)
  child.stdin?.end(options.input ?? '')
  return endOf(child)
}

/** Collects what a command says, from now to its end. */
export async function endOf(child: ChildProcess): Promise<Ended> {
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text) => (said[name] += text))
  }
  const [status] = await once(child, 'close')
  return { status, ...said }
}

/** Runs a command in this process: a tenth of the time, for what does not need one of its own. */
export async function runCli(
  args: readonly string[],
  input?: string | Buffer,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const said = { stdout: '', stderr: '' }
  const listen = (name: 'stdout' | 'stderr') =>
    new PassThrough().setEncoding('utf8').on('data', (text) => (said[name] += text))
  const host = {
    stdin: Object.assign(Readable.from(input === undefined ? [] : [Buffer.from(input)]), {
      isTTY: input === undefined,
    }),
    stdout: listen('stdout'),
    stderr: listen('stderr'),
    env,
  }
  const status = await run(args, host)
  return { status, ...said }
}

/** The lines of a text as JSON; throws where one is something else. */
export function jsonLines<Value = Record<string, unknown>>(text: string): Value[] {
  const lines = text.split('\n')
  if (lines.pop() !== '') throw new Error('The last line has no end.')
  return lines.map((line) => JSON.parse(line) as Value)
}

/** A folder that `remove` takes away again. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'hongbao-cli-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
