import type { RedEnvelope, RedEnvelopeStatus } from '@hongbao/core'
import { readEnvelopeStatus } from '@hongbao/core/internal'
import { isDeepStrictEqual } from 'node:util'
import { CLAIM_PERIOD_MS, REFUND_PERIOD_MS } from '../clock/schedule.ts'
import { quote, Refusal } from '../errors.ts'
import type { Clock, Timer } from '../clock/clock.ts'
import { listEnvelopes, type EnvelopePage, type EnvelopeQuery } from './envelope-list.ts'
import { newDigits, newId } from '../events/ids.ts'

/** Status → the statuses that can follow (guide, notes 1 and 2; overview of red envelopes). */
export const STEPS: Readonly<Record<RedEnvelopeStatus, readonly RedEnvelopeStatus[]>> = {
  sending: ['sent', 'failed'],
  sent: ['received', 'refunding'],
  received: [],
  failed: [],
  refunding: ['refund'],
  refund: [],
}

export const STATUSES: readonly RedEnvelopeStatus[] = Object.keys(STEPS).flatMap(
  (name) => readEnvelopeStatus(name) ?? [],
)

export type Creation =
  /** `existing`: the order number was used before, with the same parameters. */
  | { readonly outcome: 'created' | 'existing'; readonly envelope: RedEnvelope }
  /** The order number was used before, with other parameters. */
  | { readonly outcome: 'conflict' }

export type CreateParameters = Readonly<
  Record<
    'app' | 'channel' | 'order_no' | 'currency' | 'recipient' | 'subject' | 'body' | 'description',
    string
  >
> & {
  readonly amount: number
  readonly extra: Readonly<Record<string, unknown>>
  readonly metadata: Readonly<Record<string, unknown>>
}

/** A status for which Ping++ sends a webhook. */
export type WebhookStatus = 'sent' | 'received'

/** A red envelope, and how it came to be as it is. */
export interface EnvelopeEntry {
  readonly parameters: CreateParameters
  /** The API request that created it. */
  readonly request: string | undefined
  /** Replaced at every step, never changed: notifications and pages keep what they were given. */
  envelope: RedEnvelope
  /** The envelope at each of its statuses so far, oldest first: when, on the sandbox's clock. */
  readonly past: { readonly atMs: number; readonly envelope: RedEnvelope }[]
  /** The step that time brings. */
  nextStep: { readonly status: RedEnvelopeStatus; readonly dueMs: number } | undefined
}

export interface EnvelopesOptions {
  readonly clock: Clock
  readonly maxEnvelopes: number
  /** Called with every envelope that was created or has moved, and the API request that caused it. */
  readonly onChange: (entry: EnvelopeEntry, request: string | undefined) => void
}

export class Envelopes {
  readonly #clock: Clock
  readonly #options: EnvelopesOptions
  readonly #byId = new Map<string, EnvelopeEntry>()
  readonly #byOrderNo = new Map<string, EnvelopeEntry>()
  /** Of next steps. */
  readonly #timers = new WeakMap<EnvelopeEntry, Timer>()

  constructor(options: EnvelopesOptions) {
    this.#clock = options.clock
    this.#options = options
  }

  get size(): number {
    return this.#byId.size
  }

  /** Creates are idempotent by order number. */
  create(parameters: CreateParameters, request?: string): Creation {
    // A copy of plain objects, so that later changes by the caller have no effect, and an object
    // without a prototype (from a form) compares as equal.
    const kept = structuredClone(parameters)
    const known = this.#byOrderNo.get(kept.order_no)
    if (known !== undefined) {
      const isSame = isDeepStrictEqual(known.parameters, kept)
      return isSame ? { outcome: 'existing', envelope: known.envelope } : { outcome: 'conflict' }
    }
    const nowMs = this.#clock.now()
    const envelope = makeEnvelope(kept, Math.floor(nowMs / 1000))
    const past = [{ atMs: nowMs, envelope }]
    const entry = { parameters: kept, request, envelope, past, nextStep: undefined }
    this.#keep(entry)
    this.#evict()
    this.#options.onChange(entry, request)
    return { outcome: 'created', envelope }
  }

  find(idOrOrderNo: string): RedEnvelope | undefined {
    return this.entry(idOrOrderNo)?.envelope
  }

  entry(idOrOrderNo: string): EnvelopeEntry | undefined {
    return this.#byId.get(idOrOrderNo) ?? this.#byOrderNo.get(idOrOrderNo)
  }

