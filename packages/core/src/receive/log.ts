import { originOf, textOf, type Logger } from '../options/logger.ts'
import { describe, ERRORS, type WebhookError, type WebhookErrorCode } from '../reply/errors.ts'

/** Speaks of one failure; `subject` says which event. */
export type FailureLog = (failure: WebhookError, subject?: string) => void

const MINUTE_MS = 60_000

/**
 * The default log: one line per failure, at most one a minute for what strangers can cause.
 * A line never holds a body, a key, or the text of an error that is not hongbao's: it may hold a
 * secret. In development and in tests the text and the stack of the error follow the line.
 */
export function createLog(logger: Logger, now: () => number): FailureLog {
  const lastSpoken = new Map<WebhookErrorCode, number>()
  const unspoken = new Map<WebhookErrorCode, number>()

  return function log(failure, subject) {
    const { code } = failure
    if (!isDue(code)) {
      unspoken.set(code, (unspoken.get(code) ?? 0) + 1)
      return
    }
    const line = `[hongbao] ${code}${subject === undefined ? '' : ` (${subject})`}: ${describe(code, failure.detail)}${told(failure, originOf)}${skipped(code)}${told(failure, textOf)}`
    // Returned, so that the rejection of an async logger can be ignored.
    return ERRORS[code].log === 'warning' ? logger.warn(line) : logger.error(line)
  }

  function isDue(code: WebhookErrorCode): boolean {
    const last = lastSpoken.get(code)
    if (last !== undefined && ERRORS[code].log !== 'each' && now() - last < MINUTE_MS) return false
    lastSpoken.set(code, now())
    return true
  }

  function skipped(code: WebhookErrorCode): string {
    const count = unspoken.get(code) ?? 0
    unspoken.delete(code)
    return count === 0 ? '' : ` (${count} more since the last line.)`
  }
}

/** What the log tells of the error behind a failure. */
function told(failure: WebhookError, tell: (thrown: unknown) => string): string {
  return 'cause' in failure && ERRORS[failure.code].log !== 'warning' ? tell(failure.cause) : ''
}
