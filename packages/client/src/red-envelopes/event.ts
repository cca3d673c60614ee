import type { WebhookEvent } from '@hongbao/core'
import { parseEvent, WebhookError } from '@hongbao/core/internal'
import type { GoodAnswer } from '../http/answer.ts'
import { withObjects } from './red-envelope.ts'
import { Failure } from '../http/failure.ts'

/** Makes an event of an answer, by the same rules as an event that came as a webhook. */
export function readEvent({ bytes }: GoodAnswer, id: string): WebhookEvent | Failure {
  const event = parseEvent(bytes)
  if (event instanceof WebhookError) return invalid(event.message)
  return event.id === id ? withPayload(event) : invalid('It is another event.')
}

function withPayload(event: WebhookEvent): WebhookEvent {
  const data = Object.freeze({ ...event.data, object: withObjects(event.data.object) })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an event that was checked, with empty objects for empty lists
  return Object.freeze({ ...event, data }) as WebhookEvent
}

function invalid(detail: string): Failure {
  return new Failure('response-invalid', { detail })
}