  /** Oldest first. */
  entries(): readonly EnvelopeEntry[] {
    return [...this.#byId.values()]
  }

  /** @throws SandboxError `envelope-unknown`, `move-invalid` */
  move(idOrOrderNo: string, status: RedEnvelopeStatus, request?: string): RedEnvelope {
    const entry = this.#get(idOrOrderNo)
    const { envelope } = entry
    if (!STEPS[envelope.status].includes(status)) throw invalidMove(envelope, status)
    const nowMs = this.#clock.now()
    this.#timers.get(entry)?.cancel()
    entry.envelope = { ...envelope, ...changesAt(status, nowMs), status }
    entry.past.push({ atMs: nowMs, envelope: entry.envelope })
    this.#scheduleNext(entry)
    this.#options.onChange(entry, request)
    return entry.envelope
  }

  /** Takes up an envelope of an earlier process; its next step is due after its time at the latest. */
  restore(entry: EnvelopeEntry): void {
    this.#keep(entry)
    this.#scheduleNext(entry)
  }

  /**
   * The envelope as it was when it reached a status; if it has not been there yet, it moves there.
   *
   * @throws SandboxError `envelope-unknown`, `move-invalid`
   */
  reach(idOrOrderNo: string, status: WebhookStatus): RedEnvelope {
    const { envelope, past } = this.#get(idOrOrderNo)
    const reached = past.find((each) => each.envelope.status === status)
    if (reached !== undefined) return reached.envelope
    if (status === 'received' && envelope.status === 'sending') this.move(envelope.id, 'sent')
    return this.move(envelope.id, status)
  }

  /** One page; undefined if a cursor is unknown. */
  list(query: EnvelopeQuery): EnvelopePage | undefined {
    return listEnvelopes(
      this.entries().map(({ envelope }) => envelope),
      query,
    )
  }

  /** The clock loses its timers at the same time. */
  clear(): void {
    this.#byId.clear()
    this.#byOrderNo.clear()
  }

  #keep(entry: EnvelopeEntry): void {
    this.#byId.set(entry.envelope.id, entry)
    this.#byOrderNo.set(entry.envelope.order_no, entry)
  }

  #evict(): void {
    const [oldest] = this.#byId.values()
    if (oldest === undefined || this.#byId.size <= this.#options.maxEnvelopes) return
    this.#timers.get(oldest)?.cancel()
    this.#byId.delete(oldest.envelope.id)
    this.#byOrderNo.delete(oldest.envelope.order_no)
  }

  /** An envelope that the user does not open is refunded. */
  #scheduleNext(entry: EnvelopeEntry): void {
    const { id, status } = entry.envelope
    const step = STEP_BY_TIME[status]
    entry.nextStep = undefined
    if (step === undefined) return
    const nowMs = this.#clock.now()
    const dueMs = Math.min(nowMs, entry.past.at(-1)?.atMs ?? nowMs) + step.afterMs
    const run = (): void => void this.move(id, step.next)
    entry.nextStep = { status: step.next, dueMs }
    this.#timers.set(entry, this.#clock.at(dueMs, run, 'envelope'))
  }

  #get(idOrOrderNo: string): EnvelopeEntry {
    const entry = this.entry(idOrOrderNo)
    if (entry !== undefined) return entry
    throw unknownEnvelope(idOrOrderNo)
  }
}

/** Status → the step that follows after some time. */
const STEP_BY_TIME: Readonly<
  Partial<Record<RedEnvelopeStatus, { next: RedEnvelopeStatus; afterMs: number }>>
> = {
  sent: { next: 'refunding', afterMs: CLAIM_PERIOD_MS },
  refunding: { next: 'refund', afterMs: REFUND_PERIOD_MS },
}

/** Members in the order of Ping++'s samples (API reference, "Red Envelope object"). */
function makeEnvelope(parameters: CreateParameters, created: number): RedEnvelope {
  const { app, channel, order_no, amount, extra, metadata, ...texts } = parameters
  return {
    id: newId('red_'),
    object: 'red_envelope',
    created,
    received: null,
    refunded: null,
    livemode: false,
    status: 'sending',
    app,
    channel,
    order_no,
    transaction_no: null,
    amount,
    amount_settle: amount,
    currency: texts.currency,
    recipient: texts.recipient,
    subject: texts.subject,
    body: texts.body,
    description: texts.description,
    failure_msg: null,
    extra,
    metadata,
  }
}

/** What else changes when an envelope reaches a status. */
function changesAt(status: RedEnvelopeStatus, nowMs: number): Partial<RedEnvelope> {
  const now = Math.floor(nowMs / 1000)
  if (status === 'sent') return { transaction_no: newTransactionNo(nowMs) }
  if (status === 'received') return { received: now }
  if (status === 'refund') return { refunded: now }
  if (status === 'failed') return { failure_msg: '红包发放失败' }
  return {}
}

/** As WeChat's: merchant, day in China, and ten digits (sample of the guide, step 4). */
function newTransactionNo(nowMs: number): string {
  const day = new Date(nowMs + 8 * 60 * 60 * 1000).toISOString().slice(0, 10).replaceAll('-', '')
  return `0010000000${day}${newDigits(10)}`
}

export function unknownEnvelope(idOrOrderNo: string): Refusal {
  return new Refusal('envelope-unknown', { asked: quote(idOrOrderNo) })
}

function invalidMove({ id, status }: RedEnvelope, to: RedEnvelopeStatus): Refusal {
  const next = STEPS[status].join(' or ')
  return new Refusal(next === '' ? 'envelope-final' : 'move-invalid', { id, to, status, next })
}
