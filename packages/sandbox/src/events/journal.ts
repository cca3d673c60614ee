import { randomUUID } from 'node:crypto'
import { callSafely } from '@hongbao/core/internal'
import { isoTime } from '../clock/duration.ts'
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
    /** `iar_…` */
    readonly id: string
    readonly method: string
    /** Path and query, as they were sent; API keys are masked. */
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

/** How many records are kept. */
const MAX_RECORDS = 10_000
/** How many more there may be, and how many forgotten events, before they are removed together. */
const MAX_SURPLUS = 1000
const MAX_FORGOTTEN = 500

type Listener = (record: JournalRecord) => void

/** Keeps the latest records and passes each on to listeners. */
export class Journal {
  readonly boot: string = randomUUID().slice(0, 8)
  readonly #clockNow: () => number
  /** Events whose records are still to be removed. */
  readonly #forgotten = new Set<string>()
  #listeners: readonly Listener[] = []
  #records: JournalRecord[] = []
  /** While listeners are told: the record that they are told of, and those that they have caused. */
  #unsent: JournalRecord[] = []
  #seq = 0

  /** @param clockNow the sandbox's clock, in milliseconds since 1970 */
  constructor(clockNow: () => number) {
    this.#clockNow = clockNow
  }

  /** `seq` of the latest record. */
  get seq(): number {
    return this.#seq
  }

  write(body: JournalBody): void {
    this.#seq += 1
    const head = { v: 1, boot: this.boot, seq: this.#seq } as const
    const record = { ...head, at: isoTime(Date.now()), clock: isoTime(this.#clockNow()), ...body }
    this.#records.push(record)
    if (this.#records.length >= MAX_RECORDS + MAX_SURPLUS) this.#trim()
    // A record that a listener causes is sent after this one, to all listeners.
    if (this.#unsent.push(record) > 1) return
    for (const each of this.#unsent) {
      for (const listener of this.#listeners) callSafely(() => listener(each))
    }
    this.#unsent = []
  }

  /** Kept records with a greater `seq`, oldest first. */
  since(after: number): readonly JournalRecord[] {
    // From the end, where a stream that keeps up finds its place at once.
    const first = this.#records.findLastIndex(({ seq }) => seq <= after) + 1
    const kept = this.#records.slice(Math.max(first, this.#records.length - MAX_RECORDS))
    return this.#forgotten.size === 0 ? kept : kept.filter((record) => this.#isKept(record))
  }

  /** Calls a listener with every record from now on; its errors are ignored. Returns how to stop. */
  listen(listener: Listener): () => void {
    // A new function, because the same listener may be added twice.
    const subscription: Listener = (record) => listener(record)
    this.#listeners = [...this.#listeners, subscription]
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== subscription)
    }
  }

  /** Removes the records of an event. */
  forget(event: string): void {
    this.#forgotten.add(event)
    if (this.#forgotten.size >= MAX_FORGOTTEN) this.#trim()
  }

  clear(): void {
    this.#records = []
    this.#forgotten.clear()
  }

  #isKept(record: JournalRecord): boolean {
    return !('event' in record && this.#forgotten.has(record.event))
  }

  /** In large pieces, so that a record costs the same at any length. */
  #trim(): void {
    this.#records = this.#records.filter((record) => this.#isKept(record)).slice(-MAX_RECORDS)
    this.#forgotten.clear()
  }
}
