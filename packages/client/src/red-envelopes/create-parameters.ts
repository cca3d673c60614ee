import { Buffer } from 'node:buffer'
import { isPositive, isRecord, readStrictJson } from '@hongbao/core/internal'
import { requestFailed } from '../errors.ts'
import type { JsonObject } from '../http/answer.ts'
import type { ExtraParams } from '../options.ts'
import {
  findDocumented,
  findFlaw,
  findWrong,
  isText,
  withExtra,
  type Documented,
  type ParameterFlaw,
} from './parameters.ts'
import { isScalar } from './query.ts'
import type { ExpectedEnvelope } from './red-envelope.ts'

/**
 * The documented parameters of a red envelope (API reference, "创建 Red Envelope 对象"). Any other is
 * refused, because a misspelt one would be sent and do nothing: see `extraParams` of the call.
 */
export interface RedEnvelopeCreateParams {
  /** `{ id: 'app_…' }`. Default: the `app` of the client; one of the two is required. */
  readonly app?: { readonly id: string }
  /** `wx_pub` in all current documents. */
  readonly channel: string
  /** Your own number of the order: 1 to 28 digits, never used before. */
  readonly order_no: string
  /** Integer amount in fen: 100 to 20,000, or any with `extra.scene_id`. */
  readonly amount: number
  readonly currency: 'cny'
  /** The receiver's openid in the channel. */
  readonly recipient: string
  /** At most 32 bytes of UTF-8: ten Chinese characters. */
  readonly subject: string
  /** The wish, at most 128 bytes. */
  readonly body: string
  /** At most 255 bytes. */
  readonly description: string
  readonly extra: {
    /** Who sends it; at most 32 bytes. */
    readonly send_name: string
    /** `PRODUCT_1` to `PRODUCT_8`; needed for amounts below 100 or above 20,000. */
    readonly scene_id?: string
  }
  /** Your own data: at most 20 pairs and 1,000 characters in all; values are not nested. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** The documented limits (guide, step 3; API reference, "创建 Red Envelope 对象"). */
const CREATE: Documented = {
  required: [
    ['app[id]', 'the id of your app, "app_…"', isText],
    ['channel', '"wx_pub"', isText],
    ['order_no', 'your own number, a string of 1 to 28 digits', matches(/^\d{1,28}$/)],
    ['amount', 'a whole number of fen, 150 for 1.50 yuan', isPositive],
    ['amount', '100 to 20,000 fen (1 to 200 yuan), or any with `extra[scene_id]`', isUsual],
    ['currency', '"cny"', matches(/^cny$/)],
    ['recipient', 'the openid of who receives it', isText],
    ['subject', ...text('a title', 32)],
    ['body', ...text('a wish', 128)],
    ['description', ...text('a text', 255)],
    ['extra[send_name]', ...text('the name of who sends it', 32)],
  ],
  optional: [
    ['extra[scene_id]', '"PRODUCT_1" to "PRODUCT_8"', matches(/^PRODUCT_[1-8]$/)],
    ['metadata', 'an object', isRecord],
    // 20 pairs since July 2025, 10 before; the total did not change.
    ['metadata', 'of at most 20 pairs', (value) => pairsOf(value).length <= 20],
    ['metadata', 'of texts, numbers, true and false, and nothing nested', isFlat],
    ['metadata', 'of at most 1,000 whole characters, keys and values together', isShort],
  ],
}

function matches(pattern: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && pattern.test(value)
}

function text(what: string, maxBytes: number): [string, (value: unknown) => boolean] {
  const expected = `${what} of at most ${maxBytes} bytes (${Math.floor(maxBytes / 3)} Chinese characters)`
  return [expected, (value) => isText(value) && Buffer.byteLength(value) <= maxBytes]
}

function isUsual(amount: unknown, { extra }: JsonObject): boolean {
  const hasScene = isRecord(extra) && (extra['scene_id'] ?? undefined) !== undefined
  return hasScene || (Number(amount) >= 100 && Number(amount) <= 20_000)
}

function pairsOf(metadata: unknown): [string, unknown][] {
  return Object.entries(Object(metadata)).filter(([, value]) => value !== undefined)
}

function isFlat(metadata: unknown): boolean {
  return pairsOf(metadata).every(
    ([, value]) => value === null || (typeof value !== 'bigint' && isScalar(value)),
  )
}

function isShort(metadata: unknown): boolean {
  const texts = pairsOf(metadata).flat().map(String)
  return texts.every((each) => each.isWellFormed()) && Array.from(texts.join('')).length <= 1000
}

/** The first parameter that `POST /v1/red_envelopes` does not take as it is. */
export function findParameterFlaw(given: unknown): ParameterFlaw | undefined {
  return findWrong(isRecord(given) ? given : {}, CREATE)
}

export interface WrittenEnvelope {
  readonly body: Uint8Array<ArrayBuffer>
  readonly orderNo: string
  /** What its answer must have of it. */
  readonly expected: ExpectedEnvelope
}

/**
 * Checks the parameters by Ping++'s documented limits and writes them as JSON, with `extraParams`
 * beside them. @throws PingppError `parameter-invalid`, which names the first one that is wrong
 */
export function writeEnvelope(
  parameters: RedEnvelopeCreateParams,
  defaultApp: RedEnvelopeCreateParams['app'],
  extraParams?: ExtraParams,
): WrittenEnvelope {
  const isComplete = defaultApp === undefined || (Object(parameters).app ?? undefined) !== undefined
  // What is no object stays what it is, for `check` to refuse.
  const complete =
    isComplete || !isRecord(parameters) ? parameters : { ...parameters, app: defaultApp }
  check(complete)
  const { bytes, value } = writeJson(complete)
  check(value)
  const { order_no, amount, recipient } = value
  const body = extraParams === undefined ? bytes : writeWithExtra(value, extraParams)
  return { body, orderNo: order_no, expected: { order_no, amount, recipient } }
}

function check(given: unknown): asserts given is RedEnvelopeCreateParams {
  refuse(findFlaw('create', given, CREATE))
}

function refuse(flaw: ParameterFlaw | undefined): void {
  if (flaw !== undefined) throw requestFailed('parameter-invalid', flaw)
}

/** The body with `extraParams`, which are checked as they are sent, too. */
function writeWithExtra(
  sent: RedEnvelopeCreateParams,
  extraParams: ExtraParams,
): Uint8Array<ArrayBuffer> {
  const extra = writeJson(extraParams).value
  refuse(findDocumented(extra, CREATE))
  return writeJson(withExtra({ ...sent }, isRecord(extra) ? extra : {})).bytes
}

/** JSON, and its value as Ping++ will read it: a getter, or a `toJSON`, may have changed the parameters. */
function writeJson(parameters: object): { bytes: Uint8Array<ArrayBuffer>; value: unknown } {
  let bytes: Uint8Array<ArrayBuffer>
  try {
    bytes = new TextEncoder().encode(JSON.stringify(parameters))
  } catch (cause) {
    const detail = 'They cannot be written as JSON: a BigInt, or a circle?'
    throw requestFailed('parameter-invalid', { detail }, { cause })
  }
  const json = readStrictJson(bytes)
  if (json.ok) return { bytes, value: json.value }
  const detail = `Ping++ could not read them as JSON. ${json.reason}`
  throw requestFailed('parameter-invalid', { detail })
}
