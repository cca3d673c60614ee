import { OptionError, type RedEnvelope, type RedEnvelopeStatus } from '@hongbao/core'
import { asGiven, flag, must, readEach, readEnvelopeStatus, wrong } from '@hongbao/core/internal'
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
export type ReadOpen = () => OpenRows | Promise<OpenRows>
type OpenRows = Iterable<OpenRedEnvelope> | AsyncIterable<OpenRedEnvelope>

const COMPARED = ['amount', 'currency', 'channel', 'recipient', 'livemode'] as const

/** A field in which an envelope differs from the merchant's row. */
export type Mismatch = 'id' | 'order_no' | (typeof COMPARED)[number]

/** A row of the merchant's table, checked. `created` is Unix time in seconds. */
export type OpenRow = Pick<RedEnvelope, 'order_no' | 'created'> & {
  readonly [Field in 'id' | 'status' | (typeof COMPARED)[number]]: RedEnvelope[Field] | undefined
}

export interface OpenTable {
  readonly rows: readonly OpenRow[]
  /** The row of an envelope, by id, or else by order number. */
  match(envelope: RedEnvelope): OpenRow | undefined
}

export class OpenError extends Error {
  override readonly name = 'OpenError'
  readonly code = 'open-failed'
}

/** @throws OpenError if `open` fails; the reason of the signal, however long `open` takes */
export async function readTable(open: ReadOpen, signal: AbortSignal): Promise<OpenTable> {
  const rows = (await untilAborted(readRows(open, signal), signal)) ?? []
  signal.throwIfAborted()
  const byId = new Map(rows.map((row) => [row.id, row]))
  const byOrderNo = new Map(rows.map((row) => [row.order_no, row]))
  return { rows, match: ({ id, order_no }) => byId.get(id) ?? byOrderNo.get(order_no) }
}

async function readRows(open: ReadOpen, signal: AbortSignal): Promise<OpenRow[]> {
  const rows: OpenRow[] = []
  try {
    for await (const envelope of await open()) {
      if (signal.aborted) break
      rows.push(readRow(envelope))
    }
    return rows
  } catch (cause) {
    if (cause instanceof OpenError) throw cause
    // The text of a foreign error may hold a secret; `onError` gets the cause.
    const name = cause instanceof Error ? cause.name : typeof cause
    throw new OpenError(`\`open\` failed (${name}).`, { cause })
  }
}

/** @throws OpenError that names the field: a row that is misread would compare wrong */
function readRow(envelope: OpenRedEnvelope): OpenRow {
  try {
    return readEach(envelope, ROW)
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    const { order_no } = envelope
    const which = typeof order_no === 'string' ? ` (order_no ${order_no})` : ''
    throw new OpenError(`An envelope from \`open\`${which} is invalid. ${error.message}`)
  }
}

const ROW = {
  order_no: text('a text'),
  created: readMoment,
  id: orNull(text('a text, or null')),
  status: orNull(readStatus),
  amount: orNull(must<number>('an integer amount in fen', Number.isSafeInteger)),
  currency: orNull(asGiven<string>()),
  channel: orNull(asGiven<string>()),
  recipient: orNull(asGiven<string>()),
  // SQLite and MySQL have 1 for true.
  livemode: orNull(flag),
}

/** Databases write null for a missing value. */
function orNull<Given, Value>(
  read: (given: Given, option: string) => Value,
): (given: Given | null | undefined, option: string) => Value | undefined {
  return (given, option) =>
    given === undefined || given === null ? undefined : read(given, option)
}

function text(expected: string): (value: string, field: string) => string {
  return must(expected, (value) => typeof value === 'string' && value !== '')
}

function readStatus(given: RedEnvelopeStatus, option: string): RedEnvelopeStatus {
  const status = readEnvelopeStatus(given)
  if (status !== undefined) return status
  throw wrong(option, 'sending, sent, received, failed, refunding or refund')
}

/** Reads a Date, or Unix time in seconds, as whole seconds, as `created` has them. @throws OptionError */
export function readMoment(value: number | Date, option: string): number {
  const seconds = value instanceof Date ? value.getTime() / 1000 : value
  // A larger number is in milliseconds: in seconds it would be after the year 5000.
  const isTime = typeof seconds === 'number' && seconds >= 0 && seconds < 1e11
  if (isTime) return Math.floor(seconds)
  throw wrong(option, 'a Date, or Unix time in seconds')
}

export function findMismatch(row: OpenRow, envelope: RedEnvelope): Mismatch | undefined {
  const fields: readonly Mismatch[] = ['id', 'order_no', ...COMPARED]
  return fields.find((field) => row[field] !== undefined && row[field] !== envelope[field])
}

const HOUR = 60 * 60
const DAY = 24 * HOUR
// A much longer list would fail more often than it ends.
const LONGEST_LIST = 3 * DAY

/** The times of a list in Unix seconds, both ends included, and the rows whose envelopes it has. */
interface SearchList {
  readonly gte: number
  lte: number
  readonly rows: OpenRow[]
}

/**
 * The lists in which the envelopes of rows are searched: from an hour before each row to a day after it,
 * because clocks differ, and a create without an answer is retried for a while. None overlaps another.
 */
export function searchListsOf(rows: readonly OpenRow[], end: number): readonly SearchList[] {
  const lists: SearchList[] = []
  for (const row of rows.toSorted((a, b) => a.created - b.created)) {
    const gte = Math.max(0, row.created - HOUR)
    const lte = Math.min(row.created + DAY, end)
    const last = lists.at(-1)
    if (last !== undefined && gte <= last.lte && lte - last.gte <= LONGEST_LIST) {
      last.lte = lte
      last.rows.push(row)
    } else {
      lists.push({ gte: Math.max(gte, (last?.lte ?? -1) + 1), lte, rows: [row] })
    }
  }
  return lists
}
