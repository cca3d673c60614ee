import { describe, ERRORS, WebhookError, type WebhookErrorCode } from './errors.ts'

/**
 * A step that did not succeed, as a value: the steps of a delivery return it, and only a hook
 * turns it into an Error. An Error costs 3 µs for its stack, a tenth of what verifying costs.
 */
export class Failure {
  readonly code: WebhookErrorCode
  readonly detail: string | undefined
  /** What was thrown, where something was. `undefined` can be thrown too, hence `hasCause`. */
  readonly cause: unknown
  readonly hasCause: boolean

  constructor(code: WebhookErrorCode, detail?: string, thrown?: { readonly cause?: unknown }) {
    this.code = code
    this.detail = detail
    this.cause = thrown?.cause
    this.hasCause = thrown !== undefined && 'cause' in thrown
  }

  get outcome(): 'rejected' | 'failed' {
    return ERRORS[this.code].outcome
  }

  get message(): string {
    return describe(this.code, this.detail)
  }

  toError(): WebhookError {
    return new WebhookError(
      this.code,
      this.detail,
      this.hasCause ? { cause: this.cause } : undefined,
    )
  }
}

/** The last line of defence: a bug, ours or an adapter's, is answered like an outage. */
export function internalError(error: unknown): Failure {
  return new Failure('internal-error', undefined, { cause: error })
}
