import type { IncomingMessage } from 'node:http'
import { isRecord } from '../is-record.ts'
import { formatDuration } from '../clock/duration.ts'
import type { ControlRecord, StateView } from '../http/control/types.ts'
import { CONTROL_VERSION, VERSION_HEADER } from '../http/version.ts'
import { CliError, EXIT } from './exit.ts'
import { checkChange, checkSandbox, explainSilence, inspectorUrl, type Place } from './place.ts'
import { writeRefusal } from './texts/refusals.ts'
import type { TextName } from './texts/texts.ts'

/** Calls the control API of a running sandbox. */
export interface ControlClient {
  /** Base URL of the sandbox, without a path. */
  url(): Promise<string>
  /** Address of its page, with the token. */
  inspectorUrl(): Promise<string>
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
  /** Called if what answers may be another project's sandbox. */
  readonly warnOfGuess: (url: string) => void
  /** For an answer, or for the end of what is waited for. */
  readonly timeoutMs: number
}

export function createControlClient(options: ControlOptions): ControlClient {
  const { findPlace, timeoutMs } = options
  let found: Promise<Place> | undefined
  let connected: Promise<string> | undefined

  function place(): Promise<Place> {
    found ??= findPlace()
    return found
  }

  function url(): Promise<string> {
    connected ??= place().then((each) => connect(each, options))
    return connected
  }

  async function call<View>(method: string, path: string, body?: object): Promise<View> {
    if (method !== 'GET') checkChange(await place())
    const { controlToken } = await place()
    const request = { base: await url(), controlToken, method, path, body, timeoutMs }
    return readAnswer(await send(request))
  }

  return {
    url,
    inspectorUrl: async () => inspectorUrl(await url(), (await place()).controlToken),
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    delete: (path) => call('DELETE', path),
    async *follow(query, stop) {
      const path = `/stream?${new URLSearchParams(query).toString()}`
      const { controlToken } = await place()
      const request = { base: await url(), controlToken, method: 'GET', path, timeoutMs }
      yield* readRecords(await send({ ...request, signal: stop }), stop)
    },
  }
}

/** Looks for the sandbox, and refuses another project's. */
async function connect(place: Place, { timeoutMs, warnOfGuess }: ControlOptions): Promise<string> {
  const { url: base, controlToken, expected, unusedFolder } = place
  if (expected === undefined && unusedFolder === undefined) return base
  const state = await send({ base, controlToken, method: 'GET', path: '/state', timeoutMs })
    .then((answer) => readAnswer<StateView>(answer))
    .catch((error: unknown) => {
      throw explainSilence(place, error)
    })
  checkSandbox(place, state)
  if (unusedFolder !== undefined) warnOfGuess(base)
  return base
}

interface ControlRequest {
  readonly base: string
  readonly controlToken: string | undefined
  readonly method: string
  readonly path: string
  readonly body?: object | undefined
  /** Ends the request. Default: after `timeoutMs`. */
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs: number
}

/** An answer of a sandbox, of which the body is still to come. */
interface Answer extends ControlRequest {
  readonly message: IncomingMessage
  readonly signal: AbortSignal
}

async function send(request: ControlRequest): Promise<Answer> {
  const { base, timeoutMs, signal = AbortSignal.timeout(timeoutMs) } = request
  const message = await exchange(request, signal).catch((cause: unknown) => {
    throw signal.aborted ? timedOut(timeoutMs) : unreachable('unreachable', base, cause)
  })
  const version = message.headers[VERSION_HEADER]
  if (version === CONTROL_VERSION) return { ...request, message, signal }
  message.destroy()
  if (version === undefined) throw unreachable('noSandbox', base)
  throw new CliError(EXIT.unreachable, 'version-mismatch', (t) => t('otherVersion', { url: base }))
}

/**
 * By `node:http`, because the start-up of `fetch` takes as long as all of Node's. An `import` of it would
 * still load `fetch`: its names include `WebSocket`, which is of the same library.
 */
function exchange(
  { base, controlToken, method, path, body }: ControlRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { request } = process.getBuiltinModule(
    base.startsWith('https:') ? 'node:https' : 'node:http',
  )
  const headers = {
    ...(method !== 'GET' && { 'content-type': 'application/json' }),
    ...(controlToken !== undefined && { authorization: `Bearer ${controlToken}` }),
  }
  return new Promise((resolve, reject) => {
    request(`${base}/_sandbox${path}`, { method, signal, headers }, resolve)
      .on('error', reject)
      .end(body && JSON.stringify(body))
  })
}

async function readAnswer<View>({ message, base, signal, timeoutMs }: Answer): Promise<View> {
  const json = await readJson(message).catch(() => {
    throw signal.aborted ? timedOut(timeoutMs) : unreachable('noSandbox', base)
  })
  const { statusCode = 0 } = message
  if (statusCode >= 400) throw refused(statusCode, json)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- by the header, this package wrote it
  return json as View
}

async function readJson(message: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of message.setEncoding('utf8')) text += String(chunk)
  return JSON.parse(text)
}

async function* readRecords(
  { message, base, signal, timeoutMs }: Answer,
  stop: AbortSignal | undefined,
): AsyncIterable<ControlRecord> {
  let cause: unknown
  try {
    for await (const line of linesOf(message)) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
      if (line.startsWith('data: {')) yield JSON.parse(line.slice(6)) as ControlRecord
    }
  } catch (error) {
    if (stop?.aborted) return
    if (signal.aborted) throw timedOut(timeoutMs)
    cause = error
  }
  throw unreachable('ended', base, cause)
}

async function* linesOf(message: IncomingMessage): AsyncIterable<string> {
  let rest = ''
  for await (const chunk of message.setEncoding('utf8')) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

function unreachable(name: TextName, url: string, cause?: unknown): CliError {
  return new CliError(EXIT.unreachable, 'unreachable', (t) => t(name, { url }), { cause })
}

function timedOut(timeoutMs: number): CliError {
  return new CliError(EXIT.timedOut, 'timed-out', (t) =>
    t('timedOut', { duration: formatDuration(timeoutMs) }),
  )
}

function refused(status: number, answer: unknown): CliError {
  const error = isRecord(answer) && isRecord(answer['error']) ? answer['error'] : {}
  const { code: given = 'unexpected', message = '' } = error
  const code = String(given)
  const exit = status < 500 ? EXIT.usage : EXIT.unexpected
  return new CliError(exit, code, (t) =>
    writeRefusal({ ...error, code, message: String(message) }, t),
  )
}
