import { createWebhooks, memoryInbox, type RedEnvelope, type WebhookEvent } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OpenRedEnvelope, ReconcilerReport } from '../src/index.ts'
import { createReconcilerWith } from '../src/reconcile/reconciler.ts'
import {
  APP,
  createClock,
  createPingpp,
  HOUR,
  MINUTE,
  START_MS,
  type Step,
} from './in-memory-pingpp.ts'

const KEYS = createTestKeys()
/** The last due time of the plan, 72 h, when its jitter makes it as early, and as late, as can be. */
const LAST_DUE_MS = 67.2 * HOUR
const PLAN_ENDS_MS = 76.8 * HOUR
const RANKS: Readonly<Record<string, number>> = {
  sent: 1,
  refunding: 2,
  received: 3,
  failed: 3,
  refund: 3,
}

/** Times in steps of ten minutes, so that things often happen at once. */
const upTo = (hours: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: hours * 6 }).map((tens) => tens * 10 * MINUTE)

/** The steps of one envelope, and when their notifications come: never, once, or several times. */
const life = fc.record({
  bornMs: upTo(2),
  steps: fc.oneof(
    upTo(30).map((ms): Step[] => [[ms, 'failed']]),
    fc.tuple(upTo(2), upTo(20)).map(([sentMs, gapMs]): Step[] => [
      [sentMs, 'sent'],
      [sentMs + gapMs, 'received'],
    ]),
    fc.tuple(upTo(2), upTo(24)).map(([sentMs, gapMs]): Step[] => [
      [sentMs, 'sent'],
      [24 * HOUR, 'refunding'],
      [24 * HOUR + gapMs, 'refund'],
    ]),
  ),
  notifiedAfterMs: fc.tuple(
    fc.array(upTo(25), { maxLength: 3 }),
    fc.array(upTo(25), { maxLength: 3 }),
  ),
})

const world = fc.record({
  lives: fc.array(life, { minLength: 1, maxLength: 4 }),
  pollsMs: fc.array(upTo(76), { maxLength: 16 }),
  restartsMs: fc.array(upTo(70), { maxLength: 2 }),
  /** Which calls of a handler fail, in turn; none does when the plan is over. */
  failures: fc.array(fc.boolean(), { maxLength: 10 }),
  /** The lag of Ping++'s answers, in turn; zero when it may be the last one of the plan. */
  lagsMs: fc.array(upTo(24), { maxLength: 60 }),
  table: fc.constantFrom('none', 'ids', 'order numbers', 'states'),
  overlapHours: fc.constantFrom(0, 1, 72),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
})

type World = typeof world extends fc.Arbitrary<infer Value> ? Value : never

describe('for all losses of webhooks and all times of polls, reconcile', () => {
  it('handles each step once at most, and each final status by the end of the plan, and never goes back [H5, H6, H10]', async () => {
    await fc.assert(
      fc.asyncProperty(world, async (given) => {
        const { applied, polled, ends, last } = await live(given)
        expect(applied.toSorted()).toEqual([...new Set(applied)].toSorted())
        for (const end of ends) expect(applied).toContain(end)
        expect(goneBack(polled)).toEqual([])
        expect(last).toMatchObject({ error: null, failed: [], conflicts: [], open: 0, overdue: [] })
      }),
      { numRuns: 120 },
    )
  }, 30_000)
})

interface Story {
  /** The events that were handled: `1 sent`. */
  readonly applied: readonly string[]
  /** What reconcile dispatched, in order. */
  readonly polled: readonly string[]
  /** How each envelope ends. */
  readonly ends: readonly string[]
  readonly last: ReconcilerReport | undefined
}

