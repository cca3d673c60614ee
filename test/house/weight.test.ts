import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { findFiles } from '../find-files.ts'

const ROOT = join(import.meta.dirname, '../..')

// The weight of what apps install: every package but the sandbox. A change may lower a figure; a change that
// raises one explains in its commit what the lines are worth.
const MOST_LINES = 14_200
const MOST_FUNCTIONS = 1120
const HIGHEST_MEDIAN = 5
const LONGEST = 60

it('the sources of all packages but the sandbox stay within the lines and functions that they have', () => {
  const files = findFiles('packages/*/src/**/*.ts', { cwd: ROOT }).filter(
    (file) => !file.startsWith('packages/sandbox/'),
  )
  const sources = files.map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }))
  const functions = sources.flatMap(functionsIn)
  const lengths = functions.map(({ lines }) => lines).toSorted((a, b) => a - b)

  expect(files).toContain('packages/core/src/receive/pipeline.ts')
  const lines = sources.reduce((sum, { text }) => sum + text.split('\n').length - 1, 0)
  expect(lines).toBeLessThanOrEqual(MOST_LINES)
  expect(functions.length).toBeLessThanOrEqual(MOST_FUNCTIONS)
  expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(HIGHEST_MEDIAN)
  expect(functions.filter((each) => each.lines > LONGEST)).toEqual([])
})

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
