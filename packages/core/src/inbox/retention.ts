import { MIN_RETENTION_SECONDS } from './inbox.ts'
import { must, type Reader } from '../options/settings.ts'

// 31 years: more is a wrong unit. Redis refuses times to live that overflow its clock.
const MAX_RETENTION_SECONDS = 1_000_000_000

/** How long an inbox remembers an applied key; the same rule for every store. */
export const retention: Reader<number> = must(
  'a whole number of seconds from 97,200 (27 h; Ping++ sends an event again for 24 h 47 min) to 1,000,000,000',
  (seconds) =>
    Number.isSafeInteger(seconds) &&
    seconds >= MIN_RETENTION_SECONDS &&
    seconds <= MAX_RETENTION_SECONDS,
)
