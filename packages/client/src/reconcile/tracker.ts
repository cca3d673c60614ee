import {
  compareEnvelopeStatus,
  isFinalEnvelopeStatus,
  type RedEnvelope,
  type RedEnvelopeStatus,
} from '@hongbao/core'
import type { Seams } from '../http/retries.ts'
import { backoffMs, nextDueMs } from './poll-plan.ts'
import type { ReconcilerSettings } from './reconciler-options.ts'

type EnvelopeHead = Pick<RedEnvelope, 'id' | 'order_no' | 'created'>

export interface TrackedEnvelope extends EnvelopeHead {
  /** The furthest status seen; undefined if none was. */
  status: RedEnvelopeStatus | undefined
  /** When that status was applied; undefined while its handlers have not succeeded. */
  appliedMs: number | undefined
  /** Draws its place in the ±10 % of every due time, once: a due time does not come twice. */
  readonly random: number
  /** When the plan queries it next. */
  dueMs: number
  failures: number
  /** After a failure: the time of the retry, instead of `dueMs`. */
  retryMs: number | undefined
  seenMs: number
}

/** The state of all envelopes: plain data, so that a dry run can work on a copy. Used by one run at a time. */
export interface Tracker {
  readonly envelopes: Map<string, TrackedEnvelope>
  /** Order number → the id of its envelope, for rows of the merchant's table that have no id. */
  readonly adoptedIds: Map<string, string>
  /** Order number → when the lists in which it would be were searched. */
  readonly searchedMs: Map<string, number>
}

export function createTracker(): Tracker {
  return { envelopes: new Map(), adoptedIds: new Map(), searchedMs: new Map() }
}

type Clock = Pick<ReconcilerSettings & Seams, 'now' | 'random'>

/** Returns the state of an envelope, a new one if there is none. */
export function track(
  { envelopes }: Tracker,
  { id, order_no, created }: EnvelopeHead,
  { now, random }: Clock,
): TrackedEnvelope {
  const seenMs = now()
  const known = envelopes.get(id)
  if (known !== undefined) return Object.assign(known, { seenMs })
  const head = { id, order_no, created, random: random(), seenMs }
  const dueMs = nextDueMs(created * 1000, created * 1000, head.random)
  const envelope = { ...head, ...APPLIED_NOTHING, dueMs }
  envelopes.set(id, envelope)
  return envelope
}

const UNTRIED = { failures: 0, retryMs: undefined }
const APPLIED_NOTHING = { ...UNTRIED, status: undefined, appliedMs: undefined }

/** Binds an order number to an envelope for good; false if it is bound to another one. */
export function adopt({ adoptedIds }: Tracker, { id, order_no }: EnvelopeHead): boolean {
  const holder = adoptedIds.get(order_no) ?? id
  adoptedIds.set(order_no, holder)
  return holder === id
}

export function findAdopted(tracker: Tracker, orderNo: string): TrackedEnvelope | undefined {
  return tracker.envelopes.get(tracker.adoptedIds.get(orderNo) ?? '')
}

export function forgetEnvelopes(
  { envelopes, adoptedIds }: Tracker,
  beforeMs: number,
  isKept: (envelope: TrackedEnvelope) => boolean,
): void {
  for (const envelope of envelopes.values()) {
    const { id, order_no, seenMs } = envelope
    if (seenMs >= beforeMs || isKept(envelope)) continue
    envelopes.delete(id)
    if (adoptedIds.get(order_no) === id) adoptedIds.delete(order_no)
  }
}

/** Forgets searches of before a time: what they did not find is searched again. */
export function forgetSearches({ searchedMs }: Tracker, beforeMs: number): void {
  for (const [orderNo, ms] of searchedMs) if (ms < beforeMs) searchedMs.delete(orderNo)
}

/** Takes over the status of the merchant's own table, which needs no handler. */
export function applyLocal(
  envelope: TrackedEnvelope,
  status: RedEnvelopeStatus,
  { now }: Clock,
): void {
  const order = compareEnvelopeStatus(envelope.status, status)
  const isKnown = order === 'same' && envelope.appliedMs !== undefined
  if (order !== 'behind' && !isKnown) markApplied(envelope, status, now())
}

/**
 * Takes over a status of Ping++, and returns what follows: `dispatch` it, because it is new or its retry is
 * due; report a `conflict`, because the envelope ended before in another way; or nothing. A tracked
 * envelope never goes back.
 */
export function applyRemote(
  envelope: TrackedEnvelope,
  status: RedEnvelopeStatus,
  { now }: Clock,
): 'dispatch' | 'conflict' | undefined {
  const order = compareEnvelopeStatus(envelope.status, status)
  if (order === 'behind') return undefined
  // There is no event for `sending`.
  if (order === 'ahead') markApplied(envelope, status, status === 'sending' ? now() : undefined)
  if (order !== 'conflict' && envelope.appliedMs === undefined) {
    return now() >= (envelope.retryMs ?? 0) ? 'dispatch' : undefined
  }
  resetBackoff(envelope)
  return order === 'conflict' ? 'conflict' : undefined
}

/** Sets the furthest status, and when it was applied. Earlier failures are over. */
export function markApplied(
  envelope: TrackedEnvelope,
  status: RedEnvelopeStatus,
  appliedMs: number | undefined,
): void {
  Object.assign(envelope, UNTRIED, { status, appliedMs })
}

export function resetBackoff(envelope: TrackedEnvelope): void {
  Object.assign(envelope, UNTRIED)
}

/** Notes that a query or a dispatch failed: the next one comes soon, and later each time. */
export function postpone(envelope: TrackedEnvelope, { now, random }: Clock): void {
  envelope.failures += 1
  envelope.retryMs = now() + backoffMs(envelope.failures, random())
}

/** Notes that Ping++ has answered for an envelope: it is due at the next time of the plan. */
export function schedule(envelope: TrackedEnvelope, { now }: Clock): void {
  const { created, dueMs, random } = envelope
  envelope.dueMs = Math.max(dueMs, nextDueMs(created * 1000, now(), random))
}

export function queryMsOf({ retryMs, dueMs }: TrackedEnvelope): number {
  return retryMs ?? dueMs
}

/** Whether an envelope has no final status yet, or one that was not applied. */
export function isOpen({ status, appliedMs }: TrackedEnvelope): boolean {
  return status === undefined || appliedMs === undefined || !isFinalEnvelopeStatus(status)
}
