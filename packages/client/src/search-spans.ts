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

/** Where the envelopes of rows must be, up to where the sweep begins; what overlaps is one span. */
export function spansOf(rows: readonly OpenRow[], end: number): Span[] {
  const spans: Span[] = []
  for (const { orderNo, createdMs } of rows.toSorted((a, b) => a.createdMs - b.createdMs)) {
    const made = Math.floor(createdMs / 1000)
    const span = {
      gte: Math.max(0, made - HOUR),
      lte: Math.min(made + DAY, end),
      orderNos: [orderNo],
    }
    const last = spans.at(-1)
    if (last === undefined || span.gte > last.lte) spans.push(span)
    else spans.splice(-1, 1, { ...last, lte: span.lte, orderNos: [...last.orderNos, orderNo] })
  }
  return spans
}
