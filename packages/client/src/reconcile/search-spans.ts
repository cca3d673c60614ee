import type { OpenRow } from './open-envelopes.ts'

/** Where envelopes are listed, in Unix seconds, both ends included, and the orders that they are of. */
export interface Span {
  readonly gte: number
  readonly lte: number
  readonly orderNos: readonly string[]
}

// Clocks differ, and a create without an answer is sent again for a while.
const HOUR = 60 * 60
const DAY = 24 * HOUR

// A list that is longer than a sweep would rather fail than end.
const LONGEST = 3 * DAY

/** Where the envelopes of rows must be, up to where the sweep begins; what overlaps is one span. */
export function spansOf(rows: readonly OpenRow[], end: number): Span[] {
  const spans: Span[] = []
  let last: { gte: number; lte: number; orderNos: string[] } | undefined
  for (const { orderNo, createdMs } of rows.toSorted((a, b) => a.createdMs - b.createdMs)) {
    const made = Math.floor(createdMs / 1000)
    const [gte, lte] = [Math.max(0, made - HOUR), Math.min(made + DAY, end)]
    if (last !== undefined && gte <= last.lte && lte - last.gte <= LONGEST) {
      last.lte = lte
      last.orderNos.push(orderNo)
    } else {
      // What the span before has shown need not be shown again.
      last = { gte: Math.max(gte, last?.lte ?? 0), lte, orderNos: [orderNo] }
      spans.push(last)
    }
  }
  return spans
}
