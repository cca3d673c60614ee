import {
  findSigner,
  isNumeral,
  readSignature,
  readStrictJson,
  readWithExact,
  SIGNATURE_HEADER,
  spellPayload,
  WebhookError,
  type VerificationKey,
} from '@hongbao/core/internal'
import type { PingppApiError, PingppErrorCode } from '../errors.ts'
import { Failure, type FailureFacts } from './failure.ts'
import type { Secrets } from './secrets.ts'
import type { Answer } from './transport.ts'

/** An answer that Ping++ gave, verified where that was asked for, and without an error in it. */
export interface GoodAnswer {
  /** The body as strict JSON, deeply frozen; a number for an order number is a text of its digits. */
  readonly value: JsonObject
  readonly bytes: Uint8Array
}

/** An object of an answer, before anything is known of it. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Statuses of a failure that passes; whoever stands before Ping++ gives them too, and signs nothing. */
export const PASSING_STATUSES: ReadonlySet<number | undefined> = new Set([429, 502, 503, 504])

/** HTTP status → code (API reference, "错误"). Ping++ says 403 where the plan allows no more at a time. */
const CODES_OF_STATUS: Readonly<Record<string, PingppErrorCode>> = {
  400: 'request-invalid',
  401: 'api-key-invalid',
  402: 'channel-failed',
  403: 'rate-limited',
  404: 'not-found',
  429: 'rate-limited',
}

/** Ping++'s own code → code, where it says more than the status. */
const CODES_OF_CODE: Readonly<Record<string, PingppErrorCode>> = {
  red_system_busy: 'channel-busy',
  charge_order_no_used: 'order-number-used',
}

/** Ping++'s type of an error → code, for an error that came with the status of a success. */
const CODES_OF_TYPE: Readonly<Record<string, PingppErrorCode>> = {
  invalid_request_error: 'request-invalid',
  channel_error: 'channel-failed',
  card_error: 'channel-failed',
  api_error: 'server-failed',
}

/** After these Ping++ does not know what the channel did: no answer came, or none that it understood. */
const OPEN_CODES: ReadonlySet<string | undefined> = new Set([
  'channel_connection_error',
  'channel_parse_error',
  'channel_unexpected_error',
])

/**
 * Reads an answer: verifies its signature over the raw bytes, and takes errors out of it. What is
 * not signed is not read; of a gateway's 502, 503 or 504, and of a 429, the status alone is used.
 */
