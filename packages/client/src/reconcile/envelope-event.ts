import type { RedEnvelope, RedEnvelopeStatus, WebhookEvent } from '@hongbao/core'

/** The event of an envelope's status. */
export type EnvelopeEvent = WebhookEvent<`red_envelope.${EventStatus}`>

/** A status with an event: all but that of an envelope that is not sent yet. */
type EventStatus = Exclude<RedEnvelopeStatus, 'sending'>

/**
 * The event of an envelope's status, as a webhook would have it. It has no id, because Ping++ gave it
 * none: type and envelope make its key in the inbox. It is the same each time that it is made.
 */
export function eventOf(envelope: RedEnvelope, status: EventStatus): EnvelopeEvent {
  const { created, livemode, received, refunded } = envelope
  const dates: Partial<Record<EventStatus, number | null | undefined>> = {
    received,
    refund: refunded,
  }
  const data = { object: { ...envelope, status } }
  const type = `red_envelope.${status}` as const
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the status is that of the type
  return {
    object: 'event',
    type,
    created: dates[status] ?? created,
    livemode,
    data,
  } as EnvelopeEvent
}
