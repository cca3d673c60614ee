import type { RedEnvelopeStatus } from './payloads/red-envelope.ts'

export type { RedEnvelopeStatus } from './payloads/red-envelope.ts'

/**
 * How far an envelope is in each state. It moves up alone, and of the three ends it reaches one
 * (API reference, "Red Envelope object"): sending → sent → received, sending → failed, or, unclaimed
 * for 24 hours, sent → refunding → refund.
 */
const RANK: Readonly<Record<RedEnvelopeStatus, number>> = {
  sending: 0,
  sent: 1,
  refunding: 2,
  received: 3,
  failed: 3,
  refund: 3,
}

const END_RANK = 3

/** What a state that is told means for the one that is kept. */
export type EnvelopeNews =
  /** Keep it: the envelope has moved on. */
  | 'ahead'
  /** Known already. */
  | 'same'
  /** Overtaken: notifications come in any order, and one that is sent again may be a day late. */
  | 'behind'
  /**
   * Two different ends, one of which is wrong, or a state that this version does not know: keep
   * neither by yourself, and ask Ping++.
   */
  | 'conflict'

/**
 * Compares the state that your record keeps with one that an event tells, so that `received` before
 * `sent`, a `sent` after the refund, and two ends at once come out right. Without a record, anything
 * is ahead.
 */
export function compareEnvelopeStatus(
  kept: RedEnvelopeStatus | undefined,
  told: RedEnvelopeStatus,
): EnvelopeNews {
  if (kept === undefined) return 'ahead'
  if (kept === told) return 'same'
  const [from, to] = [RANK[kept], RANK[told]]
  if (from < to) return 'ahead'
  return from > to ? 'behind' : 'conflict'
}

/**
 * The states that an envelope may be in for `status` to be ahead, for a database to compare in one
 * statement: `update … set status = $1 where id = $2 and status = any($3)`. Two processes that are
 * told different states at once cannot both win then.
 */
export function envelopeStatusesBefore(status: RedEnvelopeStatus): readonly RedEnvelopeStatus[] {
  return ENVELOPE_STATUSES.filter((other) => RANK[other] < RANK[status])
}

/** Whether an envelope goes no further. */
export function isFinalEnvelopeStatus(status: RedEnvelopeStatus): boolean {
  return RANK[status] === END_RANK
}

/** Every state, the earlier ones first. */
export const ENVELOPE_STATUSES: readonly RedEnvelopeStatus[] = [
  'sending',
  'sent',
  'refunding',
  'received',
  'failed',
  'refund',
]

/**
 * Reads a status as Ping++ writes it: its data of 2015 is in upper case, and its overview calls the
 * first state `pending`. undefined for a state that this version does not know.
 */
export function readEnvelopeStatus(status: unknown): RedEnvelopeStatus | undefined {
  if (typeof status !== 'string') return undefined
  const name = status.toLowerCase()
  if (name === 'pending') return 'sending'
  return ENVELOPE_STATUSES.find((known) => known === name)
}

/** Whether a payload contradicts the step of its event: two ends, and nobody here knows which is wrong. */
export function contradictsStep(status: unknown, step: RedEnvelopeStatus): boolean {
  const told = readEnvelopeStatus(status)
  return told !== undefined && compareEnvelopeStatus(step, told) === 'conflict'
}

/**
 * A status that is not behind the step of its event: the type says that the step was taken, and the
 * payload may have been read a moment earlier. A status that this version does not know stays: only
 * Ping++ can say what it means.
 */
export function atLeast(step: RedEnvelopeStatus, status: unknown): unknown {
  if (typeof status !== 'string' || status === '') return step
  const told = readEnvelopeStatus(status)
  return told !== undefined && compareEnvelopeStatus(step, told) === 'behind' ? step : status
}
