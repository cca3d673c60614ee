import type { IncomingMessage } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import { formatDuration } from '../clock/duration.ts'
import type { ControlRecord, ErrorAnswer, StateView } from '../http/control/types.ts'
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
    this.#checked ??= this.#check()
    return this.#checked
  }

  async get<View>(path: string): Promise<View> {
    await this.place()
    return this.#call('GET', path)
  }

  /** The same of what changes something, which is refused to a sandbox that may be another project's. */
  async change<View>(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: object,
  ): Promise<View> {
    checkChange(this.#options.place)
    await this.place()
    return this.#call(method, path, body)
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
    await this.place()
    const path = `/stream?${new URLSearchParams(query).toString()}`
    const signal = stop ?? AbortSignal.timeout(this.#options.timeoutMs)
    const message = await this.#send(signal, 'GET', path)
    let rest = ''
    try {
      for await (const chunk of message.setEncoding('utf8')) {
        const lines = (rest + String(chunk)).split('\n')
        rest = lines.pop() ?? ''
        const records = lines.filter((line) => line.startsWith('data: {'))
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- by the version, this package wrote it
        yield* records.map((line) => JSON.parse(line.slice(6)) as ControlRecord)
      }
    } catch {
      if (stop?.aborted) return
    }
    throw this.#failure('ended', signal)
  }

  async #check(): Promise<Place> {
    const { place, warnOfGuess } = this.#options
    if (place.expected === undefined && place.unusedFolder === undefined) return place
    const state = await this.#call<StateView>('GET', '/state').catch((error: unknown) => {
      throw explainSilence(place, error)
    })
    checkSandbox(place, state)
    if (place.unusedFolder !== undefined) warnOfGuess(place.url)
    return place
  }

  async #call<View>(method: string, path: string, body?: object): Promise<View> {
    const signal = AbortSignal.timeout(this.#options.timeoutMs)
    const message = await this.#send(signal, method, path, body)
    // By its version, this package wrote it.
    const json = await readText(message)
      .then((text): View & ErrorAnswer => JSON.parse(text))
      .catch(() => {
        throw this.#failure('noSandbox', signal)
      })
    const { statusCode = 0 } = message
    if (statusCode >= 400) throw refused(statusCode, json)
    return json
  }

  /**
   * By `node:http`, because the start-up of `fetch` takes as long as all of Node's. An `import` of it would
   * still load `fetch`: its names include `WebSocket`, which is of the same library.
   */
  async #send(
    signal: AbortSignal,
    method: string,
    path: string,
    body?: object,
  ): Promise<IncomingMessage> {
    const { url, controlToken } = this.#options.place
    const { request } = process.getBuiltinModule(
      url.startsWith('https:') ? 'node:https' : 'node:http',
    )
    const headers = {
      ...(method !== 'GET' && { 'content-type': 'application/json' }),
      ...(controlToken !== undefined && { authorization: `Bearer ${controlToken}` }),
    }
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      request(`${url}/_sandbox${path}`, { method, signal, headers }, resolve)
        .on('error', reject)
        .end(body && JSON.stringify(body))
    }).catch(() => {
      throw this.#failure('unreachable', signal)
    })
    const version = message.headers[VERSION_HEADER]
    if (version === CONTROL_VERSION) return message
    message.destroy()
    if (version === undefined) throw this.#failure('noSandbox', signal)
    throw new CliError(EXIT.unreachable, 'version-mismatch', 'otherVersion', { url })
  }

  /** The time is over, or else what the text says. */
  #failure(text: TextName, signal: AbortSignal): CliError {
    const { place, timeoutMs } = this.#options
    if (!signal.aborted) {
      return new CliError(EXIT.unreachable, 'unreachable', text, { url: place.url })
    }
    const duration = formatDuration(timeoutMs)
    return new CliError(EXIT.timedOut, 'timed-out', 'timedOut', { duration })
  }
}

function refused(status: number, { error }: ErrorAnswer): CliError {
  const exit = status < 500 ? EXIT.usage : EXIT.unexpected
  return new CliError(exit, error.code, (t) => writeRefusal(error, t))
}
