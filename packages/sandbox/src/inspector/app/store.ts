import { computed, effect, signal, type ReadonlySignal, type Signal } from '@preact/signals'
import type {
  CatalogueView,
  ControlRecord,
  EnvelopeView,
  EventDetail,
  EventView,
  FaultView,
  ListAnswer,
  RequestDetail,
  RequestView,
  StateView,
} from '../../http/control/types.ts'
import { readAddress, writeAddress, type Address } from './address.ts'
import { read } from './api.ts'
import { follow } from './live.ts'
import { createRefresher } from './refresher.ts'
import { buildThreads, chooseRows, type Shown, type Thread } from './threads.ts'

/** The page stays usable with any number of events: so many rows are shown. */
export const MAX_ROWS = 500

export type Connection = 'connecting' | 'live' | 'reconnecting'

export const state: Signal<StateView | undefined> = signal(undefined)
export const catalogue: Signal<CatalogueView | undefined> = signal(undefined)
export const events: Signal<readonly EventView[]> = signal([])
export const requests: Signal<readonly RequestView[]> = signal([])
/** Whether there are more than were read. */
export const hasOlder: Signal<{ readonly events?: boolean; readonly requests?: boolean }> = signal(
  {},
)
export const envelopes: Signal<readonly EnvelopeView[]> = signal([])
export const faults: Signal<readonly FaultView[]> = signal([])
export const connection: Signal<Connection> = signal('connecting')
/** Why the sandbox refuses this page: it demands a token. */
export const refusal: Signal<string | undefined> = signal(undefined)
/** When a restart of the sandbox was seen, wall clock; undefined if it was not or the note was closed. */
export const restartedAt: Signal<number | undefined> = signal(undefined)
/** The last message: an error of the sandbox, or what an action did. */
export const notice: Signal<{ readonly text: string; readonly isError: boolean } | undefined> =
  signal(undefined)
export const address: Signal<Address> = signal(readAddress(location.hash))

/** What is shown in detail: read anew when a record names it; null for what is no longer kept. */
export const detail: Signal<EventDetail | RequestDetail | null | undefined> = signal(undefined)

export const threads: ReadonlySignal<readonly Thread[]> = computed(() =>
  buildThreads({ events: events.value, requests: requests.value, envelopes: envelopes.value }),
)

/** Rows that were there when the reader left the top of the list; undefined while it follows. */
export const pinned: Signal<ReadonlySet<string> | undefined> = signal(undefined)

export const shown: ReadonlySignal<Shown> = computed(() =>
  chooseRows(threads.value, pinned.value, MAX_ROWS),
)

/** Ids of the rows in their order on the page. */
export const rowIds: ReadonlySignal<readonly string[]> = computed(() =>
  shown.value.threads.flatMap(({ items }) => items.map(({ id }) => id)),
)

/** The sandbox's clock, in milliseconds since 1970; it ticks once a second. */
export const now: Signal<number> = signal(Date.now())

export function pinRows(): void {
  pinned.value ??= new Set(threads.value.flatMap(({ items }) => items.map(({ id }) => id)))
}

export function setAddress(changes: Partial<Address>): void {
  const next = { ...address.value, ...changes }
  address.value = next
  history.replaceState(null, '', location.pathname + writeAddress(next))
}

export function isEventDetail(value: typeof detail.value): value is EventDetail {
  return value !== null && value !== undefined && 'attempts' in value
}

/** What is read from the sandbox, each by itself. */
export type List = 'state' | 'events' | 'requests' | 'envelopes' | 'faults' | 'detail' | 'catalogue'

const LISTS: Readonly<Record<List, () => Promise<void>>> = {
  state: async () => takeState(await read<StateView>('state')),
  events: () => readRows('events', events),
  requests: () => readRows('requests', requests),
  envelopes: async () => {
    envelopes.value = (await read<ListAnswer<EnvelopeView>>(`envelopes?limit=${MAX_ROWS}`)).data
  },
  faults: async () => {
    faults.value = (await read<{ data: readonly FaultView[] }>('faults')).data
  },
  detail: readDetail,
  catalogue: async () => void (catalogue.value = await read('catalogue')),
}

