import { describe, expect, it } from 'vitest'
import {
  compareEnvelopeStatus,
  ENVELOPE_STATUSES,
  isFinalEnvelopeStatus,
  envelopeStatusesBefore,
  type EnvelopeNews,
} from '../src/events/state.ts'
import type { RedEnvelopeStatus } from '../src/events/payloads/red-envelope.ts'

// Kept by row, told by column, by hand.
const TOLD = ['sending', 'sent', 'refunding', 'received', 'failed', 'refund'] as const
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
    '%s, against every state that may be told [H3, H7, H10]',
    (kept, expected) => {
      expect(TOLD.map((told) => compareEnvelopeStatus(kept as RedEnvelopeStatus, told))).toEqual(
        expected,
      )
    },
  )

  it('is `ahead` if there is no record', () => {
    expect(TOLD.map((told) => compareEnvelopeStatus(undefined, told))).toEqual(
      TOLD.map(() => 'ahead'),
    )
  })

  it('is a `conflict` if this version does not know it', () => {
    for (const unknown of ['frozen', 'pending', 'toString']) {
      const other = unknown as RedEnvelopeStatus
      expect(TOLD.map((told) => compareEnvelopeStatus(other, told))).toEqual(
        TOLD.map(() => 'conflict'),
      )
      expect(TOLD.map((kept) => compareEnvelopeStatus(kept, other))).toEqual(
        TOLD.map(() => 'conflict'),
      )
    }
  })

  it('ends the same in any order of events, unless two ends contradict [H1, H2]', () => {
    for (const told of permutations<RedEnvelopeStatus>([
      'sending',
      'sent',
      'refunding',
      'refund',
    ])) {
      expect(told.reduce<RedEnvelopeStatus | undefined>(keep, undefined)).toBe('refund')
    }
    for (const told of permutations<RedEnvelopeStatus>(['sending', 'sent', 'received'])) {
      expect(told.reduce<RedEnvelopeStatus | undefined>(keep, undefined)).toBe('received')
    }
  })

  it('has the same order in the list for databases [H1, H2]', () => {
    for (const told of TOLD) {
      const ahead = TOLD.filter((kept) => compareEnvelopeStatus(kept, told) === 'ahead')
      expect([...envelopeStatusesBefore(told)]).toEqual(ahead)
    }
    expect(envelopeStatusesBefore('received')).toEqual(['sending', 'sent', 'refunding'])
    expect(envelopeStatusesBefore('sending')).toEqual([])
  })

  it('has three ends', () => {
    expect(ENVELOPE_STATUSES).toEqual([...TOLD])
    expect(ENVELOPE_STATUSES.filter(isFinalEnvelopeStatus)).toEqual([
      'received',
      'failed',
      'refund',
    ])
  })
})

function keep(
  kept: RedEnvelopeStatus | undefined,
  told: RedEnvelopeStatus,
): RedEnvelopeStatus | undefined {
  return compareEnvelopeStatus(kept, told) === 'ahead' ? told : kept
}

function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((first) =>
    permutations(items.filter((item) => item !== first)).map((rest) => [first, ...rest]),
  )
}
