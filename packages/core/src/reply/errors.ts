import { brand, vouchFor } from '../options/errors.ts'
import { describe, ERRORS, type WebhookErrorCode } from './error-codes.ts'

export { describe, ERRORS } from './error-codes.ts'
export type { WebhookErrorCode, WebhookOutcome } from './error-codes.ts'

/** A delivery that was `rejected` or `failed`. `instanceof` works across copies and formats of hongbao. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  readonly code: WebhookErrorCode
  readonly outcome: 'rejected' | 'failed'
  /** What is known of this one case, behind the code's own sentence. */
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
vouchFor(WebhookError, ({ code, detail }) => describe(code, detail))
