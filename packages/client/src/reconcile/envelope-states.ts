import type { EventType, RedEnvelope, RedEnvelopeStatus, WebhookEvent } from '@hongbao/core'

/** An event that tells of a red envelope. */
export type EnvelopeEvent = {
  readonly [Type in EnvelopeEventType]: WebhookEvent<Type>
}[EnvelopeEventType]

export type EnvelopeEventType = Extract<EventType, `red_envelope.${string}`>

interface State {
  /** What tells of it; undefined where nothing is to be told. */
  readonly type: EnvelopeEventType | undefined
  /** The field of the envelope that dates it; where there is none, `created` is all that is known. */
  readonly dated?: 'received' | 'refunded'
}

/** What is told of each state. How far an envelope is in it, core knows. */
const STATES: Readonly<Record<RedEnvelopeStatus, State>> = {
  sending: { type: undefined },
  sent: { type: 'red_envelope.sent' },
  refunding: { type: 'red_envelope.refunding' },
  received: { type: 'red_envelope.received', dated: 'received' },
  failed: { type: 'red_envelope.failed' },
  refund: { type: 'red_envelope.refund', dated: 'refunded' },
}

/** Tells whether there is an event for a state: there is none for one that has got nowhere yet. */
export function hasEvent(status: RedEnvelopeStatus): boolean {
  return STATES[status].type !== undefined
}

/**
 * The event that tells of an envelope's state, as a webhook would; undefined while it is `sending`.
 * It has no id, because Ping++ gave it none: the step and the envelope make its key in the inbox.
 * However often it is made, it is the same.
 */
export function eventOf(
  envelope: RedEnvelope,
  status: RedEnvelopeStatus,
): EnvelopeEvent | undefined {
  const { type, dated } = STATES[status]
  if (type === undefined) return undefined
  const steppedAt = dated === undefined ? undefined : envelope[dated]
  const { created, livemode } = envelope
  const data = { object: { ...envelope, status } }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- STATES ties the type to the status
  return { object: 'event', type, created: steppedAt ?? created, livemode, data } as EnvelopeEvent
}
