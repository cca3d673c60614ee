import { readStrictJson } from '@hongbao/core/internal'
import type { Text } from './language.ts'

/** The parts of a request that a signature covers, in this order. */
export interface SignedParts {
  readonly method: string
  readonly body: Buffer
  /** Path and query as they were sent. */
  readonly target: string
  readonly timestamp: string | undefined
}

/** A common mistake: what was signed in the place of what was sent. */
export interface Mistake<Sent> extends Text {
  /** undefined if the mistake is not possible here. */
  readonly signed: (sent: Sent) => Buffer | string | undefined
}

/** Body mistakes: the JSON was serialised again for signing, or its bytes were changed. */
export const BODY_MISTAKES: readonly Mistake<Buffer>[] = [
  {
    zh: '签名的是重新序列化的 JSON，应签名实际发送的字节',
    en: 'the JSON was serialised again for signing; sign the bytes that are sent',
    signed: (body) => reserialise(body, (value) => JSON.stringify(value)),
  },
  {
    zh: '签名的是以空格分隔的 JSON（Python 的 json.dumps），应签名实际发送的字节',
    en: "the signed JSON has spaces between its parts (Python's json.dumps); sign the bytes that are sent",
    signed: (body) => reserialise(body, writeSpaced),
  },
  {
    zh: '签名的 JSON 中非 ASCII 字符写成 \\uXXXX，而发送的不是',
    en: 'the signed JSON has non-ASCII text as \\uXXXX, and the sent one does not',
    signed: (body) => escapeUnicode(body.toString()),
  },
  {
    zh: '签名的 JSON 是 PHP 的默认格式（\\uXXXX 和 \\/），而发送的不是',
    en: "the signed JSON is in PHP's default format (\\uXXXX and \\/), and the sent one is not",
    signed: (body) => escapeUnicode(body.toString()).replaceAll('/', '\\/'),
  },
  {
    zh: '签名的 JSON 中 < > & 写成 \\u003c 等（Go 的 json.Marshal），而发送的不是',
    en: "the signed JSON has < > & as \\u003c and so on (Go's json.Marshal), and the sent one does not",
    signed: (body) => body.toString().replaceAll(/[<>&]/g, escapeUnit),
  },
  {
    zh: '签名内容中请求体末尾多了一个换行符',
    en: 'the signed body ends with a line break, and the sent one does not',
    signed: (body) => Buffer.concat([body, Buffer.from('\n')]),
  },
  {
    zh: '签名时请求体以 latin1 而不是 UTF-8 编码',
    en: 'the body was encoded as latin1 instead of UTF-8 for signing',
    signed: (body) => Buffer.from(body.toString(), 'latin1'),
  },
]

/** Mistakes in what a request's signature covers. */
export const REQUEST_MISTAKES: readonly Mistake<SignedParts>[] = [
  {
    zh: '缺少请求头 Pingplusplus-Request-Timestamp',
    en: 'the header Pingplusplus-Request-Timestamp is missing',
    signed: (parts) => (parts.timestamp === undefined ? join(parts) : undefined),
  },
  {
    zh: '只签名了请求体，缺少请求路径和时间戳',
    en: 'only the body is signed; path and timestamp are missing',
    signed: ({ body }) => body,
  },
  {
    zh: '签名内容缺少请求路径',
    en: 'the path is not signed',
    signed: (parts) => join({ ...parts, target: '' }),
  },
  {
    zh: '签名内容缺少时间戳',
    en: 'the timestamp is not signed',
    signed: (parts) => join({ ...parts, timestamp: '' }),
  },
  {
    zh: '签名的时间戳以毫秒为单位，发送的以秒为单位',
    en: 'the signed timestamp is in milliseconds, and the sent one in seconds',
    signed: (parts) => join({ ...parts, timestamp: `${parts.timestamp}000` }),
  },
  {
    zh: '签名内容缺少查询串',
    en: 'the query is not signed',
    signed: (parts) => join({ ...parts, target: parts.target.replace(/\?.*$/s, '') }),
  },
  {
    zh: '签名的是解码后的查询串，应签名实际发送的百分号编码',
    en: 'the query is signed decoded; sign it percent-encoded, as it is sent',
    signed: (parts) => join({ ...parts, target: decode(parts.target) }),
  },
  {
    zh: '请求没有请求体，但签名内容含有 {}',
    en: 'the request has no body, and {} is signed',
    signed: (parts) => join({ ...parts, body: Buffer.from('{}') }),
  },
  {
    zh: '顺序应为：请求体、路径、时间戳',
    en: 'the order must be body, path, timestamp',
    signed: ({ body, target, timestamp = '' }) =>
      Buffer.concat([Buffer.from(target), body, Buffer.from(timestamp)]),
  },
  ...BODY_MISTAKES.map(({ zh, en, signed }) => ({
    zh,
    en,
    signed(parts: SignedParts) {
      const body = signed(parts.body)
      return body === undefined ? undefined : join({ ...parts, body: Buffer.from(body) })
    },
  })),
]

/** What a request's signature covers (guide, step 2). */
export function join({ body, target, timestamp = '' }: SignedParts): Buffer {
  return Buffer.concat([body, Buffer.from(target + timestamp)])
}

function reserialise(body: Buffer, write: (value: unknown) => string): string | undefined {
  const json = readStrictJson(body)
  return json.ok ? write(json.value) : undefined
}

/** With `", "` and `": "`. What `JSON.stringify` indents has line breaks only between members. */
function writeSpaced(value: unknown): string {
  return JSON.stringify(value, null, 1)
    .replaceAll(/,\n\s*/g, ', ')
    .replaceAll(/\n\s*/g, '')
}

function escapeUnicode(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/g, escapeUnit)
}

function escapeUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function decode(target: string): string {
  try {
    return decodeURIComponent(target)
  } catch {
    return target
  }
}
