import { compareEnvelopeStatus, isFinalEnvelopeStatus } from '@hongbao/core'
import type { RedEnvelopeStatus } from '@hongbao/core'
import { jitter, nextDueMs, PLAN_ENDS_MS } from './poll-plan.ts'

/** What identifies an envelope. */
export interface EnvelopeHead {
  readonly id: string
  readonly orderNo: string
  readonly createdMs: number
}

/** What a reconciler knows of one envelope. */
export interface TrackedEnvelope extends EnvelopeHead {
  /** The furthest status seen; undefined if none was. */
  status: RedEnvelopeStatus | undefined
  /** When that status was applied; undefined while its handlers have not succeeded. */
  appliedMs: number | undefined
  /** Draws its place in the ±10 % of every due time, once: a due time does not come twice. */
  readonly random: number
  /** When the plan queries it next. */
  dueMs: number
  /** How many queries or dispatches failed in a row. */
  failures: number
  /** After a failure: the time of the retry, instead of `dueMs`. */
  retryMs: number | undefined
  seenMs: number
}

/** What a reconciler knows of all envelopes. Used by one run at a time. */
export interface Tracker {
  /** The record of an envelope, a new one if there is none. */
  track(head: EnvelopeHead): TrackedEnvelope
  /** Binds an order number to an envelope for good; false if it is bound to another one. */
  adopt(envelope: Pick<EnvelopeHead, 'id' | 'orderNo'>): boolean
  /** The envelope that an order number is bound to. */
  findAdopted(orderNo: string): TrackedEnvelope | undefined
  markSearched(orderNo: string): void
  /** Whether the lists in which an order number would be were searched recently. */
  wasSearched(orderNo: string): boolean
  open(): TrackedEnvelope[]
  /** Forgets envelopes that were not seen recently; open ones only if the merchant's table has those. */
  prune(keepOpen: boolean): void
  /** The same memory, for a run that must not change it. */
  copy(): Tracker
}

export interface TrackerOptions {
  readonly now: () => number
  readonly random: () => number
  /** How long an envelope is remembered after it was last seen. */
  readonly memoryMs: number
}

const NEW = { status: undefined, appliedMs: undefined, failures: 0, retryMs: undefined } as const

export function createTracker(options: TrackerOptions, memory: Memory = newMemory()): Tracker {
  const { now, random, memoryMs } = options
  const { envelopes, adoptedIds, searchedMs } = memory
  const isRecent = (ms: number): boolean => now() - ms <= memoryMs

  function track({ id, orderNo, createdMs }: EnvelopeHead): TrackedEnvelope {
    const known = envelopes.get(id)
    if (known !== undefined) {
      known.seenMs = now()
      return known
    }
    const own = random()
    const dueMs = nextDueMs(createdMs, createdMs, own)
    const envelope = { ...NEW, id, orderNo, createdMs, random: own, dueMs, seenMs: now() }
    envelopes.set(id, envelope)
    return envelope
  }

  function adopt({ id, orderNo }: Pick<EnvelopeHead, 'id' | 'orderNo'>): boolean {
    const holder = adoptedIds.get(orderNo) ?? id
    adoptedIds.set(orderNo, holder)
    return holder === id
  }

  function prune(keepOpen: boolean): void {
    for (const envelope of envelopes.values()) {
      const { id, orderNo, seenMs } = envelope
      if (isRecent(seenMs) || (keepOpen && isOpen(envelope))) continue
      envelopes.delete(id)
      if (adoptedIds.get(orderNo) === id) adoptedIds.delete(orderNo)
    }
    for (const [orderNo, ms] of searchedMs) if (!isRecent(ms)) searchedMs.delete(orderNo)
  }

  return {
    track,
    adopt,
    findAdopted: (orderNo) => envelopes.get(adoptedIds.get(orderNo) ?? ''),
    markSearched: (orderNo) => void searchedMs.set(orderNo, now()),
    wasSearched: (orderNo) => isRecent(searchedMs.get(orderNo) ?? Number.NEGATIVE_INFINITY),
    open: () => [...envelopes.values()].filter(isOpen),
    prune,
    copy: () => createTracker(options, structuredClone(memory)),
  }
}

