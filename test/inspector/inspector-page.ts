import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { PATIENCE_MS } from '../patience.ts'

/** A page of the inspector; what the browser complained of is in `complaints`. */
export interface InspectorPage {
  readonly page: Page
  readonly complaints: readonly string[]
}

/** Opens a sandbox's page in a browser profile of its own, in English and light unless told otherwise. */
export async function openInspector(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<InspectorPage> {
  const context = await browser.newContext({
    locale: 'en-US',
    colorScheme: 'light',
    viewport: { width: 1360, height: 860 },
    permissions: ['clipboard-read', 'clipboard-write'],
    ...options,
  })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  const complaints: string[] = []
  page.on('pageerror', ({ message }) => complaints.push(message))
  // A violation of the policy is an error of the console too.
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  await page.goto(url)
  await page.locator('.live:not(.connecting, .reconnecting)').waitFor()
  return { page, complaints }
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Rows that axe-core looks at. The others are like them, and 500 of them take it seconds. */
const ROWS = 30

/** Checks a page as it is now: axe-core finds nothing, and the browser has not complained. */
export async function checkPage({ page, complaints }: InspectorPage): Promise<void> {
  // By the debugging protocol, so the policy of the page stays in force.
  if (await page.evaluate<boolean>('window.axe === undefined')) await page.evaluate(AXE)
  const violations = await page.evaluate<string[]>(
    `axe.run({ exclude: [...document.querySelectorAll('.row')].slice(${ROWS}) }).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => [id, html, failureSummary].join('\\n'))))`,
  )
  expect(violations).toEqual([])
  expect(complaints).toEqual([])
}
