import { describe, expect, it } from 'vitest'
import {
  createFailure,
  ERRORS,
  type WebhookErrorCode,
} from '../../packages/core/src/reply/errors.ts'
import { ERRORS as CLIENT_ERRORS } from '../../packages/client/src/errors.ts'
import { createLog } from '../../packages/core/src/receive/log.ts'
import { globSync } from 'node:fs'
import { headings, section } from './markdown.ts'
import { readDocument, ROOT } from './snippets.ts'

const SOURCE = readDocument('packages/core/src/options/errors.ts')

/** Lines for three failures, two in one second and one a minute later → how the documents put it. */
const FREQUENCIES: Record<string, Record<number, string>> = {
  'docs/errors.md': {
    3: 'logged every time',
    2: 'logged at most once a minute',
  },
  'docs/errors.zh-CN.md': { 3: '每次都记', 2: '每分钟最多记一次' },
}

describe.each([
  ['docs/errors.md', '## Deliveries', '## Options', '## Client'],
  ['docs/errors.zh-CN.md', '## 推送', '## 选项', '## 客户端'],
] as const)('%s', (path, deliveries, options, client) => {
  const document = readDocument(path)
  const codesBelow = (heading: string): string[] =>
    headings(section(document, heading)).map(({ text }) => text)

  it('explains every code of a delivery, and no other', () => {
    expect(codesBelow(deliveries)).toEqual(Object.keys(ERRORS))
  })

  it('explains every code of an option, and no other', () => {
    const union = /export type OptionErrorCode =\n((?: {2}\| '[\w-]+'\n)+)/.exec(SOURCE)?.[1] ?? ''
    const codes = [...union.matchAll(/'([\w-]+)'/g)].map(([, code]) => code)
    expect(codes.length).toBeGreaterThan(0)
    expect(codesBelow(options)).toEqual(codes)
  })

  it('explains every code of the client, and no other', () => {
    expect(codesBelow(client)).toEqual(Object.keys(CLIENT_ERRORS))
    for (const code of Object.keys(CLIENT_ERRORS)) {
      expect(section(document, `### ${code}`).trim().length).toBeGreaterThan(20)
    }
  })

  it.each(Object.keys(ERRORS) as WebhookErrorCode[])(
    'states outcome, status and log of %s',
    (code) => {
      const { outcome, status } = ERRORS[code]
      const [facts, ...text] = section(document, `### ${code}`).trim().split('\n\n')
      expect(facts).toBe(`\`${outcome}\` · ${status} · ${FREQUENCIES[path]?.[linesOfThree(code)]}`)
      expect(text.join('').length).toBeGreaterThan(20)
    },
  )
})

function linesOfThree(code: WebhookErrorCode): number {
  const lines: string[] = []
  const write = (line: string): void => void lines.push(line)
  let clock = 0
  const log = createLog(
    () => ({ warn: write, error: write }),
    () => clock,
  )
  for (const at of [0, 1000, 61_000]) {
    clock = at
    log(createFailure(code))
  }
  return lines.length
}

describe.each([
  ['docs/errors.md', '## Queues'],
  ['docs/errors.zh-CN.md', '## 队列'],
])('%s', (path, heading) => {
  it('has a row for every code of a queue, its warnings included, and no other', () => {
    const sources = globSync('packages/{hand-off,bullmq,pg-boss}/src/*.ts', { cwd: ROOT })
    const codes = sources.flatMap((source) =>
      Array.from(
        readDocument(source).matchAll(/'((?:queue|bullmq|pg-boss)-[a-z-]+)'/g),
        ([, code]) => code,
      ),
    )
    const rows = section(readDocument(path), heading).matchAll(/^\| `([a-z-]+)` \|/gm)
    expect(codes.length).toBeGreaterThan(10)
    const named = Array.from(rows, ([, code]) => code)
    expect(named).toHaveLength(new Set(named).size)
    expect(new Set(named)).toEqual(new Set(codes))
  })
})
