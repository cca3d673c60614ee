import type { RedEnvelope, RedEnvelopeStatus } from '@hongbao/core'
import { readEnvelopeStatus } from '@hongbao/core/internal'
import { untilAborted } from '../http/retries.ts'

/**
 * An envelope that is open in the merchant's own table, which has no final status of it yet. The fields
 * after the first three are compared with the envelope of Ping++; null counts as not given.
 */
export interface OpenRedEnvelope {
  /** `red_…`. Without it, because `create` got no answer for example, it is found by `order_no`. */
  readonly id?: string | null | undefined
  readonly order_no: string
  /** When you created it; Unix time in seconds, or a Date. */
  readonly created: number | Date
  /** Your table's own status: it is not dispatched again, not even after a restart. */
  readonly status?: RedEnvelopeStatus | null | undefined
  /** Integer amount in fen. */
  readonly amount?: number | null | undefined
  readonly currency?: string | null | undefined
  readonly channel?: string | null | undefined
  readonly recipient?: string | null | undefined
  readonly livemode?: boolean | null | undefined
}

/** Returns the envelopes that are open in the merchant's own table. */
export type ReadOpen = () =>
  | Iterable<OpenRedEnvelope>
  | AsyncIterable<OpenRedEnvelope>
  | Promise<Iterable<OpenRedEnvelope> | AsyncIterable<OpenRedEnvelope>>

/** A row of the merchant's table, checked. */
export interface OpenRow {
  readonly id: string | undefined
  readonly orderNo: string
  readonly createdMs: number
  readonly status: RedEnvelopeStatus | undefined
  /** What the envelope of Ping++ must have. */
  readonly expected: Partial<Pick<RedEnvelope, (typeof COMPARED)[number]>>
}

/** The open envelopes of the merchant's table at the start of a run. */
export interface OpenTable {
  readonly rows: readonly OpenRow[]
  /** The row of an envelope, by id, or else by order number. */
  match(envelope: RedEnvelope): OpenRow | undefined
}

/** A field in which an envelope differs from the merchant's row. */
export type Mismatch = 'id' | 'order_no' | (typeof COMPARED)[number]

const COMPARED = ['amount', 'currency', 'channel', 'recipient', 'livemode'] as const

/** @throws OpenError if `open` fails; the reason of the signal, however long `open` takes */
export async function readTable(open: ReadOpen, signal: AbortSignal): Promise<OpenTable> {
  const rows = (await untilAborted(readRows(open, signal), signal)) ?? []
  signal.throwIfAborted()
  const byId = new Map(rows.flatMap((row) => (row.id === undefined ? [] : [[row.id, row]])))
  const byOrderNo = new Map(rows.map((row) => [row.orderNo, row]))
  return {
    rows,
    match: ({ id, order_no }) => byId.get(id) ?? byOrderNo.get(order_no),
  }
}

async function readRows(open: ReadOpen, signal: AbortSignal): Promise<OpenRow[]> {
  const rows: OpenRow[] = []
  try {
    for await (const envelope of await open()) {
      if (signal.aborted) break
      rows.push(readRow(envelope))
    }
    return rows
  } catch (error) {
    if (error instanceof OpenError) throw error
    // The text of a foreign error may hold a secret; `onError` gets the cause.
    const name = error instanceof Error ? error.name : typeof error
    throw new OpenError(`\`open\` failed (${name}).`, { cause: error })
  }
}

/** The merchant's table could not be read, or returned an invalid row. */
export class OpenError extends Error {
  override readonly name = 'OpenError'
}

/** The first field in which an envelope differs from the merchant's row. */
export function findMismatch(row: OpenRow, envelope: RedEnvelope): Mismatch | undefined {
  if (row.id !== undefined && row.id !== envelope.id) return 'id'
  if (row.orderNo !== envelope.order_no) return 'order_no'
  return COMPARED.find((field) => field in row.expected && row.expected[field] !== envelope[field])
}

/** Reads a time in Unix seconds, or a Date; undefined if it is neither. */
export function readTime(value: unknown): number | undefined {
  const seconds = value instanceof Date ? value.getTime() / 1000 : value
  // A larger number is in milliseconds: in seconds it would be after the year 5000.
  const isTime = typeof seconds === 'number' && seconds >= 0 && seconds < 1e11
  return isTime ? seconds : undefined
}

/** @throws OpenError that names the field: a row that is misread would compare wrong */
function readRow(envelope: OpenRedEnvelope): OpenRow {
  const { id, order_no: orderNo, created, status } = envelope
  const flaw = RULES.find(([field, isValid]) => !isValid(envelope[field]))
  if (flaw !== undefined) {
    const [field, , expected] = flaw
    const which = isText(orderNo) ? ` (order_no ${orderNo})` : ''
    throw new OpenError(`\`${field}\` of an envelope from \`open\` must be ${expected}${which}.`)
  }
  const given = COMPARED.filter((field) => (envelope[field] ?? undefined) !== undefined)
  return {
    id: id ?? undefined,
    orderNo,
    createdMs: (readTime(created) ?? 0) * 1000,
    status: readEnvelopeStatus(status),
    expected: Object.fromEntries(given.map((field) => [field, envelope[field]])),
  }
}

type Rule = readonly [
  field: keyof OpenRedEnvelope,
  isValid: (value: unknown) => boolean,
  expected: string,
]

const RULES: readonly Rule[] = [
  ['order_no', isText, 'a text'],
  ['created', (value) => readTime(value) !== undefined, 'a Date, or Unix time in seconds'],
  ['id', orNull(isText), 'a text, or null'],
  [
    'status',
    orNull((value) => readEnvelopeStatus(value) !== undefined),
    'sending, sent, received, failed, refunding or refund',
  ],
  ['amount', orNull(Number.isSafeInteger), 'an integer amount in fen'],
  // SQLite and MySQL have 1 for true.
  ['livemode', orNull((value) => typeof value === 'boolean'), 'true or false'],
]

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

/** Databases write null for a missing value. */
function orNull(isValid: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => value === undefined || value === null || isValid(value)
}

// Clocks differ, and a create without an answer is retried for a while.
const HOUR = 60 * 60
const DAY = 24 * HOUR
// A much longer list would rather fail than end.
const LONGEST_SPAN = 3 * DAY

/** Times of lists in Unix seconds, both ends included, and the orders whose envelopes they have. */
interface Span {
  readonly gte: number
  lte: number
  readonly orderNos: string[]
}

/** The times, in Unix seconds, at which the envelopes of rows must be listed; overlapping ones are one. */
export function spansOf(rows: readonly OpenRow[], end: number): Span[] {
  const spans: Span[] = []
  for (const { orderNo, createdMs } of rows.toSorted((a, b) => a.createdMs - b.createdMs)) {
    const created = Math.floor(createdMs / 1000)
    const [gte, lte] = [Math.max(0, created - HOUR), Math.min(created + DAY, end)]
    const last = spans.at(-1)
    if (last !== undefined && gte <= last.lte && lte - last.gte <= LONGEST_SPAN) {
      last.lte = lte
      last.orderNos.push(orderNo)
    } else {
      spans.push({ gte: Math.max(gte, last?.lte ?? 0), lte, orderNos: [orderNo] })
    }
  }
  return spans
}
