import { describe, expect, it } from 'vitest'
import { replyTo, type Outcome } from '../src/reply.ts'
import { outcomes } from '../src/reply.ts'

// The reply table of docs and design, by hand: outcome, status, bytes of the body, further headers.
const TABLE: readonly [Outcome, number, number, Record<string, string>?][] = [
  ['handled', 200, 21],
  ['duplicate', 200, 23],
  ['unhandled', 200, 23],
  ['failed', 500, 20],
  ['timed-out', 500, 23],
  ['busy', 500, 18],
  ['unavailable', 500, 25],
  ['closing', 500, 21],
  ['body-consumed', 500, 27],
  ['malformed', 400, 23],
  ['aborted', 400, 21],
  ['unsigned', 401, 22],
  ['forged', 401, 20],
  ['misdirected', 403, 25],
  ['stale', 403, 19],
  ['elsewhere', 404, 23],
  ['method', 405, 20, { allow: 'POST' }],
  ['slow', 408, 18],
  ['large', 413, 19],
  ['encoded', 415, 21],
]

describe('the reply table', () => {
  it('has these outcomes and no other', () => {
    expect(outcomes()).toEqual(TABLE.map(([outcome]) => outcome))
  })

  it.each(TABLE)(
    'answers %s with %d and a body of %d bytes',
    (outcome, status, bytes, more = {}) => {
      const reply = replyTo(outcome)
      expect(reply).toEqual({
        outcome,
        status,
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'content-length': String(bytes),
          'cache-control': 'no-store',
          ...more,
        },
        body: `{"outcome":"${outcome}"}`,
      })
      expect(Buffer.byteLength(reply.body)).toBe(bytes)
    },
  )

  it('gives 2xx to what need not be sent again, and to nothing else', () => {
    const good = TABLE.filter(([outcome]) => replyTo(outcome).status < 300)
    expect(good.map(([outcome]) => outcome)).toEqual(['handled', 'duplicate', 'unhandled'])
  })

  it('has 500 for an unhandled event where `reject` asks for it, and changes nothing else', () => {
    expect(replyTo('unhandled', 'reject')).toEqual({
      outcome: 'unhandled',
      status: 500,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'content-length': '23',
        'cache-control': 'no-store',
      },
      body: '{"outcome":"unhandled"}',
    })
    for (const [outcome] of TABLE.filter(([each]) => each !== 'unhandled')) {
      expect(replyTo(outcome, 'reject')).toBe(replyTo(outcome, 'accept'))
    }
  })

  it('cannot be changed by an adapter', () => {
    for (const [outcome] of TABLE) {
      expect(Object.isFrozen(replyTo(outcome))).toBe(true)
      expect(Object.isFrozen(replyTo(outcome).headers)).toBe(true)
    }
  })
})