async function live(given: World): Promise<Story> {
  const clock = createClock()
  const lags = [...given.lagsMs]
  const isOver = (): boolean => clock.now() >= START_MS + 72 * HOUR
  const mayBeLast = (): boolean => clock.now() >= START_MS + LAST_DUE_MS
  const pingpp = createPingpp(clock.now, () => (mayBeLast() ? 0 : (lags.shift() ?? 0)))
  const [applied, polled]: [string[], string[]] = [[], []]
  const failures = [...given.failures]
  const webhooks = createWebhooks({
    publicKey: KEYS.publicKey,
    inbox: memoryInbox({ retentionSeconds: 30 * 24 * 3600, now: clock.now }),
    now: clock.now,
    logger: false,
    onReport({ source, key = '' }) {
      if (source === 'poll') polled.push(stepOf(key))
    },
  })
  webhooks.on('*', async ({ data }) => {
    const { order_no, status } = data.object as unknown as RedEnvelope
    await new Promise((resolve) => setImmediate(resolve))
    if (failures.shift() === true && !isOver()) throw new Error('no luck')
    applied.push(`${order_no} ${status}`)
  })

  const born: RedEnvelope[] = []
  const open = (): OpenRedEnvelope[] =>
    born
      .filter(({ order_no }) => !applied.some((step) => isEndOf(step, order_no)))
      .map(({ id, order_no, created }) => ({
        order_no,
        created,
        ...(given.table === 'order numbers' ? {} : { id }),
        ...(given.table === 'states' ? { status: furthest(applied, order_no) } : {}),
      }))
  // Only a sweep of 72 hours, or a table with ids, brings back what a process has forgotten.
  const mayRestart = given.overlapHours === 72
  const start = () =>
    createReconcilerWith(
      {
        pingpp: pingpp.client,
        webhooks,
        app: APP,
        requestsPerSecond: 1000,
        overlapSeconds: given.overlapHours * 3600,
        logger: false,
        now: clock.now,
        ...(given.table === 'none' ? {} : { open }),
      },
      { wait: clock.wait, random: () => given.random },
    )
  let reconciler = start()
  const restart = (): void => {
    reconciler = start()
    polled.push(RESTART)
  }
  let last: ReconcilerReport | undefined

  const agenda = new Map<number, (() => unknown)[]>()
  const at = (ms: number, work: () => unknown): unknown =>
    agenda.set(ms, [...(agenda.get(ms) ?? []), work])
  const poll = async (): Promise<void> => void (last = await reconciler.run())
  for (const [index, { bornMs, steps, notifiedAfterMs }] of given.lives.entries()) {
    const orderNo = String(index + 1)
    at(bornMs, () => born.push(pingpp.make(orderNo, [[0, 'sending'], ...steps])))
    const told = steps.filter(([, status]) => status === 'sent' || status === 'received')
    for (const [nth, [stepMs, status]] of told.entries()) {
      for (const afterMs of notifiedAfterMs[nth] ?? []) {
        const event = () => notification(born, orderNo, status)
        const send = () => webhooks.handle(signDelivery(event(), KEYS).delivery())
        at(bornMs + stepMs + afterMs, send)
      }
    }
  }
  for (const ms of given.pollsMs) at(ms, poll)
  if (mayRestart) {
    for (const ms of given.restartsMs) at(ms, restart)
  }
  // At the plan's end, and again for the events that a handler refused until then.
  const endMs = Math.max(...given.lives.map(({ bornMs }) => bornMs)) + PLAN_ENDS_MS
  at(endMs, poll)
  at(endMs + 2 * HOUR, poll)

  for (const [ms, works] of [...agenda].toSorted(([a], [b]) => a - b)) {
    clock.advance(START_MS + ms - clock.now())
    await Promise.all(works.map((work) => work()))
  }
  const ends = given.lives.map(({ steps }, index) => `${index + 1} ${steps.at(-1)?.[1]}`)
  return { applied, polled, ends, last }
}

/** The notification of a step as Ping++ wrote it then, without later changes. */
function notification(born: readonly RedEnvelope[], orderNo: string, status: string): WebhookEvent {
  const envelope = born.find(({ order_no }) => order_no === orderNo)
  if (envelope === undefined) throw new Error(`There is no ${orderNo}.`)
  const type = status === 'sent' ? 'red_envelope.sent' : 'red_envelope.received'
  const fixture = eventFixture(type, { created: envelope.created })
  return { ...fixture, data: { object: { ...envelope, status } } } as WebhookEvent
}

/** `red_1 sent`, of a key of the inbox. */
function stepOf(key: string): string {
  const [, , type = '', id = ''] = key.split(':')
  return `${id} ${type.replace('red_envelope.', '')}`
}

function isEndOf(step: string, orderNo: string): boolean {
  const [of, status = ''] = step.split(' ')
  return of === orderNo && RANKS[status] === 3
}

function furthest(applied: readonly string[], orderNo: string): RedEnvelope['status'] {
  const states = applied.map((step) => step.split(' ')).filter(([of]) => of === orderNo)
  const ranked = states.map(([, status = '']) => status).toSorted((a, b) => rank(b) - rank(a))
  return (ranked[0] ?? 'sending') as RedEnvelope['status']
}

function rank(status: string): number {
  return RANKS[status] ?? 0
}

const RESTART = 'restart'

/** The steps that were dispatched after one that is further on, by one process. */
function goneBack(polled: readonly string[]): string[] {
  return polled.filter((step, index) => {
    const [id, status = ''] = step.split(' ')
    const started = polled.lastIndexOf(RESTART, index) + 1
    return polled.slice(started, index).some((earlier) => {
      const [of, before = ''] = earlier.split(' ')
      return of === id && rank(before) > rank(status)
    })
  })
}
