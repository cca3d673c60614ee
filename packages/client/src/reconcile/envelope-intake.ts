import { isFinalEnvelopeStatus, WebhookError } from '@hongbao/core'
import { readEnvelopeStatus } from '@hongbao/core/internal'
import type {
  DispatchResult,
  RedEnvelope,
  RedEnvelopeStatus,
  WebhookEvent,
  Webhooks,
} from '@hongbao/core'
import type { Ledger } from './envelope-ledger.ts'
import {
  asked,
  believe,
  calm,
  postpone,
  see,
  settle,
  type EnvelopeRecord,
} from './envelope-record.ts'
import { eventOf } from './envelope-states.ts'
import { findMismatch, type OpenRow, type OpenTable } from './open-envelopes.ts'
import { FIRST_DUE_MS } from './poll-plan.ts'
import type { ReconcilerConflict, Draft, ReconcilerStep } from './reconciler-report.ts'

/** What takes the envelopes that Ping++ shows, one by one, and notes in the report what became of them. */
export interface Intake {
  /** One of the sweep's list. */
  readonly swept: (envelope: RedEnvelope) => Promise<void>
  /** One of a list in which rows without an id are looked for. */
  readonly found: (envelope: RedEnvelope) => Promise<void>
  /** The answer about one envelope. */
  readonly retrieved: (envelope: RedEnvelope) => Promise<void>
}

export interface IntakeOptions {
  readonly app: string
  readonly webhooks: Pick<Webhooks, 'dispatch'>
  readonly ledger: Ledger
  /** undefined where there is no `open`. */
  readonly table: OpenTable | undefined
  readonly draft: Draft
  readonly now: () => number
  readonly random: () => number
}

export function createIntake(options: IntakeOptions): Intake {
  const { app, webhooks, ledger, table, draft, now, random } = options

  async function swept(envelope: RedEnvelope): Promise<void> {
    const status = readEnvelopeStatus(envelope.status)
    draft.swept += 1
    if (status !== undefined) addToTotals(envelope.amount, status)
    await listed(envelope, status)
  }

  async function found(envelope: RedEnvelope): Promise<void> {
    const row = table?.match(envelope)
    // Whether the others are known is not the question.
    if (row !== undefined && row.id === undefined) await listed(envelope)
  }

  async function listed(
    envelope: RedEnvelope,
    status: RedEnvelopeStatus | undefined = readEnvelopeStatus(envelope.status),
  ): Promise<void> {
    // In test mode it is the query by id that moves an envelope on (guide, note 4), so there a list
    // says nothing new of one that is on its way.
    const isAnswer = envelope.livemode || (status !== undefined && isFinalEnvelopeStatus(status))
    await take(envelope, status, isAnswer)
  }

  function retrieved(envelope: RedEnvelope): Promise<void> {
    draft.retrieved += 1
    return take(envelope, readEnvelopeStatus(envelope.status), true)
  }

  async function take(
    envelope: RedEnvelope,
    status: RedEnvelopeStatus | undefined,
    isAnswer: boolean,
  ): Promise<void> {
    const row = table?.match(envelope)
    if (row === undefined) {
      if (!isOurs(envelope)) return noteConflict(envelope, 'app')
      if (table !== undefined) return noteUnknown(envelope, status, table)
    }
    const record = ledger.track(headOf(envelope))
    if (isAnswer) asked(record, now(), random)
    const flaw = findFlaw(envelope, row, record)
    if (flaw !== undefined || status === undefined) {
      calm(record)
      return noteConflict(envelope, flaw ?? 'status')
    }
    if (row?.status !== undefined) believe(record, row.status, now())
    await follow(envelope, status, record)
  }

  /** Moves the record on to a state, and dispatches it where that is news. */
  async function follow(
    envelope: RedEnvelope,
    status: RedEnvelopeStatus,
    record: EnvelopeRecord,
  ): Promise<void> {
    const verdict = see(record, status, now())
    if (verdict === 'contradiction') noteConflict(envelope, 'end')
    if (verdict === 'dispatch') await dispatch(envelope, status, record)
  }

  function isOurs({ app: of }: RedEnvelope): boolean {
    return (typeof of === 'string' ? of : of?.id) === app
  }

  /** What shows that an envelope is not the one that the merchant means. */
  function findFlaw(
    envelope: RedEnvelope,
    row: OpenRow | undefined,
    record: EnvelopeRecord,
  ): ReconcilerConflict['reason'] | undefined {
    if (!isOurs(envelope)) return 'app'
    const mismatch = row === undefined ? undefined : findMismatch(row, envelope)
    if (mismatch !== undefined) return mismatch
    // Only what agrees in everything may have the order number of a row without an id.
    return row === undefined || row.id !== undefined || ledger.adopt(record) ? undefined : 'id'
  }

  async function dispatch(
    envelope: RedEnvelope,
    status: RedEnvelopeStatus,
    record: EnvelopeRecord,
  ): Promise<void> {
    const event = eventOf(envelope, status)
    if (event === undefined) return
    const { id, order_no } = envelope
    const step = { id, order_no, status, type: event.type }
    if (draft.dryRun) {
      draft.wouldDispatch.push(step)
      settle(record, now())
      return
    }
    draft.dispatched += 1
    note(step, await apply(event), record)
  }

  /** A receiver never rejects; what stands in its place may. */
  async function apply(event: WebhookEvent): Promise<DispatchResult> {
    try {
      const result = await webhooks.dispatch(event, { source: 'poll' })
      // The webhook was a moment ahead, and it is its handlers that ran.
      const isJoined = result.outcome === 'handled' && result.shared === true
      return isJoined ? { outcome: 'duplicate' } : result
    } catch {
      return { outcome: 'failed', error: new WebhookError('internal-error') }
    }
  }

  function note(step: ReconcilerStep, result: DispatchResult, record: EnvelopeRecord): void {
    if (result.outcome !== 'failed' && result.outcome !== 'rejected') {
      settle(record, now())
      if (result.outcome === 'handled') draft.applied.push(step)
      else if (result.outcome === 'duplicate') draft.duplicates += 1
      else draft.unhandled += 1
      return
    }
    postpone(record, now(), random)
    const { error } = result
    if (error.code === 'inbox-busy') {
      draft.busy += 1
      return
    }
    draft.failed.push({ ...step, code: error.code, message: error.message })
    // The next envelope would only wait for the same inbox.
    if (error.code === 'inbox-unavailable') throw error
  }

  /**
   * An envelope that is on its way, and that the merchant's table has not open. One that has ended is
   * most likely done with; one that was made while the run began may come into the table yet.
   */
  function noteUnknown(
    { id, order_no, created }: RedEnvelope,
    status: RedEnvelopeStatus | undefined,
    { readMs }: OpenTable,
  ): void {
    if (
      status === undefined ||
      isFinalEnvelopeStatus(status) ||
      created * 1000 > readMs - FIRST_DUE_MS
    )
      return
    draft.unknown.push({ id, order_no, status })
  }

  function noteConflict(
    { id, order_no, status }: RedEnvelope,
    reason: ReconcilerConflict['reason'],
  ): void {
    draft.conflicts.push({ id, order_no, status, reason })
  }

  function addToTotals(amount: number, status: RedEnvelopeStatus): void {
    const { count, amount: sum } = draft.totals[status] ?? { count: 0, amount: 0 }
    draft.totals = { ...draft.totals, [status]: { count: count + 1, amount: sum + amount } }
  }

  return { swept, found, retrieved }
}

function headOf({ id, order_no, created }: RedEnvelope) {
  return { id, orderNo: order_no, createdMs: created * 1000 }
}
