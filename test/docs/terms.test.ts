import { describe, expect, it } from 'vitest'
import { findFiles } from '../find-files.ts'
import { readDocument, ROOT } from './snippets.ts'

// A reader searches for the field's term. Each thing has one, the same on every page (docs/why.md, glossary).

const PAGES = findFiles(
  ['README*.md', 'docs/*.md', 'packages/*/README.md', 'examples/**/README.md'],
  {
    cwd: ROOT,
    exclude: (path) => /(^|[\\/])node_modules$/.test(path),
  },
)

/** A word that a page must not have → the term. */
const CHINESE: Readonly<Record<string, string>> = {
  投递: '推送',
  控制台: '管理平台',
  最终失败: '死信',
  报警: '告警',
  认领: '回填 id',
  超期: '超时未到终态',
  先落盘: '先入队持久化',
  击杀: '强杀',
  成员名: '键名',
  收款人: '收红包的用户（recipient）',
  错投: '应用或模式不符',
  'API 密钥': 'API Key',
  'API KEY': 'API Key',
  对账器: 'reconciler（查单补单）',
}
const ENGLISH: Readonly<Record<string, string>> = {
  somebody: 'the actor: Ping++, the handler, your app',
  nobody: 'the actor: Ping++, the handler, your app',
  whoever: 'the actor: Ping++, the handler, your app',
  stranger: 'any sender',
  overtook: 'arrived before',
  'failed for good': 'dead letter',
}

describe('the documents', () => {
  it('are found: READMEs, guides, and the pages of packages and examples', () => {
    expect(PAGES).toEqual(
      expect.arrayContaining(['README.zh-CN.md', 'docs/why.md', 'packages/sql/README.md']),
    )
  })

  it.each(Object.entries({ ...CHINESE, ...ENGLISH }))('do not have “%s”, but “%s”', (word) => {
    expect(PAGES.filter((path) => textOf(path).includes(word))).toEqual([])
  })
})

/** Without the glossary, which explains terms by other words. */
function textOf(path: string): string {
  return readDocument(path).split(/^## (?:Glossary|术语表)$/m)[0] ?? ''
}
