import type { Values } from '../fill.ts'
import type { RefusedBy } from '../refusal-sentence.ts'
import { writeRefusal } from './texts/refusals.ts'
import type { TextName, Texts } from './texts/texts.ts'

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

export function usageError(text: TextName | Say, values?: Values): CliError {
  const say: Say = typeof text === 'function' ? text : (t) => t(text, values)
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
  const { message, stack = message } = error
  const code = 'code' in error ? String(error.code) : 'unexpected'
  if ('syscall' in error) {
    return { status: EXIT.usage, code, message: describeFileError(error, code, texts) }
  }
  const isRefusal = error.name === 'SandboxError' || error.name === 'OptionError'
  if (!isRefusal) return { status: EXIT.unexpected, code, message: stack }
  const { reason, about }: Partial<RefusedBy> = error
  const refused = { code, message, reason, about }
  return { status: EXIT.usage, code, message: writeRefusal(refused, texts) }
}

const FILE_ERRORS = ['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR'] as const

function describeFileError(error: Error, code: string, texts: Texts): string {
  const name = FILE_ERRORS.find((each) => each === code)
  if (name === undefined) return error.message
  const path = 'path' in error ? String(error.path) : ''
  return texts(name === 'EISDIR' && path === '' ? 'file.directory' : `file.${name}`, { path })
}
