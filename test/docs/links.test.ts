import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findFiles } from '../find-files.ts'
import { headings, links } from './markdown.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const DOCUMENTS = findFiles('**/*.md', {
  cwd: ROOT,
  exclude: (path) => /(^|[\\/])(node_modules|dist|coverage|reports|\..+)$/.test(path),
})

describe('relative links', () => {
  it('are found in all documents', () => {
    expect(DOCUMENTS).toEqual(expect.arrayContaining(['README.md', 'docs/errors.md']))
  })

  it.each(DOCUMENTS)('of %s have existing targets', (path) => {
    const document = readFileSync(join(ROOT, path), 'utf8')
    const broken = links(document).filter((target) => !leadsSomewhere(path, target))
    expect(broken).toEqual([])
  })
})

describe('documents', () => {
  it('are linked from the README, directly or not', () => {
    const reached = new Set<string>()
    const waiting = ['README.md']
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (reached.has(path)) continue
      reached.add(path)
      waiting.push(...documentsLinkedFrom(path))
    }
    const ours = DOCUMENTS.filter((path) => /^(docs\/|[A-Z][\w.-]*\.md$)/.test(path))
    expect(ours.filter((path) => !reached.has(path))).toEqual([])
  })
})

function documentsLinkedFrom(path: string): string[] {
  return links(readFileSync(join(ROOT, path), 'utf8'))
    .map((target) => target.split('#', 1)[0] ?? '')
    .filter((target) => target.endsWith('.md') && !/^\w+:/.test(target))
    .map((target) => relative(ROOT, resolve(ROOT, dirname(path), target)).replaceAll('\\', '/'))
}

function leadsSomewhere(path: string, target: string): boolean {
  if (/^(https?|mailto):/.test(target)) return true
  const [file = '', anchor] = decodeURI(target).split('#')
  const found = file === '' ? join(ROOT, path) : resolve(ROOT, dirname(path), file)
  if (!existsSync(found)) return false
  if (anchor === undefined || !found.endsWith('.md') || !statSync(found).isFile()) return true
  return headings(readFileSync(found, 'utf8')).some((heading) => heading.anchor === anchor)
}
