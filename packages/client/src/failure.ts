import type { ClientErrorCode, ClientErrorFacts } from './errors.ts'

/** An attempt that did not succeed, as a value: whether it becomes an error, the retries decide. */
export class Failure {
  readonly code: ClientErrorCode
  readonly facts: FailureFacts

  constructor(code: ClientErrorCode, facts: FailureFacts = {}) {
    this.code = code
    this.facts = facts
  }
}

/** What is known of one attempt that failed. */
export interface FailureFacts extends Pick<
  ClientErrorFacts,
  'detail' | 'status' | 'requestId' | 'api'
> {
  /** The header of that name: how long Ping++ asks to wait. */
  readonly retryAfter?: string | undefined
  /** Instead of what the code says: whether a create may have made its envelope. */
  readonly leavesOpen?: boolean | undefined
  readonly cause?: unknown
}
