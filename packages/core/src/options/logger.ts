import { sentenceOf } from './errors.ts'

/**
 * A logger for warnings and errors: `console`, pino, winston, or any other with these two methods. pino, and
 * so Fastify's `log`, is recognised by its method `bindings`, and gets the fields as the first argument, as it
 * expects them. `console` gets only the line.
 */
export interface Logger {
  warn(message: string, fields: LogFields): void
  error(message: string, fields: LogFields): void
}

/** Returns where a line goes: the logger of the app, else the request's own, else `console`. */
export type ChooseLogger = (ofRequest?: Logger) => Logger

/** The facts of a line, to search and alert by. Never contains a secret, a body or the text of an error. */
export interface LogFields {
  /** The code of the failure or the warning. */
  readonly code: string
  readonly [name: string]: string | number | boolean | undefined
}

/** Logs one line. Errors that the logger throws are ignored. */
export function logLine(
  logger: Logger,
  level: 'warn' | 'error',
  line: string,
  fields: LogFields,
): void {
  callSafely(() => {
    // Node would print the fields below the line, on lines of their own.
    if (logger === console) return console[level](line)
    const known = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '')
    const about = { code: fields.code, ...Object.fromEntries(known) }
    // pino ignores what follows the message.
    const isPino = 'bindings' in logger && typeof logger.bindings === 'function'
    return Reflect.apply(logger[level], logger, isPino ? [about, line] : [line, about])
  })
}

/** Calls a hook of the app. Its errors, now or later, are ignored: they must not cost a payment. */
export function callSafely(hook: () => unknown): void {
  try {
    const pending = hook()
    if (pending !== undefined) Promise.resolve(pending).catch(() => {})
  } catch {
    // See above.
  }
}

/** A thrown value may have getters that throw, and an environment may be closed; the line must not be lost. */
function readSafely<Value>(read: () => Value, fallback: Value): Value {
  try {
    return read()
  } catch {
    return fallback
  }
}

function readMode(): string {
  const { Deno, process } = Object(globalThis)
  // Deno would stop the process and prompt in the terminal.
  const permission = Deno?.permissions.querySync({ name: 'env', variable: 'NODE_ENV' })
  if (permission !== undefined && permission.state !== 'granted') return ''
  return process?.env['NODE_ENV'] ?? ''
}

/**
 * Returns text and stack of an error and its causes, on lines of their own; in production nothing. If
 * `NODE_ENV` is not set, it returns once how to see them.
 */
export function textOf(thrown: unknown): string {
  const mode = readSafely(readMode, '')
  if (mode !== 'development' && mode !== 'test') return mode === '' ? hintOnce() : ''
  const stacks = readSafely(() => causesOf(thrown).map((each) => `\n${stackOf(each)}`), [])
  return stacks.join('\nCaused by:')
}

let hasHinted = false

function hintOnce(): string {
  if (hasHinted) return ''
  hasHinted = true
  return HINT
}

const HINT =
  ' (The text of the error is left out, because NODE_ENV is not `development`; a hook such as `onError` gets the error. This is logged once.)'

const MAX_CAUSES = 4

function causesOf(thrown: unknown, count = 1): unknown[] {
  const cause = causeOf(thrown)
  if (cause === undefined || count === MAX_CAUSES) return [thrown]
  return [thrown, ...causesOf(cause, count + 1)]
}

function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const { stack = '', message } = thrown
  return stack.includes(message) && stack !== '' ? stack : `${String(thrown)}\n${stack}`
}

/**
 * Returns the name, code and place of a thrown value: enough to find it, without its text. Errors of
 * hongbao show their sentence too, which never contains a secret.
 */
export function originOf(thrown: unknown): string {
  return readSafely(() => {
    const facts = Object.values(readOrigin(thrown)).filter(Boolean)
    const sentence = sentenceOf(thrown) ?? sentenceOf(causeOf(thrown))
    return ` [${facts.join(' ')}]${sentence === undefined ? '' : ` ${sentence}`}`
  }, '')
}

export function originFields(thrown: unknown): Partial<Origin> {
  return thrown === undefined ? {} : readSafely<Partial<Origin>>(() => readOrigin(thrown), {})
}

/** What the log shows of a thrown value, in the order of the line. What is unknown is empty. */
interface Origin {
  readonly errorName: string
  readonly errorCode: string
  /** Of the error's cause. */
  readonly causeCode: string
  readonly errorPlace: string
}

function readOrigin(thrown: unknown): Origin {
  const cause = causeOf(thrown)
  return {
    errorName: thrown instanceof Error ? nameOf(thrown) : `threw ${typeof thrown}`,
    errorCode: codeOf(thrown),
    causeCode: codeOf(cause),
    errorPlace: placeOf(thrown) || placeOf(cause),
  }
}

function causeOf(thrown: unknown): unknown {
  return thrown instanceof Error ? thrown.cause : undefined
}

/** Returns the name of an error's class, if it looks like one: apps may set any text. */
function nameOf({ name }: Error): string {
  return typeof name === 'string' && /^[\w$.]{1,64}$/.test(name) ? name : 'Error'
}

/** Returns a code such as ECONNREFUSED, or one of hongbao's. */
function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code !== 'string') return ''
  return /^[A-Z0-9_]{1,64}$/.test(code) || sentenceOf(error) !== undefined ? code : ''
}

/**
 * Returns the first frame of the stack in the app's own code. Frames come right after the message, which
 * may have lines that look like frames. A line of another form ends the frames, because it may be text.
 */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const { stack = '', message } = error
  const start = stack.indexOf(message)
  // The message was changed after the stack was made, so its end is unknown.
  if (start === -1 || stack.slice(0, start).includes('\n')) return ''
  const lines = stack
    .slice(start + message.length)
    .split('\n')
    .slice(1)
  const end = lines.findIndex((line) => !FRAME.test(line))
  const frames = end === -1 ? lines : lines.slice(0, end)
  return (frames.find(isOfTheApp) ?? '').trim()
}

/** As V8 and Bun write them. */
const FRAME = /^ {4}at .*(?:\)|:\d+:\d+|<anonymous>)$/

/** Returns whether a frame is neither of a package, hongbao included, nor of the runtime. */
function isOfTheApp(frame: string): boolean {
  return /:\d+:\d+\)?$/.test(frame) && !PACKAGES.test(frame) && !RUNTIME.test(frame)
}

// Deno keeps packages in a folder of its own.
const PACKAGES = /[\\/]node_modules[\\/]|[\\/]npm[\\/]registry\./
const RUNTIME =
  /[ (](?:node|ext|native|bun|internal|node-internal|cloudflare-internal|<anonymous>):/
