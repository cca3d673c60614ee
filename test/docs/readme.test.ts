import { createWebhooks } from '@hongbao/core'
import { createTestKeys } from '@hongbao/core/testing'
import { describe, expect, it } from 'vitest'
import { replies } from '../../packages/core/src/reply.ts'
import { SNIPPETS as SDK_SNIPPETS } from '../../packages/sandbox/src/cli/sdk-snippets.ts'
import { codeBlocks, codeOf, headings, section, tables } from './markdown.ts'
import { readDocument, withoutComments } from './snippets.ts'
import { defaultOf, fieldsOf, figureOf } from './source.ts'

const ENGLISH = {
  path: 'README.md',
  replies: '## Replies',
  handlers: '## Handlers',
  observing: '## Observing',
  options: '## Options',
  keys: '## Keys',
  client: '## The client',
  loop: '## The whole loop',
  stops: 'stops',
  again: 'sends again',
}

const CHINESE: typeof ENGLISH = {
  path: 'README.zh-CN.md',
  replies: '## 应答表',
  handlers: '## 处理函数',
  observing: '## 观测',
  options: '## 选项',
  keys: '## 密钥',
  client: '## 客户端',
  loop: '## 完整流程',
  stops: '停止',
  again: '重发',
}

describe.each([
  ['README.md', 'README.zh-CN.md'],
  ['docs/signature.md', 'docs/signature.zh-CN.md'],
  ['docs/errors.md', 'docs/errors.zh-CN.md'],
  ['docs/reconciliation.md', 'docs/reconciliation.zh-CN.md'],
  ['docs/inboxes.md', 'docs/inboxes.zh-CN.md'],
  ['docs/guarantees.md', 'docs/guarantees.zh-CN.md'],
])('%s and %s', (...paths) => {
  const [english, chinese] = paths.map(readDocument) as [string, string]

  it('have the same sections', () => {
    const levels = (markdown: string) => headings(markdown).map(({ level }) => level)
    expect(levels(chinese)).toEqual(levels(english))
  })

  it('have the same code, apart from comments', () => {
    const code = (markdown: string) =>
      codeBlocks(markdown).map(({ language, text }) => [language, withoutComments(text)])
    expect(code(chinese)).toEqual(code(english))
  })

  it('have the same tables, with the same codes in them', () => {
    const shape = (markdown: string) =>
      tables(markdown).map((rows) => rows.map((cells) => [cells.length, codeOf(cells[0])]))
    expect(shape(chinese)).toEqual(shape(english))
  })
})

