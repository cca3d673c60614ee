import { describe, expect, it } from 'vitest'
import { replies, replyTo, type ReplyName } from '../src/reply/reply.ts'

const ACCEPTED: readonly [ReplyName, number][] = [
  ['handled', 21],
  ['duplicate', 23],
  ['unhandled', 23],
]

// The reply table of the documents, by hand: code, outcome, status, bytes of the body, further headers.
const REFUSED: readonly [
  ReplyName,
  'rejected' | 'failed',
  number,
  number,
  Record<string, string>?,
][] = [
  ['method-not-allowed', 'rejected', 405, 50, { allow: 'POST' }],
  ['path-mismatch', 'rejected', 404, 45],
  ['body-encoded', 'rejected', 415, 44],
  ['body-too-large', 'rejected', 413, 46],
  ['body-too-slow', 'rejected', 408, 45],
  ['body-aborted', 'rejected', 400, 44],
  ['body-consumed', 'failed', 500, 43],
  ['signature-missing', 'rejected', 401, 49],
  ['signature-malformed', 'rejected', 401, 51],
  ['signature-mismatch', 'rejected', 401, 50],
  ['key-unavailable', 'failed', 500, 45],
  ['event-not-utf8', 'rejected', 400, 46],
  ['event-not-json', 'rejected', 400, 46],
  ['event-invalid', 'rejected', 400, 45],
  ['app-mismatch', 'rejected', 403, 44],
  ['mode-mismatch', 'rejected', 403, 45],
  ['event-too-old', 'rejected', 403, 45],
  ['event-from-future', 'rejected', 403, 49],
  ['no-handler', 'failed', 500, 40],
  ['handler-failed', 'failed', 500, 44],
  ['handler-timed-out', 'failed', 500, 47],
  ['inbox-busy', 'failed', 500, 40],
  ['inbox-unavailable', 'failed', 500, 47],
  ['shutting-down', 'failed', 500, 43],
  ['internal-error', 'failed', 500, 44],
]

describe('the reply table', () => {
  it('has exactly the documented replies', () => {
    const names = replies().map((reply) => ('code' in reply ? reply.code : reply.outcome))
    expect(names).toEqual([...ACCEPTED, ...REFUSED].map(([name]) => name))
  })

  it.each(ACCEPTED)('answers %s with 200 and a body of %d bytes', (outcome, bytes) => {
    const reply = replyTo(outcome)
    const body = `{"outcome":"${outcome}"}`
    expect(reply).toEqual({ outcome, status: 200, headers: headersOf(bytes), body })
    expect(Buffer.byteLength(reply.body)).toBe(bytes)
  })

  it.each(REFUSED)(
    'answers %s with the outcome %s, %d and a body of %d bytes',
    (code, outcome, status, bytes, more) => {
      const reply = replyTo(code)
      const body = `{"outcome":"${outcome}","code":"${code}"}`
      expect(reply).toEqual({
        outcome,
        code,
        status,
        headers: { ...headersOf(bytes), ...more },
        body,
      })
      expect(Buffer.byteLength(reply.body)).toBe(bytes)
    },
  )

  it('has 2xx only for outcomes that Ping++ need not send again', () => {
    const good = replies().filter(({ status }) => status < 300)
    expect(good.map(({ outcome }) => outcome)).toEqual(['handled', 'duplicate', 'unhandled'])
  })

  it('has 4xx for `rejected` and 500 for `failed`', () => {
    const statuses = (name: string) =>
      new Set(replies().flatMap(({ outcome, status }) => (outcome === name ? [status] : [])))
    expect(statuses('failed')).toEqual(new Set([500]))
    expect(Math.min(...statuses('rejected'))).toBeGreaterThanOrEqual(400)
    expect(Math.max(...statuses('rejected'))).toBeLessThan(500)
  })

  it('cannot be changed by an adapter', () => {
    for (const reply of replies()) {
      expect(Object.isFrozen(reply)).toBe(true)
      expect(Object.isFrozen(reply.headers)).toBe(true)
    }
  })
})

function headersOf(bytes: number): Record<string, string> {
  return {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(bytes),
    'cache-control': 'no-store',
  }
}
