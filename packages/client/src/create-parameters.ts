import { findParameterFlaw, readStrictJson } from '@hongbao/core/internal'
import { isJsonObject } from './answer.ts'
import type { ExpectedEnvelope } from './envelope.ts'
import { ClientError } from './errors.ts'

/** Parameters of a red envelope; what is not listed here is sent as it is. */
export interface CreateRedEnvelope {
  /** `{ id: 'app_…' }`. */
  readonly app: { readonly id: string }
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
    readonly [name: string]: unknown
  }
  /** At most 20 pairs and 1,000 characters in all; values are not nested. */
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly [name: string]: unknown
}

/** A create, ready to be sent. */
export interface WrittenEnvelope {
  readonly body: Uint8Array<ArrayBuffer>
  readonly orderNo: string
  /** What its answer must have of it. */
  readonly expected: ExpectedEnvelope
}

/**
 * Checks the parameters by Ping++'s documented limits and writes them as JSON.
 *
 * @throws ClientError `parameter-invalid`, which names the first one that is wrong
 */
export function writeEnvelope(parameters: CreateRedEnvelope): WrittenEnvelope {
  if (!isJsonObject(parameters)) throw refusal('`create` expects an object of parameters.')
  check(parameters)
  const body = writeJson(parameters)
  // A getter, or a `toJSON`, may have given something else than what was checked.
  const json = readStrictJson(body)
  if (!json.ok) throw refusal(`As JSON, they are none that Ping++ could read. ${json.reason}`)
  const { value: sent } = json
  check(sent)
  const { order_no, amount, recipient } = sent
  return { body, orderNo: order_no, expected: { order_no, amount, recipient } }
}

function check(parameters: unknown): asserts parameters is CreateRedEnvelope {
  const flaw = findParameterFlaw(parameters)
  if (flaw !== undefined) throw refusal(flaw.problem, { param: flaw.param })
}

function writeJson(parameters: CreateRedEnvelope): Uint8Array<ArrayBuffer> {
  try {
    return new TextEncoder().encode(JSON.stringify(parameters))
  } catch (cause) {
    throw refusal('They cannot be written as JSON: a BigInt, or a circle?', {}, { cause })
  }
}

function refusal(
  detail: string,
  facts: { readonly param?: string } = {},
  options?: ErrorOptions,
): ClientError {
  return new ClientError('parameter-invalid', { ...facts, detail }, options)
}
