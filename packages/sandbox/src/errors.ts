import { brand } from '@hongbao/core/internal'

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

/** Thrown if a sandbox cannot do what was requested; the message has the reason and a remedy. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError'
  readonly code: SandboxErrorCode

  constructor(code: SandboxErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

brand(SandboxError, 'SandboxError')

export function closedError(): SandboxError {
  return new SandboxError('closed', 'The sandbox is closed.')
}
