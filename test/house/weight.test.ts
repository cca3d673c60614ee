import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { findFiles } from '../find-files.ts'

const ROOT = join(import.meta.dirname, '../..')

// The weight of what apps install: every package but the sandbox. A change may lower a figure; a change that
// raises one explains in its commit what the lines are worth.
const MOST_LINES: Readonly<Record<string, number>> = {
  core: 6250,
  'core/src/conformance': 950,
  express: 50,
  koa: 70,
  fastify: 80,
  hono: 80,
  client: 3025,
  postgres: 1810,
  redis: 1100,
  'hand-off': 990,
  bullmq: 470,
  nest: 400,
  'pg-boss': 560,
  sql: 2140,
}
const HIGHEST_MEDIAN = 5
const LONGEST = 60

const sources: readonly Source[] = findFiles('packages/*/src/**/*.ts', { cwd: ROOT })
  .filter((file) => !file.startsWith('packages/sandbox/'))
  .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }))

it('the sources of every package but the sandbox stay within the lines that they have', () => {
  const lines = new Map<string, number>()
  for (const { file, text } of sources) {
    const part = partOf(file)
    lines.set(part, (lines.get(part) ?? 0) + text.split('\n').length - 1)
  }
  const limits = Object.entries(MOST_LINES)
  expect([...lines.keys()].toSorted()).toEqual(limits.map(([part]) => part).toSorted())
  expect(limits.filter(([part, most]) => (lines.get(part) ?? Infinity) > most)).toEqual([])
})

it('the functions of every package but the sandbox are short', () => {
  const functions = sources.flatMap(functionsIn)
  const lengths = functions.map((each) => each.lines).toSorted((a, b) => a - b)
  expect(functions.length).toBeGreaterThan(1000)
  expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(HIGHEST_MEDIAN)
  expect(functions.filter((each) => each.lines > LONGEST)).toEqual([])
})

/** The folder of a part of `MOST_LINES`: a package, or a folder in it that has a limit of its own. */
function partOf(file: string): string {
  const path = file.slice('packages/'.length)
  const folder = Object.keys(MOST_LINES).find((part) => part.includes('/') && path.startsWith(part))
  return folder ?? path.slice(0, path.indexOf('/'))
}

interface Source {
  readonly file: string
  readonly text: string
}

interface Measured {
  readonly file: string
  readonly startsAt: number
  /** From its first line to its last, as the linter's `max-lines-per-function` counts them. */
  readonly lines: number
}

function functionsIn({ file, text }: Source): Measured[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest)
  const lineAt = (position: number): number => source.getLineAndCharacterOfPosition(position).line
  const found: Measured[] = []

  function visit(node: ts.Node): void {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const first = lineAt(node.getStart(source))
      found.push({ file, startsAt: first + 1, lines: lineAt(node.end) - first + 1 })
    }
    ts.forEachChild(node, visit)
  }

  visit(source)
  return found
}
