import type { IncomingMessage } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import { isRecord } from '../is-record.ts'
import { formatDuration } from '../clock/duration.ts'
import type { ControlRecord, StateView } from '../http/control/types.ts'
import { CONTROL_VERSION, VERSION_HEADER } from '../http/version.ts'
import { CliError, EXIT, writeRefusal } from './exit.ts'
import { checkChange, checkSandbox, explainSilence, type Place } from './place.ts'
import type { TextName } from './texts/texts.ts'

export interface ControlOptions {
  /** Where the sandbox should be. */
  readonly place: Place
  /** Called if what answers may be another project's sandbox. */
  readonly warnOfGuess: (url: string) => void
  /** For an answer, or for the end of what is waited for. */
  readonly timeoutMs: number
}

/** Calls the control API of a running sandbox. */
export class ControlClient {
  readonly #options: ControlOptions
  #checked: Promise<Place> | undefined

  constructor(options: ControlOptions) {
    this.#options = options
  }

  /** Where the sandbox is. Looks for it first, and refuses another project's. */
  place(): Promise<Place> {
    this.#checked ??= check(this.#options)
    return this.#checked
  }

  async get<View>(path: string): Promise<View> {
    return readAnswer(await this.#send('GET', path))
  }

  /** The same of what changes something, which is refused to a sandbox that may be another project's. */
  async change<View>(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: object,
  ): Promise<View> {
    checkChange(this.#options.place)
    return readAnswer(await this.#send(method, path, body))
  }

  /**
   * Records of the stream, until the sandbox ends.
   *
   * @param stop ends it quietly. Default: none, and it fails when the time for answers is over
   */
  async *follow(
    query: Readonly<Record<string, string>>,
    stop?: AbortSignal,
  ): AsyncIterable<ControlRecord> {
    const path = `/stream?${new URLSearchParams(query).toString()}`
    yield* readRecords(await this.#send('GET', path, undefined, stop), stop)
  }

  async #send(method: string, path: string, body?: object, signal?: AbortSignal): Promise<Answer> {
    const { timeoutMs } = this.#options
    return send({ ...(await this.place()), method, path, body, timeoutMs }, signal)
  }
}

/** Asks the sandbox which one it is, if it may be another project's. */
async function check({ place, warnOfGuess, timeoutMs }: ControlOptions): Promise<Place> {
  if (place.expected === undefined && place.unusedFolder === undefined) return place
  const state = await send({ ...place, method: 'GET', path: '/state', timeoutMs })
    .then((answer) => readAnswer<StateView>(answer))
    .catch((error: unknown) => {
      throw explainSilence(place, error)
    })
  checkSandbox(place, state)
  if (place.unusedFolder !== undefined) warnOfGuess(place.url)
  return place
}

interface ControlRequest extends Pick<Place, 'url' | 'controlToken'> {
  readonly method: string
  readonly path: string
  readonly body?: object | undefined
  readonly timeoutMs: number
}

/** An answer of a sandbox, of which the body is still to come. */
interface Answer extends ControlRequest {
  readonly message: IncomingMessage
  readonly signal: AbortSignal
}

async function send(
  request: ControlRequest,
  signal: AbortSignal = AbortSignal.timeout(request.timeoutMs),
): Promise<Answer> {
  const { url, timeoutMs } = request
  const message = await exchange(request, signal).catch(() => {
    throw signal.aborted ? timedOut(timeoutMs) : unreachable('unreachable', url)
  })
  const version = message.headers[VERSION_HEADER]
  if (version === CONTROL_VERSION) return { ...request, message, signal }
  message.destroy()
  if (version === undefined) throw unreachable('noSandbox', url)
  throw new CliError(EXIT.unreachable, 'version-mismatch', 'otherVersion', { url })
}

/**
 * By `node:http`, because the start-up of `fetch` takes as long as all of Node's. An `import` of it would
 * still load `fetch`: its names include `WebSocket`, which is of the same library.
 */
function exchange(
  { url, controlToken, method, path, body }: ControlRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { request } = process.getBuiltinModule(
    url.startsWith('https:') ? 'node:https' : 'node:http',
  )
  const headers = {
    ...(method !== 'GET' && { 'content-type': 'application/json' }),
    ...(controlToken !== undefined && { authorization: `Bearer ${controlToken}` }),
  }
  return new Promise((resolve, reject) => {
    request(`${url}/_sandbox${path}`, { method, signal, headers }, resolve)
      .on('error', reject)
      .end(body && JSON.stringify(body))
  })
}

async function readAnswer<View>({ message, url, signal, timeoutMs }: Answer): Promise<View> {
  const json: unknown = await readText(message)
    .then((each) => JSON.parse(each))
    .catch(() => {
      throw signal.aborted ? timedOut(timeoutMs) : unreachable('noSandbox', url)
    })
  const { statusCode = 0 } = message
  if (statusCode >= 400) throw refused(statusCode, json)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- by the header, this package wrote it
  return json as View
}

async function* readRecords(
  { message, url, signal, timeoutMs }: Answer,
  stop: AbortSignal | undefined,
): AsyncIterable<ControlRecord> {
  let rest = ''
  try {
    for await (const chunk of message.setEncoding('utf8')) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      const records = lines.filter((line) => line.startsWith('data: {'))
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
      yield* records.map((line) => JSON.parse(line.slice(6)) as ControlRecord)
    }
  } catch {
    if (stop?.aborted) return
    if (signal.aborted) throw timedOut(timeoutMs)
  }
  throw unreachable('ended', url)
}

function unreachable(text: TextName, url: string): CliError {
  return new CliError(EXIT.unreachable, 'unreachable', text, { url })
}

function timedOut(timeoutMs: number): CliError {
  const duration = formatDuration(timeoutMs)
  return new CliError(EXIT.timedOut, 'timed-out', 'timedOut', { duration })
}

function refused(status: number, answer: unknown): CliError {
  const error = isRecord(answer) && isRecord(answer['error']) ? answer['error'] : {}
  const { code: given = 'unexpected', message = '' } = error
  const code = String(given)
  const exit = status < 500 ? EXIT.usage : EXIT.unexpected
  const refusal = { ...error, code, message: String(message) }
  return new CliError(exit, code, (t) => writeRefusal(refusal, t))
}
