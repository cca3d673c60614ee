import {
  callSafely,
  findSigner,
  isNumeral,
  isRecord,
  readAll,
  readSignature,
  readStrictJson,
  readWithExact,
  SIGNATURE_HEADER,
  spellPayload,
  WebhookError,
  type VerificationKey,
} from '@hongbao/core/internal'
import {
  requestFailed,
  type PingppApiError,
  type PingppError,
  type PingppErrorCode,
} from '../errors.ts'
import type { Settings } from '../options.ts'
import type { Secrets } from './secrets.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The body as it was sent, but for a `Content-Encoding`; undefined if it is too long. */
  readonly bytes: Uint8Array | undefined
}

/** An answer of Ping++ without an error in it, verified if `publicKey` is set. */
export interface GoodAnswer {
  readonly status: number
  /** The body as strict JSON, deeply frozen; a number for an order number is a text of its digits. */
  readonly value: JsonObject
  readonly bytes: Uint8Array
}

export type JsonObject = Readonly<Record<string, unknown>>

/** Statuses of a failure that passes. A gateway before Ping++ answers them too, without a signature. */
export const PASSING_STATUSES: ReadonlySet<number | undefined> = new Set([429, 502, 503, 504])

/** HTTP status → code (API reference, "错误"). Ping++ answers 403 if the plan allows no more at a time. */
const CODES_OF_STATUS: ReadonlyMap<number, PingppErrorCode> = new Map([
  [400, 'request-invalid'],
  [401, 'api-key-invalid'],
  [402, 'channel-failed'],
  [403, 'rate-limited'],
  [404, 'not-found'],
  [429, 'rate-limited'],
])

/** Ping++'s own code → code, if it is more exact than the status. */
const CODES_OF_CODE: ReadonlyMap<string | undefined, PingppErrorCode> = new Map([
  ['red_system_busy', 'channel-busy'],
  ['charge_order_no_used', 'order-number-used'],
])

/** Ping++'s type of an error → code, for an error that came with the status of a success. */
const CODES_OF_TYPE: ReadonlyMap<string | undefined, PingppErrorCode> = new Map([
  ['invalid_request_error', 'request-invalid'],
  ['channel_error', 'channel-failed'],
  ['card_error', 'channel-failed'],
  ['api_error', 'server-failed'],
])

/** After these Ping++ does not know what the channel did: it got no answer, or none that it understood. */
const UNCLEAR_CODES: ReadonlySet<string | undefined> = new Set([
  'channel_connection_error',
  'channel_parse_error',
  'channel_unexpected_error',
])

/**
 * Reads an answer: verifies its signature over the raw bytes, and throws the error that is in it. An
 * unsigned answer is not read; of a gateway's 502, 503 or 504, and of a 429, only the status is used.
 */
export function readAnswer(
  { status, headers, bytes }: Answer,
  { publicKeys, secrets, now }: Pick<Settings, 'publicKeys' | 'now'> & { secrets: Secrets },
): GoodAnswer {
  const facts: Facts = {
    status,
    requestId: [headers.get('x-request-id')].find(isRequestId),
    retryAfterMs: readRetryAfter(headers.get('retry-after'), now),
  }
  if (bytes === undefined) throw unreadable(facts, 'It is over 4,194,304 bytes.')
  if (status < 200 || (status >= 300 && status < 400)) {
    throw unreadable(facts, 'It redirects, which is not followed.')
  }
  const forgery = findForgery(headers, bytes, publicKeys)
  if (forgery !== undefined) throw unreadable(facts, forgery, 'response-forged')
  const json = readStrictJson(bytes)
  if (!json.ok) throw withoutError(facts, json.reason)
  const { value } = json
  if (!isRecord(value)) throw withoutError(facts, 'It is not an object.')
  const api = readApiError(value['error'], secrets)
  if (api !== undefined) throw refusal(facts, api, value)
  if (status >= 300) throw withoutError(facts, 'It has no `error`.')
  return { status, value: spellPayload(value, () => readWithExact(json.text, isNumeral)), bytes }
}

export function invalidAnswer({ status }: GoodAnswer, detail: string): PingppError {
  return requestFailed('response-invalid', { status, detail })
}

// A page of 100 envelopes with every field as long as possible has 0.6 MB.
const MAX_ANSWER_BYTES = 4 * 1024 * 1024

/**
 * The whole body, or undefined if it is too long. The signal ends it, even if `fetch` ignores it. Of the body
 * only a reader is needed: mocks and polyfills have no more.
 */
export async function readBytes(
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (!body) return new Uint8Array()
  const reader = body.getReader()
  // A body that has failed needs no end, and one of a mock may have none.
  const cancel = (): void => callSafely(() => reader.cancel())
  signal.addEventListener('abort', cancel)
  if (signal.aborted) cancel()
  const bytes = await readAll(reader, MAX_ANSWER_BYTES)
  if (bytes === undefined) cancel()
  return bytes
}

