import {
  isFinalEnvelopeStatus,
  type WebhookError,
  type DispatchResult,
  type RedEnvelope,
  type RedEnvelopeStatus,
  type WebhookEvent,
} from '@hongbao/core'
import { readEnvelopeStatus } from '@hongbao/core/internal'
import type { Seams } from '../http/retries.ts'
import type { PingppRequestOptions } from '../options.ts'
import { findMismatch, type OpenRow, type OpenTable } from './open-envelopes.ts'
import { FIRST_DUE_MS } from './poll-plan.ts'
import type { ReconcilerSettings, RunRange } from './reconciler-options.ts'
import type { Draft, ReconcilerConflict, ReconcilerStep } from './reconciler-report.ts'
import type { TakeToken } from './token-bucket.ts'
import * as tracking from './tracker.ts'

export interface Run {
  readonly settings: ReconcilerSettings & Seams & { readonly takeToken: TakeToken }
  readonly tracker: tracking.Tracker
  /** undefined if there is no `open`, and until it was read. */
  table: OpenTable | undefined
  readonly draft: Draft
  readonly range: RunRange
  readonly signal: AbortSignal
  /** Options of every request: the rate limit and the count of requests. */
  readonly how: PingppRequestOptions
}

/** Moves a tracked envelope on to the status of Ping++, and dispatches it if it is new. */
export async function processEnvelope(
  run: Run,
  envelope: RedEnvelope,
  source: 'list' | 'query',
): Promise<void> {
  const { tracker, table, draft, settings } = run
  const status = readEnvelopeStatus(envelope.status)
  const row = table?.match(envelope)
  if (row === undefined && !isOfApp(run, envelope)) return noteConflict(draft, envelope, 'app')
  if (row === undefined && table !== undefined) return noteUnknown(draft, envelope, status)
  const tracked = tracking.track(tracker, envelope, settings)
  // In test mode only a query by id moves an envelope on (guide, note 4), so a list does not
  // count as the query of one that is not final.
  const isCurrent = source === 'query' || envelope.livemode || isFinal(status)
  if (isCurrent) tracking.schedule(tracked, settings)
  await follow(run, envelope, row, tracked)
}

async function follow(
  run: Run,
  envelope: RedEnvelope,
  row: OpenRow | undefined,
  tracked: tracking.TrackedEnvelope,
): Promise<void> {
  const { draft, settings } = run
  const status = readEnvelopeStatus(envelope.status)
  const flaw = findFlaw(run, envelope, row)
  if (flaw !== undefined || status === undefined) {
    tracking.resetBackoff(tracked)
    return noteConflict(draft, envelope, flaw ?? 'status')
  }
  if (row?.status !== undefined) tracking.applyLocal(tracked, row.status, settings)
  const next = tracking.applyRemote(tracked, status, settings)
  if (next === 'conflict') noteConflict(draft, envelope, 'end')
  if (next === 'dispatch' && status !== 'sending') await dispatch(run, envelope, status, tracked)
}

function isFinal(status: RedEnvelopeStatus | undefined): boolean {
  return status !== undefined && isFinalEnvelopeStatus(status)
}

function isOfApp({ settings }: Run, { app }: RedEnvelope): boolean {
  return (typeof app === 'string' ? app : app?.id) === settings.app
}

/** What shows that an envelope is not the one that the merchant means. */
function findFlaw(
  run: Run,
  envelope: RedEnvelope,
  row: OpenRow | undefined,
): ReconcilerConflict['reason'] | undefined {
  if (!isOfApp(run, envelope)) return 'app'
  if (row === undefined) return undefined
  const mismatch = findMismatch(row, envelope)
  if (mismatch !== undefined || row.id !== undefined) return mismatch
  // Only an envelope that agrees in everything is bound to the order number of a row without an id.
  return tracking.adopt(run.tracker, envelope) ? undefined : 'id'
}

type EventStatus = Exclude<RedEnvelopeStatus, 'sending'>

async function dispatch(
  run: Run,
  envelope: RedEnvelope,
  status: EventStatus,
  tracked: tracking.TrackedEnvelope,
): Promise<void> {
  const { draft, settings } = run
  const { id, order_no } = envelope
  const step: ReconcilerStep = { id, order_no, status, type: `red_envelope.${status}` }
  if (draft.dryRun) draft.wouldDispatch.push(step)
  else {
    draft.dispatched += 1
    const result = await settings.webhooks.dispatch(eventOf(envelope, status), { source: 'poll' })
    if (result.outcome === 'failed' || result.outcome === 'rejected') {
      tracking.postpone(tracked, settings)
      return noteFailure(draft, step, result.error)
    }
    noteSuccess(draft, step, result)
  }
  tracking.markApplied(tracked, status, settings.now())
}

/**
 * The event of an envelope's status, as a webhook would have it. It has no id, because Ping++ gave it
 * none: type and envelope make its key in the inbox. It is the same each time that it is made.
 */
function eventOf(envelope: RedEnvelope, status: EventStatus): WebhookEvent {
  const { livemode, received, refunded } = envelope
  const dates: Partial<Record<EventStatus, unknown>> = { received, refund: refunded }
  const created = dates[status] ?? envelope.created
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the status is that of the type
  return {
    object: 'event',
    type: `red_envelope.${status}`,
    created,
    livemode,
    data: { object: { ...envelope, status } },
  } as WebhookEvent
}

function noteSuccess(
  draft: Draft,
  step: ReconcilerStep,
  { outcome, shared }: DispatchResult,
): void {
  if (outcome === 'unhandled') draft.unhandled += 1
  // Shared: a webhook was a moment earlier, and its handlers ran.
  else if (outcome === 'duplicate' || shared === true) draft.duplicates += 1
  else draft.applied.push(step)
}

function noteFailure(draft: Draft, step: ReconcilerStep, error: WebhookError): void {
  const { code, message } = error
  if (code === 'inbox-busy') draft.busy += 1
  else draft.failed.push({ ...step, code, message })
  // The next envelope would only wait for the same inbox.
  if (code === 'inbox-unavailable') throw error
}

/**
 * Notes an envelope that is not final and not open in the merchant's table. One that is final has most
 * likely been closed there, and one that is new may come into the table yet.
 */
function noteUnknown(
  draft: Draft,
  { id, order_no, created }: RedEnvelope,
  status: RedEnvelopeStatus | undefined,
): void {
  const isNew = created * 1000 > draft.startedMs - FIRST_DUE_MS
  if (status === undefined || isFinal(status) || isNew) return
  draft.unknown.push({ id, order_no, status })
}

function noteConflict(
  draft: Draft,
  { id, order_no, status }: RedEnvelope,
  reason: ReconcilerConflict['reason'],
): void {
  draft.conflicts.push({ id, order_no, status, reason })
}
