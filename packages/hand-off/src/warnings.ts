import type { Logger } from '@hongbao/core'
import { checkKind, contain, originOf, readLogger, textOf } from '@hongbao/core/internal'
import { QueueError } from './errors.ts'

/** Where a queue says what may cost events. */
export interface WarningOptions {
  /**
   * Called with what may cost events: a Redis that may evict, a connection that hangs, a stalled job.
   * Errors thrown by the hook are ignored. Default: one line to `logger`.
   */
  readonly onWarning?: ((error: Error, about: WarningAbout) => void | Promise<void>) | undefined
  /** Where warnings and dead letters are logged, one line each. `false` for nowhere. Default: `console`. */
  readonly logger?: Logger | false | undefined
}

/** What a warning is about. */
export interface WarningAbout {
  /** Such as `bullmq-may-evict`. */
  readonly code: string
  /** The idempotency key of the event, if it is about one. */
  readonly key?: string
}

/** Warns once; `cause` is what was thrown, if something was. */
export type Warn = (
  code: string,
  message: string,
  about?: { readonly cause?: unknown; readonly key?: string },
) => void

export function createWarn(options: WarningOptions): Warn {
  const { onWarning } = options
  checkKind('onWarning', onWarning, ['undefined', 'function'], 'a function')
  const logger = readLogger(options.logger)
  return function warn(code, message, { cause, key } = {}) {
    contain(() => {
      if (onWarning === undefined) {
        const origin = cause === undefined ? '' : `${originOf(cause)}${textOf(cause)}`
        return logger.warn(`[hongbao] ${message}${origin}`)
      }
      const error = new QueueError(code, message, cause === undefined ? {} : { cause })
      return onWarning(error, key === undefined ? { code } : { code, key })
    })
  }
}
