import { createFailure, type WebhookError } from '../reply/errors.ts'
import { appIdOf, namesApp } from '../events/event-key.ts'
import type { WebhookEvent } from '../events/event.ts'

/** Whom events are for, and when: what it refuses is a failure, and undefined passes. */
export interface Acceptance {
  /** Refuses an event of another app or of the other mode, however it came. */
  refuseMisdirected(this: void, event: WebhookEvent): WebhookError | undefined
  /** Refuses a delivery that may be a replay: one of a time that the inbox does not remember. */
  refuseUntimely(this: void, event: WebhookEvent): WebhookError | undefined
}

export interface AcceptanceOptions {
  readonly apps: readonly string[] | undefined
  readonly livemode: boolean | undefined
  readonly maxEventAgeSeconds: number
  readonly now: () => number
}

/** How far ahead a sender's clock may be before its events are refused as from the future. */
const MAX_LEAD_SECONDS = 60 * 60

/**
 * A valid signature does not mean "for this endpoint": the account has one key, which signs for
 * every app, and no time but `created` is signed, so a signature never expires.
 *
 * An event whose object names no app (refunds, account summaries) cannot be of another one.
 */
export function createAcceptance({
  apps,
  livemode,
  maxEventAgeSeconds,
  now,
}: AcceptanceOptions): Acceptance {
  function refuseMisdirected(event: WebhookEvent): WebhookError | undefined {
    if (apps !== undefined && namesApp(event) && !apps.includes(appIdOf(event) ?? '')) {
      return createFailure(
        'app-mismatch',
        `The event is of ${appIdOf(event) ?? 'no app that has an id'}.`,
      )
    }
    if (livemode !== undefined && event.livemode !== livemode) return createFailure('mode-mismatch')
    return undefined
  }

  function refuseUntimely(event: WebhookEvent): WebhookError | undefined {
    const ageSeconds = now() / 1000 - event.created
    // Written so that a clock which says NaN refuses.
    if (!(ageSeconds <= maxEventAgeSeconds)) {
      return createFailure('event-too-old', `It was created at ${timeOf(event)}.`)
    }
    if (ageSeconds < -MAX_LEAD_SECONDS) {
      return createFailure('event-from-future', `It was created at ${timeOf(event)}.`)
    }
    return undefined
  }

  return { refuseMisdirected, refuseUntimely }
}

function timeOf({ created }: WebhookEvent): string {
  const time = new Date(created * 1000)
  return Number.isNaN(time.getTime()) ? `second ${created}` : time.toISOString()
}
