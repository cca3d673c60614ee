import { codeOf } from '../error-code.ts'
import type { Values } from '../fill.ts'
import { refusalSentence, type RefusedBy } from '../refusal-sentence.ts'
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
export type Say = (texts: Texts) => string | Promise<string>

/** Ends a command with a message and an exit status. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly status: ExitStatus
  readonly code: string
  readonly say: Say

  constructor(status: ExitStatus, code: string, text: TextName | Say, values?: Values) {
    super(code)
    this.status = status
    this.code = code
    this.say = typeof text === 'function' ? text : (t) => t(text, values)
  }
}

export function usageError(text: TextName | Say, values?: Values): CliError {
  return new CliError(EXIT.usage, 'usage', text, values)
}

/** Refuses a name that there is not, and suggests the nearest, or all. */
export function unknownName(
  what: 'unknownCommand' | 'unknownOption' | 'unknownChoice',
  given: string,
  names: readonly string[],
  kind = '',
): CliError {
  return usageError(async (t) => {
    // What compares names is loaded only when a name is wrong.
    const { nearestTo } = await import('@hongbao/core/internal')
    const near = nearestTo(given, names)
    const valid = { names: t.list(names) }
    const hint = near === undefined ? t('validNames', valid) : t('didYouMean', { near })
    return t(what, { kind, given, hint })
  })
}

/** Code, message and exit status of any error. */
export async function describeError(
  error: unknown,
  texts: Texts,
): Promise<Pick<CliError, 'status' | 'code' | 'message'>> {
  if (error instanceof CliError) {
    return { status: error.status, code: error.code, message: await error.say(texts) }
  }
  const failure = error instanceof Error ? error : new Error(String(error))
  const { message, stack = message, name } = failure
  const code = codeOf(failure) ?? 'unexpected'
  if ('syscall' in failure) {
    return { status: EXIT.usage, code, message: describeFileError(failure, code, texts) }
  }
  const isRefusal = name === 'SandboxError' || name === 'OptionError'
  if (!isRefusal) return { status: EXIT.unexpected, code, message: stack }
  const { reason, about }: Partial<RefusedBy> = failure
  return {
    status: EXIT.usage,
    code,
    message: writeRefusal({ code, message, reason, about }, texts),
  }
}

const FILE_ERRORS = ['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR'] as const

function describeFileError(error: Error, code: string, texts: Texts): string {
  const name = FILE_ERRORS.find((each) => each === code)
  if (name === undefined) return error.message
  const path = 'path' in error ? String(error.path) : ''
  return texts(name === 'EISDIR' && path === '' ? 'file.directory' : `file.${name}`, { path })
}

/** The sentence of a refusal in the user's language; one that is not known keeps its English message. */
export function writeRefusal(refused: RefusedBy, texts: Texts): string {
  const { message } = refused
  const sentence = refusalSentence(refused, texts.language === 'en' ? 'cli' : 'zh')
  if (sentence !== undefined) return sentence
  return message === '' ? texts('unexplained') : texts('refusedBecause', { message })
}
