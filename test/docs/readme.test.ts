import { describe, expect, it } from 'vitest'
import { ERRORS } from '../../packages/core/src/reply/errors.ts'
import { codeBlocks, codesOf, section, tables } from './markdown.ts'
import { readDocument } from './snippets.ts'

const ENGLISH = {
  path: 'README.md',
  wechat: 'WeChat',
  replies: '## Replies to Ping++',
  mounts: '## Mount it',
  checks: '## "Signature does not match"',
  stops: 'stops',
  again: 'retries',
  retries: /retries after (.+?): at most/,
  mounting: 'docs/mounting.md',
  types: /(\d+) event types/,
}

const CHINESE: typeof ENGLISH = {
  path: 'README.zh-CN.md',
  wechat: '微信',
  replies: '## 给 Ping++ 的应答',
  mounts: '## 挂载',
  checks: '## 验签不通过',
  stops: '停止',
  again: '重发',
  retries: /依次间隔 (.+?)重发/,
  mounting: 'docs/mounting.zh-CN.md',
  types: /(\d+) 种事件/,
}

/** Types of hongbao's own, which no webhook brings. */
const UNSENT = new Set(['red_envelope.failed', 'red_envelope.refunding', 'red_envelope.refund'])

const OUTCOMES = ['handled', 'duplicate', 'unhandled', 'rejected', 'failed']

describe.each([ENGLISH, CHINESE])('$path', (words) => {
  const markdown = readDocument(words.path)
  const rowsOf = (heading: string) => tables(section(markdown, heading))[0]?.slice(1) ?? []

  it('has at most 10,000 bytes and 220 lines', () => {
    expect(Buffer.byteLength(markdown)).toBeLessThanOrEqual(10_000)
    expect(markdown.trimEnd().split('\n').length).toBeLessThanOrEqual(220)
  })

  it('states its promise in three sentences, and names Ping++ and WeChat', () => {
    const [, , promise = ''] = markdown.split('\n\n')
    expect(promise).toContain('Ping++')
    expect(promise).toContain(words.wechat)
    expect(promise.split('\n')).toHaveLength(3)
  })

  it('states how many event types Ping++ sends', () => {
    const catalogue = readDocument('packages/core/src/events/catalogue.ts')
    const types = new Set(catalogue.match(/(?<=^ +')[a-z_.]+(?=':)/gm))
    const sent = [...types].filter((type) => !UNSENT.has(type))
    expect(words.types.exec(markdown)?.[1]).toBe(String(sent.length))
  })

  it('has the five outcomes, each once, and when Ping++ stops', () => {
    const rows = rowsOf(words.replies)
    expect(rows).toHaveLength(4)
    expect(rows.flatMap(([, outcome]) => codesOf(outcome))).toEqual(OUTCOMES)
    expect(rows.map(([status, , , after]) => [status, after])).toEqual([
      ['200', words.stops],
      ['200', words.stops],
      ['4xx', words.again],
      ['500', words.again],
    ])
  })

  it('has every outcome of the code', () => {
    const outcomes = Object.values(ERRORS).map(({ outcome }): string => outcome)
    expect(new Set([...outcomes, 'handled', 'duplicate', 'unhandled'])).toEqual(new Set(OUTCOMES))
  })

  it('has the mounts of the guide, word for word', () => {
    const guide = codeBlocks(readDocument(words.mounting))
      .map(({ text }) => text)
      .join('\n')
    const mounts = rowsOf(words.mounts).map(([, mount]) => codesOf(mount)[0] ?? '')
    expect(mounts).toHaveLength(8)
    expect(mounts.filter((mount) => !guide.includes(mount))).toEqual([])
  })

  it('has ten lines about signatures, with codes that exist', () => {
    const lines = section(markdown, words.checks).match(/^\d+\. .+$/gm) ?? []
    expect(lines).toHaveLength(10)
    const codes = lines.flatMap((line) => /^\d+\. `([\w-]+)`/.exec(line)?.[1] ?? [])
    expect(codes).toHaveLength(5)
    expect(codes.filter((code) => !Object.hasOwn(ERRORS, code))).toEqual([])
  })

  it('has the retries of the guide, note 5', () => {
    const named = words.retries.exec(markdown)?.[1] ?? ''
    expect(secondsIn(named)).toEqual([5, 10, 120, 300, 600, 1800, 3600, 7200, 21_600, 54_000])
  })
})

describe.each([
  ['docs/retries.md', /sends it again after (.+?), each/],
  ['docs/retries.zh-CN.md', /按间隔重发：(.+?)，每段/],
])('%s', (path, retries) => {
  const seconds = secondsIn(retries.exec(readDocument(path))?.[1] ?? '')

  it('has the retries of the guide, note 5', () => {
    expect(seconds).toEqual([5, 10, 120, 300, 600, 1800, 3600, 7200, 21_600, 54_000])
  })

  it('has their sum: 24 h 47 min', () => {
    const minutes = Math.floor(seconds.reduce((sum, gap) => sum + gap, 0) / 60)
    expect([Math.floor(minutes / 60), minutes % 60]).toEqual([24, 47])
    expect(readDocument(path)).toMatch(/24 (h 47 min|小时 47 分钟)/)
  })
})

function secondsIn(text: string): number[] {
  const units: Record<string, number> = { s: 1, min: 60, h: 3600, 秒: 1, 分钟: 60, 小时: 3600 }
  return [...text.matchAll(/(\d+) (s|min|h|秒|分钟|小时)/g)].map(
    ([, count, unit = '']) => Number(count) * (units[unit] ?? Number.NaN),
  )
}
