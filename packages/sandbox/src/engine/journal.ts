import { callSafely } from '@hongbao/core/internal'
import type { AttemptErrorCode } from './sandbox-event.ts'

/**
 * One line of what happened: the same object on the event stream of the control API, in the
 * command's NDJSON, and for listeners in a program. `v` is the version of this schema.
 */
export type JournalRecord = JournalHead & JournalBody

export interface JournalHead {
  readonly v: 1
  /** 1, 2, 3, … */
  readonly seq: number
  /** Wall clock, ISO 8601. */
  readonly at: string
  /** The sandbox's clock, ISO 8601. */
  readonly clock: string
}

export type JournalBody =
  | {
      readonly type: 'ready'
      readonly url: string
      readonly target: string | null
      readonly keyFingerprint: string
      readonly pid: number
    }
  | {
      readonly type: 'api.request'
      readonly id: string
      readonly method: string
      /** Path and query, as they were sent. */
      readonly path: string
      readonly status: number
      readonly ms: number
      readonly signature: 'valid' | 'invalid' | 'absent' | 'unchecked'
      /** The likeliest cause of an invalid signature, or the message of an error. */
      readonly reason?: string | undefined
      readonly faults?: readonly string[] | undefined
    }
  | {
      readonly type: 'envelope.changed'
      readonly envelope: string
      readonly orderNo: string
      readonly status: string
    }
  | {
      readonly type: 'event.created'
      readonly event: string
      readonly eventType: string
      readonly envelope: string | null
      readonly orderNo: string | null
      readonly bytes: number
    }
  | {
      readonly type: 'attempt.started'
      readonly event: string
      readonly eventType: string
      readonly n: number
      readonly of: number
      readonly kind: AttemptKind
      readonly faults?: readonly string[] | undefined
    }
  | {
      readonly type: 'attempt.finished'
      readonly event: string
      readonly eventType: string
      readonly n: number
      readonly of: number
      readonly kind: AttemptKind
      readonly ok: boolean
      readonly ms: number
      readonly status?: number | undefined
      readonly error?: string | undefined
      readonly errorCode?: AttemptErrorCode | undefined
      /** What the app answered: at most the first 1,000 characters here; up to 64 KB with the attempt. */
      readonly body?: string | undefined
      readonly faults?: readonly string[] | undefined
    }
  | {
      readonly type: 'retry.scheduled'
      readonly event: string
      readonly eventType: string
      readonly n: number
      readonly dueAt: string
    }
  | {
      readonly type: 'event.delivered'
      readonly event: string
      readonly eventType: string
      readonly attempts: number
    }
  | {
      readonly type: 'event.exhausted'
      readonly event: string
      readonly eventType: string
      readonly attempts: number
    }
  | {
      readonly type: 'fault.fired'
      readonly fault: string
      readonly kind: string
      readonly subject: string
    }
  | { readonly type: 'clock.moved'; readonly from: string; readonly to: string }
  /** Something in the sandbox itself failed. */
  | { readonly type: 'error'; readonly message: string }
  | { readonly type: 'reset' }

/** Why an attempt was made. */
export type AttemptKind = 'scheduled' | 'duplicate' | 'manual'

/** All that happened, kept up to a bound, and told as it happens. */
export interface Journal {
  write(body: JournalBody): void
  /** Kept records with a greater `seq`, oldest first. */
  since(seq: number): readonly JournalRecord[]
  /** Tells a listener of every record from now on; what it throws is ignored. Returns how to stop. */
  listen(listener: (record: JournalRecord) => void): () => void
  clear(): void
}

/** How many records are kept. */
const MAX_RECORDS = 10_000

/** @param clockNow the sandbox's clock, in milliseconds since 1970 */
export function createJournal(clockNow: () => number): Journal {
  let listeners: readonly ((record: JournalRecord) => void)[] = []
  const wallDate = createDateText()
  const clockDate = createDateText()
  let records: JournalRecord[] = []
  let seq = 0
  let told = 0
  let isTelling = false

  function write(body: JournalBody): void {
    seq += 1
    records.push({ v: 1, seq, at: wallDate(Date.now()), clock: clockDate(clockNow()), ...body })
    // Cut in large pieces, so that a record costs the same at any length.
    if (records.length >= 2 * MAX_RECORDS) records = records.slice(-MAX_RECORDS)
    tell()
  }

  /** A listener may cause records of its own: those are told after this one, to everybody. */
  function tell(): void {
    if (listeners.length === 0) told = seq
    if (isTelling) return
    isTelling = true
    while (told < seq) {
      told += 1
      const record = records[records.length - 1 - (seq - told)]
      if (record !== undefined) for (const listener of listeners) callSafely(() => listener(record))
    }
    isTelling = false
  }

  function since(after: number): readonly JournalRecord[] {
    const missed = Math.max(0, Math.min(seq - after, MAX_RECORDS, records.length))
    return missed === 0 ? [] : records.slice(-missed)
  }

  return {
    write,
    since,
    listen(listener) {
      // Each subscription is a value of its own: one function may be subscribed twice.
      const subscription = (record: JournalRecord) => listener(record)
      listeners = [...listeners, subscription]
      return function stop() {
        listeners = listeners.filter((each) => each !== subscription)
      }
    },
    clear() {
      records = []
    },
  }
}

/** ISO 8601. Many records are of one millisecond, and the text takes longer than all else in a record. */
function createDateText(): (ms: number) => string {
  let lastMs = Number.NaN
  let lastText = ''

  return function dateText(ms) {
    if (ms !== lastMs) lastText = new Date(ms).toISOString()
    lastMs = ms
    return lastText
  }
}