/** What changes, without the detail, which may be gone after a restart. */
const ALL: readonly List[] = ['state', 'events', 'requests', 'envelopes', 'faults']

const refresher = createRefresher(LISTS)

/** Reads again, soon; many calls become one. */
export function refresh(...lists: readonly List[]): void {
  refresher.refresh(lists.length === 0 ? ALL : lists)
}

/** When the state came, by the clock of this page: from then on the sandbox's clock is reckoned. */
let stateCameAt = 0

function takeState(next: StateView): void {
  const before = state.value
  stateCameAt = performance.now()
  state.value = next
  tick()
  if (before !== undefined && before.boot !== next.boot) {
    restartedAt.value = Date.now()
    if (!next.persist) setAddress({ open: '' })
    refresh('events', 'requests', 'envelopes', 'faults')
  }
}

function tick(): void {
  if (state.value === undefined) return
  const { now: iso, speed } = state.value.clock
  now.value = Date.parse(iso) + (performance.now() - stateCameAt) * speed
}

/** The sandbox filters, so that a filter also finds what is older than the rows that are shown. */
async function readRows<View>(
  name: 'events' | 'requests',
  list: Signal<readonly View[]>,
): Promise<void> {
  const q = encodeURIComponent(address.value.q)
  const { data, before } = await read<ListAnswer<View>>(`${name}?limit=${MAX_ROWS}&q=${q}`)
  list.value = data
  hasOlder.value = { ...hasOlder.value, [name]: before !== null }
}

async function readDetail(): Promise<void> {
  const { open } = address.value
  if (open === '') {
    detail.value = undefined
    return
  }
  const path = open.startsWith('iar_') ? 'requests' : 'events'
  try {
    const value = await read<EventDetail | RequestDetail>(`${path}/${encodeURIComponent(open)}`)
    if (address.value.open === open) detail.value = value
  } catch (error) {
    // The sandbox can be reached, and says that there is no such thing.
    if (!(error instanceof TypeError) && address.value.open === open) detail.value = null
  }
}

/** First word of a record's type → what it changes besides events and state. */
const CHANGED_BY: Readonly<Record<string, readonly List[]>> = {
  api: ['requests'],
  envelope: ['envelopes'],
  fault: ['faults'],
  faults: ['faults'],
  reset: ALL,
  ready: ALL,
}

let lastRecord = '0'

function takeRecord(record: ControlRecord): void {
  lastRecord = `${record.boot}.${record.seq}`
  if (record.type === 'reset') setAddress({ open: '' })
  const [first = ''] = record.type.split('.')
  refresh('events', 'state', ...(CHANGED_BY[first] ?? []))
  if (isAboutDetail(record)) refresh('detail')
}

function isAboutDetail(record: ControlRecord): boolean {
  const { open } = address.value
  if ('event' in record && record.event === open) return true
  return 'request' in record && record.request === open
}

/** Starts to show a sandbox. */
export function start(): void {
  addEventListener('hashchange', () => {
    address.value = readAddress(location.hash)
  })
  setInterval(tick, 1000)
  let [open, q] = ['', address.value.q]
  effect(() => {
    if (address.value.open !== open) refresh('detail')
    if (address.value.q !== q) {
      pinned.value = undefined
      refresh('events', 'requests')
    }
    ;({ open, q } = address.value)
  })
  void begin()
}

async function begin(): Promise<void> {
  refresh()
  await refresher.settled()
  if (state.value !== undefined) lastRecord = `${state.value.boot}.${state.value.seq}`
  await follow({
    after: () => lastRecord,
    onOpen() {
      connection.value = 'live'
      refusal.value = undefined
      // Also what was missed, and what a restart has removed.
      refresh(...ALL, 'catalogue')
    },
    onRecord: takeRecord,
    onLost(error) {
      connection.value = 'reconnecting'
      // Not a TypeError: the sandbox can be reached.
      const isRefused = error instanceof Error && error.name === 'Error'
      refusal.value = isRefused ? error.message : undefined
    },
  })
}
