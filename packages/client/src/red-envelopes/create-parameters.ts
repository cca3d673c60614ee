import { isRecord, readStrictJson } from '@hongbao/core/internal'
import { requestFailed, type PingppError, type PingppErrorFacts } from '../errors.ts'
import type { ExtraParams } from '../options.ts'
import { findDocumented, findUnknown, withExtra } from './known-parameters.ts'
import { CREATE_PARAMETERS, findParameterFlaw } from './parameters.ts'
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

/** A create, ready to be sent. */
export interface WrittenEnvelope {
  readonly body: Uint8Array<ArrayBuffer>
  readonly orderNo: string
  /** What its answer must have of it. */
  readonly expected: ExpectedEnvelope
}

/**
 * Checks the parameters by Ping++'s documented limits and writes them as JSON, with `extraParams`
 * beside them.
 *
 * @throws PingppError `parameter-invalid`, which names the first one that is wrong
 */
export function writeEnvelope(
  parameters: RedEnvelopeCreateParams,
  defaultApp: RedEnvelopeCreateParams['app'],
  extraParams?: ExtraParams,
): WrittenEnvelope {
  const complete = withDefault(parameters, defaultApp)
  check(complete)
  const { bytes, value } = writeJson(complete)
  check(value)
  const { order_no, amount, recipient } = value
  const body = extraParams === undefined ? bytes : writeWithExtra(value, extraParams)
  return { body, orderNo: order_no, expected: { order_no, amount, recipient } }
}

/** The parameters as they are, for `check` to refuse, if they are no object. */
function withDefault(
  parameters: RedEnvelopeCreateParams,
  defaultApp: RedEnvelopeCreateParams['app'],
): RedEnvelopeCreateParams {
  if (!isRecord(parameters) || defaultApp === undefined) return parameters
  const { app } = parameters
  return app === undefined || app === null ? { ...parameters, app: defaultApp } : parameters
}

function check(parameters: unknown): asserts parameters is RedEnvelopeCreateParams {
  if (!isRecord(parameters)) throw invalid({ detail: '`create` expects an object of parameters.' })
  // First, so that an `amuont` is not reported as an `amount` that is missing.
  const unknown = findUnknown(parameters, CREATE_PARAMETERS)
  if (unknown !== undefined) throw invalid(unknown)
  const flaw = findParameterFlaw(parameters)
  if (flaw !== undefined) throw invalid({ param: flaw.param, detail: flaw.problem })
}

/** The body with `extraParams`, which are checked as they are sent, too. */
function writeWithExtra(
  sent: RedEnvelopeCreateParams,
  extraParams: ExtraParams,
): Uint8Array<ArrayBuffer> {
  const extra = writeJson(extraParams).value
  const flaw = findDocumented(extra, CREATE_PARAMETERS)
  if (flaw !== undefined) throw invalid(flaw)
  return writeJson(withExtra({ ...sent }, isRecord(extra) ? extra : {})).bytes
}

/** JSON, and its value as Ping++ will read it: a getter, or a `toJSON`, may have changed the parameters. */
function writeJson(parameters: object): { bytes: Uint8Array<ArrayBuffer>; value: unknown } {
  let bytes: Uint8Array<ArrayBuffer>
  try {
    bytes = new TextEncoder().encode(JSON.stringify(parameters))
  } catch (cause) {
    throw invalid({ detail: 'They cannot be written as JSON: a BigInt, or a circle?' }, { cause })
  }
  const json = readStrictJson(bytes)
  if (json.ok) return { bytes, value: json.value }
  throw invalid({ detail: `Ping++ could not read them as JSON. ${json.reason}` })
}

function invalid(facts: PingppErrorFacts, options?: ErrorOptions): PingppError {
  return requestFailed('parameter-invalid', facts, options)
}
