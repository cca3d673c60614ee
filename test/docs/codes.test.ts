import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readDocument } from './snippets.ts'

// A code is all that a log line, an alarm and a runbook have in common: it must mean one thing.

interface Code {
  readonly code: string
  /** The package, by its folder. */
  readonly owner: string
  /** The union that has it: `PingppErrorCode`. */
  readonly union: string
}

const CODES = readdirSync('packages').flatMap(codesOf)

/** Packages that have siblings of their kind: their codes begin with their name. */
const PREFIXES: Readonly<Record<string, string>> = {
  postgres: 'postgres-',
  redis: 'redis-',
  sql: 'sql-',
  'hand-off': 'queue-',
  bullmq: 'bullmq-',
  'pg-boss': 'pg-boss-',
}

/** The same in every package: an option is wrong, and the message names it. */
const SHARED: ReadonlySet<string> = new Set(['option-invalid'])

describe('an error code', () => {
  it('is found in every package that has codes', () => {
    const owners = new Set(CODES.map(({ owner }) => owner))
    expect([...owners]).toEqual(
      expect.arrayContaining([
        'bullmq',
        'client',
        'core',
        'pg-boss',
        'postgres',
        'redis',
        'sandbox',
        'sql',
      ]),
    )
    const unions = new Set(CODES.map(({ union }) => union))
    expect([...unions]).toEqual(expect.arrayContaining(['OptionErrorCode', 'PingppErrorCode']))
  })

  it('means the same in all packages: it is in one of them only', () => {
    const owners = Map.groupBy(CODES, ({ code }) => code)
    const clashes = [...owners].filter(
      ([code, all]) => !SHARED.has(code) && new Set(all.map(({ owner }) => owner)).size > 1,
    )
    expect(clashes).toEqual([])
  })

  it('begins with the name of its store or queue', () => {
    const bare = CODES.filter(({ code, owner }) => !code.startsWith(PREFIXES[owner] ?? ''))
    expect(bare).toEqual([])
  })

  it('is in kebab-case', () => {
    expect(CODES.filter(({ code }) => !/^[a-z\d]+(?:-[a-z\d]+)*$/.test(code))).toEqual([])
  })
})

/** The codes of every union of a package that is named `…Code`. */
function codesOf(owner: string): Code[] {
  const folder = `packages/${owner}/src`
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => unionsIn(readDocument(`${folder}/${path}`)))
    .map((each) => ({ ...each, owner }))
}

function unionsIn(source: string): Omit<Code, 'owner'>[] {
  // Up to the next statement: prettier and oxfmt put nothing but the union there.
  const unions = source.matchAll(
    /^(?:export )?type (\w*Code)(?:<.*>)? =([\s\S]*?)(?=\n\n|\n\w|$(?![\s\S]))/gm,
  )
  return [...unions].flatMap(([, union = '', text = '']) =>
    [...withoutComments(keysFor(text, source)).matchAll(/'([^']+)'/g)].map(([, code = '']) => ({
      union,
      code,
    })),
  )
}

/** The union with the keys of a table in place of `keyof typeof TABLE`. */
function keysFor(union: string, source: string): string {
  return union.replaceAll(/\bkeyof typeof (\w+)/g, (_, table: string) => {
    const rows = new RegExp(`^const ${table} = \\{(.*?)^\\}`, 'ms').exec(source)?.[1] ?? ''
    return [...rows.matchAll(/^ {2}('[^']+'):/gm)].map(([, key]) => key).join(' | ')
  })
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
}
