import { connect, type Socket } from 'node:net'

/** A request as it goes over the wire; nothing is added, checked or repaired but what is left out. */
export interface RawRequest {
  /** Default: `POST`. */
  readonly method?: string | undefined
  /** Default: `/webhooks`. */
  readonly target?: string | undefined
  /** Default: `HTTP/1.1`. */
  readonly version?: string | undefined
  /** Names may repeat. `Host` comes first unless it is named here; values are sent as Latin-1. */
  readonly headers?: RawHeaders | undefined
  readonly body?: Uint8Array | undefined
}

/** Header lines in the order in which they are sent. */
export type RawHeaders = Readonly<Record<string, string>> | readonly (readonly [string, string])[]

/** An answer as it came over the wire. */
export interface RawResponse {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** One TCP connection, to do with as no HTTP client would. */
export interface RawConnection {
  /**
   * Writes the parts one after another, each on its own. Resolves when the kernel has them, or when
   * the connection is gone.
   */
  write(...parts: readonly (string | Uint8Array)[]): Promise<void>
  /** The next answer. Rejects when the connection ends before it is complete. */
  answer(options?: { readonly toHead?: boolean }): Promise<RawResponse>
  /** The head of an interim answer (100 Continue). */
  interim(): Promise<RawResponse>
  /** Sends FIN and goes on reading. */
  finish(): void
  /** Sends RST. */
  reset(): void
  /** Resolves when either side has ended the connection. */
  readonly closed: Promise<void>
}

/** Sends one request on a connection of its own and reads the answer. */
export async function send(port: number, request: RawRequest): Promise<RawResponse> {
  const connection = await openConnection(port)
  try {
    const { body = new Uint8Array() } = request
    const framing: RawHeaders =
      'body' in request ? { 'Content-Length': String(body.byteLength) } : {}
    await connection.write(Buffer.concat([Buffer.from(head(request, framing), 'latin1'), body]))
    return await connection.answer({ toHead: request.method === 'HEAD' })
  } finally {
    connection.reset()
  }
}

/** The request line and the headers, with the empty line after them. */
export function head(
  { method = 'POST', target = '/webhooks', version = 'HTTP/1.1', headers = {} }: RawRequest,
  framing: RawHeaders = {},
): string {
  const lines = [...linesOf(headers), ...linesOf(framing)]
  const isHostNamed = version === 'HTTP/1.0' || lines.some((line) => /^host:/i.test(line))
  const start = [`${method} ${target} ${version}`, ...(isHostNamed ? [] : ['Host: 127.0.0.1'])]
  return [...start, ...lines, '', ''].join('\r\n')
}

/** One chunk of a chunked body; an empty one ends it. */
export function chunk(bytes: Uint8Array | string): Buffer {
  const data = Buffer.from(bytes)
  return Buffer.concat([
    Buffer.from(`${data.byteLength.toString(16)}\r\n`),
    data,
    Buffer.from('\r\n'),
  ])
}

/** The chunk that ends a chunked body. */
export const LAST_CHUNK: Buffer = chunk('')

/** Opens a connection to a host. */
export async function openConnection(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject)
  })
  // A server may close early: what matters is whether the answer was complete, see `answer`.
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const inbound = collect(socket)

  return {
    async write(...parts) {
      for (const part of parts) {
        const flushed = new Promise<void>((resolve) => socket.write(part, () => resolve()))
        await Promise.race([flushed, closed])
      }
    },
    answer: ({ toHead = false } = {}) => inbound.take(toHead),
    interim: () => inbound.take(true),
    finish: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    closed,
  }
}

/** What a socket has received and the test has not read yet. */
function collect(socket: Socket) {
  let bytes: Buffer = Buffer.alloc(0)
  let hasEnded = false
  let wake: (() => void) | undefined
  socket.on('data', (data) => {
    bytes = Buffer.concat([bytes, data])
    wake?.()
  })
  for (const event of ['end', 'close']) {
    socket.on(event, () => {
      hasEnded = true
      wake?.()
    })
  }

  async function take(isHeadOnly: boolean): Promise<RawResponse> {
    for (;;) {
      const parsed = parse(bytes, isHeadOnly, hasEnded)
      if (parsed !== undefined) {
        bytes = bytes.subarray(parsed.byteLength)
        return parsed.response
      }
      if (hasEnded) throw new Error('The connection ended before the answer was complete.')
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }

  return { take }
}

interface Parsed {
  readonly response: RawResponse
  readonly byteLength: number
}

/** The first answer in the bytes, if it is complete. */
function parse(bytes: Buffer, isHeadOnly: boolean, hasEnded: boolean): Parsed | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const status = Number(statusLine.split(' ')[1])
  const start = headEnd + 4
  const headers = Object.fromEntries(lines.map(splitHeader))
  const end = isHeadOnly ? start : endOfBody(bytes, start, headers, hasEnded)
  if (end === undefined || bytes.byteLength < end) return undefined
  const body = bytes.toString('utf8', start, end)
  return { response: { status, headers, body }, byteLength: end }
}

/** Where the body of an answer ends: by its length, at its last chunk, or with the connection. */
function endOfBody(
  bytes: Buffer,
  start: number,
  headers: Readonly<Record<string, string>>,
  hasEnded: boolean,
): number | undefined {
  if (headers['content-length'] !== undefined) return start + Number(headers['content-length'])
  if (headers['transfer-encoding'] === 'chunked') {
    const last = bytes.indexOf('0\r\n\r\n', start)
    return last === -1 ? undefined : last + 5
  }
  return hasEnded ? bytes.byteLength : undefined
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}

function linesOf(headers: RawHeaders): string[] {
  const entries: readonly (readonly [string, string])[] = isList(headers)
    ? headers
    : Object.entries(headers)
  return entries.map(([name, value]) => `${name}: ${value}`)
}

function isList(headers: RawHeaders): headers is readonly (readonly [string, string])[] {
  return Array.isArray(headers)
}
