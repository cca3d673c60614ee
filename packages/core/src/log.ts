import { ERRORS, type ErrorCode } from './errors.ts'
import type { Failure } from './failure.ts'
import type { Outcome } from './reply.ts'

/** Where hongbao speaks up by default; `console` is one. */
export interface Logger {
  warn(message: string): void
  error(message: string): void
}

/** Speaks of one failure; `subject` says which event. */
export type FailureLog = (failure: Failure, subject?: string) => void

const MINUTE_MS = 60_000

/** What only Ping++, or our own side, can cause: told each time. Strangers get a line a minute. */
const ALWAYS: ReadonlySet<Outcome> = new Set(['malformed', 'failed', 'timed-out', 'unavailable'])

/**
 * The default log: one line per failure, at most one a minute for what strangers can cause.
 * A line never holds a body, a key, or the text of somebody else's error: those may hold secrets.
 */
export function createLog(logger: Logger, now: () => number): FailureLog {
  const lastSpoken = new Map<ErrorCode, number>()
  const unspoken = new Map<ErrorCode, number>()

  return function log(failure, subject) {
    const { code } = failure
    if (!isDue(code)) {
      unspoken.set(code, (unspoken.get(code) ?? 0) + 1)
      return
    }
    const line = `[hongbao] ${code}${subject === undefined ? '' : ` (${subject})`}: ${failure.message}${origin(failure)}${skipped(code)}`
    const isOurs = ALWAYS.has(failure.outcome) || code === 'body-consumed'
    // Given back, so that a logger that is async may reject without anybody noticing.
    return isOurs ? logger.error(line) : logger.warn(line)
  }

  function isDue(code: ErrorCode): boolean {
    const last = lastSpoken.get(code)
    if (last !== undefined && !ALWAYS.has(ERRORS[code].outcome) && now() - last < MINUTE_MS)
      return false
    lastSpoken.set(code, now())
    return true
  }

  function skipped(code: ErrorCode): string {
    const count = unspoken.get(code) ?? 0
    unspoken.delete(code)
    return count === 0 ? '' : ` (${count} more since the last line.)`
  }
}

/** Runs somebody's hook: what it throws, now or later, is theirs. A broken one must not cost a payment. */
export function contain(hook: () => void | Promise<void>): void {
  try {
    const pending = hook()
    if (pending !== undefined) Promise.resolve(pending).catch(() => {})
  } catch {
    // See above.
  }
}

/** The name, code and place of the error behind a failure: enough to find it, without its text. */
function origin({ cause, hasCause, outcome }: Failure): string {
  return hasCause && ALWAYS.has(outcome) ? originOf(cause) : ''
}

/** The same of anything that was thrown. */
export function originOf(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return ` [threw ${typeof thrown}]`
    return ` [${[nameOf(thrown), codeOf(thrown), codeOf(thrown.cause), placeOf(thrown)].filter(Boolean).join(' ')}]`
  } catch {
    // Anything can be thrown, things that throw when looked at too; the line must not be lost.
    return ''
  }
}

/** The name of an error's kind; it is text that anybody may set. */
function nameOf({ name }: Error): string {
  return /^[\w$.]{1,64}$/.test(name) ? name : 'Error'
}

/** A code such as ECONNREFUSED, also of the cause below (`fetch failed` has it there). */
function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? code : ''
}

/** The first line of the stack in somebody's own code: behind the message, which may have lines that look like one. */
function placeOf({ stack = '', message }: Error): string {
  const start = stack.indexOf(message)
  // The message was changed after the stack was made, so where it ended nobody knows.
  if (start === -1 || stack.slice(0, start).includes('\n')) return ''
  const frames = stack
    .slice(start + message.length)
    .split('\n')
    .slice(1)
  const own = frames.find((frame) => !/node:|node_modules|<anonymous>/.test(frame))
  return (own ?? frames[0] ?? '').trim()
}
