import { brand, vouchForAll } from '../options/errors.ts'
import { describe, ERRORS, type WebhookErrorCode } from './error-codes.ts'

export { describe, ERRORS } from './error-codes.ts'
export type { WebhookErrorCode, WebhookOutcome } from './error-codes.ts'

/** A delivery that was `rejected` or `failed`. `instanceof` works across copies and formats of hongbao. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  readonly code: WebhookErrorCode
  readonly outcome: 'rejected' | 'failed'
  /** What is known of this one case; it follows the code's own sentence. */
  readonly detail: string | undefined

  /** `detail` follows the code's own message; `cause` is kept as it came, whatever was thrown. */
  constructor(code: WebhookErrorCode, detail?: string, options?: ErrorOptions) {
    super(describe(code, detail), options)
    this.code = code
    this.outcome = ERRORS[code].outcome
    this.detail = detail
  }
}

brand(WebhookError, 'WebhookError')
vouchForAll(WebhookError, ({ code, detail }) => describe(code, detail))

/**
 * A WebhookError as a value: the steps of a delivery return it, so its stack has no frames. Frames
 * cost 7 µs, a quarter of a verification, and would only show hongbao's own steps.
 */
export function createFailure(
  code: WebhookErrorCode,
  detail?: string,
  options?: ErrorOptions,
): WebhookError {
  const { stackTraceLimit } = Error
  // With `node --frozen-intrinsics` an assignment throws an error, and `Reflect.set` does nothing.
  Reflect.set(Error, 'stackTraceLimit', 0)
  try {
    return new WebhookError(code, detail, options)
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  }
}

/**
 * A copy for code that is not hongbao's, which may change it: the failure itself decides about the answers
 * of all deliveries that share it.
 */
export function copyOf(failure: WebhookError): WebhookError {
  const { code, detail } = failure
  return createFailure(code, detail, 'cause' in failure ? { cause: failure.cause } : undefined)
}

/** A copy for `throw`, with the stack of the function that throws it. */
export function withStack(failure: WebhookError): WebhookError {
  const copy = copyOf(failure)
  Error.captureStackTrace?.(copy, withStack)
  return copy
}

/** The failure that an adapter threw; any other error is a bug. */
export function failureOf(error: unknown): WebhookError {
  return error instanceof WebhookError ? error : internalError(error)
}

/** The last line of defence: a bug, ours or an adapter's, is answered like an outage. */
export function internalError(error: unknown): WebhookError {
  return createFailure('internal-error', undefined, { cause: error })
}
