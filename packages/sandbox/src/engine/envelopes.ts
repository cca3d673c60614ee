import type { RedEnvelope, RedEnvelopeStatus } from '@hongbao/core'
import { isDeepStrictEqual } from 'node:util'
import type { Clock, Timer } from './clock.ts'
import { listEnvelopes, type EnvelopePage, type EnvelopeQuery } from './envelope-list.ts'
import { SandboxError } from '../errors.ts'
import { newDigits, newId } from './ids.ts'
import { CLAIM_PERIOD_MS, REFUND_PERIOD_MS } from '../delivery/schedule.ts'

/** Status → where an envelope can go from there (guide, notes 1 and 2; overview of red envelopes). */
const STEPS: Readonly<Record<RedEnvelopeStatus, readonly RedEnvelopeStatus[]>> = {
  sending: ['sent', 'failed'],
  sent: ['received', 'refunding'],
  received: [],
  failed: [],
  refunding: ['refund'],
  refund: [],
}

/** What became of a create. */
export type Creation =
  /** `existing`: the same order number with the same parameters came before. */
  | { readonly outcome: 'created' | 'existing'; readonly envelope: RedEnvelope }
  /** The order number was used with other parameters. */
  | { readonly outcome: 'conflict' }

/** What an envelope is made of: the parameters of `POST /v1/red_envelopes`. */
export interface CreateParameters {
  readonly app: string
  readonly channel: string
  readonly order_no: string
  readonly amount: number
  readonly currency: string
  readonly recipient: string
  readonly subject: string
  readonly body: string
  readonly description: string
  readonly extra: Readonly<Record<string, unknown>>
  readonly metadata: Readonly<Record<string, unknown>>
}

/** A step that a webhook tells of. */
export type ToldStatus = 'sent' | 'received'

/** The red envelopes there are, and what happens to them. */
export interface Envelopes {
  create(parameters: CreateParameters): Creation
  find(idOrOrderNo: string): RedEnvelope | undefined
  /** @throws SandboxError `envelope-unknown`, `move-invalid` */
  move(idOrOrderNo: string, status: RedEnvelopeStatus): RedEnvelope
  /**
   * The envelope as it was when it came to a status; where it has not been there yet, it goes there.
   *
   * @throws SandboxError `envelope-unknown`, `move-invalid`
   */
  reach(idOrOrderNo: string, status: ToldStatus): RedEnvelope
  list(query: EnvelopeQuery): EnvelopePage | undefined
  clear(): void
}

interface Entry {
  readonly parameters: CreateParameters
  /** Replaced at every step, never changed: notifications and pages show what was. */
  envelope: RedEnvelope
  readonly past: Map<RedEnvelopeStatus, RedEnvelope>
  nextStep: Timer | undefined
}

/** @param onChange told of every envelope that was made or has moved */
export function createEnvelopes(clock: Clock, onChange: (to: RedEnvelope) => void): Envelopes {
  const byId = new Map<string, Entry>()
  const byOrderNo = new Map<string, Entry>()

  /** The order number is what makes a create safe to repeat: an envelope is made once for it. */
  function create(parameters: CreateParameters): Creation {
    // A copy of plain objects: what the caller does to its own later is not done to the envelope, and
    // two are not taken for different because a form was read into objects without a prototype.
    const kept = structuredClone(parameters)
    const known = byOrderNo.get(kept.order_no)
    if (known !== undefined) {
      const isSame = isDeepStrictEqual(known.parameters, kept)
      return isSame ? { outcome: 'existing', envelope: known.envelope } : { outcome: 'conflict' }
    }
    const envelope = makeEnvelope(kept, nowSeconds())
    const entry: Entry = { parameters: kept, envelope, past: new Map(), nextStep: undefined }
    byId.set(envelope.id, entry)
    byOrderNo.set(envelope.order_no, entry)
    onChange(envelope)
    return { outcome: 'created', envelope }
  }

  function move(idOrOrderNo: string, status: RedEnvelopeStatus): RedEnvelope {
    const entry = get(idOrOrderNo)
    const { envelope } = entry
    if (!STEPS[envelope.status].includes(status)) throw wrongMove(envelope, status)
    entry.nextStep?.cancel()
    entry.envelope = { ...envelope, ...changesAt(status, clock.now()), status }
    entry.past.set(status, entry.envelope)
    entry.nextStep = scheduleNext(entry)
    onChange(entry.envelope)
    return entry.envelope
  }

  /** An envelope that nobody opens goes back by itself. */
  function scheduleNext({ envelope: { id, status } }: Entry): Timer | undefined {
    if (status === 'sent') return later(CLAIM_PERIOD_MS, 'refunding')
    if (status === 'refunding') return later(REFUND_PERIOD_MS, 'refund')
    return undefined

    function later(afterMs: number, next: RedEnvelopeStatus): Timer {
      return clock.at(clock.now() + afterMs, () => void move(id, next))
    }
  }

  function reach(idOrOrderNo: string, status: ToldStatus): RedEnvelope {
    const { envelope, past } = get(idOrOrderNo)
    const reached = past.get(status)
    if (reached !== undefined) return reached
    if (status === 'received' && envelope.status === 'sending') move(envelope.id, 'sent')
    return move(envelope.id, status)
  }

  function get(idOrOrderNo: string): Entry {
    const entry = byId.get(idOrOrderNo) ?? byOrderNo.get(idOrOrderNo)
    if (entry !== undefined) return entry
    throw new SandboxError(
      'envelope-unknown',
      `There is no envelope with the id or order number ${quote(idOrOrderNo)}.`,
    )
  }

  function nowSeconds(): number {
    return Math.floor(clock.now() / 1000)
  }

  return {
    create,
    find: (idOrOrderNo) => (byId.get(idOrOrderNo) ?? byOrderNo.get(idOrOrderNo))?.envelope,
    move,
    reach,
    list: (query) =>
      listEnvelopes(
        [...byId.values()].map(({ envelope }) => envelope),
        query,
      ),
    clear() {
      for (const { nextStep } of byId.values()) nextStep?.cancel()
      byId.clear()
      byOrderNo.clear()
    },
  }
}

/** Members in the order of Ping++'s samples (API reference, "Red Envelope object"). */
function makeEnvelope(parameters: CreateParameters, created: number): RedEnvelope {
  return {
    id: newId('red_'),
    object: 'red_envelope',
    created,
    received: null,
    refunded: null,
    livemode: false,
    status: 'sending',
    app: parameters.app,
    channel: parameters.channel,
    order_no: parameters.order_no,
    transaction_no: null,
    amount: parameters.amount,
    amount_settle: parameters.amount,
    currency: parameters.currency,
    recipient: parameters.recipient,
    subject: parameters.subject,
    body: parameters.body,
    description: parameters.description,
    failure_msg: null,
    extra: parameters.extra,
    metadata: parameters.metadata,
  }
}

/** What else changes when an envelope comes to a status. */
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

function wrongMove({ id, status }: RedEnvelope, to: RedEnvelopeStatus): SandboxError {
  const next = STEPS[status]
  const ways = next.length === 0 ? 'that is the end' : `from there it goes to ${next.join(' or ')}`
  return new SandboxError(
    'move-invalid',
    `Envelope ${id} cannot become ${quote(to)}: it is "${status}", and ${ways}.`,
  )
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 64))
}
