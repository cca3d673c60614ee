import { describe, expect, it } from 'vitest'
import {
  compareEnvelopeStatus,
  ENVELOPE_STATUSES,
  isFinalEnvelopeStatus,
  envelopeStatusesBefore,
  type EnvelopeNews,
} from '../src/events/state.ts'
import type { RedEnvelopeStatus } from '../src/events/payloads/red-envelope.ts'

// Kept by row, reported by column, by hand.
const REPORTED = ['sending', 'sent', 'refunding', 'received', 'failed', 'refund'] as const
const TABLE: Readonly<Record<RedEnvelopeStatus, readonly EnvelopeNews[]>> = {
  sending: ['same', 'ahead', 'ahead', 'ahead', 'ahead', 'ahead'],
  sent: ['behind', 'same', 'ahead', 'ahead', 'ahead', 'ahead'],
  refunding: ['behind', 'behind', 'same', 'ahead', 'ahead', 'ahead'],
  received: ['behind', 'behind', 'behind', 'same', 'conflict', 'conflict'],
  failed: ['behind', 'behind', 'behind', 'conflict', 'same', 'conflict'],
  refund: ['behind', 'behind', 'behind', 'conflict', 'conflict', 'same'],
}

describe('the state of an envelope', () => {
  it.each(Object.entries(TABLE))(
    '%s, against every state that may be reported [H3, H7, H10]',
    (kept, expected) => {
      expect(
        REPORTED.map((reported) => compareEnvelopeStatus(kept as RedEnvelopeStatus, reported)),
      ).toEqual(expected)
    },
  )

  it('is `ahead` if there is no record', () => {
    expect(REPORTED.map((reported) => compareEnvelopeStatus(undefined, reported))).toEqual(
      REPORTED.map(() => 'ahead'),
    )
  })

  it('is a `conflict` if this version does not know it', () => {
    for (const unknown of ['frozen', 'pending', 'toString']) {
      const other = unknown as RedEnvelopeStatus
      expect(REPORTED.map((reported) => compareEnvelopeStatus(other, reported))).toEqual(
        REPORTED.map(() => 'conflict'),
      )
      expect(REPORTED.map((kept) => compareEnvelopeStatus(kept, other))).toEqual(
        REPORTED.map(() => 'conflict'),
      )
    }
  })

  it('is the same at the end for any order of events, unless two final statuses contradict [H1, H2]', () => {
    for (const reported of permutations<RedEnvelopeStatus>([
      'sending',
      'sent',
      'refunding',
      'refund',
    ])) {
      expect(reported.reduce<RedEnvelopeStatus | undefined>(keep, undefined)).toBe('refund')
    }
    for (const reported of permutations<RedEnvelopeStatus>(['sending', 'sent', 'received'])) {
      expect(reported.reduce<RedEnvelopeStatus | undefined>(keep, undefined)).toBe('received')
    }
  })

  it('has the same order in the list for databases [H1, H2]', () => {
    for (const reported of REPORTED) {
      const ahead = REPORTED.filter((kept) => compareEnvelopeStatus(kept, reported) === 'ahead')
      expect([...envelopeStatusesBefore(reported)]).toEqual(ahead)
    }
    expect(envelopeStatusesBefore('received')).toEqual(['sending', 'sent', 'refunding'])
    expect(envelopeStatusesBefore('sending')).toEqual([])
  })

  it('has three final statuses', () => {
    expect(ENVELOPE_STATUSES).toEqual([...REPORTED])
    expect(ENVELOPE_STATUSES.filter(isFinalEnvelopeStatus)).toEqual([
      'received',
      'failed',
      'refund',
    ])
  })
})

function keep(
  kept: RedEnvelopeStatus | undefined,
  reported: RedEnvelopeStatus,
): RedEnvelopeStatus | undefined {
  return compareEnvelopeStatus(kept, reported) === 'ahead' ? reported : kept
}

function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((first) =>
    permutations(items.filter((item) => item !== first)).map((rest) => [first, ...rest]),
  )
}
