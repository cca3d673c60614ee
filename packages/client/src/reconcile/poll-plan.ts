const MINUTE_MS = 60 * 1000
const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS: number = 24 * HOUR_MS

/**
 * How long after its creation an open envelope is queried. Dense while a webhook may be
 * late, once right after the 24 hours within which it can be opened, and then until its money must be
 * back.
 */
const DUE_AFTER_MINUTES = [2, 10, 60, 6 * 60, 24 * 60 + 15, 26 * 60, 48 * 60, 72 * 60]

/** By when an envelope is expected in the merchant's own table: its first due time. */
export const FIRST_DUE_MS: number = 2 * MINUTE_MS

/** An envelope that is still open at this age is overdue: the plan's last due time, its jitter included. */
export const PLAN_ENDS_MS: number = DAY_MS + 48 * HOUR_MS * 1.1

const JITTER = 0.1

/** The first due time after a moment: of the plan, and daily after its end. `random` is the envelope's own. */
export function nextDueMs(createdMs: number, afterMs: number, random: number): number {
  const plannedMs = DUE_AFTER_MINUTES.map(
    (minutes) => createdMs + spread(minutes * MINUTE_MS, random),
  )
  const dueMs = plannedMs.find((ms) => ms > afterMs)
  if (dueMs !== undefined) return dueMs
  const dailyMs = createdMs + PLAN_ENDS_MS + jitter(DAY_MS, random)
  const days = Math.ceil(Math.max(0, afterMs + 1 - dailyMs) / DAY_MS)
  return dailyMs + days * DAY_MS
}

/**
 * Unopened for 24 hours, an envelope goes back (overview of red envelopes): 10 % of 24 h 15 min would query
 * before they are over, when nothing has changed yet.
 */
function spread(afterMs: number, random: number): number {
  const fixedMs = afterMs > DAY_MS ? DAY_MS : 0
  return fixedMs + jitter(afterMs - fixedMs, random)
}

/** Spreads a time by ±10 %, so that envelopes of one moment are not queried at one moment. */
export function jitter(ms: number, random: number): number {
  return ms * (1 + JITTER * (2 * random - 1))
}

const FIRST_RETRY_MS = MINUTE_MS
const LONGEST_RETRY_MS = HOUR_MS

/** How long to wait after so many failures in a row: a minute, doubled each time, an hour at most. */
export function backoffMs(failures: number, random: number): number {
  return jitter(Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1)), random)
}