/** Plain data, so that a dry run can work on a copy. */
interface Memory {
  readonly envelopes: Map<string, TrackedEnvelope>
  /** The ids of adopted envelopes by order number. */
  readonly adoptedIds: Map<string, string>
  /** When an order number was searched. */
  readonly searchedMs: Map<string, number>
}

function newMemory(): Memory {
  return { envelopes: new Map(), adoptedIds: new Map(), searchedMs: new Map() }
}

/** Takes over the status of the merchant's own table, which needs no handler. */
export function applyLocal(
  envelope: TrackedEnvelope,
  status: RedEnvelopeStatus,
  nowMs: number,
): void {
  const isBehind = compareEnvelopeStatus(envelope.status, status) === 'behind'
  const isKnown = envelope.status === status && envelope.appliedMs !== undefined
  if (!isBehind && !isKnown) advance(envelope, status, nowMs)
}

/**
 * Takes over a status of Ping++, and says what follows: `dispatch` it, because it is new or its retry is
 * due; report a `conflict`, because the envelope ended before in another way; or nothing. A tracked
 * envelope never goes back.
 */
export function applyRemote(
  envelope: TrackedEnvelope,
  status: RedEnvelopeStatus,
  nowMs: number,
): 'dispatch' | 'conflict' | undefined {
  const order = compareEnvelopeStatus(envelope.status, status)
  if (order === 'behind') return undefined
  // There is no event for `sending`.
  if (order === 'ahead') advance(envelope, status, status === 'sending' ? nowMs : undefined)
  if (order === 'conflict' || envelope.appliedMs !== undefined) {
    resetBackoff(envelope)
    return order === 'conflict' ? 'conflict' : undefined
  }
  return nowMs >= (envelope.retryMs ?? nowMs) ? 'dispatch' : undefined
}

/** Notes that the furthest status was applied. */
export function markApplied(envelope: TrackedEnvelope, nowMs: number): void {
  advance(envelope, envelope.status, nowMs)
}

function advance(
  envelope: TrackedEnvelope,
  status: RedEnvelopeStatus | undefined,
  appliedMs: number | undefined,
): void {
  Object.assign(envelope, { status, appliedMs })
  resetBackoff(envelope)
}

/** Leaves an envelope to the plan: earlier failures are over. */
export function resetBackoff(envelope: TrackedEnvelope): void {
  envelope.failures = 0
  envelope.retryMs = undefined
}

/** Notes that a query or a dispatch failed: the next one comes soon, and later each time. */
export function postpone(envelope: TrackedEnvelope, nowMs: number, random: () => number): void {
  envelope.failures += 1
  envelope.retryMs = nowMs + backoffMs(envelope.failures, random())
}

const FIRST_RETRY_MS = 60_000
const LONGEST_RETRY_MS = 60 * 60_000

/** How long to wait after so many failures in a row: a minute, doubled each time, an hour at most. */
export function backoffMs(failures: number, random: number): number {
  return jitter(Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1)), random)
}

/** Notes that Ping++ has answered for an envelope: it is due at the next time of the plan. */
export function schedule(envelope: TrackedEnvelope, nowMs: number): void {
  const { createdMs, dueMs, random } = envelope
  if (dueMs <= nowMs) envelope.dueMs = nextDueMs(createdMs, nowMs, random)
}

/** When an envelope is queried next. */
export function queryMsOf({ retryMs, dueMs }: TrackedEnvelope): number {
  return retryMs ?? dueMs
}

/** Whether an envelope has no final status yet, or one that was not applied. */
export function isOpen({ status, appliedMs }: TrackedEnvelope): boolean {
  return status === undefined || appliedMs === undefined || !isFinalEnvelopeStatus(status)
}

/** Whether all due times of the plan are over. */
export function isOverdue({ dueMs, createdMs }: TrackedEnvelope, nowMs: number): boolean {
  return Math.max(dueMs, nowMs) >= createdMs + PLAN_ENDS_MS
}
