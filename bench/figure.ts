/** One measured figure. All fields but `unit` and `note` go into its JSON line. */
export interface Figure {
  readonly measure: string
  readonly ours: number
  /** What people use today, or the allowance if there is nothing to compare with. */
  readonly theirs: number
  /** How much better ours is: 1 is as good. */
  readonly ratio: number
  /** The minimum of the ratio. */
  readonly bar: number
  /** What `ours` and `theirs` count. */
  readonly unit: string
  /** What else belongs to the figure, for the table. */
  readonly note?: string
}

export function holds({ ratio, bar }: Figure): boolean {
  return ratio >= bar
}

/** A figure of something that is better smaller: `ours` against an allowance. */
export function withinAllowance(
  measure: string,
  ours: number,
  allowance: number,
  unit: string,
  note: string,
): Figure {
  return { measure, ours, theirs: allowance, ratio: allowance / ours, bar: 1, unit, note }
}

/** For people: one row per figure, columns lined up. */
export function formatTable(figures: readonly Figure[]): string {
  const rows = [
    ['measure', 'ours', 'theirs', 'unit', 'ratio', 'bar', 'holds', ''],
    ...figures.map((figure) => [
      figure.measure,
      formatNumber(figure.ours),
      formatNumber(figure.theirs),
      figure.unit,
      figure.ratio.toFixed(2),
      figure.bar.toFixed(2),
      holds(figure) ? 'yes' : 'NO',
      figure.note ?? '',
    ]),
  ]
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? []
  return rows.map((row) => formatRow(row, widths)).join('\n')
}

/** For programs: one line. */
export function formatJson(figure: Figure): string {
  const { measure, ours, theirs, ratio, bar } = figure
  return JSON.stringify({
    measure,
    ours: round(ours),
    theirs: round(theirs),
    ratio: round(ratio),
    bar,
    holds: holds(figure),
  })
}

const NUMERIC = new Set([1, 2, 4, 5])

function formatRow(row: readonly string[], widths: readonly number[]): string {
  const cells = row.map((cell, at) => {
    const width = widths[at] ?? 0
    return NUMERIC.has(at) ? cell.padStart(width) : cell.padEnd(width)
  })
  return cells.join('  ').trimEnd()
}

function formatNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 1000 ? 1 : 0 })
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
