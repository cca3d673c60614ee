import { Buffer } from 'node:buffer'
import { OptionError } from '@hongbao/core'
import { signBytes, withTimeout } from '@hongbao/core/internal'
import { PingppError, requestFailed } from '../errors.ts'
import {
  isLoopback,
  readRequestOptions,
  type PingppRequestOptions,
  type Settings,
} from '../options.ts'
import { readAnswer, readBytes, type Answer, type GoodAnswer } from './answer.ts'
import { sendWithRetries, untilAborted, type FailedCall, type Seams } from './retries.ts'
import { createSecrets, type Secrets } from './secrets.ts'

export interface Call<Result> {
  readonly method: 'GET' | 'POST'
  /** After `/v1`, with its query. */
  readonly path: string
  /** JSON; every request of the call sends the same bytes. */
  readonly body?: Uint8Array<ArrayBuffer>
  readonly orderNo?: string
  /** @throws PingppError `response-invalid` */
  read(answer: GoodAnswer): Result
}

/** Sends a call, and retries it if that is safe. Rejects with a PingppError. */
export type Send = <Result>(call: Call<Result>, options?: PingppRequestOptions) => Promise<Result>

export function createSend(settings: Settings, seams: Seams): Send {
  const api: Api = { ...settings, secrets: createSecrets(settings.apiKey) }

  return async function send(call, options = {}) {
    const limits = readRequestOptions(options, settings)
    const { timeoutMs, signal } = limits
    const ending = await sendWithRetries(
      async () => call.read(readAnswer(await exchange(api, call, timeoutMs, signal), api)),
      limits,
      seams,
    )
    if ('result' in ending) return ending.result
    throw toCallError(api, ending, call.orderNo, signal)
  }
}

interface Api extends Settings {
  readonly secrets: Secrets
}

/**
 * Sends a request once and reads the whole answer within `timeoutMs`, even if `fetch` ignores its signal:
 * then neither the timer nor a listener on the caller's `signal` stays either. @throws PingppError
 */
async function exchange(
  api: Api,
  call: Call<unknown>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  // `fetch` sends the URL as the URL parser writes it.
  const url = new URL(`${api.baseUrl}/v1${call.path}`)
  const ending = new AbortController()
  const request = requestOf(api, call, url, ending.signal)
  try {
    const answering = untilAborted(fetchAnswer(api.fetch, url, request), ending.signal)
    const answer = await untilAborted(
      withTimeout(timeoutMs, answering, () => undefined),
      signal,
    )
    if (answer !== undefined) return answer
  } catch (cause) {
    throw unreachable(cause, url)
  }
  ending.abort()
  throw requestFailed(signal?.aborted === true ? 'request-aborted' : 'request-timed-out')
}

type OutgoingRequest = RequestInit & { readonly signal: AbortSignal }

/**
 * The request of a call; timestamp and signature are new for each one. A redirect is not followed: a POST
 * would become a GET, and the API key would go to another host. Workers do not know `'error'` for that.
 */
function requestOf(
  { apiKey, signingKey, now }: Api,
  { method, body }: Call<unknown>,
  url: URL,
  signal: AbortSignal,
): OutgoingRequest {
  const timestamp = Math.floor(now() / 1000)
  if (!Number.isSafeInteger(timestamp)) {
    throw new OptionError('option-invalid', '`now` must give milliseconds since 1970.')
  }
  // Body, target and timestamp, as Ping++'s own SDKs have signed since 2016, GET included.
  const target = `${url.pathname}${url.search}${timestamp}`
  const signed = Buffer.concat([body ?? Buffer.alloc(0), Buffer.from(target)])
  const headers = {
    Authorization: `Bearer ${apiKey}`,
    Accept: 'application/json',
    ...(body && { 'Content-Type': 'application/json; charset=utf-8' }),
    'Pingplusplus-Request-Timestamp': String(timestamp),
    ...(signingKey && { 'Pingplusplus-Signature': signBytes(signed, signingKey.privateKey) }),
  }
  return { method, headers, body: body ?? null, ...uncached(), redirect: 'manual', signal }
}

/**
 * The state of an envelope must not come from a cache: Next.js 13 and 14 cache every `fetch` by
 * default. Cloudflare Workers before November 2024 throw for `cache`.
 */
function uncached(): { readonly cache?: 'no-store' } {
  return typeof Request === 'function' && 'cache' in Request.prototype ? { cache: 'no-store' } : {}
}

async function fetchAnswer(
  fetch: Settings['fetch'],
  { href }: URL,
  request: OutgoingRequest,
): Promise<Answer> {
  const { status, headers, body } = await fetch(href, request)
  // `new Headers` throws for the headers of a broken custom `fetch`; the request counts as sent.
  return { status, headers: new Headers(headers), bytes: await readBytes(body, request.signal) }
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
  const facts = {
    status,
    api,
    attempts,
    orderNo,
    retryAfterMs,
    requestId: requestId && secrets.mask(requestId),
    lastMessage: secrets.mask(message + source),
    // False for a call that creates nothing: an envelope of another call may exist.
    notCreated: orderNo !== undefined && notCreated,
  }
  return new PingppError(code, facts, cause === undefined ? undefined : { cause })
}
