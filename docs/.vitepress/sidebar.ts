import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DefaultTheme } from 'vitepress'
import { findFiles } from '../../test/find-files.ts'
import type { Language } from './home.ts'
import { addressOf, ALL_PAGES, PAGES, titleOf } from './pages.ts'

interface Group {
  readonly title: Readonly<Record<Language, string>>
  /** Beginnings of the paths of its pages, in order. */
  readonly pages: readonly string[]
}

// A page is in the first group that names it.
const GROUPS: readonly Group[] = [
  {
    title: { en: 'Guide', zh: '指南' },
    pages: [
      '/start',
      '/tour',
      '/why',
      '/mounting',
      '/nest-prisma-mysql',
      '/handlers',
      '/retries',
      '/keys',
      '/signature',
      '/moving',
    ],
  },
  {
    title: { en: 'Inboxes and queues', zh: 'inbox（去重存储）与队列' },
    pages: ['/inboxes', '/orm-', '/queues'],
  },
  {
    title: { en: 'Client and tools', zh: '客户端与工具' },
    pages: ['/client', '/reconciliation', '/sandbox', '/testing'],
  },
  {
    title: { en: 'Production', zh: '生产环境' },
    pages: [
      '/observing',
      '/deploying',
      '/errors',
      '/options',
      '/security',
      '/guarantees',
      '/versioning',
    ],
  },
  { title: { en: 'Packages', zh: '各包说明' }, pages: ['/packages/'] },
  { title: { en: 'Decisions', zh: '设计决策' }, pages: ['/decisions/'] },
  { title: { en: 'More', zh: '其他' }, pages: ['/'] },
]
const LONG_GROUP = 12

/** All pages of a language: a new document is in it by itself. */
export function createSidebar(language: Language): DefaultTheme.SidebarItem[] {
  const groups = GROUPS.map((group) => ({
    text: group.title[language],
    items: pagesOf(group, language),
  }))
  const api = { text: language === 'en' ? 'API reference' : 'API 参考', items: apiOf(language) }
  return [...groups, api]
    .filter(({ items }) => items.length > 0)
    .map((group) => ({ ...group, collapsed: group.items.length > LONG_GROUP }))
}

function pagesOf(group: Group, language: Language): DefaultTheme.SidebarItem[] {
  const isNamed = ({ pages }: Group, slug: string): boolean =>
    pages.some((start) => slug.startsWith(start))
  const rank = (slug: string): number => group.pages.findIndex((start) => slug.startsWith(start))
  return ALL_PAGES.filter((page) => page.language === language && page.slug !== '/')
    .filter(({ slug }) => GROUPS.find((each) => isNamed(each, slug)) === group)
    .toSorted((a, b) => rank(a.slug) - rank(b.slug))
    .map((page) => ({ text: titleOf(page), link: addressOf(page) }))
}

function apiOf(language: Language): DefaultTheme.SidebarItem[] {
  return findFiles('api/**/*.md', { cwd: PAGES }).map((path) => ({
    text: /^# (.+)$/m.exec(readFileSync(join(PAGES, path), 'utf8'))?.[1] ?? path,
    link: addressOf({ slug: `/${path.replace(/(index)?\.md$/, '')}`, language }),
  }))
}
