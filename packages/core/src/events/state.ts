import type { RedEnvelopeStatus } from './payloads/red-envelope.ts'

/**
 * The order of an envelope's states. It can only move up, and reaches one of the three ends
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

export const ENVELOPE_STATUSES: readonly RedEnvelopeStatus[] = Object.keys(
  RANK,
) as RedEnvelopeStatus[]

/** Result of comparing the state of an event with the state of your record. */
export type EnvelopeNews =
  /** Store it: the envelope has moved on. */
  | 'ahead'
  /** Stored already. */
  | 'same'
  /** Outdated: notifications come in any order, and a redelivery may be a day late. */
  | 'behind'
  /**
   * Two different ends, one of which is wrong, or a state that this version does not know: store
   * neither, and query Ping++.
   */
  | 'conflict'

/**
 * Compares the state of your record with the state of an event, for events in any order: `received`
 * before `sent`, a `sent` after the refund, two different ends. Without a record, every state is
 * `'ahead'`.
 */
export function compareEnvelopeStatus(
  kept: RedEnvelopeStatus | undefined,
  reported: RedEnvelopeStatus,
): EnvelopeNews {
  if (kept === undefined) return 'ahead'
  if (kept === reported) return 'same'
  const [from, to] = [RANK[kept], RANK[reported]]
  if (from < to) return 'ahead'
  return from > to ? 'behind' : 'conflict'
}

/**
 * Returns the states before `status`, so that a database can compare and update in one statement:
 * `update … set status = $1 where id = $2 and status = any($3)`. If two processes get different states
 * at once, only one update succeeds.
 */
export function envelopeStatusesBefore(status: RedEnvelopeStatus): readonly RedEnvelopeStatus[] {
  return ENVELOPE_STATUSES.filter((other) => RANK[other] < RANK[status])
}

/** Returns whether a status is one of the three ends. */
export function isFinalEnvelopeStatus(status: RedEnvelopeStatus): boolean {
  return RANK[status] === RANK.refund
}

/**
 * Reads a status as Ping++ writes it: its data of 2015 is in upper case, and its overview calls the
 * first state `pending`. Returns undefined for a state that this version does not know.
 */
export function readEnvelopeStatus(status: unknown): RedEnvelopeStatus | undefined {
  if (typeof status !== 'string') return undefined
  const name = status.toLowerCase()
  if (name === 'pending') return 'sending'
  return ENVELOPE_STATUSES.find((known) => known === name)
}

/**
 * Returns the later of an event's step and its payload's status, because Ping++ may have read the payload
 * before the step. A status that this version does not know is kept; two different ends are undefined.
 */
export function statusAt(step: RedEnvelopeStatus, status: unknown): unknown {
  if (typeof status !== 'string' || status === '') return step
  const known = readEnvelopeStatus(status)
  const news = known === undefined ? 'ahead' : compareEnvelopeStatus(step, known)
  if (news === 'conflict') return undefined
  return news === 'behind' ? step : status
}
