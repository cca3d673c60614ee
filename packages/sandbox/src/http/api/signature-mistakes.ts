import { createHash } from 'node:crypto'
import type { Text } from './language.ts'

/** One way in which people sign something else than what they send. */
export interface Mistake<Sent, Signed = Sent> {
  /** What is told of it, as a clause. */
  readonly says: Text
  /** What was taken instead; undefined where this mistake cannot be made. */
  readonly of: (sent: Sent) => Signed | undefined
}

/** Where a request went. */
export interface SentTarget {
  /** Path and query as they were sent. */
  readonly target: string
  /** `http://host:port` */
  readonly origin: string
}

/** The order and the glue of what is signed. */
export interface Layout {
  /** Absent for the right one. */
  readonly says?: Text
  readonly of: (parts: {
    readonly method: string
    readonly pieces: readonly [body: Buffer, target: Buffer, timestamp: Buffer]
  }) => Buffer
}

/** How a signature may have become text; the right way first. */
export const ENCODINGS: readonly { says?: Text; of: (header: string) => Buffer | undefined }[] = [
  { of: (header) => fromBase64(header, header) },
  {
    says: { zh: '签名是十六进制，而不是 base64', en: 'it is hexadecimal, not base64' },
    of: (header) => (/^[\da-f]+$/i.test(header) ? Buffer.from(header, 'hex') : undefined),
  },
  {
    says: {
      zh: '签名是 URL 安全的 base64（- 和 _），而不是标准的 base64（+ 和 /）',
      en: 'it is base64 in the alphabet for URLs (- and _), not in the standard one (+ and /)',
    },
    of: (header) =>
      /[-_]/.test(header) ? fromBase64(header.replace(/=+$/, ''), header, 'base64url') : undefined,
  },
  {
    says: { zh: '签名的 base64 缺少末尾的 =', en: 'its base64 lacks the = at its end' },
    of: (header) => fromBase64(`${header}${'='.repeat((4 - (header.length % 4)) % 4)}`, header),
  },
  {
    says: {
      zh: '签名被百分号编码了',
      en: 'its base64 is percent-encoded',
    },
    of: (header) => {
      const plain = decodePercent(header)
      return plain === undefined || plain === header ? undefined : fromBase64(plain, plain)
    },
  },
  {
    says: {
      zh: '签名的 base64 中有空格、引号或其他多余的字符',
      en: 'its base64 has spaces, quotes or other characters that do not belong there',
    },
    of: (header) => Buffer.from(header.replaceAll(/[^\w+/=-]/g, ''), 'base64'),
  },
]

/** What people sign instead of the request target as it is sent. */
export const TARGET_MISTAKES: readonly Mistake<SentTarget, string>[] = [
  { says: { zh: '签名内容缺少请求路径', en: 'it does not cover the path' }, of: () => '' },
  {
    says: { zh: '签名内容缺少路径末尾的 ?', en: 'the ? at the end of the path is not covered' },
    of: ({ target }) => (target.endsWith('?') ? target.slice(0, -1) : undefined),
  },
  {
    says: {
      zh: '签名内容的路径末尾有 ?，而请求中没有',
      en: 'it covers a ? at the end of the path that was not sent',
    },
    of: ({ target }) => (target.includes('?') ? undefined : `${target}?`),
  },
  {
    says: { zh: '签名内容缺少查询串', en: 'it does not cover the query' },
    of: ({ target }) => target.split('?', 1)[0],
  },
  {
    says: {
      zh: '签名的是解码后的查询串，应签名实际发送的百分号编码',
      en: 'it covers the query decoded, not percent-encoded as it was sent',
    },
    of: ({ target }) => decodePercent(target),
  },
  {
    says: {
      zh: '签名的是重新编码的查询串（方括号编码方式不同）',
      en: 'it covers the query encoded again, with brackets as %5B and %5D',
    },
    of: ({ target }) => target.replaceAll('[', '%5B').replaceAll(']', '%5D'),
  },
  {
    says: {
      zh: '签名内容的百分号编码大小写与发送的不同',
      en: 'it covers the percent-encoding in other letters: %5b and %5B are not the same',
    },
    of: ({ target }) => swapHexCase(target),
  },
  {
    says: {
      zh: '签名内容与请求中空格的编码不同（+ 与 %20）',
      en: 'a space is + in one of what was signed and what was sent, and %20 in the other',
    },
    of: ({ target }) =>
      target.includes('+') ? target.replaceAll('+', '%20') : target.replaceAll('%20', '+'),
  },
  {
    says: {
      zh: '签名内容中查询参数的顺序与发送的不同',
      en: 'it covers the query with its parameters in another order',
    },
    of: ({ target }) => sortQuery(target),
  },
  {
    says: {
      zh: '签名内容的路径缺少 /v1',
      en: 'it covers the path without /v1',
    },
    of: ({ target }) => (target.startsWith('/v1/') ? target.slice(3) : undefined),
  },
  {
    says: {
      zh: '签名内容的路径缺少开头的 /',
      en: 'it covers the path without its first /',
    },
    of: ({ target }) => target.slice(1),
  },
  {
    says: {
      zh: '签名的是完整的 URL，应只签名路径和查询串',
      en: 'it covers the whole URL, not path and query alone',
    },
    of: ({ target, origin }) => origin + target,
  },
]

