const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/**
 * How long Ping++ waits before each retry, in milliseconds
 * (guide, note 5): ten times within 24 h 47 min after the first.
 */
export const RETRY_GAPS_MS: readonly number[] = [
  5 * SECOND,
  10 * SECOND,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  1 * HOUR,
  2 * HOUR,
  6 * HOUR,
  15 * HOUR,
]

/** An envelope that was not opened is refunded after this long, in milliseconds (overview of red envelopes). */
export const CLAIM_PERIOD_MS: number = 24 * HOUR

/** How often a notification is sent at most: at once, and after every gap. */
export const ATTEMPTS: number = RETRY_GAPS_MS.length + 1

/**
 * How long an envelope is `refunding` before it is at `refund`, in milliseconds. Not documented
 * by Ping++; ten minutes leave time to see it.
 */
export const REFUND_PERIOD_MS: number = 10 * MINUTE

/** How late `metadata[pingpp_tc]: "002"` makes the notifications of an envelope (test mode). */
export const TEST_CASE_DELAY_MS: number = 5 * MINUTE
