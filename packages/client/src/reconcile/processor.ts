import { isFinalEnvelopeStatus, WebhookError } from '@hongbao/core'
import type {
  DispatchResult,
  RedEnvelope,
  RedEnvelopeStatus,
  WebhookEvent,
  Webhooks,
} from '@hongbao/core'
import { readEnvelopeStatus } from '@hongbao/core/internal'
import { findMismatch, type OpenRow, type OpenTable } from './open-envelopes.ts'
import { FIRST_DUE_MS } from './poll-plan.ts'
import type { ReconcilerSettings } from './reconciler-options.ts'
import type { Draft, ReconcilerConflict, ReconcilerStep } from './reconciler-report.ts'
import {
  applyLocal,
  applyRemote,
  markApplied,
  postpone,
  resetBackoff,
  schedule,
  type Tracker,
  type TrackedEnvelope,
} from './tracker.ts'

/** What the steps of a run share. */
export interface RunContext {
  readonly settings: ReconcilerSettings
  readonly tracker: Tracker
  /** undefined if there is no `open`, and until it was read. */
  readonly table: OpenTable | undefined
  readonly draft: Draft
}

/** Processes an envelope of a list. */
export function processListed(run: RunContext, envelope: RedEnvelope): Promise<void> {
  const status = readEnvelopeStatus(envelope.status)
  // In test mode only a query by id moves an envelope on (guide, note 4), so a list says nothing new of
  // one that is not final.
  const isCurrent = envelope.livemode || (status !== undefined && isFinalEnvelopeStatus(status))
  return processEnvelope(run, envelope, isCurrent)
}

/** Processes the answer to the query of one envelope. */
export function processRetrieved(run: RunContext, envelope: RedEnvelope): Promise<void> {
  run.draft.retrieved += 1
  return processEnvelope(run, envelope, true)
}

/** `isCurrent`: the envelope need not be queried before its next due time. */
async function processEnvelope(
  run: RunContext,
  envelope: RedEnvelope,
  isCurrent: boolean,
): Promise<void> {
  const { tracker, table, draft, settings } = run
  const row = table?.match(envelope)
  if (row === undefined && !isOfApp(envelope, settings.app)) {
    return noteConflict(draft, envelope, 'app')
  }
  if (row === undefined && table !== undefined) return noteUnknown(draft, envelope)
  const { id, order_no: orderNo, created } = envelope
  const tracked = tracker.track({ id, orderNo, createdMs: created * 1000 })
  if (isCurrent) schedule(tracked, settings.now())
  await follow(run, envelope, row, tracked)
}

/** Moves the tracked envelope on to the status of Ping++, and dispatches it if it is new. */
async function follow(
  run: RunContext,
  envelope: RedEnvelope,
  row: OpenRow | undefined,
  tracked: TrackedEnvelope,
): Promise<void> {
  const { draft, settings } = run
  const status = readEnvelopeStatus(envelope.status)
  const flaw = findFlaw(run, envelope, row)
  if (flaw !== undefined || status === undefined) {
    resetBackoff(tracked)
    return noteConflict(draft, envelope, flaw ?? 'status')
  }
  if (row?.status !== undefined) applyLocal(tracked, row.status, settings.now())
  const next = applyRemote(tracked, status, settings.now())
  if (next === 'conflict') noteConflict(draft, envelope, 'end')
  if (next === 'dispatch') await dispatch(run, envelope, status, tracked)
}

function isOfApp({ app: of }: RedEnvelope, app: string): boolean {
  return (typeof of === 'string' ? of : of?.id) === app
}

/** What shows that an envelope is not the one that the merchant means. */
function findFlaw(
  { tracker, settings }: RunContext,
  envelope: RedEnvelope,
  row: OpenRow | undefined,
): ReconcilerConflict['reason'] | undefined {
  if (!isOfApp(envelope, settings.app)) return 'app'
  if (row === undefined) return undefined
  const mismatch = findMismatch(row, envelope)
  if (mismatch !== undefined || row.id !== undefined) return mismatch
  // Only an envelope that agrees in everything is bound to the order number of a row without an id.
  const { id, order_no: orderNo } = envelope
  return tracker.adopt({ id, orderNo }) ? undefined : 'id'
}

