import { InboxError, type Logger, type OnWarning } from '@hongbao/core'
import { readWarn, vouchFor } from '@hongbao/core/internal'

/**
 * Why an event was not stored, or a job is a dead letter at once. A broker may have codes of its own,
 * with a prefix of its own.
 */
export type QueueErrorCode =
  | 'queue-confirm-timed-out'
  | 'queue-job-missing'
  | 'queue-circle'
  | 'queue-job-invalid'
  | 'queue-job-unsigned'
  | 'queue-not-ready'
  | 'queue-unsupported'

/** The warnings of every queue. A broker may have codes of its own, with a prefix of its own. */
export type QueueWarningCode = 'queue-close-timed-out' | 'queue-close-failed'

/** An error of a queue. Its message is hongbao's own, so the log may show it. */
export class QueueError<Code extends string = QueueErrorCode> extends InboxError<Code> {
  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(code, message, options)
    vouchFor(this, message)
  }
}

/** Where a queue reports what may cost events. */
export interface WarningOptions<Code extends string = string> {
  /**
   * Called with what may cost events: a Redis that may evict, a connection that hangs, a stalled job.
   * Errors thrown by the hook are ignored. Default: one line to `logger`.
   */
  readonly onWarning?: OnWarning<Code> | undefined
  /** Where warnings and dead letters are logged, one line each. `false` for nowhere. Default: `console`. */
  readonly logger?: Logger | false | undefined
}

/** Reports a warning. `cause` is what was thrown, `key` the idempotency key of the event. */
export type ReportWarning<Code extends string = string> = (
  code: Code,
  message: string,
  about?: { readonly cause?: unknown; readonly key?: string },
) => void

export function createWarn(options: WarningOptions): ReportWarning {
  const warn = readWarn(options)
  return function warnOfQueue(code, message, { cause, key } = {}) {
    warn(new QueueError(code, message, cause === undefined ? {} : { cause }), key)
  }
}
