import { styleText } from 'node:util'
import type { Sight } from './story.ts'
import { isAsExpected, type Line } from './verdict.ts'

// Padded by characters, so the content of these columns is plain ASCII: 100 columns in all.
const WIDTHS = { app: 9, title: 33, outcome: 15, status: 8 } as const

export function tableHead(): string {
  return dim(
    `  ${columns('app', 'delivery', { outcome: 'outcome', status: 'status', saw: 'handler saw' })}`,
  )
}

/** A line of the table; one that is not as expected is marked, and followed by what was expected. */
export function tableRow(line: Line): string {
  const row = columns(line.app, line.title, line.actual)
  if (isAsExpected(line)) return `${green('✓')} ${row}`
  return `${red('✗')} ${row}\n${red(`  ${columns('', 'expected', line.expected)}`)}`
}

/** What came of it, app by app. */
export function summary(lines: readonly Line[]): string {
  const head = dim(
    `  ${'app'.padEnd(WIDTHS.app)}${'as expected'.padEnd(14)}${'sent again'.padEnd(14)}seen by handlers`,
  )
  const rows = [...Map.groupBy(lines, ({ app }) => app)].map(([app, own]) => {
    const good = own.filter(isAsExpected).length
    const again = own.filter(({ title }) => title.startsWith('  after')).length
    const seen = own.filter(({ actual }) => actual.saw !== 'not run').length
    const mark = good === own.length ? green('✓') : red('✗')
    const cells = [`${good} of ${own.length}`.padEnd(14), String(again).padEnd(14), String(seen)]
    return `${mark} ${app.padEnd(WIDTHS.app)}${cells.join('')}`
  })
  return [head, ...rows, ''].join('\n')
}

function columns(
  app: string,
  title: string,
  { outcome, status, saw }: Record<keyof Sight, string | number>,
): string {
  return [
    app.padEnd(WIDTHS.app),
    title.padEnd(WIDTHS.title),
    String(outcome).padEnd(WIDTHS.outcome),
    String(status).padEnd(WIDTHS.status),
    saw,
  ].join('')
}

// `styleText` leaves text plain unless the stream is a terminal that wants colour.
const dim = (text: string) => styleText('dim', text, { stream: process.stdout })
const green = (text: string) => styleText('green', text, { stream: process.stdout })
const red = (text: string) => styleText('red', text, { stream: process.stdout })
