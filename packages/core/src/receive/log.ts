import { originOf, textOf, type Logger } from '../options/logger.ts'
import { describe, ERRORS, type WebhookError, type WebhookErrorCode } from '../reply/errors.ts'

/** Logs one failure; `subject` says which event. */
export type FailureLog = (failure: WebhookError, subject?: string) => void

const MINUTE_MS = 60_000

/**
 * The default log: one line per failure, at most one a minute for what anybody can cause.
 * A line never holds a body, a key, or the text of an error that is not hongbao's: it may hold a
 * secret. In development and in tests the text and the stack of the error follow the line.
 */
export function createLog(logger: Logger, now: () => number): FailureLog {
  const lastLogged = new Map<WebhookErrorCode, number>()
  const suppressed = new Map<WebhookErrorCode, number>()

  return function log(failure, subject) {
    const { code } = failure
    if (!isDue(code)) {
      suppressed.set(code, (suppressed.get(code) ?? 0) + 1)
      return
    }
    const line = `[hongbao] ${code}${subject === undefined ? '' : ` (${subject})`}: ${describe(code, failure.detail)}${causeOf(failure, originOf)}${skipped(code)}${causeOf(failure, textOf)}`
    // Returned, so that the rejection of an async logger can be ignored.
    return ERRORS[code].log === 'warning' ? logger.warn(line) : logger.error(line)
  }

  function isDue(code: WebhookErrorCode): boolean {
    const last = lastLogged.get(code)
    if (last !== undefined && ERRORS[code].log !== 'each' && now() - last < MINUTE_MS) return false
    lastLogged.set(code, now())
    return true
  }

  function skipped(code: WebhookErrorCode): string {
    const count = suppressed.get(code) ?? 0
    suppressed.delete(code)
    return count === 0 ? '' : ` (${count} more since the last line.)`
  }
}

/** Returns what the log may show of the cause of a failure. */
function causeOf(failure: WebhookError, show: (thrown: unknown) => string): string {
  return 'cause' in failure && ERRORS[failure.code].log !== 'warning' ? show(failure.cause) : ''
}
