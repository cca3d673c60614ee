import { findParameterFlaw } from '@hongbao/client/internal'
import { isRecord, readStrictJson } from '@hongbao/core/internal'
import type { CreateParameters } from '../../engine/envelopes.ts'
import { recordOf } from '../../events/notifications.ts'
import { ApiError, type CauseName } from './api-error.ts'
import LIMITS from './parameter-limits.json' with { type: 'json' }
import { readQueryString, type QueryParameters } from './query-string.ts'

/**
 * Reads the parameters of a body: JSON as the SDKs send it, or a form as the curl examples do.
 * A body without a content type counts as what it looks like.
 *
 * @throws ApiError `request-unreadable`
 */
export function readParameters(
  body: Uint8Array,
  contentType: string | undefined,
): Readonly<Record<string, unknown>> {
  if (body.byteLength === 0) return {}
  const [type = '', ...attributes] = (contentType ?? '').toLowerCase().split(';')
  refuseForeignCharset(attributes)
  switch (type.trim() || guessType(body)) {
    case 'application/json':
      return readJson(body)
    case 'application/x-www-form-urlencoded':
      return readForm(body)
    default:
      throw unreadable('content-type')
  }
}

/**
 * The parameters of a red envelope, by the documented limits.
 *
 * @throws ApiError `parameter-invalid`
 */
export function readCreateParameters(sent: Readonly<Record<string, unknown>>): CreateParameters {
  // The examples of the C# and Python SDKs send an integer.
  const orderNo = sent['order_no']
  const params: typeof sent = {
    ...sent,
    order_no: Number.isSafeInteger(orderNo) ? String(orderNo) : orderNo,
  }
  const flaw = findParameterFlaw(params)
  if (flaw !== undefined) refuseParameter(flaw)
  const text = (name: string) => textOf(params[name])
  return {
    app: textOf(recordOf(params['app'])['id']),
    channel: text('channel'),
    order_no: text('order_no'),
    amount: Number(params['amount']),
    currency: text('currency'),
    recipient: text('recipient'),
    subject: text('subject'),
    body: text('body'),
    description: text('description'),
    extra: recordOf(params['extra']),
    // PHP writes an empty array as `[]`; the Go SDK fails if an answer has that.
    metadata: recordOf(params['metadata']),
  }
}

/** The client's rules speak English; in Chinese, the documented limit (guide, step 3; API reference). */
function refuseParameter({ param = '', detail: problem = '' }: Flaw): never {
  const expected = new Map(Object.entries(LIMITS)).get(param) ?? '文档规定的值'
  const cause = problem.includes(' is missing:') ? 'parameter-missing' : 'parameter-wrong'
  throw new ApiError('parameter-invalid', { cause, about: { param, problem, expected }, param })
}

type Flaw = NonNullable<ReturnType<typeof findParameterFlaw>>

function readJson(body: Uint8Array): Readonly<Record<string, unknown>> {
  const json = readStrictJson(body)
  if (!json.ok) throw unreadable(json.code)
  if (isRecord(json.value)) return json.value
  throw unreadable('json-no-object')
}

function readForm(body: Uint8Array): QueryParameters {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw unreadable('event-not-utf8')
  }
  const params = readQueryString(text)
  const { amount } = params
  // A form has no numbers.
  const isInteger = typeof amount === 'string' && /^\d{1,15}$/.test(amount)
  return isInteger ? { ...params, amount: Number(amount) } : params
}

function guessType(body: Uint8Array): string {
  const isJson = /^\s*[[{]/.test(Buffer.from(body.subarray(0, 64)).toString('latin1'))
  return isJson ? 'application/json' : 'application/x-www-form-urlencoded'
}

function refuseForeignCharset(attributes: readonly string[]): void {
  const charset = attributes
    .map((attribute) => /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/.exec(attribute)?.[1])
    .find((name) => name !== undefined)
  if (charset === undefined || ['utf-8', 'utf8', 'us-ascii'].includes(charset)) return
  throw unreadable('charset')
}

function unreadable(cause: CauseName): ApiError {
  return new ApiError('request-unreadable', { cause })
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
