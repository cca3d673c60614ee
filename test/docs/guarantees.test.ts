import { describe, expect, it } from 'vitest'
import { breaches, check } from '../crash/checker.ts'
import { POINTS } from '../crash/points.ts'
import { RECIPES, STORES } from '../crash/stores.ts'
import { codeBlocks, section, tables } from './markdown.ts'
import { readDocument } from './snippets.ts'

interface Words {
  readonly path: string
  readonly trial: string
  readonly measured: string
  readonly found: string
  /** The headings of the columns that are compared. */
  readonly columns: readonly string[]
}

const ENGLISH: Words = {
  path: 'docs/guarantees.md',
  trial: '## The crash test',
  measured: '## What was measured',
  found: '## What it finds',
  columns: ['Events', 'Lost', 'Doubles', 'At risk', 'Kills in flight'],
}
const CHINESE: Words = {
  path: 'docs/guarantees.zh-CN.md',
  trial: '## 崩溃测试',
  measured: '## 实测结果',
  found: '## 它能发现什么',
  columns: ['事件数', '丢失', '重复', '风险窗口', '途中强杀'],
}
const NOTHING = check({
  sent: new Set(),
  answered: new Set(),
  effects: [],
  runs: [],
  interruptions: [],
  leaseMs: 0,
})

describe.each([ENGLISH, CHINESE])('$path', (words) => {
  const markdown = readDocument(words.path)

  it('names every point at which a process is killed, in order', () => {
    const rows = tables(section(markdown, words.trial))[0]?.slice(1) ?? []
    const named = rows.flatMap(([cell = '']) => [...cell.matchAll(/`([\w-]+)`/g)])
    expect(named.map(([, point]) => point)).toEqual(POINTS)
  })

  it('has the figures of a whole run for every store', () => {
    const rows = figures(words, words.measured)
    expect(rows).toHaveLength(Object.keys(STORES).length)
    for (const { events, killsInFlight } of rows) {
      expect(events).toBeGreaterThanOrEqual(20_000)
      expect(killsInFlight).toBeGreaterThanOrEqual(200)
    }
  })

  it.each(Object.entries(STORES).map(([store, { guarantee }], row) => [store, guarantee, row]))(
    'has figures of %s that keep its promise: %s',
    (_, guarantee, row) => {
      const { lost = Number.NaN, doubles = Number.NaN } = figures(words, words.measured)[row] ?? {}
      const findings = { ...NOTHING, lost: Array.from({ length: lost }, () => ''), doubles }
      expect(breaches(findings, guarantee)).toEqual([])
    },
  )

  it('has the figures of the hand-written recipes, each of which fails', () => {
    const rows = figures(words, words.found)
    expect(rows).toHaveLength(Object.keys(RECIPES).length)
    for (const { lost = 0, doubles = 0 } of rows) expect(lost + doubles).toBeGreaterThan(0)
  })

  it('shows commands that exist', () => {
    const { scripts } = JSON.parse(readDocument('package.json'))
    const commands = codeBlocks(markdown).map(({ text }) => text.trim())
    expect(commands.filter((command) => command.startsWith('npm run test:crash'))).toEqual([
      'npm run test:crash',
      `npm run test:crash -- --stores ${Object.keys(RECIPES).join(',')} --events 3000 --kills 30 --seed 7`,
    ])
    expect(scripts).toHaveProperty('test:crash')
  })
})

it('docs/guarantees.md has the same figures in Chinese, cell by cell', () => {
  const [english, chinese] = [ENGLISH, CHINESE].map(({ path }) =>
    tables(readDocument(path)).map((table) => table.map((row) => row.filter(isFigure))),
  )
  expect(chinese).toEqual(english)
})

/** The first table of a section, its columns under the names of the checker's counts. */
function figures({ path, columns }: Words, heading: string): readonly Counts[] {
  const [head = [], ...rows] = tables(section(readDocument(path), heading))[0] ?? []
  const places = columns.map((column) => head.indexOf(column))
  return rows.map((row) => {
    const [events, lost, doubles, atRisk, killsInFlight] = places.map((at) => readFigure(row[at]))
    return { events, lost, doubles, atRisk, killsInFlight }
  })
}

type Counts = Readonly<
  Record<'events' | 'lost' | 'doubles' | 'atRisk' | 'killsInFlight', number | undefined>
>

function readFigure(cell: string | undefined): number | undefined {
  return cell === undefined ? undefined : Number(cell.replaceAll(',', ''))
}

function isFigure(cell: string): boolean {
  return /^[\d,.]+$/.test(cell)
}
