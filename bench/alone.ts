import type { Figure } from './figure.ts'

/** Two ways of applying a single event. */
export interface Rivals {
  /** The name of the store, for the figures. */
  readonly store: string
  readonly count: number
  /** Applies the event of that number, with nothing to do. */
  readonly ours: (at: number) => Promise<unknown>
  readonly theirs: (at: number) => Promise<unknown>
}

/**
 * What an inbox adds to a single delivery, at p50 and p99, compared with the same
 * statements by hand; in turns, so that what else the machine does meets both.
 */
export async function compareAlone({ store, count, ...rivals }: Rivals): Promise<Figure[]> {
  const times = { ours: [] as number[], theirs: [] as number[] }
  for (let at = 0; at < count; at += 1) {
    // Work that one leaves unfinished would count against the next: each is the first in turn.
    for (const whose of at % 2 === 0 ? WHOSE : WHOSE.toReversed()) {
      const startedMs = performance.now()
      await rivals[whose](at)
      times[whose].push(performance.now() - startedMs)
    }
  }
  const note = 'nothing to do, one at a time; theirs: the same by hand'
  return [50, 99].map((part) => {
    const [mine, hand] = [percentile(times.ours, part), percentile(times.theirs, part)]
    return {
      measure: `${store}: added p${part}`,
      ours: mine,
      theirs: hand,
      ratio: hand / mine,
      bar: 0.85,
      unit: 'ms',
      note,
    }
  })
}

const WHOSE = ['ours', 'theirs'] as const

/** Of the second half: the first one warms up. */
function percentile(times: readonly number[], part: number): number {
  const sorted = times.slice(times.length / 2).toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length * part) / 100)] ?? Number.NaN
}
