import type { Agent, IncomingMessage, RequestOptions, request } from 'node:http'
import { isRecord } from '../is-record.ts'
import { formatDuration } from '../clock/duration.ts'
import type { ControlRecord, StateView } from '../http/control/types.ts'
import { CONTROL_VERSION, VERSION_HEADER } from '../http/version.ts'
import { CliError, EXIT, type Say } from './exit.ts'
import type { Place } from './place.ts'

/** Calls the control API of a running sandbox. */
export interface ControlClient {
  /** Base URL of the sandbox, without a path. */
  url(): Promise<string>
  get<View>(path: string): Promise<View>
  post<View>(path: string, body?: object): Promise<View>
  put<View>(path: string, body: object): Promise<View>
  delete<View>(path: string): Promise<View>
  /**
   * Records of the stream, until the sandbox ends.
   *
   * @param stop ends it quietly. Default: none, and it fails when the time for answers is over
   */
  follow(query: Readonly<Record<string, string>>, stop?: AbortSignal): AsyncIterable<ControlRecord>
}

export interface ControlOptions {
  /** Finds out where the sandbox is; called once, with the first request. */
  readonly findPlace: () => Promise<Place>
  /** For an answer, or for the end of what is waited for. */
  readonly timeoutMs: number
}

/**
 * By `node:http`, because the start-up of `fetch` takes as long as all of Node's. An `import` of it would
 * load `fetch` all the same: its names include `WebSocket`, which is of the same library.
 */
export function createControlClient({ findPlace, timeoutMs }: ControlOptions): ControlClient {
  let agent: Agent | undefined
  let connected: Promise<string> | undefined

  /** Looks for the sandbox, and refuses another project's. */
  async function connect(): Promise<string> {
    const { url: found, check } = await findPlace()
    if (check === undefined) return found
    const state = await send(found, 'GET', '/state')
      .then((answer) => read<StateView>(answer))
      .catch((error: unknown) => {
        throw error instanceof CliError ? (check.explain(error) ?? error) : error
      })
    check.state(state)
    return found
  }

  function url(): Promise<string> {
    connected ??= connect()
    return connected
  }

  async function send(
    base: string,
    method: string,
    path: string,
    body?: object,
    signal = AbortSignal.timeout(timeoutMs),
  ): Promise<Answer> {
    const library = process.getBuiltinModule(base.startsWith('https:') ? 'node:https' : 'node:http')
    agent ??= new library.Agent({ keepAlive: true })
    const headers = method === 'GET' ? {} : { 'content-type': 'application/json' }
    const options = { method, signal, headers, agent }
    const message = await exchange(library.request, `${base}/_sandbox${path}`, options, body).catch(
      (cause: unknown) => {
        throw signal.aborted ? timedOut(timeoutMs) : unreachable(base, cause)
      },
    )
    const version = message.headers[VERSION_HEADER]
    if (version === CONTROL_VERSION) return { message, base, signal }
    message.destroy()
    if (version === undefined) throw noSandbox(base)
    throw new CliError(EXIT.unreachable, 'version-mismatch', (t) => t.otherVersion(base))
  }

  async function read<View>({ message, base, signal }: Answer): Promise<View> {
    const json = await readJson(message).catch(() => {
      throw signal.aborted ? timedOut(timeoutMs) : noSandbox(base)
    })
    const { statusCode = 0 } = message
    if (statusCode >= 400) throw refused(statusCode, json)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- by the header, this package wrote it
    return json as View
  }

  async function call<View>(method: string, path: string, body?: object): Promise<View> {
    return read(await send(await url(), method, path, body))
  }

  async function* follow(
    query: Readonly<Record<string, string>>,
    stop?: AbortSignal,
  ): AsyncIterable<ControlRecord> {
    const base = await url()
    const path = `/stream?${new URLSearchParams(query).toString()}`
    const { message, signal } = await send(base, 'GET', path, undefined, stop)
    try {
      for await (const line of linesOf(message)) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
        if (line.startsWith('data: {')) yield JSON.parse(line.slice(6)) as ControlRecord
      }
    } catch (error) {
      if (stop?.aborted) return
      if (signal.aborted) throw timedOut(timeoutMs)
      throw ended(base, error)
    }
    throw ended(base)
  }

  return {
    url,
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    delete: (path) => call('DELETE', path),
    follow,
  }
}

interface Answer {
  readonly message: IncomingMessage
  readonly base: string
  readonly signal: AbortSignal
}

function exchange(
  open: typeof request,
  url: string,
  options: RequestOptions,
  body: object | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    open(url, options, resolve)
      .on('error', reject)
      .end(body && JSON.stringify(body))
  })
}

async function readJson(message: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of message.setEncoding('utf8')) text += String(chunk)
  return JSON.parse(text)
}

async function* linesOf(message: IncomingMessage): AsyncIterable<string> {
  let rest = ''
  for await (const chunk of message.setEncoding('utf8')) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

function unreachable(url: string, cause?: unknown): CliError {
  return failure('unreachable', (t) => t.unreachable(url), cause)
}

function noSandbox(url: string): CliError {
  return failure('unreachable', (t) => t.noSandbox(url))
}

function ended(url: string, cause?: unknown): CliError {
  return failure('unreachable', (t) => t.ended(url), cause)
}

function failure(code: string, say: Say, cause?: unknown): CliError {
  return new CliError(EXIT.unreachable, code, say, { cause })
}

function timedOut(timeoutMs: number): CliError {
  return new CliError(EXIT.timedOut, 'timed-out', (t) => t.timedOut(formatDuration(timeoutMs)))
}

function refused(status: number, answer: unknown): CliError {
  const error = isRecord(answer) && isRecord(answer['error']) ? answer['error'] : {}
  const { code = 'unexpected', message = '' } = error
  const exit = status < 500 ? EXIT.usage : EXIT.unexpected
  return new CliError(exit, String(code), (t) => t.refusal(String(code), String(message)))
}
