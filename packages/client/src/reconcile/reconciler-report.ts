import type { EventType, RedEnvelope, RedEnvelopeStatus, WebhookErrorCode } from '@hongbao/core'
import { readEnvelopeStatus } from '@hongbao/core/internal'
import type { PingppErrorCode } from '../errors.ts'
import type { Mismatch } from './open-envelopes.ts'

/** What one run found and did: plain data, for `JSON.stringify`. Numbers are counters; lists need review. */
export interface ReconcilerReport {
  /** True for a run that dispatched nothing: see `wouldDispatch`. */
  readonly dryRun: boolean
  /** Why the run ended early, or null. What it did until then is done. */
  readonly error: ReconcilerRunError | null
  /** Unix time in milliseconds. */
  readonly startedMs: number
  readonly durationMs: number
  /** What was swept, by `created`: Unix time in seconds, both ends included. */
  readonly from: number
  readonly to: number
  /**
   * Up to when everything was swept, by this run or an earlier one: pass it to the next process as
   * `sweptUntil`. Unix time in seconds.
   */
  readonly sweptUntil: number
  /** Requests for pages and single envelopes, the client's retries included. */
  readonly requests: number
  /** Envelopes that the sweep listed. */
  readonly swept: number
  /** The same, by status: compare the sums of a day with those of your own table. */
  readonly totals: Readonly<Partial<Record<RedEnvelopeStatus, ReconcilerTotal>>>
  /** Envelopes that were queried one by one, because they were due. */
  readonly retrieved: number
  /** Events that were dispatched; each is in one of the next five. */
  readonly dispatched: number
  /** Handlers ran and succeeded: no webhook had delivered these. */
  readonly applied: readonly ReconcilerStep[]
  /** A webhook or an earlier run had delivered them, or a webhook did at the same moment. */
  readonly duplicates: number
  /** Their type has no handler. */
  readonly unhandled: number
  /** Another process was applying them; a later run checks them again. */
  readonly busy: number
  /** The query or the handlers failed; each is retried, after a minute at first, then later and later. */
  readonly failed: readonly ReconcilerFailure[]
  /** In a dry run: what would have been dispatched. */
  readonly wouldDispatch: readonly ReconcilerStep[]
  /** Not dispatched, because they contradict what is known. They need review. */
  readonly conflicts: readonly ReconcilerConflict[]
  /** Envelopes that `open` returned without an id, and their ids. */
  readonly adopted: readonly ReconcilerEnvelope[]
  /** Envelopes without a final status that `open` did not return. */
  readonly unknown: readonly ReconcilerEnvelope[]
  /** How many envelopes have no final status yet that was applied. */
  readonly open: number
  /** Age of the oldest of them, in seconds, or null. Over 26 h, something is wrong. */
  readonly oldestOpenSeconds: number | null
  /** Still open at the end of the plan, 72 hours after they were created. They need review. */
  readonly overdue: readonly ReconcilerOverdueEnvelope[]
}

/** The number and the sum of envelopes. */
export interface ReconcilerTotal {
  readonly count: number
  /** Integer amount in fen. */
  readonly amount: number
}

/** An envelope, as the run saw it. */
export interface ReconcilerEnvelope {
  readonly id: string
  readonly order_no: string
  readonly status: RedEnvelopeStatus
}

/** An envelope, and the event of its status. */
export interface ReconcilerStep extends ReconcilerEnvelope {
  readonly type: EventType
}

/** An envelope whose query or handlers failed. */
export interface ReconcilerFailure extends Omit<ReconcilerEnvelope, 'status'> {
  /** null if it is not known. */
  readonly status: RedEnvelopeStatus | null
  /** null if the query failed. */
  readonly type: EventType | null
  readonly code: WebhookErrorCode | PingppErrorCode
  /** Without the error of a handler: `onError` of your webhooks gets it. */
  readonly message: string
}

/** An envelope that contradicts what is known of it. */
export interface ReconcilerConflict extends Omit<ReconcilerEnvelope, 'status'> {
  /** As Ping++ wrote it. */
  readonly status: string
  /**
   * - `end`: it has another final status than before.
   * - `status`: this version does not know its status.
   * - `app`: it belongs to another app.
   * - `id`: another envelope has this order number in your table; it may have been paid twice.
   * - others: the field that differs from your row.
   */
  readonly reason: 'end' | 'status' | 'app' | Mismatch
}

/** An envelope that is still open at the end of the plan. */
export interface ReconcilerOverdueEnvelope {
  /** null if no list has it: Ping++ may never have received the order. */
  readonly id: string | null
  readonly order_no: string
  /** The furthest status seen, or null. */
  readonly status: RedEnvelopeStatus | null
  /** Unix time in seconds. */
  readonly created: number
}

/** `run-aborted`: `close` or the `signal` ended the run. `open-failed`: your `open` threw. */
export type ReconcilerErrorCode = 'run-aborted' | 'open-failed'

/** Why a run ended early. */
export interface ReconcilerRunError {
  /** Besides the reconciler's own: `inbox-unavailable`, `internal-error`, and codes of the client. */
  readonly code: ReconcilerErrorCode | WebhookErrorCode | PingppErrorCode
  readonly message: string
  /** How long Ping++ asked to wait, in milliseconds, if it did: the loop waits, a day at most. */
  readonly retryAfterMs?: number | undefined
}

export type Draft = {
  -readonly [
    Field in keyof ReconcilerReport
  ]: ReconcilerReport[Field] extends readonly (infer Item)[] ? Item[] : ReconcilerReport[Field]
}

export function newDraft(
  head: Pick<Draft, 'dryRun' | 'startedMs' | 'from' | 'to' | 'sweptUntil'>,
): Draft {
  return {
    ...head,
    error: null,
    durationMs: 0,
    requests: 0,
    swept: 0,
    totals: {},
    retrieved: 0,
    dispatched: 0,
    applied: [],
    duplicates: 0,
    unhandled: 0,
    busy: 0,
    failed: [],
    wouldDispatch: [],
    conflicts: [],
    adopted: [],
    unknown: [],
    open: 0,
    oldestOpenSeconds: null,
    overdue: [],
  }
}

export function addToTotals(draft: Draft, envelope: RedEnvelope): void {
  draft.swept += 1
  const status = readEnvelopeStatus(envelope.status)
  if (status === undefined) return
  const { count, amount } = draft.totals[status] ?? { count: 0, amount: 0 }
  const total = { count: count + 1, amount: amount + envelope.amount }
  draft.totals = { ...draft.totals, [status]: total }
}
