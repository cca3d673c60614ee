import { readStrictJson } from '@hongbao/core/internal'
import { isRecord } from './query-string.ts'
import type { Mistake } from './signature-mistakes.ts'

/** What people sign instead of the body as it is sent. */
export const BODY_MISTAKES: readonly Mistake<Buffer>[] = [
  {
    says: { zh: '签名内容缺少请求体', en: 'it does not cover the body' },
    of: () => Buffer.alloc(0),
  },
  ...['{}', 'null', 'undefined', '""', '[]'].map((placeholder) => ({
    says: {
      zh: `请求没有请求体，但签名内容含有 ${placeholder}`,
      en: `the request has no body, and it covers ${placeholder}`,
    },
    of: (body: Buffer) => (body.length === 0 ? Buffer.from(placeholder) : undefined),
  })),
  {
    says: {
      zh: '签名内容中请求体末尾多了一个换行符',
      en: 'the body has a line break at its end in what was signed, and none in what was sent',
    },
    of: (body) => (body.length === 0 ? undefined : Buffer.concat([body, Buffer.from('\n')])),
  },
  {
    says: {
      zh: '请求体末尾的换行符没有被签名',
      en: 'the body was sent with a line break at its end, and signed without it',
    },
    of: withoutBreaks,
  },
  rewritten('以紧凑格式', 'without spaces', (value) => JSON.stringify(value)),
  rewritten('以 ", " 和 ": " 分隔', 'with ", " and ": " between', writeSpaced),
  rewritten('以两个空格缩进', 'indented by two spaces', (value) => JSON.stringify(value, null, 2)),
  rewritten('以四个空格缩进', 'indented by four spaces', (value) => JSON.stringify(value, null, 4)),
  rewritten('按键名排序', 'with its keys sorted', (value) => JSON.stringify(sortKeys(value))),
  respelt('非 ASCII 字符写成 \\uXXXX', 'non-ASCII text as \\uXXXX', escapeUnicode),
  respelt('/ 写成 \\/', '/ as \\/', escapeSlashes),
  respelt(
    '非 ASCII 字符写成 \\uXXXX、/ 写成 \\/（PHP 的默认格式）',
    "non-ASCII text as \\uXXXX and / as \\/ (PHP's default)",
    (text) => escapeSlashes(escapeUnicode(text)),
  ),
  respelt('< > & 写成 \\u003c 等', '< > & as \\u003c and so on', escapeHtml),
  {
    says: {
      zh: '签名前把请求体的 UTF-8 字节当作 latin1 读取（中文成了乱码）',
      en: 'the bytes of the body were read as latin1 instead of UTF-8 before signing',
    },
    of: (body) => Buffer.from(body.toString('latin1')),
  },
  {
    says: {
      zh: '签名时请求体以 latin1 而不是 UTF-8 编码',
      en: 'the body was encoded as latin1 instead of UTF-8 for signing',
    },
    of: (body) => Buffer.from(body.toString(), 'latin1'),
  },
  {
    says: {
      zh: '签名时请求体中的非 ASCII 字符成了 ?',
      en: 'non-ASCII text of the body became ? for signing',
    },
    of: (body) => Buffer.from(body.toString().replaceAll(/[^\0-\x7f]/g, '?')),
  },
]

/** Without the line breaks at its end. No `/[\r\n]+$/`, which is quadratic where they stand elsewhere. */
export function withoutBreaks(body: Buffer): Buffer {
  let end = body.length
  while (body[end - 1] === LF || body[end - 1] === CR) end -= 1
  return body.subarray(0, end)
}

const LF = 0x0a
const CR = 0x0d

function rewritten(zh: string, en: string, write: (value: unknown) => string): Mistake<Buffer> {
  return {
    says: {
      zh: `签名的是重新序列化的 JSON（${zh}），应签名实际发送的字节`,
      en: `it covers the JSON written anew (${en}), not the bytes that were sent`,
    },
    of(body) {
      const json = readStrictJson(body)
      return json.ok ? Buffer.from(write(json.value)) : undefined
    },
  }
}

function respelt(zh: string, en: string, spell: (text: string) => string): Mistake<Buffer> {
  return {
    says: {
      zh: `签名的 JSON 中${zh}，而发送的不是`,
      en: `it covers the JSON with ${en}, and it was not sent like that`,
    },
    of: (body) => Buffer.from(spell(body.toString())),
  }
}

/** As Python's `json.dumps`. What `JSON.stringify` indents has line breaks between members alone. */
function writeSpaced(value: unknown): string {
  return JSON.stringify(value, null, 1)
    .replaceAll(/,\n\s*/g, ', ')
    .replaceAll(/\n\s*/g, '')
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (!isRecord(value)) return value
  const entries = Object.entries(value).map(([name, each]) => [name, sortKeys(each)] as const)
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function escapeUnicode(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/g, escapeUnit)
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[<>&]/g, escapeUnit)
}

function escapeUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function escapeSlashes(text: string): string {
  return text.replaceAll('/', '\\/')
}
