import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { hasRedis } from '../servers/redis.ts'
import { RECIPES, STORES, type StorePlan } from './stores.ts'

const PROGRAM = fileURLToPath(new URL('run.ts', import.meta.url))
/** Ten times what a store takes on two cores that have nothing else to do. */
const PATIENCE_MS = 180_000

interface Outcome {
  readonly status: number | null
  /** The JSON line of the store. */
  readonly result: Readonly<Record<string, unknown>>
}

/** Runs the program as people do, with one store. */
async function run(args: readonly string[], signal: AbortSignal): Promise<Outcome> {
  const program = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  const output = Promise.all([text(program.stdout), text(program.stderr)])
  const [status] = (await once(program, 'exit')) as [number | null]
  const [out, complaints] = await output
  const line = out.split('\n').find((each) => each.startsWith('{'))
  if (line === undefined) throw new Error(`There is no result, but:\n${complaints}`)
  return { status, result: JSON.parse(line) }
}

function canRun({ needsRedis }: StorePlan): boolean {
  return hasRedis || !needsRedis
}

describe.each(Object.entries(STORES))('%s, while its processes are killed', (store, plan) => {
  it.runIf(canRun(plan))(
    `keeps what is promised: ${plan.guarantee} [E5, E17, E22, E23, E34, E60]`,
    async ({ signal }) => {
      const args = ['--stores', store, '--events', '2000', '--kills', '20']
      const { status, result } = await run(args, signal)
      const none = plan.guarantee === 'once' ? { doubles: 0 } : {}
      expect(result).toMatchObject({ breaches: [], lost: 0, undelivered: 0, crashes: 0, ...none })
      expect(result['killsInFlight']).toBeGreaterThanOrEqual(20)
      expect(status).toBe(0)
    },
    PATIENCE_MS,
  )
})

describe.each([
  ['seen-flag', /\d+ answered 2xx, and never applied/],
  ['answer-first', /\d+ answered 2xx, and never applied/],
  ['look-first', /\d+ applied more than once/],
])('%s, as people write it by hand', (recipe, breach) => {
  it.runIf(RECIPES[recipe] !== undefined && canRun(RECIPES[recipe]))(
    'is found out',
    async ({ signal }) => {
      const args = ['--stores', recipe, '--events', '600', '--kills', '8']
      const { status, result } = await run(args, signal)
      expect(result['breaches']).toContainEqual(expect.stringMatching(breach))
      expect(status).toBe(1)
    },
    PATIENCE_MS,
  )
})

describe('the program', () => {
  it(
    'ends in order when it is interrupted, and leaves nothing behind',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'hongbao-interrupted-'))
      // Where these tests are root, Postgres is somebody else.
      chmodSync(folder, 0o711)
      const args = [PROGRAM, '--stores', 'postgres', '--events', '5000', '--kills', '100']
      const program = spawn(process.execPath, args, { env: { ...process.env, TMPDIR: folder } })
      const complaints = text(program.stderr)
      await vi.waitFor(() => expect(findJournals(folder)).toHaveLength(4), {
        timeout: PATIENCE_MS / 2,
      })
      program.kill('SIGTERM')
      expect(await once(program, 'exit')).toEqual([1, null])
      expect(await complaints).toMatch(/No result: Error: Ended by SIGTERM\.\n$/)
      expect(readdirSync(folder)).toEqual([])
      rmdirSync(folder)
    },
    PATIENCE_MS,
  )

  it.each([
    [['--stores', 'mysql'], 'There is no store "mysql". There are: postgres, '],
    [['--kills', '0'], '--kills must be a whole number, 1 or more.'],
  ])('refuses %j', async (args, complaint) => {
    const program = spawn(process.execPath, [PROGRAM, ...args])
    const complaints = text(program.stderr)
    expect(await once(program, 'exit')).toEqual([2, null])
    expect(await complaints).toContain(complaint)
  })
})

/** What the apps of the trial in this folder write. */
function findJournals(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => /process-\d$/.test(name))
}
