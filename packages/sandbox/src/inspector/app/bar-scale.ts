/** How much time the bar shows, in milliseconds: the whole schedule of retries takes 24 h 47 min. */
export const SPAN_MS: number = 25 * 60 * 60 * 1000

/** Until here the axis is nearly linear, so that the first three attempts (0, 5 s, 15 s) can be told apart. */
const KNEE_MS = 10_000

/** Marks of the axis: milliseconds after the first attempt. */
export const TICKS_MS: readonly number[] = [0, 60_000, 600_000, 3_600_000, 21_600_000, 86_400_000]

/** Milliseconds after the first attempt → place on the axis, from 0 to 1. */
export function placeOf(ms: number): number {
  const place = Math.log1p(ms / KNEE_MS) / Math.log1p(SPAN_MS / KNEE_MS)
  return Math.min(1, Math.max(0, place))
}

/** Place on the axis, from 0 to 1 → milliseconds after the first attempt. */
export function timeAt(place: number): number {
  const bounded = Math.min(1, Math.max(0, place))
  return Math.round(Math.expm1(bounded * Math.log1p(SPAN_MS / KNEE_MS)) * KNEE_MS)
}

/** Marks that are closer than this would cover each other. */
const CLOSE = 0.018

const LANES = 3

/** Gives each mark a lane, so that copies of one attempt stand above each other. @param places ascending */
export function lanesOf(places: readonly number[]): readonly number[] {
  let [lane, before] = [0, Number.NEGATIVE_INFINITY]
  return places.map((place) => {
    lane = place - before < CLOSE ? (lane + 1) % LANES : 0
    before = place
    return lane
  })
}

export interface Planned {
  readonly n: number
  readonly dueMs: number
}

/**
 * The attempts that are still to come if each of them fails at once.
 *
 * @param nextMs when the next one is due
 * @param n its number
 * @param gapsMs the schedule: `gapsMs[0]` is between the first and the second attempt
 */
export function planAhead(nextMs: number, n: number, gapsMs: readonly number[]): Planned[] {
  const planned: Planned[] = [{ n, dueMs: nextMs }]
  let dueMs = nextMs
  for (const [index, gapMs] of gapsMs.slice(n - 1).entries()) {
    dueMs += gapMs
    planned.push({ n: n + 1 + index, dueMs })
  }
  return planned
}
