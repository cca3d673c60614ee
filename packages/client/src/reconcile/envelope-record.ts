import { compareEnvelopeStatus, isFinalEnvelopeStatus } from '@hongbao/core'
import type { RedEnvelopeStatus } from '@hongbao/core'
import { hasEvent } from './envelope-states.ts'
import { firstDue, isBeyondPlan, jitter, nextDue, PLAN_ENDS_MS, type Due } from './poll-plan.ts'

/** What identifies an envelope. */
export interface EnvelopeHead {
  readonly id: string
  readonly orderNo: string
  readonly createdMs: number
}

/** What is remembered of one envelope: how far it was seen to come, and when it is asked for next. */
export interface EnvelopeRecord extends EnvelopeHead {
  /** The furthest state seen; undefined where none was. */
  status: RedEnvelopeStatus | undefined
  /** When its handlers were done with that state; undefined while they are not. */
  settledMs: number | undefined
  due: Due
  /** How often asking or handling failed in a row. */
  failures: number
  /** After a failure: when it is tried again, instead of `due`. */
  retryMs: number | undefined
}

/** What the sight of an envelope calls for. */
export type Verdict =
  /** It is news, or its handlers failed a while ago. */
  | 'dispatch'
  /** Its handlers failed a moment ago. */
  | 'held'
  /** Known, behind what is known, or nothing to tell. */
  | 'nothing'
  /** It has ended before, in another way. */
  | 'contradiction'

const FIRST_RETRY_MS = 60_000
const LONGEST_RETRY_MS = 60 * 60_000

export function newRecord(head: EnvelopeHead, random: () => number): EnvelopeRecord {
  const due = firstDue(head.createdMs, random)
  return { ...head, status: undefined, settledMs: undefined, due, failures: 0, retryMs: undefined }
}

/** Takes the word of the merchant's own table: what it has needs no handler. */
export function believe(record: EnvelopeRecord, status: RedEnvelopeStatus, nowMs: number): void {
  const isBehind = compareEnvelopeStatus(record.status, status) === 'behind'
  const isKnown = record.status === status && record.settledMs !== undefined
  if (!isBehind && !isKnown) advance(record, status, nowMs)
}

/** Notes a state that Ping++ told, and says what it calls for. A record never goes back. */
export function see(record: EnvelopeRecord, status: RedEnvelopeStatus, nowMs: number): Verdict {
  const news = compareEnvelopeStatus(record.status, status)
  if (news === 'behind') return 'nothing'
  if (news === 'ahead') advance(record, status, hasEvent(status) ? undefined : nowMs)
  if (news === 'conflict' || record.settledMs !== undefined) {
    calm(record)
    return news === 'conflict' ? 'contradiction' : 'nothing'
  }
  return record.retryMs !== undefined && nowMs < record.retryMs ? 'held' : 'dispatch'
}

/** Notes that handlers are done with the furthest state. */
export function settle(record: EnvelopeRecord, nowMs: number): void {
  advance(record, record.status, nowMs)
}

function advance(
  record: EnvelopeRecord,
  status: RedEnvelopeStatus | undefined,
  settledMs: number | undefined,
): void {
  record.status = status
  record.settledMs = settledMs
  calm(record)
}

/** Leaves a record to the plan: what failed before is over. */
export function calm(record: EnvelopeRecord): void {
  record.failures = 0
  record.retryMs = undefined
}

/** Notes that asking or handling failed: due again soon, and later each time. */
export function postpone(record: EnvelopeRecord, nowMs: number, random: () => number): void {
  record.failures += 1
  record.retryMs = nowMs + retryAfter(record.failures, random)
}

/** When to try again after so many failures in a row: in a minute, doubled each time, an hour at most. */
export function retryAfter(failures: number, random: () => number): number {
  return jitter(Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1)), random)
}

/** Notes that Ping++ has just told the state: the plan goes on from here. */
export function asked(record: EnvelopeRecord, nowMs: number, random: () => number): void {
  record.due = nextDue(record.due, record.createdMs, nowMs, random)
}

export function isDue({ retryMs, due }: EnvelopeRecord, nowMs: number): boolean {
  return nowMs >= (retryMs ?? due.dueMs)
}

/** Tells whether there is still something to come: no end yet, or one that handlers are not done with. */
export function isOpen({ status, settledMs }: EnvelopeRecord): boolean {
  return status === undefined || settledMs === undefined || !isFinalEnvelopeStatus(status)
}

/** Tells whether all due times of the plan are over. */
export function isOverdue({ due, createdMs }: EnvelopeRecord, nowMs: number): boolean {
  return isBeyondPlan(due) || nowMs >= createdMs + PLAN_ENDS_MS
}
