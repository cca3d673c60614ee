import type { Logger, OnWarning } from '@hongbao/core'
import { readWarn } from '@hongbao/core/internal'
import { QueueError } from './errors.ts'

/** Where a queue says what may cost events. */
export interface WarningOptions {
  /**
   * Called with what may cost events: a Redis that may evict, a connection that hangs, a stalled job.
   * Errors thrown by the hook are ignored. Default: one line to `logger`.
   */
  readonly onWarning?: OnWarning | undefined
  /** Where warnings and dead letters are logged, one line each. `false` for nowhere. Default: `console`. */
  readonly logger?: Logger | false | undefined
}

/** Warns once; `cause` is what was thrown, if something was. */
export type Warn = (
  code: string,
  message: string,
  about?: { readonly cause?: unknown; readonly key?: string },
) => void

export function createWarn(options: WarningOptions): Warn {
  const warn = readWarn(options)
  return function warnOfQueue(code, message, { cause, key } = {}) {
    warn(new QueueError(code, message, cause === undefined ? {} : { cause }), key)
  }
}
