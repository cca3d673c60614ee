import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findFiles } from '../../find-files.ts'
import { run } from '../../packaging/steps.ts'
import { PATIENCE_MS } from '../../patience.ts'
import { hasChromium, launchChromium } from '../../servers/chromium.ts'
import { serveFolder, type Site } from './serve.ts'

const DIST = join(import.meta.dirname, '../../../docs/.vitepress/dist')
const BASE = '/hongbao/'
const DESKTOP = { width: 1280, height: 900 }
const PHONE = { width: 390, height: 844 }

beforeAll(async () => {
  await run('pnpm', ['docs:build'], { timeoutMs: 3 * PATIENCE_MS })
}, 4 * PATIENCE_MS)

describe('the built site', () => {
  it('has each page in both languages', () => {
    const pages = findFiles('**/*.html', { cwd: DIST }).filter((path) => path !== '404.html')
    const english = pages.filter((path) => !path.startsWith('zh/'))
    const chinese = pages.filter((path) => path.startsWith('zh/'))
    expect(english).toEqual(expect.arrayContaining(['mounting.html', 'api/core/node.html']))
    expect(chinese).toEqual(english.map((path) => `zh/${path}`))
  })

  it('has a page of the API for each public entry, and none for ./internal', () => {
    const pages = findFiles('api/**/*.html', { cwd: DIST })
    expect(pages).toEqual(
      expect.arrayContaining(['api/core.html', 'api/core/testing.html', 'api/sql/prisma.html']),
    )
    expect(pages.filter((path) => path.includes('internal'))).toEqual([])
  })

  it('has no link to a page, a heading or a file of its own that does not exist', () => {
    const pages = findFiles('**/*.html', { cwd: DIST }).map(readPage)
    const anchors = new Map(pages.map(({ path, ids }) => [path, ids]))
    const dead = pages.flatMap(({ path, targets }) =>
      targets
        .filter((target) => !exists(target, path, anchors))
        .map((target) => `${path}: ${target}`),
    )
    expect(pages.flatMap(({ targets }) => targets).length).toBeGreaterThan(1000)
    expect(dead).toEqual([])
  })

  it('loads nothing from other hosts', () => {
    const loaded = findFiles('**/*.html', { cwd: DIST })
      .flatMap(
        (path) => readFileSync(join(DIST, path), 'utf8').match(/<(?:link|script|img)[^>]+>/g) ?? [],
      )
      .filter((tag) => /(?:src|href)="(?:https?:)?\/\//.test(tag))
    expect(loaded).toEqual([])
  })
})

describe.skipIf(!hasChromium)('the site in a browser', () => {
  let site: Site
  let browser: Browser

  beforeAll(async () => {
    site = await serveFolder(DIST, BASE)
    browser = await launchChromium()
  })

  afterAll(async () => {
    await browser.close()
    site.close()
  })

  /** Opens a page; `complaints` gets what its console says, and requests to other hosts. */
  async function open(path: string, options: Parameters<Browser['newPage']>[0]) {
    const page = await browser.newPage(options)
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (line) => {
      if (['error', 'warning'].includes(line.type())) complaints.push(line.text())
    })
    page.on('request', (request) => {
      if (!/^(?:data|blob):/.test(request.url()) && !request.url().startsWith(site.url))
        complaints.push(request.url())
    })
    await page.goto(site.url + path, { waitUntil: 'networkidle' })
    return { page, complaints }
  }

  describe.each([
    {
      language: 'English',
      root: '',
      guide: 'Mounting',
      queries: [
        ['signature', 'The signature of a delivery'],
        ['createWebhooks', '@hongbao/core'],
      ],
    },
    {
      language: 'Chinese',
      root: 'zh/',
      guide: '挂载到应用',
      queries: [
        ['验签', '验签不通过'],
        ['验签失败', '验签不通过'],
        ['signature', 'signature-mismatch'],
      ],
    },
  ])('in $language', ({ root, guide, queries }) => {
    it('leads from the home page to a guide, without a complaint in the console', async () => {
      const { page, complaints } = await open(root, { viewport: DESKTOP })
      await expect.poll(() => page.locator('.VPHero h1').innerText()).toContain('hongbao 红包')
      await page.locator(`.VPHero a[href="${BASE}${root}mounting.html"]`).click()
      await expect.poll(() => page.locator('.vp-doc h1').innerText()).toContain(guide)
      await expect
        .poll(() => page.locator('.VPSidebar .is-active').allInnerTexts())
        .toContain(guide)
      expect(complaints).toEqual([])
    })

    it.each(queries)('finds %s', async (query, found) => {
      const { page, complaints } = await open(root, { viewport: DESKTOP })
      await page.keyboard.press('Control+k')
      await page.locator('#localsearch-input').fill(query)
      await expect.poll(() => results(page)).toContain(found)
      await page.locator('#localsearch-list .result').first().click()
      await expect.poll(() => page.locator('.vp-doc').innerText()).toMatch(new RegExp(query, 'i'))
      expect(page.url()).toMatch(new RegExp(`${BASE}${root}`))
      expect(complaints).toEqual([])
    })

    it('follows the colours of the system, and the switch', async () => {
      const { page } = await open(`${root}sandbox.html`, { viewport: DESKTOP, colorScheme: 'dark' })
      expect(await colours(page)).toEqual({ background: 'dark', picture: 'dark' })
      await page.locator('.VPNavBarAppearance button').click()
      await expect.poll(() => colours(page)).toEqual({ background: 'light', picture: 'light' })
    })

    it('fits on a phone: no page scrolls sideways', async () => {
      const { page, complaints } = await open(root, { viewport: PHONE })
      const wide: string[] = []
      const pages = findFiles(`${root}{,packages/,api/}*.html`, { cwd: DIST })
      expect(pages.length).toBeGreaterThan(40)
      for (const path of pages) {
        await page.goto(site.url + path)
        const width = await page.evaluate(() => document.documentElement.scrollWidth)
        if (width > PHONE.width) wide.push(`${path}: ${width}`)
      }
      expect(wide).toEqual([])
      expect(complaints).toEqual([])
    })
  })

  it('stays on the page when the language changes', async () => {
    const { page } = await open('api/core.html', { viewport: DESKTOP })
    await page.locator('.VPNavBarTranslations button').hover()
    await page.locator('.VPNavBarTranslations').getByText('简体中文').click()
    await expect.poll(() => page.url()).toBe(`${site.url}zh/api/core.html`)
    await expect.poll(() => page.locator('.vp-doc h1').innerText()).toContain('@hongbao/core')
  })
})

