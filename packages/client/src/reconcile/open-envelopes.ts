import type { RedEnvelope, RedEnvelopeStatus } from '@hongbao/core'
import { readEnvelopeStatus } from '@hongbao/core/internal'
import { untilAborted } from '../http/retries.ts'

/**
 * An envelope that the merchant's own table has open: one whose end it does not know yet. What is
 * given beyond the first three fields is compared with what Ping++ says; null counts as not given.
 */
export interface OpenRedEnvelope {
  /** `red_…`. Without it, because the call of `create` got no answer say, it is found by `order_no`. */
  readonly id?: string | null | undefined
  readonly order_no: string
  /** When you created it; Unix time in seconds, or a Date. */
  readonly created: number | Date
  /** Your table's own status: what it already has is not dispatched again, after a restart neither. */
  readonly status?: RedEnvelopeStatus | null | undefined
  /** Integer amount in fen. */
  readonly amount?: number | null | undefined
  readonly currency?: string | null | undefined
  readonly channel?: string | null | undefined
  readonly recipient?: string | null | undefined
  readonly livemode?: boolean | null | undefined
}

/** Gives the envelopes that are open in the merchant's own table. */
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
  readonly claims: Claims
}

type Claims = Partial<Pick<RedEnvelope, (typeof COMPARED)[number]>>

/** What the merchant's table has open, as it was when a run began. */
export interface OpenTable {
  readonly readMs: number
  readonly rows: readonly OpenRow[]
  /** The row of an envelope, by id, or else by order number. */
  match(envelope: RedEnvelope): OpenRow | undefined
}

/** A field in which an envelope is another one than the merchant's row means. */
export type Mismatch = 'id' | 'order_no' | (typeof COMPARED)[number]

const COMPARED = ['amount', 'currency', 'channel', 'recipient', 'livemode'] as const

/** @throws OpenError, whatever `open` does; what the signal was aborted with, however long it takes */
export async function readTable(
  open: ReadOpen,
  nowMs: number,
  signal: AbortSignal,
): Promise<OpenTable> {
  const rows = (await untilAborted(readRows(open, signal), signal)) ?? []
  signal.throwIfAborted()
  const byId = new Map(rows.flatMap((row) => (row.id === undefined ? [] : [[row.id, row]])))
  const byOrderNo = new Map(rows.map((row) => [row.orderNo, row]))
  return {
    readMs: nowMs,
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
    // The text of somebody else's error may hold a secret; whoever wants it has the cause.
    const name = error instanceof Error ? error.name : typeof error
    throw new OpenError(`\`open\` failed (${name}).`, { cause: error })
  }
}

/** The merchant's table could not be read, or gave what is no envelope. */
export class OpenError extends Error {
  override readonly name = 'OpenError'
}

/** The first field in which an envelope is not what the merchant's row says. */
export function findMismatch(row: OpenRow, envelope: RedEnvelope): Mismatch | undefined {
  if (row.id !== undefined && row.id !== envelope.id) return 'id'
  if (row.orderNo !== envelope.order_no) return 'order_no'
  return COMPARED.find((field) => field in row.claims && row.claims[field] !== envelope[field])
}

/** Reads a time in Unix seconds, or a Date; undefined where it is neither. */
export function readTime(value: unknown): number | undefined {
  const seconds = value instanceof Date ? value.getTime() / 1000 : value
  // What is above is in milliseconds: in seconds it would be after the year 5000.
  const isTime = typeof seconds === 'number' && seconds >= 0 && seconds < 1e11
  return isTime ? seconds : undefined
}

/** @throws OpenError that names the field: a row that is misread would compare wrong */
function readRow(envelope: OpenRedEnvelope): OpenRow {
  const flaw = ROW.find(({ field, isValid }) => !isValid(envelope[field]))
  if (flaw !== undefined) throw wrongField(envelope, flaw)
  const { id, order_no: orderNo, created, status } = envelope
  return {
    id: id ?? undefined,
    orderNo,
    createdMs: (readTime(created) ?? 0) * 1000,
    status: isGiven(status) ? readEnvelopeStatus(status) : undefined,
    claims: claimsOf(envelope),
  }
}

interface RowRule {
  readonly field: keyof OpenRedEnvelope
  readonly isValid: (value: unknown) => boolean
  /** What is expected, as the end of a sentence. */
  readonly expected: string
}

const ROW: readonly RowRule[] = [
  { field: 'order_no', isValid: isText, expected: 'a text' },
  {
    field: 'created',
    isValid: (value) => readTime(value) !== undefined,
    expected: 'a Date, or Unix time in seconds',
  },
  { field: 'id', isValid: orNull(isText), expected: 'a text, or null' },
  {
    field: 'status',
    isValid: orNull((value) => readEnvelopeStatus(value) !== undefined),
    expected: 'sending, sent, received, failed, refunding or refund',
  },
  {
    field: 'amount',
    isValid: orNull(Number.isSafeInteger),
    expected: 'an integer amount in fen',
  },
  {
    // SQLite and MySQL have 1 for true.
    field: 'livemode',
    isValid: orNull((value) => typeof value === 'boolean'),
    expected: 'true or false',
  },
]

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function orNull(isValid: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => !isGiven(value) || isValid(value)
}

/** Databases write null where there is nothing. */
function isGiven<Value>(value: Value | null | undefined): value is Value {
  return value !== undefined && value !== null
}

function claimsOf(envelope: OpenRedEnvelope): Claims {
  const given = COMPARED.filter((field) => isGiven(envelope[field]))
  return Object.fromEntries(given.map((field) => [field, envelope[field]]))
}

function wrongField(
  { order_no: orderNo }: OpenRedEnvelope,
  { field, expected }: RowRule,
): OpenError {
  const which = isText(orderNo) ? ` (order_no ${orderNo})` : ''
  return new OpenError(`\`${field}\` of an envelope from \`open\` must be ${expected}${which}.`)
}