/** What people sign instead of the timestamp as it is sent. */
export const TIMESTAMP_MISTAKES: readonly Mistake<string>[] = [
  { says: { zh: '签名内容缺少时间戳', en: 'it does not cover the timestamp' }, of: () => '' },
  {
    says: {
      zh: '签名的时间戳以毫秒为单位，发送的以秒为单位',
      en: 'it covers the timestamp in milliseconds, and seconds were sent',
    },
    of: (timestamp) => (timestamp === '' ? undefined : `${timestamp}000`),
  },
  {
    says: {
      zh: '签名的时间戳以秒为单位，发送的以毫秒为单位',
      en: 'it covers the timestamp in seconds, and milliseconds were sent',
    },
    of: (timestamp) => (timestamp.length === 13 ? timestamp.slice(0, 10) : undefined),
  },
]

/** Body, target and timestamp without anything between is right; this is what else is done. */
export const LAYOUTS: readonly Layout[] = [
  { of: ({ pieces }) => Buffer.concat(pieces) },
  ...[
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ].map((order) => ({
    says: {
      zh: '顺序应为：请求体、路径、时间戳',
      en: 'the order is body, path, timestamp',
    },
    of: ({ pieces }: Parameters<Layout['of']>[0]) =>
      Buffer.concat(order.map((at) => pieces[at] ?? Buffer.alloc(0))),
  })),
  ...['\n', '&', '|', ',', ' '].map((glue) => ({
    says: {
      zh: `各部分之间不应有 ${JSON.stringify(glue)}`,
      en: `there is a ${JSON.stringify(glue)} between the parts, where nothing belongs`,
    },
    of: ({ pieces: [body, target, timestamp] }: Parameters<Layout['of']>[0]) =>
      Buffer.concat([body, Buffer.from(glue), target, Buffer.from(glue), timestamp]),
  })),
  {
    says: {
      zh: '签名内容末尾多了一个换行符（echo 应加 -n）',
      en: 'there is a line break at the end of what was signed (`echo` adds one; use `printf %s`)',
    },
    of: ({ pieces }) => Buffer.concat([...pieces, Buffer.from('\n')]),
  },
  {
    says: { zh: '签名内容不应含请求方法', en: 'it covers the method, which does not belong there' },
    of: ({ method, pieces }) => Buffer.concat([Buffer.from(method), ...pieces]),
  },
  {
    says: {
      zh: '哈希了两次：签名的是 SHA-256 的十六进制文本，RSA-SHA256 会自己计算哈希',
      en: 'it was hashed twice: it covers the SHA-256 as hexadecimal text, and RSA-SHA256 hashes by itself',
    },
    of: ({ pieces }) => Buffer.from(sha256(Buffer.concat(pieces)).toString('hex')),
  },
  {
    says: {
      zh: '哈希了两次：签名的是 SHA-256 的结果，RSA-SHA256 会自己计算哈希',
      en: 'it was hashed twice: it covers the SHA-256, and RSA-SHA256 hashes by itself',
    },
    of: ({ pieces }) => sha256(Buffer.concat(pieces)),
  },
]

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function swapHexCase(target: string): string {
  return target.replaceAll(/%[\da-f]{2}/gi, (code) =>
    code === code.toLowerCase() ? code.toUpperCase() : code.toLowerCase(),
  )
}

function sortQuery(target: string): string | undefined {
  const [path, query] = target.split('?', 2)
  return query === undefined ? undefined : `${path}?${query.split('&').toSorted().join('&')}`
}

/** Bytes of a text that is the one and only text of them. */
function fromBase64(
  text: string,
  given: string,
  alphabet: 'base64' | 'base64url' = 'base64',
): Buffer | undefined {
  const bytes = Buffer.from(given, alphabet)
  return bytes.toString(alphabet) === text ? bytes : undefined
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}
