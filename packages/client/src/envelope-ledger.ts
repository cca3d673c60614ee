import { isOpen, newRecord, type EnvelopeHead, type EnvelopeRecord } from './envelope-record.ts'

/** What a reconciliation remembers of all envelopes. Used by one run at a time. */
export interface Ledger {
  /** The first envelope that was seen with an order number. */
  findByOrderNo(orderNo: string): EnvelopeRecord | undefined
  /** The record of an envelope, a new one where there is none. */
  track(head: EnvelopeHead): EnvelopeRecord
  /** The records of all envelopes that are open. */
  open(): EnvelopeRecord[]
  /** True the first time that a thing is to be said. */
  isNews(thing: string): boolean
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
  return ledgerOf(options, new Map(), new Set())
}

function ledgerOf(options: LedgerOptions, entries: Map<string, Entry>, said: Set<string>): Ledger {
  const { now, random, memoryMs } = options
  const byOrderNo = new Map<string, EnvelopeRecord>()
  for (const { record } of entries.values()) noteOrder(record)

  /** A second envelope for an order is somebody's mistake, and does not take the place of the first. */
  function noteOrder(record: EnvelopeRecord): void {
    if (!byOrderNo.has(record.orderNo)) byOrderNo.set(record.orderNo, record)
  }

  function track(head: EnvelopeHead): EnvelopeRecord {
    const known = entries.get(head.id)
    if (known !== undefined) {
      known.seenMs = now()
      return known.record
    }
    const record = newRecord(head, random)
    entries.set(head.id, { record, seenMs: now() })
    noteOrder(record)
    return record
  }

  function prune(keepOpen: boolean): void {
    for (const { record, seenMs } of entries.values()) {
      if (now() - seenMs <= memoryMs || (keepOpen && isOpen(record))) continue
      entries.delete(record.id)
      if (byOrderNo.get(record.orderNo) === record) byOrderNo.delete(record.orderNo)
    }
  }

  function copy(): Ledger {
    const copies = [...entries].map(([id, { record, seenMs }]): [string, Entry] => [
      id,
      { record: { ...record }, seenMs },
    ])
    return ledgerOf(options, new Map(copies), new Set(said))
  }

  return {
    findByOrderNo: (orderNo) => byOrderNo.get(orderNo),
    track,
    open: () => [...entries.values()].map(({ record }) => record).filter(isOpen),
    isNews(thing) {
      const isNews = !said.has(thing)
      said.add(thing)
      return isNews
    },
    prune,
    copy,
  }
}
