import { OptionError } from '@hongbao/core'
import { PingppError, requestFailed } from '../errors.ts'
import {
  isLoopback,
  readRequestOptions,
  type CallLimits,
  type PingppRequestOptions,
  type Settings,
} from '../options.ts'
import { readAnswer, readBytes, type Answer, type GoodAnswer } from './answer.ts'
import { sendWithRetries, untilAborted, type FailedCall, type RetrySeams } from './retries.ts'
import { createSecrets, type Secrets } from './secrets.ts'
import { signRequest } from './signature.ts'

/** A call of the API: what is sent, and how its answer is read. */
export interface Call<Result> {
  readonly method: 'GET' | 'POST'
  /** After `/v1`, with its query. */
  readonly path: string
  /** JSON; every request of the call sends the same bytes. */
  readonly body?: Uint8Array<ArrayBuffer>
  /** The `order_no` of a create. */
  readonly orderNo?: string
  /** @throws PingppError `response-invalid` */
  read(answer: GoodAnswer): Result
}

/** Sends a call, and retries it where that is safe. Rejects with a PingppError. */
export type Send = <Result>(call: Call<Result>, options?: PingppRequestOptions) => Promise<Result>

export function createSend(settings: Settings, seams: RetrySeams): Send {
  const api: Api = { ...settings, secrets: createSecrets(settings.apiKey) }

  return async function send(call, options = {}) {
    const limits = readRequestOptions(options, settings)
    const ending = await sendWithRetries(() => sendOnce(api, call, limits), limits, seams)
    if ('result' in ending) return ending.result
    throw toCallError(api, ending, call.orderNo, limits.signal)
  }
}

interface Api extends Settings {
  readonly secrets: Secrets
}

async function sendOnce<Result>(api: Api, call: Call<Result>, limits: CallLimits): Promise<Result> {
  const answer = await exchange(sign(api, call), api.fetch, limits)
  return call.read(readAnswer(answer, api))
}

/** The request of a call. Timestamp and signature are new for each one. */
function sign(
  { baseUrl, apiKey, signingKey, now }: Api,
  { method, path, body }: Call<unknown>,
): OutgoingRequest {
  // `fetch` sends the URL as the URL parser writes it.
  const url = new URL(`${baseUrl}/v1${path}`)
  const timestamp = Math.floor(now() / 1000)
  if (!Number.isSafeInteger(timestamp)) {
    throw new OptionError('option-invalid', '`now` must give milliseconds since 1970.')
  }
  const headers = {
    Authorization: `Bearer ${apiKey}`,
    Accept: 'application/json',
    ...(body === undefined ? {} : { 'Content-Type': 'application/json; charset=utf-8' }),
    ...signRequest({ body, target: url.pathname + url.search, timestamp }, signingKey),
  }
  return { method, url, headers, body: body ?? null }
}

/** The error of a call: that of its last request, and what is known of all of them. */
function toCallError(
  { secrets, baseUrl }: Api,
  { error, attempts, notCreated }: FailedCall,
  orderNo: string | undefined,
  signal: AbortSignal | undefined,
): PingppError {
  const { code, message, status, requestId, api, retryAfterMs } = error
  const source = code.startsWith('response-') ? ` It came from ${new URL(baseUrl).origin}.` : ''
  // The reason of an abort belongs to the caller.
  const cause: unknown =
    code === 'request-aborted' ? (error.cause ?? signal?.reason) : secrets.maskCause(error.cause)
  return new PingppError(
    code,
    {
      status,
      api,
      attempts,
      orderNo,
      retryAfterMs,
      requestId: requestId && secrets.mask(requestId),
      lastMessage: secrets.mask(message + source),
      // A call that creates nothing says nothing of an envelope that another one may have created.
      notCreated: orderNo !== undefined && notCreated,
    },
    cause === undefined ? undefined : { cause },
  )
}

interface OutgoingRequest {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer> | null
}

/**
 * Sends a request once and reads the whole answer within `timeoutMs`.
 *
 * A redirect is not followed: a POST would become a GET, and the API key would go to another host.
 * `'manual'`, because Cloudflare Workers do not know `'error'`.
 *
 * @throws PingppError
 */
async function exchange(
  { url, ...request }: OutgoingRequest,
  fetch: typeof globalThis.fetch,
  { timeoutMs, signal }: CallLimits,
): Promise<Answer> {
  const deadline = new AbortController()
  const end = (): void => deadline.abort()
  const timer = setTimeout(end, timeoutMs)
  signal?.addEventListener('abort', end)
  const init = { ...request, ...uncached(), redirect: 'manual', signal: deadline.signal } as const

  async function converse(): Promise<Answer> {
    const { status, headers, body: stream } = await fetch(url.href, init)
    // `new Headers` throws for the headers of a broken custom `fetch`; the request counts as sent.
    return {
      status,
      headers: new Headers(headers),
      bytes: await readBytes(stream, deadline.signal),
    }
  }

  try {
    // A `fetch` that ignores `signal` must not keep the call from ending.
    const answer = await untilAborted(converse(), deadline.signal)
    if (answer !== undefined) return answer
  } catch (cause) {
    if (!deadline.signal.aborted) throw unreachable(cause, url)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', end)
  }
  throw requestFailed(signal?.aborted === true ? 'request-aborted' : 'request-timed-out')
}

/**
 * The state of an envelope must not come from a cache: Next.js 13 and 14 cache every `fetch` by
 * default. Cloudflare Workers before November 2024 throw for `cache`.
 */
function uncached(): { readonly cache?: 'no-store' } {
  return typeof Request === 'function' && 'cache' in Request.prototype ? { cache: 'no-store' } : {}
}

/** Codes of Node and of Bun for a connection that was never established, so that nothing was sent. */
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

/** Without a code that is known, the request may have been sent. */
function unreachable(cause: unknown, { origin, hostname }: URL): PingppError {
  const code = codeOf(cause)
  const notCreated = NEVER_CONNECTED.has(code)
  const question = notCreated && isLoopback(hostname) ? ' Is the sandbox running?' : ''
  const detail = code === undefined ? `It was to ${origin}.` : `${code}, ${origin}.${question}`
  return requestFailed('pingpp-unreachable', { detail, notCreated }, { cause })
}

/** `fetch` has the code in the cause of a TypeError. */
function codeOf(thrown: unknown, depth = 0): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || depth === 4) return undefined
  if ('code' in thrown && typeof thrown.code === 'string') return thrown.code
  return 'cause' in thrown ? codeOf(thrown.cause, depth + 1) : undefined
}