export function readAnswer(
  answer: Answer,
  keys: readonly VerificationKey[],
  secrets: Secrets,
): GoodAnswer | Failure {
  const { status, headers, bytes } = answer
  const facts: FailureFacts = {
    status,
    requestId: idOf(headers.get('x-request-id')),
    retryAfter: headers.get('retry-after') ?? undefined,
  }
  if (status < 200 || (status >= 300 && status < 400)) return invalid(facts, REDIRECTS)
  const forgery = findForgery(answer, keys)
  if (forgery !== undefined) {
    return PASSING_STATUSES.has(status)
      ? byStatusAlone(facts)
      : new Failure('response-forged', { ...facts, detail: `${forgery} Its status is ${status}.` })
  }
  const json = readStrictJson(bytes)
  if (!json.ok) return wordless(facts, json.reason)
  const { value } = json
  if (!isJsonObject(value)) return wordless(facts, 'It is not an object.')
  const api = errorIn(value, secrets)
  if (api !== undefined) return refusal(facts, api, idIn(value))
  if (status >= 300) return wordless(facts, 'It has no `error`.')
  return { value: spellPayload(value, () => readWithExact(json.text, isNumeral)), bytes }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const REDIRECTS = 'It redirects, which is not followed.'

function findForgery(
  { headers, bytes }: Answer,
  keys: readonly VerificationKey[],
): string | undefined {
  if (keys.length === 0) return undefined
  const signature = readSignature(headers.get(SIGNATURE_HEADER) ?? undefined, keys)
  if (signature instanceof WebhookError) {
    return signature.code === 'signature-missing' ? 'It is unsigned.' : 'Its signature is none.'
  }
  return findSigner(bytes, signature, keys) === undefined ? 'Its signature is wrong.' : undefined
}

/** An answer without words of Ping++'s: of a proxy, most likely. */
function wordless(facts: FailureFacts, problem: string): Failure {
  const { status = 0 } = facts
  const saysEnough = status >= 500 || PASSING_STATUSES.has(status)
  return saysEnough ? byStatusAlone(facts) : invalid(facts, problem)
}

/** A proxy may have passed the request on before it answered in Ping++'s place. */
function byStatusAlone(facts: FailureFacts): Failure {
  return new Failure(codeOf(facts.status ?? 0), { ...facts, notCreated: false })
}

function invalid(facts: FailureFacts, problem: string): Failure {
  const detail = `${problem} Its status is ${facts.status}.`
  return new Failure('response-invalid', { ...facts, detail })
}

function refusal(facts: FailureFacts, api: PingppApiError, requestId: string | undefined): Failure {
  const { status = 0 } = facts
  return new Failure(codeOf(status, api), {
    ...facts,
    api,
    ...(isCertain(status, api) ? {} : { notCreated: false }),
    requestId: requestId ?? facts.requestId,
    detail: `${adviceOn(status, api)}${quote(status, api)}`,
  })
}

/** Only a refusal as Ping++ documents it is certain: anything else may come from a proxy. */
function isCertain(status: number, { type, code, param }: PingppApiError): boolean {
  const isDocumented =
    String(status) in CODES_OF_STATUS && lookUp(CODES_OF_TYPE, type) !== undefined
  // The form of the number was checked, so this is about its having been used.
  return isDocumented && !OPEN_CODES.has(code) && param !== 'order_no'
}

/** Ping++ answers 401 for both, and only its words, Chinese or English, say which it is. */
function adviceOn(status: number, { message = '' }: PingppApiError): string {
  if (status !== 401) return ''
  return /签名|signature/i.test(message)
    ? 'Is `privateKey` set, and is its public half in the dashboard (商户 RSA 公钥)? '
    : 'Is the key complete, and was it replaced? '
}

function codeOf(status: number, api: PingppApiError = {}): PingppErrorCode {
  const special = lookUp(CODES_OF_CODE, api.code)
  if (special !== undefined) return special
  if (status < 300) return lookUp(CODES_OF_TYPE, api.type) ?? 'response-invalid'
  const fallback = status >= 500 ? 'server-failed' : 'request-invalid'
  return lookUp(CODES_OF_STATUS, String(status)) ?? fallback
}

function lookUp(
  table: Readonly<Record<string, PingppErrorCode>>,
  key: string | undefined,
): PingppErrorCode | undefined {
  return key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined
}

const MAX_QUOTED_CHARACTERS = 300

/** Ping++'s own words, for a message. */
function quote(status: number, { type, code, param, message = '' }: PingppApiError): string {
  const names = [status, type, code, param].filter((each) => each !== undefined).join(', ')
  const said = message === '' ? 'nothing more' : shorten(message)
  return `Ping++ said: ${said} (${shorten(names)})`
}

/** On one line, not endless, and with whole characters alone. */
function shorten(words: string): string {
  return (
    words
      // oxlint-disable-next-line eslint/no-control-regex -- what could forge a line of a log
      .replaceAll(/[\u0000-\u001F\u007F-\u009F\u2028\u2029]+/g, ' ')
      .slice(0, MAX_QUOTED_CHARACTERS)
      .toWellFormed()
  )
}

/** The documented members of an `error`, as far as they are texts. */
function errorIn({ error }: JsonObject, { mask }: Secrets): PingppApiError | undefined {
  if (typeof error === 'string') return { message: mask(error) }
  if (!isJsonObject(error)) return undefined
  const said = ['type', 'code', 'param', 'message'].flatMap((name) => {
    const text = error[name]
    return typeof text === 'string' ? [[name, mask(text)]] : []
  })
  return Object.freeze(Object.fromEntries(said))
}

/** No document names a request id; where one comes, it is as good as a header. */
function idIn({ request_id, error }: JsonObject): string | undefined {
  return idOf(request_id) ?? (isJsonObject(error) ? idOf(error['request_id']) : undefined)
}

function idOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{1,128}$/.test(value) ? value : undefined
}