async function dispatch(
  { draft, settings }: RunContext,
  envelope: RedEnvelope,
  status: RedEnvelopeStatus,
  tracked: TrackedEnvelope,
): Promise<void> {
  if (status === 'sending') return
  const event = eventOf(envelope, status)
  const { id, order_no } = envelope
  const step: ReconcilerStep = { id, order_no, status, type: event.type }
  if (draft.dryRun) {
    draft.wouldDispatch.push(step)
    return markApplied(tracked, settings.now())
  }
  draft.dispatched += 1
  const result = await dispatchSafely(settings.webhooks, event)
  if (result.outcome !== 'failed' && result.outcome !== 'rejected') {
    markApplied(tracked, settings.now())
    return noteSuccess(draft, step, result.outcome)
  }
  postpone(tracked, settings.now(), settings.random)
  noteFailure(draft, step, result.error)
}

/** A status with an event. */
type EventStatus = Exclude<RedEnvelopeStatus, 'sending'>

/**
 * The event of an envelope's status, as a webhook would have it. It has no id, because Ping++ gave it
 * none: type and envelope make its key in the inbox. It is the same each time that it is made.
 */
function eventOf(
  envelope: RedEnvelope,
  status: EventStatus,
): WebhookEvent<`red_envelope.${EventStatus}`> {
  const { created: createdAt, livemode, received, refunded } = envelope
  const dates = new Map<EventStatus, unknown>([
    ['received', received],
    ['refund', refunded],
  ])
  const type = `red_envelope.${status}` as const
  const created = dates.get(status) ?? createdAt
  const data = { object: { ...envelope, status } }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the status is that of the type
  return { object: 'event', type, created, livemode, data } as WebhookEvent<typeof type>
}

/** A receiver never rejects; an object in its place may. */
async function dispatchSafely(
  webhooks: Pick<Webhooks, 'dispatch'>,
  event: WebhookEvent,
): Promise<DispatchResult> {
  try {
    const result = await webhooks.dispatch(event, { source: 'poll' })
    // A webhook was a moment earlier, and its handlers ran.
    const isShared = result.outcome === 'handled' && result.shared === true
    return isShared ? { outcome: 'duplicate' } : result
  } catch {
    return { outcome: 'failed', error: new WebhookError('internal-error') }
  }
}

function noteSuccess(
  draft: Draft,
  step: ReconcilerStep,
  outcome: 'handled' | 'duplicate' | 'unhandled',
): void {
  if (outcome === 'handled') draft.applied.push(step)
  else if (outcome === 'duplicate') draft.duplicates += 1
  else draft.unhandled += 1
}

function noteFailure(draft: Draft, step: ReconcilerStep, error: WebhookError): void {
  const { code, message } = error
  if (code === 'inbox-busy') {
    draft.busy += 1
    return
  }
  draft.failed.push({ ...step, code, message })
  // The next envelope would only wait for the same inbox.
  if (code === 'inbox-unavailable') throw error
}

/**
 * Notes an envelope that is not final and not open in the merchant's table. One that is final has most
 * likely been closed there, and one that is new may come into the table yet.
 */
function noteUnknown(draft: Draft, envelope: RedEnvelope): void {
  const { id, order_no, created } = envelope
  const status = readEnvelopeStatus(envelope.status)
  if (status === undefined || isFinalEnvelopeStatus(status)) return
  if (created * 1000 <= draft.startedMs - FIRST_DUE_MS) draft.unknown.push({ id, order_no, status })
}

function noteConflict(
  draft: Draft,
  { id, order_no, status }: RedEnvelope,
  reason: ReconcilerConflict['reason'],
): void {
  draft.conflicts.push({ id, order_no, status, reason })
}
