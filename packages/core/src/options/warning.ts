import { callSafely, logLine, originFields, originOf, textOf, type Logger } from './logger.ts'
import { readLogger } from './readers.ts'

/** The subject of a warning of an inbox or a queue. */
export interface WarningAbout<Code extends string = string> {
  /** For alarms: the same as the code of the error. */
  readonly code: Code
  /** The idempotency key of the event, if the warning is about one event. */
  readonly key?: string
}

/**
 * Called with the warnings of an inbox or a queue: a problem that threatens its promise although no
 * delivery failed. The message of `error` says what happened and what to do; its `cause` is the error of
 * the store. May be async; errors thrown by the hook are ignored.
 */
export type OnWarning<Code extends string = string> = (
  error: Error,
  about: WarningAbout<Code>,
) => unknown

export type Warn<Code extends string = string> = (
  error: Error & { readonly code: Code },
  key?: string,
) => void

/** Returns a function that calls the hook of checked options, or, without a hook, logs one line. */
export function readWarn<Code extends string>(options: {
  readonly onWarning?: OnWarning<Code> | undefined
  readonly logger?: Logger | false | undefined
}): Warn<Code> {
  const { onWarning = logTo(readLogger(options.logger)) } = options
  return function warn(error, key) {
    const { code } = error
    callSafely(() => onWarning(error, key === undefined ? { code } : { code, key }))
  }
}

/**
 * Logs one line, as for a delivery that failed: without the text of a cause that is not hongbao's,
 * except in development and in tests.
 */
function logTo(logger: Logger): OnWarning {
  return function log(error, { code, key }) {
    const subject = key === undefined ? '' : ` (${key})`
    const line = `[hongbao] ${code}${subject}: ${error.message}`
    const { cause } = error
    if (cause === undefined) logLine(logger, 'warn', line, { code, key })
    else {
      const fields = { code, key, ...originFields(cause) }
      logLine(logger, 'warn', line + originOf(cause) + textOf(cause), fields)
    }
  }
}
