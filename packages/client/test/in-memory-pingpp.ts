import type { RedEnvelope, RedEnvelopeStatus } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import type {
  PingppClient,
  RedEnvelopeListParams,
  RedEnvelopePage,
  RedEnvelopeList,
  PingppRequestOptions,
} from '../src/index.ts'

export const APP = 'app_1Gqj58ynP0mHeX1q'
export const MINUTE = 60_000
export const HOUR = 3_600_000
/** 2026-02-17 00:00:00 in Beijing, the first day of the year of the horse. */
export const START_MS: number = Date.parse('2026-02-16T16:00:00Z')

/** Time that a test moves. */
export interface Clock {
  readonly now: () => number
  /** Waits by moving on. */
  readonly wait: (ms: number) => Promise<void>
  readonly advance: (ms: number) => void
}

export function createClock(): Clock {
  let nowMs = START_MS
  return {
    now: () => nowMs,
    async wait(ms) {
      nowMs += ms
    },
    advance(ms) {
      nowMs += ms
    },
  }
}

/** The requests to Ping++. */
export interface Call {
  readonly what: 'list' | 'retrieve'
  readonly id: string | undefined
  readonly query: RedEnvelopeListParams | undefined
  readonly atMs: number
}

/** A state, and how long after the creation it comes. */
export type Step = readonly [afterMs: number, status: string]

/** Red envelopes as Ping++ would show them at any time. Its `client` is the contract, without HTTP. */
export interface Pingpp {
  readonly client: PingppClient
  readonly calls: readonly Call[]
  /** Makes an envelope now. */
  readonly make: (
    orderNo: string,
    steps?: readonly Step[],
    fields?: Partial<RedEnvelope>,
  ) => RedEnvelope
  /** The envelope as it is now, without asking. */
  readonly show: (id: string) => RedEnvelope
  /** Moves an envelope on by hand. */
  readonly move: (id: string, status: RedEnvelopeStatus) => void
  /** Called before each answer; what it throws, the client rejects with. */
  readonly onCall: (hook: (call: Call) => void | Promise<void>) => void
}

const SENDING: readonly Step[] = [[0, 'sending']]
/** What becomes of most: sent in a second, opened in a minute. */
export const OPENED: readonly Step[] = [...SENDING, [1000, 'sent'], [MINUTE, 'received']]
export const SENT: readonly Step[] = [...SENDING, [1000, 'sent']]

/** `lagMs` is the age of the state that the next answer shows, as of a replica that lags. */
export function createPingpp(now: () => number, lagMs: () => number = () => 0): Pingpp {
  const lives = new Map<string, { envelope: RedEnvelope; steps: readonly Step[] }>()
  const calls: Call[] = []
  let hook: (call: Call) => void | Promise<void> = () => {}

  async function called(
    { what, id, query }: Pick<Call, 'what'> & Partial<Call>,
    how: PingppRequestOptions = {},
  ): Promise<void> {
    await how.beforeAttempt?.()
    const call = { what, id, query, atMs: now() }
    calls.push(call)
    await hook(call)
  }

  function make(orderNo: string, steps = SENDING, fields: Partial<RedEnvelope> = {}): RedEnvelope {
    const id = `red_${String(lives.size + 1).padStart(24, '0')}`
    const envelope: RedEnvelope = {
      ...eventFixture('red_envelope.sent').data.object,
      id,
      order_no: orderNo,
      created: Math.floor(now() / 1000),
      amount: 100,
      refunded: null,
      ...fields,
    }
    lives.set(id, { envelope, steps })
    return show(id)
  }

  function show(id: string): RedEnvelope {
    const life = lives.get(id)
    if (life === undefined) throw new Error(`There is no ${id}.`)
    const { envelope, steps } = life
    const atMs = (afterMs: number): number => envelope.created * 1000 + afterMs
    const shownMs = now() - lagMs()
    const [afterMs = 0, status = 'sending'] =
      steps.findLast(([after]) => atMs(after) <= shownMs) ?? []
    const seconds = Math.floor(atMs(afterMs) / 1000)
    return {
      ...envelope,
      status: status as RedEnvelopeStatus,
      received: status === 'received' ? seconds : null,
      refunded: status === 'refund' ? seconds : null,
    }
  }

  function move(id: string, status: RedEnvelopeStatus): void {
    const { envelope, steps } = lives.get(id) ?? { envelope: show(id), steps: [] }
    lives.set(id, { envelope, steps: [...steps, [now() - envelope.created * 1000, status]] })
  }

  async function page(
    query: RedEnvelopeListParams,
    how?: PingppRequestOptions,
  ): Promise<RedEnvelopePage> {
    await called({ what: 'list', query }, how)
    const { gte = 0, lte = Infinity } = typeof query.created === 'object' ? query.created : {}
    const all = [...lives.keys()]
      .map(show)
      .filter(({ created }) => created >= gte && created <= lte)
      .toReversed()
      .toSorted((a, b) => b.created - a.created)
    const start = all.findIndex(({ id }) => id === query.starting_after) + 1
    const data = all.slice(start, start + (query.limit ?? 10))
    const hasMore = start + data.length < all.length
    const cursor = data.at(-1)?.id
    return {
      data,
      hasMore,
      next: async () =>
        hasMore && cursor !== undefined
          ? page({ ...query, starting_after: cursor }, how)
          : undefined,
    }
  }

  function list(query: RedEnvelopeListParams = {}, how?: PingppRequestOptions): RedEnvelopeList {
    return {
      then: (onPage, onError) => page(query, how).then(onPage, onError),
      async *[Symbol.asyncIterator]() {
        let current: RedEnvelopePage | undefined = await page(query, how)
        while (current !== undefined) {
          yield* current.data
          current = await current.next()
        }
      },
    }
  }

  const client: PingppClient = {
    redEnvelopes: {
      create: ({ order_no }) => Promise.resolve(make(order_no)),
      async retrieve(id, how) {
        await called({ what: 'retrieve', id }, how)
        return show(id)
      },
      list,
    },
    events: { retrieve: () => Promise.reject(new Error('No event is asked for.')) },
  }

  return {
    client,
    calls,
    make,
    show,
    move,
    onCall(next) {
      hook = next
    },
  }
}
