import type { Delivery } from '../delivery/kept-deliveries.ts'
import { show } from '../delivery/kept-deliveries.ts'
import type { EnvelopeEntry } from '../engine/envelopes.ts'
import type { Notification } from '../events/notifications.ts'
import type { Attempt, SandboxEvent } from '../events/sandbox-event.ts'

/** A delivery as JSON; bytes are in base64. */
export interface SavedDelivery extends Omit<Notification, 'body'> {
  readonly body: string
  readonly status: SandboxEvent['status']
  readonly n: number
  readonly nextAttemptMs?: number | undefined
  readonly attempts: readonly SavedAttempt[]
}

export interface SavedAttempt extends Omit<Attempt, 'sent' | 'response'> {
  /** Without a body: the event's own bytes. */
  readonly sent: Omit<Attempt['sent'], 'body'> & { readonly body?: string | undefined }
  readonly response?:
    | (Omit<NonNullable<Attempt['response']>, 'body'> & { readonly body: string })
    | undefined
}

export interface SavedEnvelope extends Pick<EnvelopeEntry, 'parameters' | 'request' | 'envelope'> {
  readonly past: readonly (readonly [
    EnvelopeEntry['envelope']['status'],
    { readonly atMs: number; readonly envelope: EnvelopeEntry['envelope'] },
  ])[]
}

export function saveDelivery({ notification, event, n }: Delivery): SavedDelivery {
  const { status, nextAttemptMs, attempts } = event
  return {
    ...notification,
    body: notification.body.toString('base64'),
    status,
    n,
    nextAttemptMs,
    attempts: attempts.map((attempt) => saveAttempt(attempt, event.bytes)),
  }
}

export function loadDelivery(saved: SavedDelivery): Delivery {
  const { body, status, n, nextAttemptMs, attempts, ...rest } = saved
  // JSON leaves out what is undefined.
  const absent = {
    envelope: undefined,
    orderNo: undefined,
    request: undefined,
    from: undefined,
    testCase: undefined,
  }
  const bytes = Buffer.from(body, 'base64')
  const notification = { ...absent, ...rest, body: bytes }
  const state = {
    status,
    nextAttemptMs,
    attempts: attempts.map((each) => loadAttempt(each, bytes)),
  }
  return { notification, event: { ...show(notification), ...state }, n, timer: undefined }
}

export function saveAttempt({ sent, response, ...attempt }: Attempt, bytes: Buffer): SavedAttempt {
  const { body, ...rest } = sent
  return {
    ...attempt,
    sent: body.equals(bytes) ? rest : { ...rest, body: body.toString('base64') },
    response: response && { ...response, body: response.body.toString('base64') },
  }
}

function loadAttempt({ sent, response, ...attempt }: SavedAttempt, bytes: Buffer): Attempt {
  const { body } = sent
  return {
    ...attempt,
    sent: { ...sent, body: body === undefined ? bytes : Buffer.from(body, 'base64') },
    response: response && { ...response, body: Buffer.from(response.body, 'base64') },
  }
}

export function saveEnvelope({
  parameters,
  request,
  envelope,
  past,
}: EnvelopeEntry): SavedEnvelope {
  return { parameters, request, envelope, past: [...past] }
}

export function loadEnvelope({ past, request, ...saved }: SavedEnvelope): EnvelopeEntry {
  return { ...saved, request, past: new Map(past), nextStep: undefined }
}
