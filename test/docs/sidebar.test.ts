import { describe, expect, it } from 'vitest'
import { createSidebar } from '../../docs/.vitepress/sidebar.ts'
import { findFiles } from '../find-files.ts'
import { ROOT } from './snippets.ts'

const FIRST_TO_LAST =
  `start tour why mounting nest-prisma-mysql handlers retries keys signature moving inboxes queues
  client reconciliation sandbox testing observing deploying errors options security guarantees
  versioning`.split(/\s+/)

/** The paths of all pages but the API reference, as the files have them. */
const SLUGS = findFiles(['docs/*.md', 'docs/decisions/*.md', 'packages/*/README.md'], { cwd: ROOT })
  .filter((path) => !path.endsWith('.zh-CN.md'))
  .map((path) =>
    path
      .replace(/^docs\//, '/')
      .replace(/^packages/, '/packages')
      .replace(/decisions\/README\.md$/, 'decisions/')
      .replace(/\/README\.md$|\.md$/, ''),
  )

describe.each([
  { language: 'en' as const, root: '' },
  { language: 'zh' as const, root: '/zh' },
])('the sidebar of the site, $language', ({ language, root }) => {
  const links = createSidebar(language)
    .flatMap(({ items = [] }) => items)
    .map(({ link = '' }) => link)
    .filter((link) => !link.startsWith(`${root}/api/`))

  it('has every document once, and nothing else', () => {
    expect(SLUGS).toContain('/mounting')
    expect(links.toSorted()).toEqual(SLUGS.map((slug) => `${root}${slug}`).toSorted())
  })

  it('has the guides in their order', () => {
    const guides = FIRST_TO_LAST.map((name) => `${root}/${name}`)
    const expected = guides.filter((guide) => links.includes(guide))
    expect(links.filter((link) => guides.includes(link))).toEqual(expected)
  })

  it('has a title for every page', () => {
    const items = createSidebar(language).flatMap((group) => group.items ?? [])
    expect(items.filter(({ text = '' }) => text === '')).toEqual([])
  })
})
