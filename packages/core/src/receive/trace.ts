import { eventKey } from '../events/event-key.ts'
import type { WebhookEvent } from '../events/event.ts'
import type { Logger } from '../options/logger.ts'
import type { HandlerSource } from './handlers.ts'

/** What a delivery went through, as far as it came. */
export interface Trace {
  readonly kind: 'delivery' | 'dispatch' | 'late'
  readonly source: HandlerSource
  readonly receivedAt: Date
  readonly startedMs: number
  /** The request's own. */
  readonly logger?: Logger | undefined
  readonly readMs?: number | undefined
  readonly verifiedMs?: number | undefined
  readonly keyFingerprint?: string | undefined
  readonly event?: WebhookEvent | undefined
  /** Whether it shared the execution of another delivery. */
  readonly shared?: boolean | undefined
}

/** What reports and log lines say of a delivery, the same in both. */
export interface TraceFacts {
  /**
   * - `delivery`: one HTTP request was answered. Exactly one report for each.
   * - `dispatch`: an event given to `webhooks.dispatch` was processed.
   * - `late`: handlers that had passed their deadline settled; this is their result.
   */
  readonly kind: 'delivery' | 'dispatch' | 'late'
  /** The HTTP status answered; undefined if there was no HTTP request to answer. */
  readonly status: number | undefined
  readonly eventType: string | undefined
  readonly eventId: string | undefined
  /** The idempotency key, under which the inbox knows the event. */
  readonly key: string | undefined
  readonly source: HandlerSource
  /** SHA-256 (hexadecimal) of the key that verified the delivery. */
  readonly keyFingerprint: string | undefined
}

export function factsOf(
  { kind, source, event, keyFingerprint }: Trace,
  status: number | undefined,
): TraceFacts {
  return {
    kind,
    status,
    eventType: event?.type,
    eventId: event?.id,
    key: event === undefined ? undefined : eventKey(event),
    source,
    keyFingerprint,
  }
}
