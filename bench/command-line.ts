import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { withinAllowance, type Figure } from './figure.ts'
import { installedPath } from './installed.ts'
import { median } from './side-by-side.ts'

const ROUNDS = 15
/** Of what Node takes to start and do nothing: a command is typed by people, and called by scripts in loops. */
const ALLOWED_RATIO = 2.2
const ALLOWED_START_MS = 1000

/** What the sandbox's command line costs: a command for a running sandbox, and a new sandbox. */
export async function measure(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'hongbao-bench-'))
  const cli = join(dirname(installedPath('sandbox')), 'cli.cjs')
  try {
    // The first start makes the keys.
    await startMs(cli, directory)
    const starts: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      starts.push(await startMs(cli, directory))
    }
    return [
      await trigger(cli, directory),
      withinAllowance(
        'sandbox start',
        median(starts),
        ALLOWED_START_MS,
        'ms',
        'until the first line, with keys that exist',
      ),
    ]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** CPU time of `trigger` against that of `node -e 0`, in turns. */
async function trigger(cli: string, directory: string): Promise<Figure> {
  const hook = join(directory, 'cpu.cjs')
  writeFileSync(hook, PRINT_CPU_TIME)
  const { child } = await start(cli, directory)
  try {
    const rounds = Array.from({ length: ROUNDS + 2 }, () => ({
      nothingMs: cpuMs(hook, directory, ['-e', '0']),
      triggerMs: cpuMs(hook, directory, [cli, 'trigger', 'red_envelope.sent']),
    })).slice(2)
    const nothingMs = median(rounds.map((round) => round.nothingMs))
    const ratio = median(rounds.map((round) => round.triggerMs)) / nothingMs
    const note = `CPU time, in units of that of \`node -e 0\`: ${nothingMs.toFixed(0)} ms`
    return withinAllowance('hongbao-sandbox trigger', ratio, ALLOWED_RATIO, '×', note)
  } finally {
    child.kill('SIGKILL')
  }
}

/** All of a process, from its start: both sides write it. */
const PRINT_CPU_TIME = `process.on('exit', () => {
  const { user, system } = process.cpuUsage()
  require('node:fs').writeSync(3, String((user + system) / 1000))
})`

function cpuMs(hook: string, cwd: string, args: readonly string[]): number {
  const { status, output } = spawnSync(process.execPath, ['--require', hook, ...args], {
    cwd,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}.`)
  return Number(output[3])
}

async function startMs(cli: string, directory: string): Promise<number> {
  const { child, ms } = await start(cli, directory)
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
  return ms
}

async function start(cli: string, cwd: string): Promise<{ child: ChildProcess; ms: number }> {
  const before = performance.now()
  const child = spawn(process.execPath, [cli, 'start', '--port', '0', '--json', '--quiet'], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(createInterface({ input: child.stdout }), 'line')
  return { child, ms: performance.now() - before }
}
