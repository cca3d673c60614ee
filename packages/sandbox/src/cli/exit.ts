/** Exit status → meaning: one table, in the README too. */
export const EXIT = {
  ok: 0,
  /** Something failed that should not. */
  unexpected: 1,
  /** A wrong command, option or argument, or one that names nothing. */
  usage: 2,
  /** No sandbox answers. */
  unreachable: 3,
  /** The app did not answer 2xx, or there is no target. */
  undelivered: 4,
  timedOut: 5,
  /** `verify`: the signature does not cover these bytes under this key. */
  invalidSignature: 6,
  // 128 and the signal's number, as shells have it.
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
} as const

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT]

/** Ends a command with a sentence for people, and a status for programs. */
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

/** The error for a wrong option or argument. */
export function usageError(message: string): CliError {
  return new CliError(EXIT.usage, 'usage', message)
}

/** What an error of any origin says to people, and as which status. */
export function describeError(error: unknown): {
  readonly status: ExitStatus
  readonly code: string
  readonly message: string
} {
  if (error instanceof CliError) return error
  if (!(error instanceof Error)) {
    return { status: EXIT.unexpected, code: 'unexpected', message: String(error) }
  }
  const { message, name, stack = message } = error
  const code = 'code' in error ? String(error.code) : 'unexpected'
  // What is wrong with options, of the sandbox and of keys; both say what to do.
  if (name === 'SandboxError' || name === 'OptionError')
    return { status: EXIT.usage, code, message }
  // A file that is not there, a folder that may not be written to.
  if ('syscall' in error) return { status: EXIT.usage, code, message }
  return { status: EXIT.unexpected, code, message: stack }
}
