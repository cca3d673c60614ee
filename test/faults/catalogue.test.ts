import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

// The catalogue by hand: letters and how many cases each has.
const IDS = [
  ...numbered('A', 47),
  ...numbered('B', 30),
  ...numbered('C', 30),
  ...numbered('D', 25),
  ...numbered('E', 85),
  ...numbered('F', 39),
  ...numbered('G', 30),
  ...numbered('H', 19),
  ...numbered('S', 29),
]

const ROWS = readRows(readFileSync(join(ROOT, 'test/FAULTS.md'), 'utf8'))
const TESTED = ROWS.filter((row) => row.where.length > 0)
const UNTESTED = ROWS.filter((row) => row.where.length === 0)

describe('test/FAULTS.md', () => {
  it('has one row for every case of the catalogue, in its order', () => {
    expect(ROWS.map((row) => row.id)).toEqual(IDS)
  })

  it('describes every case and its answer', () => {
    for (const row of ROWS) {
      expect(row.what).not.toBe('')
      expect(row.answer).not.toBe('')
    }
  })

  it.each(TESTED)('names tests of $id that exist', ({ id, where }) => {
    const missing = where.filter(({ path, fragment }) => {
      const sources = sourcesUnder(path)
      return (
        !sources.some((source) => idsIn(source).includes(id)) ||
        !sources.some((source) => source.includes(fragment))
      )
    })
    expect(missing).toEqual([])
  })

  it('explains every case that is not tested here', () => {
    const reasons = UNTESTED.map(({ id, answer }) => [id, answer.split(':')[0]])
    expect(reasons).toEqual([
      ['D9', 'not ours'],
      ['D20', 'not ours'],
      ['D21', 'not ours'],
      ['F13', 'not ours'],
      ['G14', 'without an id'],
      ['S16', 'without an id'],
    ])
  })
})

describe('the tests', () => {
  const folders = [
    'test',
    ...readdirSync(join(ROOT, 'packages')).map((name) => `packages/${name}/test`),
  ]
  const sources = folders.flatMap(sourcesUnder)

  it('name only cases of the catalogue', () => {
    const known = new Set(IDS)
    const unknown = sources.flatMap(idsIn).filter((id) => !known.has(id))
    expect(unknown).toEqual([])
  })

  it('skip nothing', () => {
    const skipping = sources.filter((source) =>
      /\b(?:it|test|describe)\.(?:skip|only|todo|fails)\b/.test(source),
    )
    expect(skipping).toEqual([])
  })
})

interface Row {
  readonly id: string
  readonly what: string
  readonly answer: string
  readonly where: readonly Place[]
}

interface Place {
  readonly path: string
  /** A piece of a test's name; empty if the whole file is meant. */
  readonly fragment: string
}

function readRows(markdown: string): Row[] {
  return [...markdown.matchAll(/^\| ([A-HS]\d+) \| (.+?) \| (.+?) \|(.*)\|$/gm)].map(
    ([, id = '', what = '', answer = '', where = '']) => ({
      id,
      what: what.trim(),
      answer: answer.trim(),
      where: readPlaces(where),
    }),
  )
}

function readPlaces(where: string): Place[] {
  return [...where.matchAll(/`([^`]+)`(?:: “([^”]+)”)?/g)].map(([, path = '', fragment = '']) => ({
    path,
    fragment,
  }))
}

/** The sources of a test file, or of all that a folder has. */
function sourcesUnder(path: string): string[] {
  const full = join(ROOT, path)
  if (!existsSync(full)) return []
  if (statSync(full).isFile()) return [readFileSync(full, 'utf8')]
  return (
    readdirSync(full)
      // Other tests make hidden folders here, and remove them.
      .filter((name) => name !== 'node_modules' && !name.startsWith('.'))
      .flatMap((name) => {
        const inside = join(path, name)
        const isSource = name.endsWith('.ts') || statSync(join(ROOT, inside)).isDirectory()
        return isSource ? sourcesUnder(inside) : []
      })
  )
}

/** The ids that stand in brackets: `[A23]`, `[A11, S10]`. */
function idsIn(source: string): string[] {
  return [...source.matchAll(/\[([A-HS]\d{1,2}(?:, [A-HS]\d{1,2})*)\]/g)].flatMap(([, ids = '']) =>
    ids.split(', '),
  )
}

function numbered(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${letter}${at + 1}`)
}