describe.each([ENGLISH, CHINESE])('$path', (words) => {
  const markdown = readDocument(words.path)
  const tablesOf = (heading: string) => tables(section(markdown, heading))
  const rowsOf = (heading: string, index = 0) => tablesOf(heading).at(index)?.slice(1) ?? []

  it('has every outcome with its status', () => {
    const statuses = new Map(replies().map(({ outcome, status }) => [outcome, status]))
    const expected = [...statuses].map(([outcome, status]) => [
      outcome,
      outcome === 'rejected' ? '4xx' : String(status),
      status < 300 ? words.stops : words.again,
    ])
    const rows = rowsOf(words.replies).map(([outcome, status, , after]) => [
      codeOf(outcome),
      status,
      after,
    ])
    expect(rows).toHaveLength(5)
    expect(rows).toEqual(expect.arrayContaining(expected))
  })

  it.each([
    ['WebhooksOptions', 'packages/core/src/options.ts', words.options, 0],
    ['MemoryInboxOptions', 'packages/core/src/memory-inbox.ts', words.options, 1],
    ['PingppClientOptions', 'packages/client/src/options.ts', words.client, 0],
  ])('has every option of %s with its default', (name, path, heading, index) => {
    const documented = fieldsOf(path, name).map(({ field, comment }) => [field, defaultOf(comment)])
    const rows = rowsOf(heading, index)
    expect(rows.map(([option, standard]) => [codeOf(option), figureOf(standard)])).toEqual(
      documented,
    )
  })

  it('points every official SDK at the sandbox as `hongbao-sandbox env --sdk` does', () => {
    const settings = {
      url: 'http://127.0.0.1:4141',
      apiKey: 'sk_test_1',
      privateKeyPath: 'private.pem',
      pkcs1Path: 'private.pkcs1.pem',
      publicKeyPath: 'public.pem',
    }
    const { hongbao: _ours, ...official } = SDK_SNIPPETS
    const squeeze = (code: string) => code.replaceAll(/[\s,]+/g, '')
    const rows = rowsOf(words.loop)
    expect(rows).toHaveLength(Object.keys(official).length)
    for (const [index, snippet] of Object.values(official).entries()) {
      const line = codeOf(rows[index]?.[1]) ?? ''
      expect(squeeze(snippet(settings))).toContain(squeeze(line))
      expect(line).toContain('127.0.0.1')
    }
  })

  it('has every field of the context of handlers', () => {
    const fields = fieldsOf('packages/core/src/handlers.ts', 'HandlerContext')
    expect(rowsOf(words.handlers).map(([cell]) => codeOf(cell))).toEqual(
      fields.map(({ field }) => field),
    )
  })

  it('has every field of a report, and no other', () => {
    const cells = rowsOf(words.observing).map(([cell = '']) => cell)
    const named = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)]).map(([, field]) => field)
    const fields = ['ReportBase', 'RefusedReport']
      .flatMap((name) => fieldsOf('packages/core/src/report.ts', name))
      .map(({ field }) => field)
    expect(named).toHaveLength(fields.length)
    expect(new Set(named)).toEqual(new Set(fields))
  })

  it('has every code of a refused key, and no other', () => {
    const source = readDocument('packages/core/src/errors.ts')
    const codes = [...source.matchAll(/^ {2}\| '(key-[\w-]+)'$/gm)].map(([, code]) => code)
    const named = rowsOf(words.keys, -1).map((cells) => codeOf(cells[1]))
    expect(named).toHaveLength(codes.length)
    expect(new Set(named)).toEqual(new Set(codes))
  })
})

describe('the layouts of keys that the README names', () => {
  const { publicKey } = createTestKeys()

  it.each([
    ['real line breaks', publicKey],
    ['CRLF', publicKey.replaceAll('\n', '\r\n')],
    ['indentation', publicKey.replaceAll(/^/gm, '    ')],
    ['quotes around it', `"${publicKey}"`],
    ['all on one line', publicKey.replaceAll('\n', ' ')],
    ['no line breaks at all', publicKey.replaceAll('\n', '')],
    [String.raw`\n of an environment variable`, publicKey.replaceAll('\n', String.raw`\n`)],
    ['bare base64', publicKey.replaceAll(/-----[^-]+-----|\s/g, '')],
  ])('%s: taken', (_layout, text) => {
    expect(() => createWebhooks({ publicKey: text })).not.toThrow()
  })
})

describe('the retries that the README names', () => {
  const english = /posts again after (.+?), each counted/.exec(readDocument('README.md'))?.[1] ?? ''
  const seconds = { s: 1, min: 60, h: 3600 }
  const gaps = [...english.matchAll(/(\d+) (s|min|h)/g)].map(
    ([, count, unit]) => Number(count) * seconds[unit as keyof typeof seconds],
  )

  it('are those of the guide, note 5', () => {
    expect(gaps).toEqual([5, 10, 120, 300, 600, 1800, 3600, 7200, 21_600, 54_000])
  })

  it('add up to 24 h 47 min', () => {
    const minutes = Math.floor(gaps.reduce((sum, gap) => sum + gap, 0) / 60)
    expect([Math.floor(minutes / 60), minutes % 60]).toEqual([24, 47])
  })

  it('are the same in Chinese', () => {
    const chinese = /间隔重发：(.+?)，每段/.exec(readDocument('README.zh-CN.md'))?.[1] ?? ''
    expect(chinese.match(/\d+ 秒|\d+ 分|\d+ 小时/g)).toEqual(
      gaps.map((gap) =>
        gap < 60 ? `${gap} 秒` : gap < 3600 ? `${gap / 60} 分` : `${gap / 3600} 小时`,
      ),
    )
  })
})
