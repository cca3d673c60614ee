import type { RedEnvelopeStatus } from '@hongbao/core'
import { SIGNATURE_HEADER, type SigningKey } from '@hongbao/core/internal'
import { hash } from 'node:crypto'
import type { Clock } from '../../clock/clock.ts'
import { isoTime } from '../../clock/duration.ts'
import type { Engine } from '../../engine/engine.ts'
import { STEPS, type EnvelopeEntry } from '../../engine/envelopes.ts'
import type { LoggedRequest } from '../../engine/request-log.ts'
import { isTriggerable } from '../../engine/trigger.ts'
import { EVENT_TYPES } from '../../events/event-types.ts'
import { sampleObject } from '../../events/notifications.ts'
import type { Attempt, SandboxEvent } from '../../events/sandbox-event.ts'
import { ASPECTS, isFaultKind, isWebhookFault } from '../../faults/fault-kind.ts'
import { fieldsOf } from '../../faults/fault-rule.ts'
import type { ActiveFault } from '../../faults/faults.ts'
import { judgeSignature } from './signature-verdict.ts'
import type * as Views from './types.ts'

function timeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : isoTime(ms)
}

export function viewEvent(event: SandboxEvent): Views.EventView {
  const { id, type, status, attempts } = event
  const { envelope = null, orderNo = null, request = null, from = null } = event
  const last = attempts.at(-1)
  return {
    id,
    type,
    created: isoTime(event.created * 1000),
    envelope,
    orderNo,
    request,
    from,
    status,
    bytes: event.bytes.byteLength,
    attemptCount: attempts.length,
    lastAttempt: last === undefined ? null : viewAttempt(last),
    nextAttempt: timeOrNull(event.nextAttemptMs),
    faults: faultsOf(event),
  }
}

export function faultsOf({ attempts }: Pick<SandboxEvent, 'attempts'>): readonly string[] {
  return [...new Set(attempts.flatMap(({ faults }) => faults))]
}

/** @param key signs notifications */
export function detailEvent(event: SandboxEvent, key: SigningKey): Views.EventDetail {
  return {
    ...viewEvent(event),
    body: event.bytes.toString(),
    sha256: hash('sha256', event.bytes),
    signature: event.signature,
    attempts: event.attempts.map((attempt) => detailAttempt(attempt, event, key)),
  }
}

export function viewAttempt(attempt: Attempt): Views.AttemptView {
  const { startedMs, sent: _sent, response, error = null, errorCode = null, ...rest } = attempt
  const status = response?.status ?? null
  return { ...rest, started: isoTime(startedMs), status, error, errorCode }
}

function detailAttempt(
  attempt: Attempt,
  event: SandboxEvent,
  key: SigningKey,
): Views.AttemptDetail {
  const { url, headers, body } = attempt.sent
  const { response } = attempt
  return {
    ...viewAttempt(attempt),
    sent: {
      url,
      headers,
      signature: headers[SIGNATURE_HEADER] ?? null,
      verdict: judgeSignature(attempt.sent, event, key),
      body: body.equals(event.bytes) ? null : body.toString('base64'),
      bytes: body.length,
    },
    response: response === undefined ? null : { ...response, body: response.body.toString() },
  }
}

export function viewEnvelope(entry: EnvelopeEntry): Views.EnvelopeView {
  const { envelope, request = null, past, nextStep } = entry
  const { id, order_no: orderNo, status, amount, created } = envelope
  return {
    id,
    orderNo,
    status,
    amount,
    created: isoTime(created * 1000),
    request,
    moves: STEPS[status],
    history: past.map((step) => viewStep(step.envelope.status, step.atMs)),
    next: nextStep === undefined ? null : viewStep(nextStep.status, nextStep.dueMs),
  }
}

function viewStep(status: RedEnvelopeStatus, atMs: number) {
  return { status, at: isoTime(atMs) }
}

export function viewRequest(request: LoggedRequest): Views.RequestView {
  const { headers: _headers, body: _body, response: _response, ...rest } = request
  const { reason = null, operation = null, envelope = null, orderNo = null } = request
  return { ...rest, reason, operation, envelope, orderNo }
}

/** What it caused is in the records that name it. */
export function detailRequest(
  request: LoggedRequest,
  journal: Engine['journal'],
): Views.RequestDetail {
  const { id, headers, body, response } = request
  const caused = journal.since(0).filter((record) => 'request' in record && record.request === id)
  return {
    ...viewRequest(request),
    headers,
    body,
    response,
    changes: caused.flatMap((record) => {
      if (record.type !== 'envelope.changed') return []
      const { envelope, orderNo, status } = record
      return [{ envelope, orderNo, status }]
    }),
    events: caused.flatMap((record) => (record.type === 'event.created' ? [record.event] : [])),
  }
}

export function viewFault({ times, ...fault }: ActiveFault): Views.FaultView {
  if (times === undefined) return fault
  return { ...fault, times: times === Infinity ? 'always' : times }
}

export function viewClock(clock: Clock): Views.ClockView {
  const [pending, deliveries] = [clock.pending(), clock.pending('delivery')]
  const [next] = pending
  const kinds = ['delivery', 'envelope', 'work'] as const
  return {
    now: isoTime(clock.now()),
    speed: clock.speed,
    aheadMs: clock.now() - Date.now(),
    pending: pending.length,
    next: timeOrNull(next),
    nextKind: kinds.find((kind) => next !== undefined && clock.pending(kind)[0] === next) ?? null,
    pendingDeliveries: deliveries.length,
    nextDelivery: timeOrNull(deliveries[0]),
  }
}

export async function viewProbe(engine: Engine): Promise<Views.ProbeView | undefined> {
  const { target } = engine
  const result = await engine.probe()
  if (result === undefined) return undefined
  const { response, failure, timings } = result
  return {
    target,
    ok: response !== undefined,
    status: response?.status ?? null,
    error: failure?.error ?? null,
    errorCode: failure?.code ?? null,
    ms: Math.round(timings.totalMs),
  }
}

/** What can be triggered, and what can go wrong. @param seconds now, in Unix seconds */
export function viewCatalogue(seconds: number): Views.CatalogueView {
  const types = EVENT_TYPES.filter(isTriggerable)
  return {
    eventTypes: types.map((type) => ({ type, sample: sampleObject(type, seconds) })),
    faultKinds: Object.keys(ASPECTS)
      .filter(isFaultKind)
      .map((kind) => {
        const of = isWebhookFault(kind) ? 'webhook' : 'api'
        return { kind, of, aspect: ASPECTS[kind], fields: fieldsOf(kind) }
      }),
    envelopeSteps: STEPS,
  }
}
