/** What can be wrong with what is asked of a sandbox. */
export type SandboxErrorCode =
  | 'option-invalid'
  | 'target-invalid'
  | 'target-remote'
  | 'host-remote'
  | 'port-taken'
  | 'fault-invalid'
  | 'envelope-unknown'
  | 'event-unknown'
  | 'type-unknown'
  | 'type-without-webhook'
  | 'move-invalid'
  | 'wait-timed-out'
  | 'unreachable'
  | 'closed'

/** A sandbox was asked for something that it cannot do; says what, and what it can. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError'
  readonly code: SandboxErrorCode

  constructor(code: SandboxErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
