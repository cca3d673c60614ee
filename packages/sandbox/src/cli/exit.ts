/** Exit statuses, as in the README. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  /** A wrong command, option or argument. */
  usage: 2,
  /** No sandbox answers. */
  unreachable: 3,
  /** The app did not answer 2xx, or there is no target. */
  undelivered: 4,
  timedOut: 5,
  /** `verify`: the signature does not cover these bytes under this key. */
  invalidSignature: 6,
  // 128 and the signal's number, as in shells.
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
} as const

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT]

/** Ends a command with a message and an exit status. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly status: ExitStatus
  readonly code: string

  constructor(status: ExitStatus, code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
    this.code = code
  }
}

export function usageError(message: string): CliError {
  return new CliError(EXIT.usage, 'usage', message)
}

/** Code, message and exit status of any error. */
export function describeError(error: unknown): Pick<CliError, 'status' | 'code' | 'message'> {
  if (error instanceof CliError) return error
  if (!(error instanceof Error)) {
    return { status: EXIT.unexpected, code: 'unexpected', message: String(error) }
  }
  const { message, name, stack = message } = error
  const code = 'code' in error ? String(error.code) : 'unexpected'
  // `syscall`: a file that does not exist, a folder that is not writable.
  const isUsage = name === 'SandboxError' || name === 'OptionError' || 'syscall' in error
  if (isUsage) return { status: EXIT.usage, code, message }
  return { status: EXIT.unexpected, code, message: stack }
}
