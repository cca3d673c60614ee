import { readStrictJson } from '@hongbao/core/internal'
import { CONTROL_VERSION, VERSION_HEADER } from '../http/control/version.ts'
import type { JournalRecord } from '../engine/journal.ts'
import { formatDuration } from '../engine/duration.ts'
import { CliError, EXIT } from './exit.ts'

/** Speaks with the control API of a sandbox that runs. */
export interface ControlClient {
  /** Where the sandbox is, without a path. */
  readonly url: string
  get<View>(path: string): Promise<View>
  post<View>(path: string, body?: object): Promise<View>
  put<View>(path: string, body: object): Promise<View>
  delete<View>(path: string): Promise<View>
  /** The records of one event, from its first on. */
  follow(event: string): AsyncIterable<JournalRecord>
}

/** @param timeoutMs how long an answer may take, or the end of what is waited for */
export function createControlClient(url: string, timeoutMs: number): ControlClient {
  async function send(method: string, path: string, body?: object): Promise<Response> {
    const signal = AbortSignal.timeout(timeoutMs)
    const init = {
      method,
      signal,
      ...(method === 'GET' ? {} : { headers: { 'content-type': 'application/json' } }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }
    const response = await fetch(`${url}/_sandbox${path}`, init).catch((cause: unknown) => {
      throw signal.aborted ? tooSlow(timeoutMs) : unreachable(url, 'No sandbox answers', cause)
    })
    const version = response.headers.get(VERSION_HEADER)
    if (version === CONTROL_VERSION) return response
    await response.body?.cancel()
    throw version === null ? unreachable(url, NO_SANDBOX) : otherVersion(url)
  }

  async function ask<View>(method: string, path: string, body?: object): Promise<View> {
    const response = await send(method, path, body)
    const json = readStrictJson(new Uint8Array(await response.arrayBuffer()))
    if (!json.ok) throw unreachable(url, NO_SANDBOX)
    if (!response.ok) throw refused(response.status, json.value)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the header says that this package wrote it
    return json.value as View
  }

  async function* follow(event: string): AsyncIterable<JournalRecord> {
    const response = await send('GET', `/stream?format=ndjson&event=${event}`)
    try {
      for await (const line of readLines(response)) {
        const json = readStrictJson(Buffer.from(line))
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
        if (json.ok) yield json.value as JournalRecord
      }
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') throw tooSlow(timeoutMs)
      throw unreachable(url, 'The sandbox has ended', error)
    }
    throw unreachable(url, 'The sandbox has ended')
  }

  return {
    url,
    get: (path) => ask('GET', path),
    post: (path, body) => ask('POST', path, body),
    put: (path, body) => ask('PUT', path, body),
    delete: (path) => ask('DELETE', path),
    follow,
  }
}

/** The lines of an answer as they come. Blank ones keep the connection alive and say nothing. */
async function* readLines(response: Response): AsyncIterable<string> {
  let rest = ''
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    yield* lines.filter((line) => line !== '')
  }
}

const NO_SANDBOX = 'What answers is no sandbox'

function unreachable(url: string, what: string, cause?: unknown): CliError {
  return new CliError(
    EXIT.unreachable,
    'unreachable',
    `${what} at ${url}. Start one: npx hongbao-sandbox start. If it is elsewhere: --url, or HONGBAO_SANDBOX_URL.`,
    { cause },
  )
}

function otherVersion(url: string): CliError {
  const message = `The sandbox at ${url} is of another version than this command. Install one version for both.`
  return new CliError(EXIT.unreachable, 'version-mismatch', message)
}

function tooSlow(timeoutMs: number): CliError {
  return new CliError(
    EXIT.timedOut,
    'timed-out',
    `Nothing came within ${formatDuration(timeoutMs)}. --timeout sets how long to wait.`,
  )
}

function refused(status: number, answer: unknown): CliError {
  const { code, message } = errorIn(answer)
  return new CliError(status < 500 ? EXIT.usage : EXIT.unexpected, code, message)
}

function errorIn(answer: unknown): { readonly code: string; readonly message: string } {
  const error = isObject(answer) && isObject(answer['error']) ? answer['error'] : {}
  const { code, message } = error
  return {
    code: typeof code === 'string' ? code : 'unexpected',
    message: typeof message === 'string' ? message : 'The sandbox refused, and did not say why.',
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
