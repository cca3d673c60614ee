import { WebhookError } from '@hongbao/core'
import { PingppError } from '../errors.ts'
import { OpenError } from './open-envelopes.ts'
import type { ReconcilerRunError } from './reconciler-report.ts'

/** What ended a run, for its report: without the text of errors that are not hongbao's. */
export function explain(error: unknown, signal: AbortSignal): ReconcilerRunError {
  if (signal.aborted) return { code: 'run-aborted', message: 'The run was stopped before its end.' }
  if (error instanceof PingppError) {
    const { code, message, retryAfterMs } = error
    return { code, message, ...(retryAfterMs !== undefined && { retryAfterMs }) }
  }
  if (error instanceof WebhookError) return { code: error.code, message: error.message }
  if (error instanceof OpenError) return { code: 'open-failed', message: error.message }
  // The text of an unknown error may hold a secret; whoever wants it has the cause.
  const name = error instanceof Error ? error.name : typeof error
  return { code: 'internal-error', message: `The run failed (${name}).` }
}

/** What ended a run, for `onError`: what `open` threw, rather than what became of it for the report. */
export function causeOf(error: unknown): unknown {
  return error instanceof OpenError ? (error.cause ?? error) : error
}