interface BuiltPage {
  readonly path: string
  readonly ids: ReadonlySet<string>
  readonly targets: readonly string[]
}

function readPage(path: string): BuiltPage {
  const html = readFileSync(join(DIST, path), 'utf8')
  const values = (attribute: string): string[] =>
    [...html.matchAll(new RegExp(` ${attribute}="([^"]*)"`, 'g'))].map(([, value = '']) => value)
  const targets = [...values('href'), ...values('src')].filter((value) => !/^\w+:/.test(value))
  return { path, ids: new Set(values('id')), targets: [...new Set(targets)] }
}

function exists(target: string, from: string, anchors: Map<string, ReadonlySet<string>>): boolean {
  const { pathname, hash } = new URL(target, `http://site${BASE}${from}`)
  if (!pathname.startsWith(BASE)) return false
  const path = decodeURIComponent(pathname.slice(BASE.length)).replace(/(^|\/)$/, '$1index.html')
  if (!existsSync(join(DIST, path))) return false
  return hash === '' || anchors.get(path)?.has(decodeURIComponent(hash.slice(1))) === true
}

async function results(page: Page): Promise<string> {
  return (await page.locator('#localsearch-list .result').allInnerTexts()).join('\n')
}

async function colours(page: Page): Promise<object> {
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const pictures = page.locator('.vp-doc img[src*="inspector"]:visible')
  return {
    background: background === 'rgb(255, 255, 255)' ? 'light' : 'dark',
    picture: /inspector-.+?-(dark|light)/.exec((await pictures.getAttribute('src')) ?? '')?.[1],
  }
}