type Facts = Pick<PingppError, 'requestId' | 'retryAfterMs'> & { readonly status: number }

/**
 * How long a `Retry-After` asks to wait, in milliseconds: seconds or a date (RFC 9110, section
 * 10.2.3); of the three date formats only the current one.
 */
function readRetryAfter(header: string | null, now: () => number): number | undefined {
  if (header === null) return undefined
  if (/^\d+$/.test(header)) return Number(header) * 1000
  if (!/^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(header)) return undefined
  const atMs = Date.parse(header)
  return Number.isNaN(atMs) ? undefined : Math.max(atMs - now(), 0)
}

function findForgery(
  headers: Headers,
  bytes: Uint8Array,
  keys: readonly VerificationKey[],
): string | undefined {
  if (keys.length === 0) return undefined
  const signature = readSignature(headers.get(SIGNATURE_HEADER) ?? undefined, keys)
  if (!(signature instanceof WebhookError)) {
    return findSigner(bytes, signature, keys) === undefined ? 'Its signature is wrong.' : undefined
  }
  return signature.code === 'signature-missing' ? 'It is unsigned.' : 'Its signature is malformed.'
}

/** The error of an answer without an `error` of Ping++: of a proxy, most likely. */
function withoutError(facts: Facts, problem: string): PingppError {
  return facts.status >= 500 ? byStatus(facts) : unreadable(facts, problem)
}

function unreadable(
  facts: Facts,
  problem: string,
  code: PingppErrorCode = 'response-invalid',
): PingppError {
  const { status } = facts
  if (PASSING_STATUSES.has(status)) return byStatus(facts)
  return requestFailed(code, { ...facts, detail: `${problem} Its status is ${status}.` })
}

/** A proxy may have passed the request on before it answered in place of Ping++. */
function byStatus(facts: Facts): PingppError {
  return requestFailed(codeOf(facts.status), { ...facts, notCreated: false })
}

function refusal(facts: Facts, api: PingppApiError, answer: JsonObject): PingppError {
  const { status, requestId } = facts
  // No document names a request id; one in the body counts like the header.
  const ids: unknown[] = [answer['request_id'], Object(answer['error'])['request_id'], requestId]
  return requestFailed(codeOf(status, api), {
    ...facts,
    api,
    ...(!isCertain(status, api) && { notCreated: false }),
    requestId: ids.find(isRequestId),
    detail: `${adviceOn(status, api)}${quote(status, api)}`,
  })
}

/** Only a refusal as Ping++ documents it is certain: anything else may come from a proxy. */
function isCertain(status: number, { type, code, param }: PingppApiError): boolean {
  const isDocumented = CODES_OF_STATUS.has(status) && CODES_OF_TYPE.has(type)
  // The client has checked the form of the number, so the number was used before.
  return isDocumented && !UNCLEAR_CODES.has(code) && param !== 'order_no'
}

/** Ping++ answers 401 for a wrong key and a wrong signature; only its message, Chinese or English, differs. */
function adviceOn(status: number, { message = '' }: PingppApiError): string {
  if (status !== 401) return ''
  return /签名|signature/i.test(message)
    ? 'Is `privateKey` set, and is its public half in the dashboard (商户 RSA 公钥)? '
    : 'Is the key complete, and was it replaced? '
}

function codeOf(status: number, { type, code }: PingppApiError = {}): PingppErrorCode {
  const special = CODES_OF_CODE.get(code)
  if (special !== undefined) return special
  if (status < 300) return CODES_OF_TYPE.get(type) ?? 'response-invalid'
  return CODES_OF_STATUS.get(status) ?? (status >= 500 ? 'server-failed' : 'request-invalid')
}

const MAX_QUOTED_CHARACTERS = 300

function quote(status: number, { type, code, param, message = '' }: PingppApiError): string {
  const names = [status, type, code, param].filter((each) => each !== undefined).join(', ')
  return `Ping++ answered: ${shorten(message) || 'no message'} (${shorten(names)})`
}

/** On one line, of limited length, without half characters. */
function shorten(text: string): string {
  return (
    text
      // oxlint-disable-next-line eslint/no-control-regex -- what could forge a line of a log
      .replaceAll(/[\u0000-\u001F\u007F-\u009F\u2028\u2029]+/g, ' ')
      .slice(0, MAX_QUOTED_CHARACTERS)
      .toWellFormed()
  )
}

/** The documented members of an `error` that are texts. */
function readApiError(error: unknown, { mask }: Secrets): PingppApiError | undefined {
  if (typeof error === 'string') return { message: mask(error) }
  if (!isRecord(error)) return undefined
  const members = ['type', 'code', 'param', 'message'].flatMap((name) => {
    const text = error[name]
    return typeof text === 'string' ? [[name, mask(text)]] : []
  })
  return Object.freeze(Object.fromEntries(members))
}

function isRequestId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w.:-]{1,128}$/.test(value)
}
