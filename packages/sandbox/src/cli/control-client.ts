import { readStrictJson } from '@hongbao/core/internal'
import { isRecord } from '../is-record.ts'
import { formatDuration } from '../clock/duration.ts'
import type { JournalRecord } from '../events/journal.ts'
import { CONTROL_VERSION, VERSION_HEADER } from '../http/version.ts'
import { CliError, EXIT } from './exit.ts'

/** Calls the control API of a running sandbox. */
export interface ControlClient {
  /** Base URL of the sandbox, without a path. */
  readonly url: string
  get<View>(path: string): Promise<View>
  post<View>(path: string, body?: object): Promise<View>
  delete<View>(path: string): Promise<View>
  /** All records of one event. */
  follow(event: string): AsyncIterable<JournalRecord>
}

/** @param timeoutMs for an answer, or for the end of what is waited for */
export function createControlClient(url: string, timeoutMs: number): ControlClient {
  async function send(method: string, path: string, body?: object): Promise<Response> {
    const signal = AbortSignal.timeout(timeoutMs)
    const headers = method === 'GET' ? {} : { 'content-type': 'application/json' }
    const init = { method, signal, headers, ...(body && { body: JSON.stringify(body) }) }
    const response = await fetch(`${url}/_sandbox${path}`, init).catch((cause: unknown) => {
      throw signal.aborted ? timedOut(timeoutMs) : unreachable(url, 'No sandbox answers', cause)
    })
    const version = response.headers.get(VERSION_HEADER)
    if (version === CONTROL_VERSION) return response
    await response.body?.cancel()
    if (version === null) throw unreachable(url, NO_SANDBOX)
    throw new CliError(
      EXIT.unreachable,
      'version-mismatch',
      `The sandbox at ${url} has another version than this command. Install one version for both.`,
    )
  }

  async function call<View>(method: string, path: string, body?: object): Promise<View> {
    const response = await send(method, path, body)
    const json = readStrictJson(new Uint8Array(await response.arrayBuffer()))
    if (!json.ok) throw unreachable(url, NO_SANDBOX)
    if (!response.ok) throw refused(response.status, json.value)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- by the header, this package wrote it
    return json.value as View
  }

  async function* follow(event: string): AsyncIterable<JournalRecord> {
    const response = await send('GET', `/stream?event=${event}`)
    try {
      for await (const line of readLines(response)) {
        if (!line.startsWith('data: {')) continue
        const json = readStrictJson(Buffer.from(line.slice('data: '.length)))
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
        if (json.ok) yield json.value as JournalRecord
      }
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') throw timedOut(timeoutMs)
      throw unreachable(url, 'The sandbox has ended', error)
    }
    throw unreachable(url, 'The sandbox has ended')
  }

  return {
    url,
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    delete: (path) => call('DELETE', path),
    follow,
  }
}

async function* readLines(response: Response): AsyncIterable<string> {
  let rest = ''
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
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

function timedOut(timeoutMs: number): CliError {
  const message = `Nothing came within ${formatDuration(timeoutMs)}. --timeout sets how long to wait.`
  return new CliError(EXIT.timedOut, 'timed-out', message)
}

function refused(status: number, answer: unknown): CliError {
  const error = isRecord(answer) && isRecord(answer['error']) ? answer['error'] : {}
  const { code = 'unexpected', message = 'The sandbox refused without a reason.' } = error
  const exit = status < 500 ? EXIT.usage : EXIT.unexpected
  return new CliError(exit, String(code), String(message))
}
