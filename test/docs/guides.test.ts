import { createWebhooks } from '@hongbao/core'
import { createTestKeys } from '@hongbao/core/testing'
import { globSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ERRORS } from '../../packages/core/src/reply/errors.ts'
import { SDK_NAMES, writeSnippet } from '../../packages/sandbox/src/cli/sdk-snippets.ts'
import { codeOf, codesOf, section, tables } from './markdown.ts'
import { readDocument, ROOT } from './snippets.ts'
import { defaultOf, fieldsIn, fieldsOf, figureOf } from './source.ts'

const ENGLISH = {
  language: 'English',
  suffix: '.md',
  replies: '## Replies',
  context: '## The context',
  log: '## The log',
  reports: '## Reports and errors',
  refused: '## Refused keys',
  sdks: '## The official SDKs',
  options: '## Options',
}

const CHINESE: typeof ENGLISH = {
  language: 'Chinese',
  suffix: '.zh-CN.md',
  replies: '## 应答',
  context: '## context',
  log: '## 日志',
  reports: '## 报告与错误',
  refused: '## 会被拒绝的密钥',
  sdks: '## 官方 SDK',
  options: '## 选项',
}

describe.each([ENGLISH, CHINESE])('the guides in $language', (words) => {
  const guide = (name: string) => readDocument(`docs/${name}${words.suffix}`)
  const rowsOf = (markdown: string, index = 0) => tables(markdown).at(index)?.slice(1) ?? []

  it('have every code of a delivery with its outcome and status, after the three good outcomes', () => {
    const rows = rowsOf(section(guide('retries'), words.replies)).map(([code, outcome, status]) => [
      codeOf(code),
      codeOf(outcome),
      status,
    ])
    const expected = Object.entries(STATUSES).map(([code, { outcome, status }]) => [
      code,
      outcome,
      String(status),
    ])
    expect(rows.slice(0, 3)).toEqual([
      [undefined, 'handled', '200'],
      [undefined, 'duplicate', '200'],
      [undefined, 'unhandled', '200'],
    ])
    expect(inOrder(rows.slice(3))).toEqual(inOrder(expected))
  })

  it.each([
    ['createWebhooks', 'packages/core/src/receive/options.ts', 'WebhooksOptions', 'options', 0],
    ['memoryInbox', 'packages/core/src/inbox/memory-inbox.ts', 'MemoryInboxOptions', 'options', 1],
    ['createPingppClient', 'packages/client/src/options.ts', 'PingppClientOptions', 'client', 0],
  ])('have every option of %s with its default', (_, path, name, document, index) => {
    const documented = fieldsOf(path, name).map(({ field, comment }) => [field, defaultOf(comment)])
    const text = guide(document)
    const rows = rowsOf(document === 'client' ? section(text, words.options) : text, index)
    const named = rows.map(([option, standard]) => [codeOf(option), figureOf(standard)])
    expect(inOrder(named)).toEqual(inOrder(documented))
  })

  it('point every official SDK at the sandbox as `hongbao-sandbox env --sdk` does', () => {
    const settings = {
      url: 'http://127.0.0.1:4141',
      apiKey: 'sk_test_1',
      privateKeyPath: 'private.pem',
      pkcs1Path: 'private.pkcs1.pem',
      publicKeyPath: 'public.pem',
    }
    const official = SDK_NAMES.filter((name) => name !== 'hongbao')
    const squeeze = (code: string) => code.replaceAll(/[\s,]+/g, '')
    const rows = rowsOf(section(guide('client'), words.sdks))
    expect(rows).toHaveLength(official.length)
    for (const [index, name] of official.entries()) {
      const line = codeOf(rows[index]?.[1]) ?? ''
      expect(squeeze(writeSnippet(name, settings))).toContain(squeeze(line))
      expect(line).toContain('127.0.0.1')
    }
  })

  it('have every field of the context of handlers, and no other', () => {
    const fields = fieldsIn('packages/core/src/receive/handlers.ts', (name) => CONTEXT.has(name))
    const named = rowsOf(section(guide('handlers'), words.context)).map(([cell]) => codeOf(cell))
    expect(inOrder(named)).toEqual(inOrder(fields.map(({ field }) => field)))
  })

  it('have every field of a report, and no other', () => {
    const fields = [
      ...fieldsIn('packages/core/src/receive/report.ts', (name) => name.includes('Report')),
      ...fieldsOf('packages/core/src/receive/trace.ts', 'TraceFacts'),
    ]
    const named = rowsOf(section(guide('observing'), words.reports)).flatMap(([cell]) =>
      codesOf(cell),
    )
    expect(named).toHaveLength(new Set(named).size)
    expect(new Set(named)).toEqual(new Set(fields.map(({ field }) => field)))
  })

  it('have every field of a log line, and the code of every line that is about no failure', () => {
    const facts = fieldsOf('packages/core/src/receive/trace.ts', 'TraceFacts')
    const origin = fieldsOf('packages/core/src/options/logger.ts', 'Origin')
    const fields = [...facts, ...origin].map(({ field }) => field)
    const text = section(guide('observing'), words.log)
    const named = rowsOf(text).flatMap(([cell]) => codesOf(cell))
    expect(inOrder(named)).toEqual(inOrder([...OTHER_LOG_FIELDS, ...fields]))
    const codes = LOGGING_SOURCES.flatMap((source) => [
      ...source.matchAll(/(?:\bcode: |logNew\(\s*)'([\w-]+)'/g),
    ]).map(([, code]) => code)
    expect(codes).toContain('dead-letter')
    expect(codesOf(text)).toEqual(expect.arrayContaining(codes))
  })

  it('have every code of a refused key, and no other', () => {
    const source = readDocument('packages/core/src/options/errors.ts')
    const union = /export type OptionErrorCode =\n((?: {2}\| '[\w-]+'\n)+)/.exec(source)?.[1] ?? ''
    const codes = [...union.matchAll(/'(key-[\w-]+)'/g)].map(([, code]) => code)
    const named = rowsOf(section(guide('keys'), words.refused)).map((cells) => codeOf(cells[1]))
    expect(codes).not.toEqual([])
    expect(inOrder(named)).toEqual(inOrder(codes))
  })
})

/** Rows in one order: documents list by importance, and sources by topic. */
function inOrder(rows: readonly unknown[]): string[] {
  return rows.map((row) => JSON.stringify(row)).toSorted()
}

/** As the tests of the lines have them. */
const OTHER_LOG_FIELDS = [
  'code',
  'outcome',
  'durationMs',
  'suppressedCount',
  'queue',
  'jobId',
].concat(['attempts', 'count'])

const LOGGING_SOURCES = globSync('packages/{core,client,hand-off}/src/**/*.ts', { cwd: ROOT })
  .map(readDocument)
  .filter((source) => source.includes('logLine('))

/** Each code with its outcome and its HTTP status. */
const STATUSES: Readonly<Record<string, { outcome: string; status?: number }>> = ERRORS

/** The interface with the fields that every handler gets. */
const CONTEXT: ReadonlySet<string> = new Set(['HandlerContext', 'EventContext'])

describe('the layouts of keys that docs/keys.md names', () => {
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
  ])('%s: accepted', (_layout, text) => {
    expect(() => createWebhooks({ publicKey: text })).not.toThrow()
  })
})
