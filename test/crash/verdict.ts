import { breaches, check, type Findings } from './checker.ts'
import { findUnmet } from './nemesis.ts'
import type { StorePlan } from './stores.ts'
import type { Trial } from './trial.ts'

/** The result of a trial of a store. */
export interface Verdict {
  readonly store: string
  readonly title: string
  readonly seed: number
  readonly trial: Trial
  readonly findings: Findings
  /** Why it fails, a sentence each; none if it passes. */
  readonly breaches: readonly string[]
}

/** The request for a trial. */
export interface Asked {
  readonly name: string
  readonly plan: StorePlan
  readonly kills: number
  readonly seed: number
}

export function judge({ name, plan, kills, seed }: Asked, trial: Trial): Verdict {
  const findings = check(trial.history)
  const { killsInFlight } = findings
  const unmet = findUnmet(plan.points, trial.history.interruptions)
  return {
    store: name,
    title: plan.title,
    seed,
    trial,
    findings,
    breaches: [
      ...breaches(findings, plan.guarantee),
      ...trial.crashes.map((lastWords) => `An app ended by itself: ${summarize(lastWords)}`),
      ...(killsInFlight < kills
        ? [`${killsInFlight} kills of ${kills} found a handler in flight: too few to say anything`]
        : []),
      // Fewer kills than points cannot come to all of them.
      ...(unmet.length > 0 && kills >= plan.points.length
        ? [`No kill came to ${unmet.join(', ')}: too little to say anything of these points`]
        : []),
    ],
  }
}

/** For people: one row per store, columns lined up. */
export function formatTable(verdicts: readonly Verdict[]): string {
  const rows = [
    ['store', ...COLUMNS.map(([heading]) => heading)],
    ...verdicts.map((verdict) => [
      verdict.title,
      ...COLUMNS.map(([, cell]) => String(cell(verdict))),
    ]),
  ]
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? []
  return rows.map((row) => formatRow(row, widths)).join('\n')
}

/** For programs: one line. */
export function formatJson({ store, seed, trial, findings, breaches: broken }: Verdict): string {
  const { lost, undelivered, foreign, unexplained: _, untold: __, ...counts } = findings
  const { notifications, requests, givenUp, crashes, seconds } = trial
  return JSON.stringify({
    store,
    kept: broken.length === 0,
    lost: lost.length,
    undelivered: undelivered.length,
    foreign: foreign.length,
    ...counts,
    notifications,
    requests,
    givenUp,
    crashes: crashes.length,
    seconds: Math.round(seconds),
    seed,
    breaches: broken,
  })
}

/** Heading → cell. */
const COLUMNS: readonly (readonly [
  heading: string,
  cell: (verdict: Verdict) => string | number,
])[] = [
  ['events', ({ findings }) => findings.events],
  ['requests', ({ trial }) => trial.requests],
  ['kills in flight', ({ findings }) => findings.killsInFlight],
  ['stops', ({ findings }) => findings.stops],
  ['restarts', ({ findings }) => findings.restarts],
  ['lost', ({ findings }) => findings.lost.length],
  ['doubles', ({ findings }) => findings.doubles],
  ['untold', ({ findings }) => findings.doublesUntold + findings.takeoversForgotten],
  ['at risk', ({ findings }) => findings.atRisk],
  ['seconds', ({ trial }) => Math.round(trial.seconds)],
  ['promise', ({ breaches: broken }) => (broken.length === 0 ? 'kept' : 'BROKEN')],
]

function formatRow(row: readonly string[], widths: readonly number[]): string {
  const cells = row.map((cell, at) => {
    const width = widths[at] ?? 0
    return at === 0 || at === row.length - 1 ? cell.padEnd(width) : cell.padStart(width)
  })
  return cells.join('  ').trimEnd()
}

/** The line of an error in the last output of a process. */
function summarize(lastWords: string): string {
  const lines = lastWords.split('\n').filter((line) => line.trim() !== '')
  return lines.find((line) => /error/i.test(line) && !/^\s+at |throw/.test(line)) ?? lines[0] ?? ''
}
