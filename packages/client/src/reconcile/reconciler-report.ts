import type { EventType, RedEnvelope, RedEnvelopeStatus, WebhookErrorCode } from '@hongbao/core'
import { readEnvelopeStatus } from '@hongbao/core/internal'
import type { PingppErrorCode } from '../errors.ts'
import type { Mismatch } from './open-envelopes.ts'

/** What one run saw and did: plain data, for `JSON.stringify`. Numbers count, lists are to be looked at. */
export interface ReconcilerReport {
  /** True for a run that dispatched nothing: see `wouldDispatch`. */
  readonly dryRun: boolean
  /** Why the run ended early; null where it went through. What it had done until then is done. */
  readonly error: ReconcilerRunError | null
  /** Unix time in milliseconds. */
  readonly startedMs: number
  readonly durationMs: number
  /** What was swept, by `created`: Unix time in seconds, both ends included. */
  readonly from: number
  readonly to: number
  /**
   * Up to when all was swept, by this run or an earlier one: give it to the next process as
   * `sweptUntil`. Unix time in seconds.
   */
  readonly sweptUntil: number
  /** Requests for pages and single envelopes, what the client sent again included. */
  readonly requests: number
  /** Envelopes that the sweep showed. */
  readonly swept: number
  /** The same, by state: compare the sums of a day with those of your own table. */
  readonly totals: Readonly<Partial<Record<RedEnvelopeStatus, ReconcilerTotal>>>
  /** Envelopes that were asked for one by one, because they were due. */
  readonly retrieved: number
  /** Events given to the handlers; each is in one of the next five. */
  readonly dispatched: number
  /** Handlers ran, and ended well: no webhook had told of these. */
  readonly applied: readonly ReconcilerStep[]
  /** A webhook, or an earlier run, had told of them, or a webhook was just telling. */
  readonly duplicates: number
  /** Nobody listens to their type. */
  readonly unhandled: number
  /** Another process was applying them; they are looked at again. */
  readonly busy: number
  /** Asking or handling failed; each is tried again, after a minute at first, then later and later. */
  readonly failed: readonly ReconcilerFailure[]
  /** In a dry run: what would have been dispatched. */
  readonly wouldDispatch: readonly ReconcilerStep[]
  /** Not dispatched, because it contradicts what is known. Somebody should look. */
  readonly conflicts: readonly ReconcilerConflict[]
  /** Envelopes that `open` has without an id, and their ids. */
  readonly adopted: readonly ReconcilerEnvelope[]
  /** Envelopes that are on their way, and that `open` does not have. */
  readonly unknown: readonly ReconcilerEnvelope[]
  /** How many envelopes have no end yet that was handled. */
  readonly open: number
  /** Age of the oldest of them, in seconds; null where there is none. Past 26 h, something is wrong. */
  readonly oldestOpenSeconds: number | null
  /** Still open when the whole plan was over, 72 hours after they were created. Somebody should look. */
  readonly overdue: readonly ReconcilerOverdueEnvelope[]
}

/** How many envelopes, and their money. */
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

/** An envelope, and the event that tells of its state. */
export interface ReconcilerStep extends ReconcilerEnvelope {
  readonly type: EventType
}

/** An envelope that could not be asked for, or whose handlers failed. */
export interface ReconcilerFailure {
  readonly id: string
  readonly order_no: string
  /** null where Ping++ did not tell. */
  readonly status: RedEnvelopeStatus | null
  /** null where there was nothing to dispatch yet. */
  readonly type: EventType | null
  readonly code: WebhookErrorCode | PingppErrorCode
  /** What a handler threw is not in here: the `onError` of your webhooks has it. */
  readonly message: string
}

/** An envelope that contradicts what is known of it. */
export interface ReconcilerConflict {
  readonly id: string
  readonly order_no: string
  /** As Ping++ wrote it. */
  readonly status: string
  /**
   * - `end`: it has ended before, in another way.
   * - `status`: this version knows no such state.
   * - `app`: it is of another app.
   * - `id`: another envelope has this order number in your table; money may have gone twice.
   * - others: the field of your row that says something else.
   */
  readonly reason: 'end' | 'status' | 'app' | Mismatch
}

/** An envelope that nobody has heard the end of. */
export interface ReconcilerOverdueEnvelope {
  /** null where no list has shown it: an order that Ping++ may never have got. */
  readonly id: string | null
  readonly order_no: string
  /** The furthest state seen; null where none was. */
  readonly status: RedEnvelopeStatus | null
  /** Unix time in seconds. */
  readonly created: number
}

/** `run-aborted`: `close` or the `signal` ended the run. `open-failed`: your `open` threw. */
export type ReconcilerErrorCode = 'run-aborted' | 'open-failed'

/** Why a run ended early. */
export interface ReconcilerRunError {
  /** Besides the reconciler's own: `inbox-unavailable`, `internal-error`, and what the client failed with. */
  readonly code: ReconcilerErrorCode | WebhookErrorCode | PingppErrorCode
  readonly message: string
  /** How long Ping++ asked to wait, in milliseconds, where it did: the loop waits, for a day at the most. */
  readonly retryAfterMs?: number | undefined
}

/** A report that is being written. */
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

/** Counts an envelope that the sweep listed, and adds up its amount. */
export function addToTotals(draft: Draft, envelope: RedEnvelope): void {
  draft.swept += 1
  const status = readEnvelopeStatus(envelope.status)
  if (status === undefined) return
  const { count, amount } = draft.totals[status] ?? { count: 0, amount: 0 }
  const total = { count: count + 1, amount: amount + envelope.amount }
  draft.totals = { ...draft.totals, [status]: total }
}
