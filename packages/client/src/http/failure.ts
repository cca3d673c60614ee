import type { PingppErrorCode, PingppErrorFacts } from '../errors.ts'

/** An attempt that did not succeed, as a value: whether it becomes an error, the retries decide. */
export class Failure {
  readonly code: PingppErrorCode
  readonly facts: FailureFacts

  constructor(code: PingppErrorCode, facts: FailureFacts = {}) {
    this.code = code
    this.facts = facts
  }
}

/** What is known of one attempt that failed. */
export interface FailureFacts extends Pick<
  PingppErrorFacts,
  'detail' | 'status' | 'requestId' | 'api'
> {
  /** The header of that name: how long Ping++ asks to wait. */
  readonly retryAfter?: string | undefined
  /** Instead of what the code says: whether a create has certainly created no envelope. */
  readonly notCreated?: boolean | undefined
  readonly cause?: unknown
}
