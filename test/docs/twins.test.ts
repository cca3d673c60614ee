import { describe, expect, it } from 'vitest'
import { codeBlocks, codeOf, headings, tables } from './markdown.ts'
import { DOCUMENTS, readDocument, withoutComments } from './snippets.ts'

describe.each(DOCUMENTS)('%s and its twin in Chinese', (path) => {
  const english = readDocument(path)
  const chinese = readDocument(path.replace('.md', '.zh-CN.md'))

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

  it('link to each other in their third line', () => {
    const name = path.split('/').at(-1) ?? ''
    expect(english.split('\n')[2]).toBe(`[简体中文](${name.replace('.md', '.zh-CN.md')})`)
    expect(chinese.split('\n')[2]).toBe(`[English](${name})`)
  })
})
