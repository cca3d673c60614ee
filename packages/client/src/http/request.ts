import { OptionError } from '@hongbao/core'
import { readAnswer, type GoodAnswer } from './answer.ts'
import { PingppError } from '../errors.ts'
import { Failure } from './failure.ts'
import {
  readRequestOptions,
  type CallLimits,
  type PingppRequestOptions,
  type Settings,
} from '../options.ts'
import { signRequest } from './signature.ts'
import { readRetryAfter, sendWithRetries, type Ending, type RetrySeams } from './retries.ts'
import { createSecrets } from './secrets.ts'
import { exchange, type OutgoingRequest } from './transport.ts'

/** A call of the API: what is sent, and how its answer is read. */
export interface Call<Result> {
  readonly method: 'GET' | 'POST'
  /** Behind `/v1`, with its query. */
  readonly path: string
  /** JSON; the same bytes are sent on every attempt. */
  readonly body?: Uint8Array<ArrayBuffer>
  /** The `order_no` of a create. */
  readonly orderNo?: string
  /** Makes the result of an answer, or a failure `response-invalid`. */
  read(answer: GoodAnswer): Result | Failure
}

/** Sends a call, again where that may help. Rejects with a PingppError. */
export type Send = <Result>(call: Call<Result>, options?: PingppRequestOptions) => Promise<Result>

export function createSend(settings: Settings, seams: RetrySeams): Send {
  const { apiKey, signingKey, publicKeys, baseUrl, fetch, now } = settings
  const secrets = createSecrets(apiKey)
  const source = ` It came from ${new URL(baseUrl).origin}.`

  async function send<Result>(
    call: Call<Result>,
    options: PingppRequestOptions = {},
  ): Promise<Result> {
    const limits = readRequestOptions(options, settings)
    const ending = await sendWithRetries(() => attempt(call, limits), limits, seams)
    const { result } = ending
    if (result instanceof Failure) throw toError(result, call, ending, limits)
    return result
  }

  /** Signs, sends, reads: once. Time and signature are fresh each time, the rest is not. */
  async function attempt<Result>(
    call: Call<Result>,
    { timeoutMs, signal }: CallLimits,
  ): Promise<Result | Failure> {
    const answer = await exchange(request(call), { fetch, timeoutMs, signal })
    if (answer instanceof Failure) return answer
    const good = readAnswer(answer, publicKeys, secrets)
    if (good instanceof Failure) return good
    const result = call.read(good)
    if (!(result instanceof Failure)) return result
    return new Failure(result.code, { ...result.facts, status: answer.status })
  }

  function request({ method, path, body }: Call<unknown>): OutgoingRequest {
    // What the URL parser makes of it is what `fetch` sends.
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
    return { method, url: url.href, headers, body }
  }

  function toError(
    { code, facts }: Failure,
    { orderNo }: Call<unknown>,
    { attempts, notCreated }: Ending<unknown>,
    { signal }: CallLimits,
  ): PingppError {
    const { status, requestId, api, detail, retryAfter } = facts
    // Why a call was aborted is the caller's own.
    const cause: unknown =
      code === 'request-aborted' ? (facts.cause ?? signal?.reason) : secrets.maskCause(facts.cause)
    return new PingppError(
      code,
      {
        status,
        api,
        attempts,
        orderNo,
        retryAfterMs: readRetryAfter(retryAfter, now()),
        requestId: requestId && secrets.mask(requestId),
        detail: detail && secrets.mask(detail + (code.startsWith('response-') ? source : '')),
        // A call that creates nothing says nothing of an envelope that another one may have created.
        notCreated: orderNo !== undefined && notCreated,
      },
      cause === undefined ? undefined : { cause },
    )
  }

  return send
}
