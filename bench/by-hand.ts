import { verify } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { publicKey } from './deliveries.ts'

// Careful hand-written code for the same job: the raw bytes under a limit and a deadline, a
// key read once, a set of the envelopes that were applied, one run at a time for each, a handler that
// is awaited under a deadline, and hongbao's answers. It does not check its JSON or what an
// event holds, and reports nothing.

export const MAX_BODY_BYTES = 262_144
const BODY_TIMEOUT_MS = 10_000
const HANDLER_TIMEOUT_MS = 5000

export interface Answer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
}

const HANDLED = createAnswer(200, 'handled')
const DUPLICATE = createAnswer(200, 'duplicate')
const FAILED = createAnswer(500, 'failed', 'handler-failed')
const TIMED_OUT = createAnswer(500, 'failed', 'handler-timed-out')
const UNSIGNED = createAnswer(401, 'rejected', 'signature-missing')
const FORGED = createAnswer(401, 'rejected', 'signature-mismatch')
export const LARGE: Answer = createAnswer(413, 'rejected', 'body-too-large')

/** Applies a delivery; counts and awaits, as little as a handler can do. */
export type HandWrittenHandler = (amount: number) => Promise<void>

export interface HandWritten {
  /** Answers a body that was read. */
  receive(body: Uint8Array, signature: string | undefined): Promise<Answer>
  /** Forgets what was applied, so that the same events are new ones in the next block. */
  forget(): void
}

/** Runs the work of a key once, by a store that other processes share. Rejects if it may not run. */
export type HandWrittenAdmission = (key: string, work: () => Promise<void>) => Promise<void>

export function handWritten(
  handler: HandWrittenHandler,
  admit?: HandWrittenAdmission,
): HandWritten {
  const applied = new Set<string>()

  const running = new Map<string, Promise<Answer>>()

  async function receive(body: Uint8Array, signature: string | undefined): Promise<Answer> {
    if (signature === undefined) return UNSIGNED
    const bytes = Buffer.from(signature, 'base64')
    if (bytes.toString('base64') !== signature) return FORGED
    if (!verify('RSA-SHA256', body, publicKey, bytes)) return FORGED
    try {
      const event = JSON.parse(textOf(body))
      const key = `${event.type}:${event.data.object.id}`
      if (applied.has(key)) return DUPLICATE
      const answer = running.get(key) ?? apply(key, event.data.object.amount)
      return await answer
    } catch {
      return FAILED
    }
  }

  function apply(key: string, amount: number): Promise<Answer> {
    const answer = new Promise<Answer>((resolve) => {
      const timer = setTimeout(() => resolve(TIMED_OUT), HANDLER_TIMEOUT_MS)
      const work = (): Promise<void> => handler(amount)
      void (admit === undefined ? work() : admit(key, work))
        .then(
          () => {
            applied.add(key)
            return HANDLED
          },
          () => FAILED,
        )
        .then((result) => {
          clearTimeout(timer)
          running.delete(key)
          resolve(result)
        })
    })
    running.set(key, answer)
    return answer
  }

  return { receive, forget: () => applied.clear() }
}

/** Reads the raw bytes of a Node request; undefined if they are too many, or too slow. */
export function readBody(request: IncomingMessage, done: (body: Buffer | undefined) => void): void {
  const chunks: Buffer[] = []
  let length = 0
  const timer = setTimeout(() => done(undefined), BODY_TIMEOUT_MS)
  request.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length <= MAX_BODY_BYTES) chunks.push(chunk)
  })
  request.on('end', () => {
    clearTimeout(timer)
    if (length > MAX_BODY_BYTES) done(undefined)
    else done(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length))
  })
}

/** Answers a Node request; a missing signature needs no body. */
export function answerByHand(
  byHand: HandWritten,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const signature = signatureOf(request)
  if (signature === undefined) return send(response, UNSIGNED)
  readBody(request, (body) => {
    if (body === undefined) send(response, LARGE)
    else void byHand.receive(body, signature).then((answer) => send(response, answer))
  })
}

export function signatureOf({ headers }: IncomingMessage): string | undefined {
  const signature = headers['x-pingplusplus-signature']
  return typeof signature === 'string' ? signature : undefined
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers)
  response.end(body)
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}

function createAnswer(status: number, outcome: string, code?: string): Answer {
  const body = JSON.stringify({ outcome, code })
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(body.length),
    'cache-control': 'no-store',
  }
  return { status, headers, body }
}
