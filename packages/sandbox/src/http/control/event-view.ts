import { SIGNATURE_HEADER } from '@hongbao/core/internal'
import { createHash } from 'node:crypto'
import { isoTime } from '../../clock/duration.ts'
import type { Attempt, SandboxEvent } from '../../events/sandbox-event.ts'
import type { Pages } from './page.ts'
import type { AttemptDetail, AttemptView, EventDetail, EventView } from './types.ts'

export const EVENT_PAGES: Pages<SandboxEvent, EventView> = {
  idOf: ({ id }) => id,
  searchable: (event) => ({
    id: event.id,
    type: event.type,
    status: event.status,
    order: event.orderNo,
    envelope: event.envelope,
    fault: faultsOf(event).join(' '),
  }),
  view: viewEvent,
}

export function viewEvent(event: SandboxEvent): EventView {
  const { id, type, status, attempts, nextAttemptMs } = event
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
    nextAttempt: nextAttemptMs === undefined ? null : isoTime(nextAttemptMs),
    faults: faultsOf(event),
  }
}

export function detailEvent(event: SandboxEvent): EventDetail {
  return {
    ...viewEvent(event),
    body: event.bytes.toString(),
    sha256: createHash('sha256').update(event.bytes).digest('hex'),
    signature: event.signature,
    attempts: event.attempts.map((attempt) => detailAttempt(attempt, event.bytes)),
  }
}

export function viewAttempt(attempt: Attempt): AttemptView {
  const { n, kind, startedMs, target, ms, timings, ok, response } = attempt
  const { error = null, errorCode = null, faults } = attempt
  const status = response?.status ?? null
  const started = isoTime(startedMs)
  return { n, kind, started, target, ms, timings, ok, status, error, errorCode, faults }
}

function detailAttempt(attempt: Attempt, bytes: Buffer): AttemptDetail {
  const { response, sent } = attempt
  const { url, headers, body } = sent
  return {
    ...viewAttempt(attempt),
    sent: {
      url,
      headers,
      signature: headers[SIGNATURE_HEADER] ?? null,
      body: body.equals(bytes) ? null : body.toString('base64'),
      bytes: body.length,
    },
    response: response === undefined ? null : { ...response, body: response.body.toString() },
  }
}

function faultsOf({ attempts }: SandboxEvent): readonly string[] {
  return [...new Set(attempts.flatMap(({ faults }) => faults))]
}
