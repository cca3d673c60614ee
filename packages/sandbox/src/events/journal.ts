import { randomUUID } from 'node:crypto'
import { callSafely } from '@hongbao/core/internal'
import type { AttemptErrorCode, AttemptKind, AttemptTimings } from './sandbox-event.ts'

/**
 * One thing that happened: the same object on the event stream of the control API, in the command's
 * NDJSON, and for listeners in a program. `v` is the version of this schema.
 */
export type JournalRecord = JournalHead & JournalBody

export interface JournalHead {
  readonly v: 1
  /** Changes at each start of a sandbox. */
  readonly boot: string
  /** 1, 2, 3, … */
  readonly seq: number
  /** Wall clock, ISO 8601. */
  readonly at: string
  /** The sandbox's clock, ISO 8601. */
  readonly clock: string
}

export type JournalBody = {
  [Type in keyof RecordTypes]: { readonly type: Type } & RecordTypes[Type]
}[keyof RecordTypes]

/** Type → the fields of its records. */
interface RecordTypes {
  ready: {
    readonly url: string
    readonly target: string | null
    readonly keyFingerprint: string
    readonly pid: number
  }
  'api.request': {
    readonly id: string
    readonly method: string
    /** Path and query, as they were sent. */
    readonly path: string
    /** 0 if there was no answer. */
    readonly status: number
    readonly ms: number
    readonly signature: 'valid' | 'invalid' | 'absent' | 'unchecked'
    /** The likely cause of an invalid signature, or the message of an error. */
    readonly reason?: string | undefined
    readonly faults?: readonly string[] | undefined
    readonly operation?: string | undefined
    readonly envelope?: string | undefined
    readonly orderNo?: string | undefined
  }
  'envelope.changed': {
    readonly envelope: string
    readonly orderNo: string
    readonly status: string
    /** The API request that caused it. */
    readonly request?: string | undefined
  }
  'event.created': EventFields & {
    readonly envelope: string | null
    readonly orderNo: string | null
    readonly bytes: number
    /** The API request that caused it. */
    readonly request?: string | undefined
    /** The event that it is an edited copy of. */
    readonly from?: string | undefined
  }
  /** There is no target: it is kept, and not sent. */
  'event.undelivered': EventFields
  /** A fault holds an attempt back until `dueAt`, or until another event was sent. */
  'attempt.held': AttemptFields & { readonly dueAt: string; readonly untilAnother: boolean }
  'attempt.started': AttemptFields
  'attempt.finished': AttemptFields & {
    readonly ok: boolean
    readonly ms: number
    readonly status?: number | undefined
    readonly error?: string | undefined
    readonly errorCode?: AttemptErrorCode | undefined
    /** What the app answered: the first 1,000 characters. The event has up to 64 KB. */
    readonly body?: string | undefined
    readonly timings?: AttemptTimings | undefined
  }
  'retry.scheduled': EventFields & { readonly n: number; readonly dueAt: string }
  'retry.cancelled': EventFields & { readonly n: number }
  'event.delivered': EventFields & { readonly attempts: number }
  'event.exhausted': EventFields & { readonly attempts: number }
  'fault.fired': { readonly fault: string; readonly kind: string; readonly subject: string }
  'clock.moved': { readonly from: string; readonly to: string }
  'clock.speed': { readonly speed: number }
  'target.changed': { readonly target: string | null }
  /** A fault was added or removed, or has fired for the last time. */
  'faults.changed': { readonly inForce: number }
  /** The sandbox itself failed. */
  error: { readonly message: string }
  reset: object
}

interface EventFields {
  readonly event: string
  readonly eventType: string
}

interface AttemptFields extends EventFields {
  readonly n: number
  readonly of: number
  readonly kind: AttemptKind
  readonly faults?: readonly string[] | undefined
}

/** Keeps the latest records and passes each on to listeners. */
export interface Journal {
  readonly boot: string
  /** `seq` of the latest record. */
  readonly seq: number
  write(body: JournalBody): void
  /** Kept records with a greater `seq`, oldest first. */
  since(seq: number): readonly JournalRecord[]
  /** Calls a listener with every record from now on; its errors are ignored. Returns how to stop. */
  listen(listener: (record: JournalRecord) => void): () => void
  /** Removes the records of an event. */
  forget(event: string): void
  clear(): void
}

/** How many records are kept. */
const MAX_RECORDS = 10_000
const MAX_FORGOTTEN = 500

/** @param clockNow the sandbox's clock, in milliseconds since 1970 */
export function createJournal(clockNow: () => number): Journal {
  let listeners: readonly ((record: JournalRecord) => void)[] = []
  const boot = randomUUID().slice(0, 8)
  const wallDate = createDateText()
  const clockDate = createDateText()
  let records: JournalRecord[] = []
  /** Events whose records are still to be removed. */
  const forgotten = new Set<string>()
  let seq = 0
  let sent = 0
  let isSending = false

  /** A record that a listener causes is sent after this one, to all listeners. */
  function send(): void {
    if (listeners.length === 0) sent = seq
    if (isSending) return
    isSending = true
    while (sent < seq) {
      sent += 1
      const record = records[placeAfter(sent - 1)]
      if (record?.seq === sent) for (const listener of listeners) callSafely(() => listener(record))
    }
    isSending = false
  }

  /** Place of the first record with a greater `seq`, by binary search. */
  function placeAfter(after: number): number {
    let [low, high] = [0, records.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((records[middle]?.seq ?? 0) > after) high = middle
      else low = middle + 1
    }
    return low
  }

  function isKept(record: JournalRecord): boolean {
    return !('event' in record && forgotten.has(record.event))
  }

  /** In large pieces, so that a record costs the same at any length. */
  function trim(): void {
    records = records.filter(isKept).slice(-MAX_RECORDS)
    forgotten.clear()
  }

  return {
    boot,
    get seq() {
      return seq
    },
    write(body) {
      seq += 1
      const [at, clock] = [wallDate(Date.now()), clockDate(clockNow())]
      records.push({ v: 1, boot, seq, at, clock, ...body })
      if (records.length >= 2 * MAX_RECORDS) trim()
      send()
    },
    since(after) {
      const kept = records.slice(Math.max(placeAfter(after), records.length - MAX_RECORDS))
      return forgotten.size === 0 ? kept : kept.filter(isKept)
    },
    listen(listener) {
      // A new function, because the same listener may be added twice.
      const subscription = (record: JournalRecord) => listener(record)
      listeners = [...listeners, subscription]
      return function stop() {
        listeners = listeners.filter((each) => each !== subscription)
      }
    },
    forget(event) {
      forgotten.add(event)
      if (forgotten.size >= MAX_FORGOTTEN) trim()
    },
    clear() {
      records = []
      forgotten.clear()
    },
  }
}

/** ISO 8601, cached: many records have the same millisecond, and the conversion is the slowest part. */
function createDateText(): (ms: number) => string {
  let lastMs = Number.NaN
  let lastText = ''

  return function dateText(ms) {
    if (ms !== lastMs) lastText = new Date(ms).toISOString()
    lastMs = ms
    return lastText
  }
}
