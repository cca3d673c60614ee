import { logLine, originFields, originOf, textOf, type ChooseLogger } from '../options/logger.ts'
import { describe, ERRORS, type WebhookError, type WebhookErrorCode } from '../reply/errors.ts'
import { factsOf, type Trace } from './trace.ts'

/** Logs one failure: of a delivery or an event, or, without a trace, of the keys. Never throws. */
export type FailureLog = (failure: WebhookError, trace?: Trace, status?: number) => void

const MINUTE_MS = 60_000

/**
 * The default log: one line per failure, at most one a minute for what anybody can cause.
 * A line never holds a body, a key, or the text of an error that is not hongbao's: it may hold a
 * secret. In development and in tests the text and the stack of the error follow the line.
 */
export function createLog(chooseLogger: ChooseLogger, now: () => number): FailureLog {
  const lastLogged = new Map<WebhookErrorCode, number>()
  const suppressed = new Map<WebhookErrorCode, number>()

  return function log(failure, trace, status) {
    const { code, outcome } = failure
    if (!isDue(code)) {
      suppressed.set(code, (suppressed.get(code) ?? 0) + 1)
      return
    }
    const suppressedCount = suppressed.get(code)
    suppressed.delete(code)
    const more =
      suppressedCount === undefined ? '' : ` (${suppressedCount} more since the last line.)`
    const isWarning = ERRORS[code].log === 'warning'
    const isShown = 'cause' in failure && !isWarning
    const [origin, text] = isShown ? [originOf(failure.cause), textOf(failure.cause)] : ['', '']
    logLine(
      chooseLogger(trace?.logger),
      isWarning ? 'warn' : 'error',
      `[hongbao] ${code}${subjectOf(trace)}: ${describe(code, failure.detail)}${origin}${more}${text}`,
      {
        code,
        outcome,
        ...(trace === undefined ? {} : { ...factsOf(trace, status), durationMs: ageOf(trace) }),
        ...(isShown ? originFields(failure.cause) : {}),
        suppressedCount,
      },
    )
  }

  function isDue(code: WebhookErrorCode): boolean {
    const last = lastLogged.get(code)
    if (last !== undefined && ERRORS[code].log !== 'each' && now() - last < MINUTE_MS) return false
    lastLogged.set(code, now())
    return true
  }
}

function subjectOf(trace: Trace | undefined): string {
  const event = trace?.event
  return event === undefined ? '' : ` (${event.type} ${event.id ?? 'without id'})`
}

function ageOf({ startedMs }: Trace): number {
  return Math.round(performance.now() - startedMs)
}
