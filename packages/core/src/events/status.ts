import { compareEnvelopeStatus, ENVELOPE_STATUSES } from './state.ts'
import type { RedEnvelopeStatus } from './payloads/red-envelope.ts'

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
