import { isOpen, newRecord, type EnvelopeHead, type EnvelopeRecord } from './envelope-record.ts'

/** What a reconciliation remembers of all envelopes. Used by one run at a time. */
export interface Ledger {
  /** The record of an envelope, a new one where there is none. */
  track(head: EnvelopeHead): EnvelopeRecord
  /** Gives an order number its envelope, for good; false where it has another one. */
  adopt(record: EnvelopeRecord): boolean
  /** The envelope that an order number was given. */
  findAdopted(orderNo: string): EnvelopeRecord | undefined
  /** Notes that an order number was looked for where it would be. */
  noteSought(orderNo: string): void
  /** Whether it was, not long ago. */
  isSought(orderNo: string): boolean
  /** The records of all envelopes that are open. */
  open(): EnvelopeRecord[]
  /** Forgets what was not seen in a while; open envelopes too, where somebody else remembers those. */
  prune(keepOpen: boolean): void
  /** The same memory, for a run that must leave no trace. */
  copy(): Ledger
}

export interface LedgerOptions {
  readonly now: () => number
  readonly random: () => number
  /** How long an envelope is remembered after it was last seen. */
  readonly memoryMs: number
}

interface Entry {
  readonly record: EnvelopeRecord
  seenMs: number
}

export function createLedger(options: LedgerOptions): Ledger {
  return ledgerOf(options, { entries: new Map(), adopted: new Map(), sought: new Map() })
}

interface Memory {
  /** By id. */
  readonly entries: Map<string, Entry>
  /** The ids of adopted envelopes, by order number. */
  readonly adopted: Map<string, string>
  /** When an order number was looked for. */
  readonly sought: Map<string, number>
}

function ledgerOf(options: LedgerOptions, { entries, adopted, sought }: Memory): Ledger {
  const { now, random, memoryMs } = options

  function track(head: EnvelopeHead): EnvelopeRecord {
    const known = entries.get(head.id)
    if (known !== undefined) {
      known.seenMs = now()
      return known.record
    }
    const record = newRecord(head, random)
    entries.set(head.id, { record, seenMs: now() })
    return record
  }

  function adopt({ id, orderNo }: EnvelopeRecord): boolean {
    const holder = adopted.get(orderNo) ?? id
    adopted.set(orderNo, holder)
    return holder === id
  }

  function findAdopted(orderNo: string): EnvelopeRecord | undefined {
    const id = adopted.get(orderNo)
    return id === undefined ? undefined : entries.get(id)?.record
  }

  function isSought(orderNo: string): boolean {
    return isRecent(sought.get(orderNo) ?? Number.NEGATIVE_INFINITY)
  }

  function isRecent(ms: number): boolean {
    return now() - ms <= memoryMs
  }

  function prune(keepOpen: boolean): void {
    for (const { record, seenMs } of entries.values()) {
      if (isRecent(seenMs) || (keepOpen && isOpen(record))) continue
      entries.delete(record.id)
      if (adopted.get(record.orderNo) === record.id) adopted.delete(record.orderNo)
    }
    for (const [orderNo, ms] of sought) {
      if (!isRecent(ms)) sought.delete(orderNo)
    }
  }

  function copy(): Ledger {
    const copies = [...entries].map(([id, { record, seenMs }]): [string, Entry] => [
      id,
      { record: { ...record }, seenMs },
    ])
    return ledgerOf(options, {
      entries: new Map(copies),
      adopted: new Map(adopted),
      sought: new Map(sought),
    })
  }

  return {
    track,
    adopt,
    findAdopted,
    noteSought: (orderNo) => void sought.set(orderNo, now()),
    isSought,
    open: () => [...entries.values()].map(({ record }) => record).filter(isOpen),
    prune,
    copy,
  }
}
