import { readStrictJson } from '@hongbao/core/internal'
import { escapeUnicode, escapeUnit } from '../../events/altered-text.ts'
import type { CauseName } from './api-error.ts'

/** The parts of a request that a signature covers, in this order. */
export interface SignedParts {
  readonly method: string
  readonly body: Buffer
  /** Path and query as they were sent. */
  readonly target: string
  readonly timestamp: string | undefined
}

/** A common mistake: what was signed in the place of what was sent. */
export interface Mistake<Sent> {
  readonly cause: CauseName
  /** undefined if the mistake is not possible here. */
  readonly signed: (sent: Sent) => Buffer | string | undefined
}

/** Body mistakes: the JSON was serialised again for signing, or its bytes were changed. */
export const BODY_MISTAKES: readonly Mistake<Buffer>[] = [
  { cause: 'json-serialised-again', signed: (body) => reserialise(body, toJson) },
  { cause: 'json-spaced', signed: (body) => reserialise(body, toSpacedJson) },
  { cause: 'json-escaped', signed: (body) => escapeUnicode(body.toString()) },
  {
    cause: 'json-of-php',
    signed: (body) => escapeUnicode(body.toString()).replaceAll('/', '\\/'),
  },
  { cause: 'json-of-go', signed: (body) => body.toString().replaceAll(/[<>&]/g, escapeUnit) },
  { cause: 'body-line-break', signed: (body) => Buffer.concat([body, Buffer.from('\n')]) },
  { cause: 'body-latin1', signed: (body) => Buffer.from(body.toString(), 'latin1') },
]

/** Mistakes in what a request's signature covers. */
export const REQUEST_MISTAKES: readonly Mistake<SignedParts>[] = [
  {
    cause: 'timestamp-missing',
    signed: (parts) => (parts.timestamp === undefined ? join(parts) : undefined),
  },
  { cause: 'only-body', signed: ({ body }) => body },
  { cause: 'no-path', signed: (parts) => join({ ...parts, target: '' }) },
  { cause: 'no-timestamp', signed: (parts) => join({ ...parts, timestamp: '' }) },
  {
    cause: 'timestamp-signed-as-ms',
    signed: (parts) => join({ ...parts, timestamp: `${parts.timestamp}000` }),
  },
  {
    cause: 'no-query',
    signed: (parts) => join({ ...parts, target: parts.target.replace(/\?.*$/s, '') }),
  },
  { cause: 'query-decoded', signed: (parts) => join({ ...parts, target: decode(parts.target) }) },
  { cause: 'empty-object', signed: (parts) => join({ ...parts, body: Buffer.from('{}') }) },
  {
    cause: 'order',
    signed: ({ body, target, timestamp = '' }) =>
      Buffer.concat([Buffer.from(target), body, Buffer.from(timestamp)]),
  },
  ...BODY_MISTAKES.map(({ cause, signed }) => ({
    cause,
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

function toJson(value: unknown): string {
  return JSON.stringify(value)
}

/** With `", "` and `": "`. What `JSON.stringify` indents has line breaks only between members. */
function toSpacedJson(value: unknown): string {
  return JSON.stringify(value, null, 1)
    .replaceAll(/,\n\s*/g, ', ')
    .replaceAll(/\n\s*/g, '')
}

function decode(target: string): string {
  try {
    return decodeURIComponent(target)
  } catch {
    return target
  }
}
