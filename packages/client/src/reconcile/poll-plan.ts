const MINUTE_MS = 60 * 1000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/**
 * How long after its creation an open envelope is asked for, in milliseconds. Dense while a webhook may
 * be late, once right after the 24 hours within which it can be opened, and then until its money must
 * be back.
 */
const DUE_AFTER_MS: readonly number[] = [
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  1 * HOUR_MS,
  6 * HOUR_MS,
  DAY_MS + 15 * MINUTE_MS,
  26 * HOUR_MS,
  48 * HOUR_MS,
  72 * HOUR_MS,
]

/** By when an envelope is expected in the merchant's own table: its first due time. */
export const FIRST_DUE_MS: number = 2 * MINUTE_MS

/** An envelope that is still open at this age is overdue: the plan's last due time, its jitter included. */
export const PLAN_ENDS_MS: number = DAY_MS + 48 * HOUR_MS * 1.1

/** Unopened for this long, an envelope goes back (overview of red envelopes). */
const CLAIM_PERIOD_MS = DAY_MS
const LAST = DUE_AFTER_MS.length - 1
const JITTER = 0.1

/** When an envelope is to be asked for next. */
export interface Due {
  /** Which due time of the plan it is; those above the last come once a day. */
  readonly step: number
  readonly dueMs: number
}

export function firstDue(createdMs: number, random: () => number): Due {
  return { step: 0, dueMs: dueAt(0, createdMs, random) }
}

/** The first due time that is still to come, for an envelope that was asked for now. */
export function nextDue(due: Due, createdMs: number, nowMs: number, random: () => number): Due {
  let next = due
  while (next.dueMs <= nowMs) {
    const step = Math.max(next.step + 1, LAST + daysBehindPlan(createdMs, nowMs))
    next = { step, dueMs: dueAt(step, createdMs, random) }
  }
  return next
}

/** 0 or less within the plan: no due time of it is left out. */
function daysBehindPlan(createdMs: number, nowMs: number): number {
  const days = Math.floor((nowMs - createdMs - PLAN_ENDS_MS) / DAY_MS)
  return days > 0 ? days : -LAST
}

/** Tells whether the whole plan was gone through. */
export function isBeyondPlan({ step }: Due): boolean {
  return step > LAST
}

/** Spreads a time by ±10 %, so that what was made at once is not asked for at once. */
export function jitter(ms: number, random: () => number): number {
  return ms * (1 + JITTER * (2 * random() - 1))
}

function dueAt(step: number, createdMs: number, random: () => number): number {
  const afterMs = DUE_AFTER_MS[step]
  if (afterMs === undefined) {
    const daysBehind = step - LAST - 1
    return createdMs + PLAN_ENDS_MS + daysBehind * DAY_MS + jitter(DAY_MS, random)
  }
  // 10 % of 24 h 15 min would ask before the 24 hours are over, and learn nothing.
  const fixedMs = afterMs > CLAIM_PERIOD_MS ? CLAIM_PERIOD_MS : 0
  return createdMs + fixedMs + jitter(afterMs - fixedMs, random)
}
