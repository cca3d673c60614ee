import type { Answer } from './answer.ts'
import type { Language, Text } from './language.ts'

export type ProblemName =
  | `key-${'missing' | 'invalid' | 'live'}`
  | `signature-${'missing' | 'invalid'}`
  | 'timestamp-invalid'
  | 'body-too-large'
  | 'request-unreadable'
  | 'parameter-invalid'
  | 'not-found'
  | 'route-unknown'
  | 'order-used'
  | `channel-${'busy' | 'failed'}`
  | 'server-failed'
  | 'internal'

interface Problem extends Text {
  readonly status: number
  /** Ping++'s own code; most errors have none. */
  readonly code?: string
}

/**
 * What can be wrong with a request → Ping++'s answer. Statuses and types as documented; messages are
 * Ping++'s own if one was seen. `{…}` is replaced by details.
 *
 * That a wrong signature is a 401 is the sandbox's choice: Ping++'s answer was never seen.
 */
const PROBLEMS: Readonly<Record<ProblemName, Problem>> = {
  'key-missing': {
    status: 401,
    zh: '没有提供 API KEY。请在请求头中加上 `Authorization: Bearer sk_test_…`，或在 HTTP Basic 认证中以 API KEY 作为用户名。',
    en: 'No API key was provided. Send `Authorization: Bearer sk_test_…`, or the key as user name of HTTP Basic.',
  },
  'key-invalid': {
    status: 401,
    zh: '提供了无效的 API KEY: {key}。',
    en: 'Invalid API key provided: {key}.',
  },
  'key-live': {
    status: 401,
    zh: '这里是本地沙箱，不接受 live 模式的 API KEY: {key}。沙箱不会把它发给任何人，但请改用 sk_test_ 开头的 KEY；要发真实的红包，请把 SDK 指回 https://api.pingxx.com。',
    en: 'This is a local sandbox, and {key} is a live key. It went no further than here, but use a key that starts with sk_test_; to send real money, point the SDK at https://api.pingxx.com again.',
  },
  'signature-missing': {
    status: 401,
    zh: '请求没有签名：缺少请求头 Pingplusplus-Signature。请在 SDK 中设置商户私钥。',
    en: 'The request is not signed: the header Pingplusplus-Signature is missing. Set your private key in the SDK.',
  },
  'signature-invalid': {
    status: 401,
    zh: '请求签名验证失败：{cause}。应以商户私钥对「请求体 + 原样的请求路径与查询串 + 时间戳」做 RSA-SHA256 签名，并以 base64 放入 Pingplusplus-Signature。',
    en: 'The request signature does not verify: {cause}. Sign body + path and query as sent + timestamp with your private key by RSA-SHA256, and send it as base64 in Pingplusplus-Signature.',
  },
  'timestamp-invalid': {
    status: 401,
    zh: '请求签名的时间戳无效：{cause}。Pingplusplus-Request-Timestamp 应为当前的 Unix 时间（秒）。',
    en: 'The timestamp of the request signature is wrong: {cause}. Pingplusplus-Request-Timestamp is the Unix time in seconds, now.',
  },
  'body-too-large': {
    status: 413,
    zh: '请求体超过 {bytes} 字节。',
    en: 'The body is over {bytes} bytes.',
  },
  'request-unreadable': {
    status: 400,
    zh: '无法解析请求：{cause}。',
    en: 'The request cannot be read: {cause}.',
  },
  'parameter-invalid': {
    status: 400,
    zh: '参数无效：{cause}',
    en: 'Invalid parameter: {cause}',
  },
  'not-found': {
    status: 404,
    zh: '未找到 {kind} : {id}。',
    en: 'No such {kind}: {id}',
  },
  'route-unknown': {
    status: 404,
    zh: '无法识别的请求: {method} {path}。沙箱提供 POST /v1/red_envelopes、GET /v1/red_envelopes、GET /v1/red_envelopes/:id 和 GET /v1/events/:id。',
    en: 'Unrecognized request: {method} {path}. The sandbox has POST /v1/red_envelopes, GET /v1/red_envelopes, GET /v1/red_envelopes/:id and GET /v1/events/:id.',
  },
  'order-used': {
    status: 402,
    code: 'charge_order_no_used',
    zh: '订单号 {orderNo} 已被使用，且参数不同。',
    en: 'The order number {orderNo} has been used, with other parameters.',
  },
  'channel-busy': {
    status: 402,
    code: 'red_system_busy',
    zh: '支付渠道系统繁忙,请用同一商户单号再次调用(只会发送一个红包)。',
    en: 'The system of the payment channel is busy. Call again with the same order number; only one red envelope is sent.',
  },
  'channel-failed': {
    status: 402,
    zh: '对支付渠道的请求未能成功。来自渠道的错误: {code}。',
    en: 'The request to the payment channel failed. Its error: {code}.',
  },
  'server-failed': {
    status: 500,
    zh: 'Ping++ 服务器错误（沙箱故障 {fault}）。',
    en: 'Error of the Ping++ server (fault {fault} of the sandbox).',
  },
  internal: {
    status: 500,
    zh: '沙箱内部错误: {cause}',
    en: 'The sandbox failed: {cause}',
  },
}

/** Details of one error. */
export interface ProblemDetails {
  /** Values for `{…}` in the message. */
  readonly about?: Readonly<Record<string, string | Text>>
  /** Name of the wrong parameter. */
  readonly param?: string | undefined
  /** In place of the problem's own. */
  readonly code?: string | undefined
  /** In place of the problem's own. */
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string>>
}

/** An error answer of the API. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly #problem: Problem
  readonly #details: ProblemDetails

  constructor(name: ProblemName, details: ProblemDetails = {}) {
    const problem = PROBLEMS[name]
    super(write(problem, details, 'en'))
    this.status = details.status ?? problem.status
    this.#problem = problem
    this.#details = details
  }

  /** `{"error":{…}}` with type and message, and without nulls: the Go SDK panics otherwise. */
  toAnswer(language: Language): Answer {
    const { code = this.#problem.code, param, headers } = this.#details
    const error = {
      type: typeOf(this.status),
      message: write(this.#problem, this.#details, language),
      ...(code === undefined ? {} : { code }),
      ...(param === undefined ? {} : { param }),
    }
    return { status: this.status, body: { error }, headers }
  }
}

/** Masks keys in a text as Ping++ does: `sk_test_****`. */
export function maskKeys(text: string): string {
  return text.replaceAll(/\b([sp]k_(?:test|live)_)\w+/g, '$1****')
}

function typeOf(status: number): string {
  if (status === 402) return 'channel_error'
  // 403 and 429 are limits, not mistakes of the request.
  return status >= 500 || status === 403 || status === 429 ? 'api_error' : 'invalid_request_error'
}

function write(problem: Problem, { about = {} }: ProblemDetails, language: Language): string {
  const filled = problem[language].replaceAll(/\{(\w+)\}/g, (_, field: string) => {
    const value = about[field] ?? ''
    return typeof value === 'string' ? value : value[language]
  })
  return maskKeys(filled)
}
