import type { EnvelopeView, EventView, RequestView } from '../../http/control/types.ts'

/** One row of the list. */
export type Item =
  | { readonly kind: 'event'; readonly id: string; readonly at: number; readonly event: EventView }
  | {
      readonly kind: 'request'
      readonly id: string
      readonly at: number
      readonly request: RequestView
    }

/** What belongs to one envelope: requests, and events with their attempts, oldest first. */
export interface Thread {
  readonly key: string
  readonly orderNo: string
  readonly envelope: EnvelopeView | undefined
  readonly items: readonly Item[]
  /** When its latest row was created; further attempts do not move a thread. */
  readonly latest: number
}

export interface Lists {
  readonly events: readonly EventView[]
  readonly requests: readonly RequestView[]
  readonly envelopes: readonly EnvelopeView[]
}

/** Groups rows by envelope; newest thread first. */
export function buildThreads({ events, requests, envelopes }: Lists): readonly Thread[] {
  const groups = new Map<string, Item[]>()
  const requestTimes = new Map(requests.map(({ id, at }) => [id, Date.parse(at)]))
  for (const request of requests) {
    const at = Date.parse(request.at)
    addTo(groups, request.envelope ?? request.id, { kind: 'request', id: request.id, at, request })
  }
  const originals = new Map(events.map((event) => [event.id, event]))
  for (const event of events) {
    const at = timeOf(event, requestTimes)
    addTo(groups, keyOf(event, originals), { kind: 'event', id: event.id, at, event })
  }
  const known = new Map(envelopes.map((envelope) => [envelope.id, envelope]))
  return Array.from(groups, ([key, items]) => threadOf(key, items, known.get(key)))
    .toReversed()
    .toSorted((one, other) => other.latest - one.latest)
}

function addTo(groups: Map<string, Item[]>, key: string, item: Item): void {
  const group = groups.get(key)
  if (group === undefined) groups.set(key, [item])
  else group.push(item)
}

/** An edited copy belongs to its original. */
function keyOf(event: EventView, originals: ReadonlyMap<string, EventView>): string {
  if (event.envelope !== null) return event.envelope
  const original = event.from === null ? undefined : originals.get(event.from)
  return original === undefined ? event.id : keyOf(original, originals)
}

/** After the request that caused it; `created` has whole seconds only. */
function timeOf(event: EventView, requestTimes: ReadonlyMap<string, number>): number {
  const caused = event.request === null ? undefined : requestTimes.get(event.request)
  return caused ?? Date.parse(event.created) + 999
}

function threadOf(key: string, items: readonly Item[], envelope: EnvelopeView | undefined): Thread {
  const sorted = items.toSorted((one, other) => one.at - other.at)
  const orderNo = envelope?.orderNo ?? sorted.map(orderNoOf).find((text) => text !== '') ?? ''
  return { key, orderNo, envelope, items: sorted, latest: sorted.at(-1)?.at ?? 0 }
}

function orderNoOf(item: Item): string {
  return (item.kind === 'event' ? item.event.orderNo : item.request.orderNo) ?? ''
}

/** Whether the last attempt failed and no later one succeeded. */
export function isFailed({ status, lastAttempt }: EventView): boolean {
  return status === 'exhausted' || (status === 'pending' && lastAttempt !== null)
}

/** Whether an API request was refused, or got no answer. */
export function isRefused({ status }: RequestView): boolean {
  return status === 0 || status >= 400
}

export interface Shown {
  readonly threads: readonly Thread[]
  /** Rows that came after the list was pinned. */
  readonly newRows: number
  /** Whether rows are beyond the maximum. */
  readonly isCut: boolean
}

/**
 * Chooses the rows that are shown: no newer ones while pinned, and not too many.
 *
 * @param pinned rows that are shown; undefined for all. Others are counted as new
 */
export function chooseRows(
  threads: readonly Thread[],
  pinned: ReadonlySet<string> | undefined,
  maxRows: number,
): Shown {
  const shown: Thread[] = []
  let [rows, newRows, isCut] = [0, 0, false]
  for (const thread of threads) {
    const { items } = thread
    const known = pinned === undefined ? items : items.filter(({ id }) => pinned.has(id))
    newRows += items.length - known.length
    const fitting = known.slice(0, Math.max(0, maxRows - rows))
    isCut ||= fitting.length < known.length
    rows += fitting.length
    if (fitting.length > 0) shown.push({ ...thread, items: fitting })
  }
  return { threads: shown, newRows, isCut }
}
