import { describe, expect, it } from 'vitest'
import { ERRORS, type ErrorCode } from '../../packages/core/src/errors.ts'
import { replyTo } from '../../packages/core/src/reply.ts'
import { headings, section } from './markdown.ts'
import { readDocument } from './snippets.ts'

const SOURCE = readDocument('packages/core/src/errors.ts')

const FREQUENCIES = {
  'docs/errors.md': {
    always: 'logged every time',
    once: 'logged once in the life of a receiver',
    sometimes: 'logged at most once a minute',
  },
  'docs/errors.zh-CN.md': {
    always: '每次都记',
    once: '每个接收器只记一次',
    sometimes: '每分钟最多记一次',
  },
} as const

describe.each([
  ['docs/errors.md', '## Deliveries', '## Options'],
  ['docs/errors.zh-CN.md', '## 投递', '## 选项'],
] as const)('%s', (path, deliveries, options) => {
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

  it.each(Object.keys(ERRORS) as ErrorCode[])('says outcome, status and log of %s', (code) => {
    const { outcome, log } = ERRORS[code]
    const [facts, ...text] = section(document, `### ${code}`).trim().split('\n\n')
    const { status } = replyTo(outcome)
    expect(facts).toBe(`\`${outcome}\` · ${status} · ${FREQUENCIES[path][log]}`)
    expect(text.join('').length).toBeGreaterThan(20)
  })
})
