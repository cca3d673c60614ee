import { findParameterFlaw } from '@hongbao/client/internal'
import { readStrictJson } from '@hongbao/core/internal'
import type { CreateParameters } from '../../engine/engine.ts'
import { ApiError } from './api-error.ts'
import { isRecord } from '../../is-record.ts'
import { readQueryString, unreadable, type QueryParameters } from './query-string.ts'
import type { Text } from './language.ts'

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
      throw unreadable({
        zh: '不支持该 Content-Type，请使用 application/json 或 application/x-www-form-urlencoded',
        en: 'its Content-Type is neither application/json nor application/x-www-form-urlencoded',
      })
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
  if (flaw !== undefined) throw invalidParameter(flaw.param, describe(flaw))
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

export function invalidParameter(param: string, cause: Text): ApiError {
  return new ApiError('parameter-invalid', { about: { cause }, param })
}

/** The client's rules speak English; in Chinese, the documented limit. */
function describe({ param, problem }: NonNullable<ReturnType<typeof findParameterFlaw>>): Text {
  const expected = EXPECTED[param] ?? '文档规定的值'
  const isMissing = problem.includes(' is missing:')
  return {
    zh: isMissing ? `缺少 ${param}，应为${expected}。` : `${param} 应为${expected}。`,
    en: problem,
  }
}

/** Parameter → the documented limit (guide, step 3; API reference). */
const EXPECTED: Readonly<Record<string, string>> = {
  app: '对象：{"id":"app_…"}',
  'app[id]': '应用 ID（app_…）',
  channel: '"wx_pub"',
  order_no: '商户订单号：1 到 28 位数字的字符串',
  amount: '以分为单位的整数：100 到 20,000（1 到 200 元），超出范围须提供 extra[scene_id]',
  currency: '"cny"',
  recipient: '领取红包的用户的 openid，非空字符串',
  subject: '标题：非空的 UTF-8 字符串，最多 32 字节（10 个汉字）',
  body: '祝福语：非空的 UTF-8 字符串，最多 128 字节（42 个汉字）',
  description: '备注：非空的 UTF-8 字符串，最多 255 字节（85 个汉字）',
  extra: '对象：{"send_name":"…"}',
  'extra[send_name]': '商户名称：非空的 UTF-8 字符串，最多 32 字节（10 个汉字）',
  'extra[scene_id]': '"PRODUCT_1" 到 "PRODUCT_8"',
  metadata:
    '对象：最多 20 对，键和值共 1,000 个字符，值为字符串、数字、true、false 或 null，不可嵌套',
}

function readJson(body: Uint8Array): Readonly<Record<string, unknown>> {
  const json = readStrictJson(body)
  if (!json.ok) throw unreadable(JSON_PROBLEMS[json.code])
  if (isRecord(json.value)) return json.value
  throw unreadable({ zh: 'JSON 应为一个对象', en: 'its JSON is not an object' })
}

const JSON_PROBLEMS = {
  'event-not-utf8': { zh: '不是 UTF-8 编码', en: 'it is not UTF-8' },
  'event-not-json': {
    zh: '不是合法的 JSON，或同一对象中有重复的名称',
    en: 'it is not valid JSON, or one of its objects names a member twice',
  },
}

function readForm(body: Uint8Array): QueryParameters {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw unreadable(JSON_PROBLEMS['event-not-utf8'])
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
  throw unreadable({ zh: '字符集应为 UTF-8', en: 'its charset is not UTF-8' })
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}
