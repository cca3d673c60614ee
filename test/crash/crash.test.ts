import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it, vi } from 'vitest'
import { canRun, PATIENCE_MS, PROGRAM, run } from './program.ts'
import { RECIPES, STORES } from './stores.ts'

/** Trials of the stores that keep their promise are in the files beside this one, and that of Prisma where Prisma is. */
const TRIALS = [
  ...readdirSync(import.meta.dirname).filter((name) => /^trial-.+\.test\.ts$/.test(name)),
  '../integrations/orms-1/crash.test.ts',
]

it('the crash trials cover every store', () => {
  const sources = TRIALS.map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
  const tried = sources.flatMap((source) =>
    [...source.matchAll(/'([\w-]+)'/g)].map(([, name = '']) => name),
  )
  expect(tried.toSorted()).toEqual(Object.keys(STORES).toSorted())
})

describe.each([
  ['seen-flag', /\d+ answered 2xx, and never applied/],
  ['answer-first', /\d+ answered 2xx, and never applied/],
  ['look-first', /\d+ applied more than once/],
])('%s, a hand-written recipe', (recipe, breach) => {
  it.runIf(RECIPES[recipe] !== undefined && canRun(RECIPES[recipe]))(
    'breaks its promise in a trial',
    async ({ signal }) => {
      const args = ['--stores', recipe, '--events', '300', '--kills', '5']
      const { status, result } = await run(args, signal)
      expect(result['breaches']).toContainEqual(expect.stringMatching(breach))
      expect(status).toBe(1)
    },
    PATIENCE_MS,
  )
})

describe('the crash program', () => {
  it(
    'shuts down cleanly when it is interrupted, and leaves no process running',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'hongbao-interrupted-'))
      // If these tests run as root, Postgres runs as another user.
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

/** The output of the apps of the trial in this folder. */
function findJournals(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => /process-\d$/.test(name))
}
