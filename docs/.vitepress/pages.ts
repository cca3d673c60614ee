// The pages of the site are documents that are written for GitHub. They are copied to `pages`, with the
// links that the site has. VitePress's `rewrites` would not do: its search takes the language of a page from
// the path of the source, and would have no Chinese page.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { findFiles } from '../../test/find-files.ts'
import { headings } from '../../test/docs/markdown.ts'
import { HOME, type Language } from './home.ts'

export const ROOT: string = join(import.meta.dirname, '../..')
export const PAGES: string = join(import.meta.dirname, 'pages')
export const REPOSITORY = 'https://github.com/hongbao-js/hongbao'

export interface Page {
  /** The document, from the root of the repository. */
  readonly source: string
  /** The path on the site, without the language: `/mounting`. */
  readonly slug: string
  readonly language: Language
  /** Whether the text is in English: a document without a Chinese twin is a page of both languages. */
  readonly isEnglish: boolean
}

const DOCUMENTS = ['README.md', 'docs/*.md', 'docs/decisions/*.md', 'packages/*/README.md']

export const ALL_PAGES: readonly Page[] = findFiles(DOCUMENTS, { cwd: ROOT })
  .filter((source) => !source.endsWith('.zh-CN.md'))
  .flatMap((source) => {
    const slug = slugOf(source)
    const twin = source.replace(/\.md$/, '.zh-CN.md')
    const isEnglish = !existsSync(join(ROOT, twin))
    return [
      { source, slug, language: 'en', isEnglish: true },
      { source: isEnglish ? source : twin, slug, language: 'zh', isEnglish },
    ]
  })

export function addressOf({ slug, language }: Pick<Page, 'slug' | 'language'>): string {
  return language === 'en' ? slug : `/zh${slug}`
}

export function titleOf({ source }: Page): string {
  const [title] = headings(readFileSync(join(ROOT, source), 'utf8'))
  if (title === undefined) throw new Error(`${source} has no heading.`)
  return title.text.replaceAll('`', '')
}

/** Writes the pages of the documents, or of the one that has changed. */
export function writePages(changed?: string): void {
  const source = changed && relative(ROOT, changed).replaceAll('\\', '/')
  for (const page of ALL_PAGES) {
    if (source !== undefined && source !== page.source) continue
    const file = fileOf(addressOf(page))
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, textOf(page))
  }
}

/** Finishes the API reference: its headings, and a copy for the Chinese half of the site. */
export function finishApiReference(): void {
  for (const path of findFiles('api/**/*.md', { cwd: PAGES })) {
    const text = withFewAnchors(readFileSync(join(PAGES, path), 'utf8'))
    writeFileSync(join(PAGES, path), text)
    const copy = join(PAGES, 'zh', path)
    mkdirSync(dirname(copy), { recursive: true })
    writeFileSync(copy, asEnglish(text))
  }
}

/** Without anchors that VitePress makes itself: TypeDoc repeats some, which VitePress refuses. */
function withFewAnchors(text: string): string {
  return text.replaceAll(/^(#+ .+) \{#(.+)\}$/gm, (line: string, heading: string, id: string) =>
    heading.startsWith('### ') && /-\d+$/.test(id) ? line : heading,
  )
}

function slugOf(source: string): string {
  const path = source.replace(/^docs\//, '').replace(/^packages\/(.+)\/README\.md$/, 'packages/$1')
  return `/${path.replace(/(README)?\.md$/, '')}`
}

function fileOf(address: string): string {
  return join(PAGES, `${address.replace(/\/$/, '/index')}.md`)
}

function textOf(page: Page): string {
  const text = readFileSync(join(ROOT, page.source), 'utf8')
    // The site has a menu of languages.
    .replace(/^\[(?:English|简体中文)\]\(.+\)\n\n/m, '')
    .split(CODE)
    .map((part, index) => (index % 2 === 0 ? mapPaths(part, page) : part))
    .join('')
  if (page.slug === '/') return `---\n${JSON.stringify(HOME[page.language])}\n---\n\n${text}`
  return page.isEnglish && page.language === 'zh' ? asEnglish(text) : text
}

// In which `](…)` is no link.
const CODE = /(^```[\s\S]*?^```$|`[^`\n]+`)/m

/** For the voice of a screen reader, and its line breaks. */
function asEnglish(text: string): string {
  return `<div lang="en">\n\n${text}\n\n</div>\n`
}

function mapPaths(prose: string, page: Page): string {
  return prose
    .replaceAll(/\]\(([^)\s]+)\)/g, (_link, target: string) => `](${addressFrom(page, target)})`)
    .replaceAll(PICTURE, (_picture, dark: string, alt: string, light: string) =>
      [
        `<img class="dark-only" alt="${alt}" src="${imageFrom(page, dark)}">`,
        `<img class="light-only" alt="${alt}" src="${imageFrom(page, light)}">`,
      ].join(''),
    )
}

// GitHub knows the system's colours only; the site has a switch.
const PICTURE =
  /<picture><source media="\(prefers-color-scheme: dark\)" srcset="(.+?)"><img alt="(.+?)" src="(.+?)"><\/picture>/g

function imageFrom({ source, slug, language }: Page, image: string): string {
  const folder = dirname(fileOf(addressOf({ slug, language })))
  return relative(folder, join(ROOT, dirname(source), image)).replaceAll('\\', '/')
}

/** The address of a link's target: a page if there is one, or the file on GitHub. */
function addressFrom({ source, language }: Page, target: string): string {
  const path = pathInRepository(source, target)
  if (path === undefined) return target
  const [file = '', hash = ''] = path.split(/(?=#)/)
  const found = pageOf(file, language, hash)
  if (found !== undefined) return addressOf(found) + hash
  const stats = statSync(join(ROOT, file), { throwIfNoEntry: false })
  if (stats === undefined)
    throw new Error(`${source}: a link leads to ${path}, which does not exist.`)
  const kind = stats.isDirectory() ? 'tree' : 'blob'
  return `${REPOSITORY}/${kind}/main/${path}`
}

/** What a link leads to in the repository, and nothing if it leads elsewhere or within its page. */
function pathInRepository(source: string, target: string): string | undefined {
  const [, onGitHub] =
    /^https:\/\/github\.com\/hongbao-js\/hongbao\/(?:blob|tree)\/main\/(.+)$/.exec(target) ?? []
  if (onGitHub !== undefined) return onGitHub
  if (/^(?:\w+:|#)/.test(target)) return undefined
  return posix.join(posix.dirname(source), target)
}

/** The page of a document. In English if there is a hash: a twin has headings of its own. */
function pageOf(file: string, language: Language, hash: string): Page | undefined {
  const named = ALL_PAGES.find(({ source }) => [file, `${file}/README.md`].includes(source))
  if (named?.isEnglish !== true) return named
  const own = ALL_PAGES.find((page) => page.slug === named.slug && page.language === language)
  return hash === '' || own?.isEnglish === true ? own : named
}
