import { joinBytes } from '@hongbao/core/internal'
import { Failure, type FailureFacts } from './failure.ts'
import { isLoopback } from '../options.ts'

/** One request, ready to be sent. */
export interface OutgoingRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer> | undefined
}

/** What came back, whatever its status. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The body as it was sent, but for a `Content-Encoding`. */
  readonly bytes: Uint8Array
}

/** How one request is sent. */
export interface Exchange {
  readonly fetch: typeof globalThis.fetch
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

// A page of 100 envelopes with everything as long as it may be has 0.6 MB.
const MAX_ANSWER_BYTES = 4 * 1024 * 1024

/**
 * Sends a request once and reads the whole answer, under one deadline. Never rejects.
 *
 * A redirect is not followed: a POST would become a GET, and the key would go where nobody meant it
 * to. By `'manual'`, because `'error'` does not exist on Cloudflare Workers.
 */
export async function exchange(
  { url, ...request }: OutgoingRequest,
  { fetch, timeoutMs, signal }: Exchange,
): Promise<Answer | Failure> {
  const deadline = startDeadline(timeoutMs, signal)

  async function converse(): Promise<Answer | Failure> {
    const { body = null, ...rest } = request
    const init = {
      ...rest,
      body,
      ...uncached(),
      redirect: 'manual',
      signal: deadline.signal,
    } as const
    return readAnswer(await fetch(url, init), deadline.signal)
  }

  try {
    // A `fetch` that knows no `signal` must not keep a call from ending.
    return await Promise.race([converse(), deadline.passed])
  } catch (cause) {
    if (deadline.code !== undefined) return new Failure(deadline.code)
    return new Failure('pingpp-unreachable', factsOf(cause, new URL(url)))
  } finally {
    deadline.clear()
  }
}

/**
 * The state of an envelope is not to come from a cache: Next.js 13 and 14 keep what `fetch` asked
 * for until they are told otherwise. Workers of before November 2024 throw at the word.
 */
function uncached(): { readonly cache?: 'no-store' } {
  return typeof Request === 'function' && 'cache' in Request.prototype ? { cache: 'no-store' } : {}
}

interface Deadline {
  readonly signal: AbortSignal
  /** Why it has passed; undefined before. */
  readonly code: 'request-timed-out' | 'request-aborted' | undefined
  /** Rejects when it has passed. */
  readonly passed: Promise<never>
  clear(): void
}

/** Passes after a time, or when the caller's signal says so. */
function startDeadline(timeoutMs: number, callers: AbortSignal | undefined): Deadline {
  const controller = new AbortController()
  const { promise: passed, reject } = Promise.withResolvers<never>()
  let code: Deadline['code']

  function pass(why: 'request-timed-out' | 'request-aborted'): void {
    code = why
    controller.abort()
    reject(new Error(why))
  }

  const onAbort = (): void => pass('request-aborted')
  const timer = setTimeout(() => pass('request-timed-out'), timeoutMs)
  callers?.addEventListener('abort', onAbort, { once: true })
  return {
    signal: controller.signal,
    get code() {
      return code
    },
    passed,
    clear() {
      clearTimeout(timer)
      callers?.removeEventListener('abort', onAbort)
    },
  }
}

async function readAnswer(
  { status, headers: given, body }: Response,
  signal: AbortSignal,
): Promise<Answer | Failure> {
  // Whatever a `fetch` of one's own gives for headers fails here, where the request counts as sent.
  const headers = new Headers(given)
  const bytes = body === null ? new Uint8Array() : await readBytes(body, signal)
  if (bytes !== undefined) return { status, headers, bytes }
  const detail = `It is over ${MAX_ANSWER_BYTES.toLocaleString('en-US')} bytes.`
  return new Failure('response-invalid', { status, detail })
}

/** The whole body, or undefined where it is too long. */
async function readBytes(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const joined = joinBytes()
  const reader = body.getReader()
  const cancel = (): void => void reader.cancel().catch(() => {})
  // A `fetch` that knows no `signal` would be read from for as long as it sends.
  signal.addEventListener('abort', cancel)
  if (signal.aborted) cancel()
  // oxlint-disable-next-line no-await-in-loop -- chunks come one after another
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    if (joined.size() + next.value.byteLength > MAX_ANSWER_BYTES) {
      cancel()
      return undefined
    }
    joined.add(next.value)
  }
  return joined.all()
}

/** Codes of Node and of Bun for a connection that never came to be, so that nothing was sent. */
const NEVER_CONNECTED: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'ConnectionRefused',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** Without a reason that is known, the request may have been sent. */
function factsOf(cause: unknown, { origin, hostname }: URL): FailureFacts {
  const code = reasonOf(cause)
  if (code === undefined) return { cause, detail: `It was to ${origin}.` }
  const notCreated = NEVER_CONNECTED.has(code)
  const question = notCreated && isLoopback(hostname) ? ' Is the sandbox running?' : ''
  return { cause, detail: `${code}, ${origin}.${question}`, notCreated }
}

/** `fetch` hides the reason in the cause of a TypeError. */
function reasonOf(thrown: unknown, depth = 0): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || depth === 4) return undefined
  if ('code' in thrown && typeof thrown.code === 'string') return thrown.code
  return 'cause' in thrown ? reasonOf(thrown.cause, depth + 1) : undefined
}
