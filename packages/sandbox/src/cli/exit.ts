import type { Texts } from './texts/texts.ts'

/** Exit statuses, as in the README. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  /** A wrong command, option or argument. */
  usage: 2,
  /** No sandbox answers, or another project's does. */
  unreachable: 3,
  /** The app did not answer 2xx, or there is no target. */
  undelivered: 4,
  timedOut: 5,
  /** `verify`: the signature does not cover these bytes under this key. */
  invalidSignature: 6,
  /** `doctor`: a check failed. */
  checkFailed: 7,
  // 128 and the signal's number, as in shells.
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
} as const

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT]

/** A text in the user's language. */
export type Say = (texts: Texts) => string

/** Ends a command with a message and an exit status. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly status: ExitStatus
  readonly code: string
  readonly say: Say

  constructor(status: ExitStatus, code: string, say: Say, options?: ErrorOptions) {
    super(code, options)
    this.status = status
    this.code = code
    this.say = say
  }
}

export function usageError(say: Say): CliError {
  return new CliError(EXIT.usage, 'usage', say)
}

/** Code, message and exit status of any error. */
export function describeError(
  error: unknown,
  texts: Texts,
): Pick<CliError, 'status' | 'code' | 'message'> {
  if (error instanceof CliError) {
    return { status: error.status, code: error.code, message: error.say(texts) }
  }
  if (!(error instanceof Error)) {
    return { status: EXIT.unexpected, code: 'unexpected', message: String(error) }
  }
  const { message, name, stack = message } = error
  const code = 'code' in error ? String(error.code) : 'unexpected'
  if ('syscall' in error) {
    const path = 'path' in error ? String(error.path) : ''
    const reason = texts.fileErrors[code]?.(path)
    return { status: EXIT.usage, code, message: reason ?? message }
  }
  const isUsage = name === 'SandboxError' || name === 'OptionError'
  if (isUsage) return { status: EXIT.usage, code, message: texts.refusal(code, message) }
  return { status: EXIT.unexpected, code, message: stack }
}
