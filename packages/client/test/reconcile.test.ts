import { Readable } from 'node:stream'
import { WebhookError } from '@hongbao/core'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { PingppError, type OpenRedEnvelope, type ReconcilerReport } from '../src/index.ts'
import type { ReadOpen } from '../src/reconcile/open-envelopes.ts'
import { APP, HOUR, MINUTE, OPENED, SENT, START_MS, type Step } from './in-memory-pingpp.ts'
import { openShop } from './reconciling.ts'

const START = START_MS / 1000
const DAY = 24 * 3600
const FAILED: readonly Step[] = [
  [0, 'sending'],
  [1000, 'failed'],
]
const REFUNDED: readonly Step[] = [
  ...SENT,
  [24 * HOUR, 'refunding'],
  [24 * HOUR + MINUTE, 'refund'],
]

/** Rows without an id, created so many hours after the start. */
function rowsAfterHours(hours: readonly number[]): OpenRedEnvelope[] {
  return hours.map((each) => ({ order_no: String(each + 1), created: START + each * 3600 }))
}

/** The times of a list, in hours after the start. */
function listAfterHours(from: number, to: number): { gte: number; lte: number } {
  return { gte: START + from * 3600, lte: START + to * 3600 }
}

describe('a run', () => {
  it('dispatches the status of every envelope without a webhook, and never `sending`', async () => {
    const { pingpp, clock, run, done } = openShop()
    pingpp.make('1')
    pingpp.make('2', SENT)
    pingpp.make('3', OPENED)
    pingpp.make('4', FAILED)
    pingpp.make('5', REFUNDED)
    clock.advance(24 * HOUR)
    pingpp.make('6', REFUNDED)
    await run()
    clock.advance(2 * MINUTE)
    await run()
    expect(done).toEqual([
      '5 refunding by poll',
      '4 failed by poll',
      '3 received by poll',
      '2 sent by poll',
      '6 sent by poll',
      '5 refund by poll',
    ])
  })

  it('does not repeat what a webhook has applied, nor does a webhook repeat it [H6]', async () => {
    const { pingpp, clock, run, done, deliver } = openShop()
    const first = pingpp.make('1', SENT)
    const second = pingpp.make('2', SENT)
    clock.advance(MINUTE)
    expect(await deliver(first.id)).toBe('handled')
    expect(await run()).toMatchObject({
      dispatched: 2,
      duplicates: 1,
      applied: [{ id: second.id }],
    })
    expect(await deliver(second.id)).toBe('duplicate')
    expect(done).toEqual(['1 sent by webhook', '2 sent by poll'])
  })

  it('dispatches a status once, however often it is listed', async () => {
    const { pingpp, clock, run, polled } = openShop()
    pingpp.make('1', SENT)
    for (let hour = 1; hour <= 30; hour += 1) {
      clock.advance(HOUR)
      await run()
    }
    expect(polled.map(({ eventType, outcome }) => [eventType, outcome])).toEqual([
      ['red_envelope.sent', 'handled'],
    ])
  })

  it('makes events without an id, dated by the step if the envelope has its date', async () => {
    const { pingpp, clock, run, webhooks } = openShop()
    const events: unknown[] = []
    webhooks.on('*', (event) => void events.push({ ...event, data: undefined }))
    pingpp.make('1', [[0, 'sent']])
    pingpp.make(
      '2',
      [
        [0, 'sent'],
        [90_000, 'received'],
      ],
      { livemode: false },
    )
    pingpp.make('3', [
      [0, 'sent'],
      [24 * HOUR, 'refund'],
    ])
    clock.advance(24 * HOUR)
    await run()
    const head = { object: 'event', livemode: true }
    expect(events).toEqual([
      { ...head, type: 'red_envelope.refund', created: START + DAY },
      { ...head, type: 'red_envelope.received', created: START + 90, livemode: false },
      { ...head, type: 'red_envelope.sent', created: START },
    ])
  })

  it('passes the whole envelope to handlers, typed by its step', async () => {
    const { pingpp, clock, run, webhooks } = openShop()
    const seen: unknown[] = []
    webhooks.on('red_envelope.failed', ({ data: { object } }) => void seen.push(object))
    const { id } = pingpp.make('1', FAILED, { failure_msg: '商户余额不足' })
    clock.advance(MINUTE)
    await run()
    expect(seen).toEqual([pingpp.show(id)])
    expect(seen).toMatchObject([{ status: 'failed', failure_msg: '商户余额不足' }])
  })

  it('accepts the older spellings of a status', async () => {
    const { pingpp, run, done } = openShop()
    pingpp.make('1', [[0, 'SENT']])
    pingpp.make('2', [[0, 'pending']])
    expect(await run()).toMatchObject({ totals: { sent: { count: 1 }, sending: { count: 1 } } })
    expect(done).toEqual(['1 sent by poll'])
  })

  it('counts an event without a handler, and does not dispatch it again', async () => {
    const { pingpp, run, pretend, clock } = openShop()
    pretend(() => Promise.resolve({ outcome: 'unhandled' }))
    pingpp.make('1', FAILED)
    clock.advance(MINUTE)
    expect(await run()).toMatchObject({ unhandled: 1, dispatched: 1, open: 0 })
    expect(await run()).toMatchObject({ unhandled: 0, dispatched: 0, open: 0 })
  })
})

describe('the sweep', () => {
  it('reads all pages of the app, newest first', async () => {
    const { pingpp, clock, run, done } = openShop()
    for (let n = 1; n <= 250; n += 1) pingpp.make(String(n), [[0, 'sent']])
    clock.advance(MINUTE)
    expect(await run()).toMatchObject({ swept: 250, requests: 3, retrieved: 0 })
    expect(done).toHaveLength(250)
    expect(done[0]).toBe('250 sent by poll')
    expect(pingpp.calls.map(({ query }) => [query?.app, query?.limit])).toEqual(
      Array.from({ length: 3 }, () => [{ id: APP }, 100]),
    )
  })

  it('skips no envelope if new ones are created while it pages [H13]', async () => {
    const { pingpp, clock, run, done } = openShop()
    for (let n = 1; n <= 250; n += 1) pingpp.make(String(n), [[0, 'sent']])
    clock.advance(MINUTE)
    pingpp.onCall(({ query }) => {
      if (query?.starting_after === undefined) return
      clock.advance(1000)
      pingpp.make(`new ${clock.now()}`, [[0, 'sent']])
    })
    expect(await run()).toMatchObject({ swept: 250, requests: 3 })
    pingpp.onCall(() => {})
    clock.advance(MINUTE)
    expect(await run()).toMatchObject({ swept: 252, dispatched: 2 })
    expect(new Set(done).size).toBe(252)
    expect(done).toHaveLength(252)
  })

  it('starts 72 hours before the end of the last one, and has no end [H13]', async () => {
    const { pingpp, clock, run } = openShop()
    await run()
    clock.advance(HOUR)
    await run()
    await run()
    expect(pingpp.calls.map(({ query }) => query?.created)).toEqual([
      { gte: START - 3 * DAY },
      { gte: START - 3 * DAY },
      { gte: START + 3600 - 3 * DAY },
    ])
  })

  it('starts at the same time again after it failed', async () => {
    const { pingpp, clock, run } = openShop()
    pingpp.onCall(() => Promise.reject(new Error('away')))
    clock.advance(HOUR)
    const report = await run()
    expect(report).toMatchObject({ error: { code: 'internal-error' } })
    pingpp.onCall(() => {})
    await run()
    await run()
    expect(pingpp.calls.map(({ query }) => query?.created)).toEqual([
      { gte: START - 3 * DAY },
      { gte: START - 3 * DAY },
      { gte: START + 3600 - 3 * DAY },
    ])
  })

  it('starts when the last one started if there is no overlap', async () => {
    const { pingpp, clock, run } = openShop({ overlapSeconds: 0 })
    for (let hour = 0; hour < 3; hour += 1) {
      await run()
      clock.advance(HOUR)
    }
    expect(pingpp.calls.map(({ query }) => query?.created)).toEqual([
      { gte: START },
      { gte: START },
      { gte: START + 3600 },
    ])
  })

  it('is not moved by a clock that was years ahead', async () => {
    let aheadMs = 0
    const { pingpp, clock, restart } = openShop()
    const reconciler = restart({ now: () => clock.now() + aheadMs })
    aheadMs = 1000 * DAY * 1000
    await reconciler.run()
    aheadMs = 0
    clock.advance(HOUR)
    await reconciler.run()
    expect(pingpp.calls.map(({ query }) => query?.created)).toEqual([
      { gte: START - 3 * DAY },
      { gte: START + 3600 - 3 * DAY },
    ])
  })

  it('may fail, and due envelopes are queried in spite of that', async () => {
    const rows: OpenRedEnvelope[] = []
    const { pingpp, clock, run, done } = openShop({ open: () => rows })
    const { id, created } = pingpp.make('1', OPENED)
    rows.push({ id, order_no: '1', created })
    clock.advance(HOUR)
    pingpp.onCall(({ what }) => {
      if (what === 'list') throw new PingppError('response-invalid')
    })
    expect(await run()).toMatchObject({ error: { code: 'response-invalid' }, retrieved: 1 })
    expect(done).toEqual(['1 received by poll'])
  })

  it.each(['pingpp-unreachable', 'api-key-invalid', 'rate-limited'] as const)(
    'ends the run if every request would fail: %s',
    async (code) => {
      const rows: OpenRedEnvelope[] = []
      const { pingpp, clock, run } = openShop({ open: () => rows })
      const { id, created } = pingpp.make('1', OPENED)
      rows.push({ id, order_no: '1', created })
      clock.advance(HOUR)
      pingpp.onCall(() => Promise.reject(new PingppError(code)))
      expect(await run()).toMatchObject({ error: { code }, requests: 1 })
    },
  )

  it('reports up to when it has swept everything, for the next process', async () => {
    const { pingpp, clock, run } = openShop()
    clock.advance(HOUR)
    expect(await run({ dryRun: true })).toMatchObject({ sweptUntil: START })
    expect(await run({ from: START + 60 })).toMatchObject({ sweptUntil: START })
    pingpp.onCall(() => Promise.reject(new PingppError('pingpp-unreachable')))
    expect(await run()).toMatchObject({ sweptUntil: START })
    pingpp.onCall(() => {})
    expect(await run()).toMatchObject({ sweptUntil: START + 3600 })
    clock.advance(HOUR)
    expect(await run({ to: START - DAY })).toMatchObject({ sweptUntil: START + 3600 })
  })

  it('continues from the `sweptUntil` of an earlier process', async () => {
    const { pingpp, restart } = openShop()
    await restart({ sweptUntil: new Date(START_MS - 48 * HOUR), overlapSeconds: 3600 }).run()
    expect(pingpp.calls.map(({ query }) => query?.created)).toEqual([
      { gte: START - 2 * DAY - 3600 },
    ])
  })

  it('adds up the amounts by status [H14]', async () => {
    const { pingpp, clock, run } = openShop()
    pingpp.make('1', SENT, { amount: 100 })
    pingpp.make('2', SENT, { amount: 20_000 })
    pingpp.make('3', OPENED, { amount: 888 })
    clock.advance(HOUR)
    expect((await run()).totals).toEqual({
      sent: { count: 2, amount: 20_100 },
      received: { count: 1, amount: 888 },
    })
  })
})

describe('from and to', () => {
  it('bound the sweep, and what is retrieved', async () => {
    const { pingpp, clock, reconciler, done } = openShop({ overlapSeconds: 0 })
    for (const orderNo of ['1', '2', '3']) {
      pingpp.make(orderNo, SENT)
      clock.advance(24 * HOUR)
    }
    const day = (n: number): number => START + n * DAY
    const report = await reconciler.run({ from: day(1), to: new Date((day(2) - 1) * 1000) })
    expect(report).toMatchObject({ from: day(1), to: day(2) - 1, swept: 1, requests: 1 })
    expect(done).toEqual(['2 sent by poll'])
    expect(pingpp.calls[0]?.query?.created).toEqual({ gte: day(1), lte: day(2) - 1 })
  })

  it('do not move `sweptUntil` past what was never swept', async () => {
    const { pingpp, clock, run } = openShop({ overlapSeconds: 0 })
    clock.advance(48 * HOUR)
    await run({ from: START + DAY, to: START + DAY + 60 })
    await run()
    expect(pingpp.calls.at(-1)?.query?.created).toEqual({ gte: START })
  })

  it('do not move `sweptUntil` past the start of the run, however far ahead they are', async () => {
    const { pingpp, clock, run } = openShop({ overlapSeconds: 0 })
    pingpp.onCall(() => clock.advance(HOUR))
    await run({ to: START + DAY })
    await run()
    expect(pingpp.calls.at(-1)?.query?.created).toEqual({ gte: START })
  })

  it('each have a default: the last sweep less the overlap, and now', async () => {
    const { pingpp, run } = openShop()
    await run({ to: START + 10 * DAY })
    await run({ to: START - 10 * DAY })
    await run({ from: START - 20 * DAY })
    await run()
    expect(pingpp.calls.map(({ query }) => query?.created)).toEqual([
      { gte: START - 3 * DAY, lte: START + 10 * DAY },
      { gte: START - 13 * DAY, lte: START - 10 * DAY },
      { gte: START - 20 * DAY },
      { gte: START - 3 * DAY },
    ])
  })

  it('are inclusive', async () => {
    const rows: OpenRedEnvelope[] = []
    const { pingpp, clock, run } = openShop({ open: () => rows })
    for (const orderNo of ['1', '2', '3']) {
      const { id, created } = pingpp.make(orderNo)
      rows.push({ id, order_no: orderNo, created })
      clock.advance(1000)
    }
    expect(await run({ from: START, to: START + 2 })).toMatchObject({ swept: 3, open: 3 })
    expect(await run({ from: START + 1, to: START + 1 })).toMatchObject({ swept: 1, open: 1 })
  })

  it('refuses a range that ends before it starts, and options that it does not know', async () => {
    const { run } = openShop()
    await expect(run({ from: 20, to: 10 })).rejects.toMatchObject({ code: 'option-invalid' })
    await expect(run({ from: START_MS })).rejects.toThrow('in seconds')
    await expect(run({ dryrun: true } as never)).rejects.toThrow(
      'Unknown option `dryrun`. Did you mean `dryRun`?',
    )
    await expect(run({ dryRun: 1 } as never)).rejects.toThrow('`dryRun` must be true or false')
    await expect(run({ signal: {} } as never)).rejects.toThrow('`signal` must be an AbortSignal')
    await expect(run(null as never)).rejects.toThrow('an object of options')
  })
})

describe('a dry run', () => {
  it('dispatches nothing, and reports what it would dispatch', async () => {
    const { pingpp, clock, run, done, polled } = openShop()
    pingpp.make('1', SENT)
    const { id } = pingpp.make('2', OPENED)
    clock.advance(HOUR)
    const report = await run({ dryRun: true })
    expect(report).toMatchObject({ dryRun: true, dispatched: 0, applied: [], open: 1 })
    expect(report.wouldDispatch).toEqual([
      { id, order_no: '2', status: 'received', type: 'red_envelope.received' },
      expect.objectContaining({ order_no: '1', type: 'red_envelope.sent' }),
    ])
    expect([done, polled]).toEqual([[], []])
  })

  it('has no effect on the next run', async () => {
    const { pingpp, clock, run, done } = openShop()
    pingpp.make('1', SENT)
    clock.advance(HOUR)
    const [first, second] = [await run({ dryRun: true }), await run({ dryRun: true })]
    expect(second.wouldDispatch).toEqual(first.wouldDispatch)
    await run()
    expect(done).toEqual(['1 sent by poll'])
    expect((await run({ dryRun: true })).wouldDispatch).toEqual([])
    expect(pingpp.calls.map(({ query }) => query?.created).slice(0, 3)).toEqual(
      Array.from({ length: 3 }, () => ({ gte: START - 3 * DAY })),
    )
  })
})

describe('a dry run with a table', () => {
  it('binds no order number', async () => {
    const { pingpp, clock, run } = openShop({
      open: () => [{ order_no: '1', created: START }],
    })
    const first = pingpp.make('1', SENT)
    clock.advance(HOUR)
    const second = pingpp.make('1', SENT)
    clock.advance(MINUTE)
    const dry = await run({ dryRun: true, to: START })
    expect(dry).toMatchObject({ adopted: [{ id: first.id }], conflicts: [] })
    // Newest first: the order number is still to be had.
    expect(await run()).toMatchObject({
      adopted: [{ id: second.id }],
      conflicts: [{ id: first.id, reason: 'id' }],
    })
  })
})

describe('the order of states', () => {
  it('never goes back [H3, H10]', async () => {
    const { pingpp, clock, run, done } = openShop()
    const { id } = pingpp.make('1', SENT)
    for (const status of ['refunding', 'sent', 'sending', 'refund', 'refunding', 'sent'] as const) {
      clock.advance(HOUR)
      pingpp.move(id, status)
      expect((await run()).conflicts).toEqual([])
    }
    expect(done).toEqual(['1 refunding by poll', '1 refund by poll'])
  })

  it('has one final status: a second one is a conflict, reported and logged [H7]', async () => {
    const { pingpp, clock, run, done, lines } = openShop()
    const { id } = pingpp.make('1', OPENED)
    clock.advance(HOUR)
    await run()
    pingpp.move(id, 'refund')
    const conflicts = [{ id, order_no: '1', status: 'refund', reason: 'end' }]
    expect(await run()).toMatchObject({ conflicts, dispatched: 0 })
    expect(await run()).toMatchObject({ conflicts })
    expect(done).toEqual(['1 received by poll'])
    expect(lines).toEqual([
      `[hongbao] reconciler: not dispatched, because it contradicts what is known: ${id} (order_no 1): end.`,
    ])
  })

  it('reports an unknown status as a conflict', async () => {
    const { pingpp, run, done } = openShop()
    const { id } = pingpp.make('1', [[0, 'frozen']])
    const conflicts = [{ id, order_no: '1', status: 'frozen', reason: 'status' }]
    expect(await run()).toMatchObject({ conflicts, open: 1 })
    expect(done).toEqual([])
  })
})

describe('a handler that fails', () => {
  it('is reported with its code, and run again after a minute, two, four, and at most an hour', async () => {
    const { pingpp, clock, run, broken, polled } = openShop()
    const { id } = pingpp.make('1', [[0, 'received']])
    broken.add('1')
    const report = await run()
    expect(report.failed).toEqual([
      {
        id,
        order_no: '1',
        status: 'received',
        type: 'red_envelope.received',
        code: 'handler-failed',
        message: expect.not.stringContaining('database') as string,
      },
    ])
    const triedAtMinutes: number[] = []
    for (let minute = 1; minute <= 300; minute += 1) {
      clock.advance(MINUTE)
      const before = polled.length
      expect(await run()).toMatchObject({ open: 1 })
      if (polled.length > before) triedAtMinutes.push(minute)
    }
    expect(triedAtMinutes).toEqual([1, 3, 7, 15, 31, 63, 123, 183, 243])
  })

  it('runs once after it has recovered', async () => {
    const { pingpp, clock, run, broken, done } = openShop()
    pingpp.make('1', [[0, 'received']])
    broken.add('1')
    await run()
    broken.clear()
    expect(await run()).toMatchObject({ dispatched: 0, open: 1 })
    clock.advance(MINUTE)
    expect(await run()).toMatchObject({ dispatched: 1, open: 0 })
    expect(done).toEqual(['1 received by poll'])
  })

  it('is retried after a minute again if it fails at another status', async () => {
    const { pingpp, clock, run, broken, polled } = openShop()
    const { id } = pingpp.make('1', [[0, 'sent']])
    broken.add('1')
    for (const minutes of [0, 1, 2, 4]) {
      clock.advance(minutes * MINUTE)
      await run()
    }
    pingpp.move(id, 'received')
    await run()
    clock.advance(MINUTE)
    await run()
    expect(polled.map(({ eventType }) => eventType)).toEqual([
      ...Array.from({ length: 4 }, () => 'red_envelope.sent'),
      'red_envelope.received',
      'red_envelope.received',
    ])
  })

  it('does not delay the next status', async () => {
    const { pingpp, clock, run, broken, done } = openShop()
    const { id } = pingpp.make('1', [[0, 'sent']])
    broken.add('1')
    await run()
    broken.clear()
    clock.advance(1000)
    pingpp.move(id, 'received')
    await run()
    expect(done).toEqual(['1 received by poll'])
  })

  it('is not counted as failed if another process runs it', async () => {
    const { pingpp, clock, run, pretend } = openShop()
    const error = new WebhookError('inbox-busy')
    pretend(() => Promise.resolve({ outcome: 'failed', error }))
    pingpp.make('1', [[0, 'sent']])
    expect(await run()).toMatchObject({ busy: 1, failed: [], dispatched: 1 })
    pretend(undefined)
    clock.advance(MINUTE)
    expect(await run()).toMatchObject({ busy: 0, applied: [{ order_no: '1' }] })
  })

  it('ends the run if the inbox is unavailable: the next envelope would wait for it too', async () => {
    const { pingpp, clock, run, pretend, done } = openShop()
    const error = new WebhookError('inbox-unavailable')
    pretend(() => Promise.resolve({ outcome: 'failed', error }))
    pingpp.make('1', [[0, 'sent']])
    pingpp.make('2', [[0, 'sent']])
    expect(await run()).toMatchObject({
      error: { code: 'inbox-unavailable' },
      failed: [{ order_no: '2', code: 'inbox-unavailable' }],
      dispatched: 1,
    })
    pretend(undefined)
    clock.advance(MINUTE)
    await run()
    expect(done).toEqual(['2 sent by poll', '1 sent by poll'])
  })

  it('may be an object that rejects, unlike a receiver: it ends the run, which still resolves', async () => {
    const { pingpp, run, pretend } = openShop()
    pretend(() => Promise.reject(new Error('secret')))
    pingpp.make('1', [[0, 'sent']])
    const { failed, error } = await run()
    expect(failed).toEqual([])
    expect(error).toEqual({ code: 'internal-error', message: 'The run failed (Error).' })
  })
})

describe('the table of the merchant (`open`)', () => {
  it('decides what is dispatched: an envelope without a row is reported, if it is not final', async () => {
    const rows: OpenRedEnvelope[] = []
    const { pingpp, clock, run, done } = openShop({ open: () => rows })
    const mine = pingpp.make('1', SENT)
    const strange = pingpp.make('2', SENT)
    pingpp.make('3', OPENED)
    rows.push({ id: mine.id, order_no: '1', created: mine.created })
    clock.advance(3 * MINUTE)
    pingpp.make('4', SENT)
    expect(await run()).toMatchObject({
      swept: 4,
      open: 1,
      unknown: [{ id: strange.id, order_no: '2', status: 'sent' }],
    })
    expect(done).toEqual(['1 sent by poll'])
  })

  it.each<[string, (rows: OpenRedEnvelope[]) => ReturnType<ReadOpen>]>([
    ['a list', (rows) => rows],
    ['a promise of a list', (rows) => Promise.resolve(rows)],
    ['a generator', (rows) => rows.values()],
    ['a stream of rows', (rows) => Readable.from(rows)],
  ])('may be %s', async (_, give) => {
    const rows: OpenRedEnvelope[] = []
    const { pingpp, run, done } = openShop({ open: () => give(rows) })
    const { id } = pingpp.make('1', [[0, 'sent']])
    rows.push({ id, order_no: '1', created: new Date(START_MS) })
    await run()
    expect(done).toEqual(['1 sent by poll'])
  })

  it('adopts the id of an envelope whose `create` had no answer, by its order number [H4, H12]', async () => {
    const rows: OpenRedEnvelope[] = [
      { order_no: '1', created: START },
      { id: null, order_no: '2', created: START },
      { order_no: '3', created: START },
    ]
    const { pingpp, clock, run, done } = openShop({ open: () => rows })
    const first = pingpp.make('1')
    const second = pingpp.make('2', SENT)
    clock.advance(MINUTE)
    const adopted = [
      { id: first.id, order_no: '1', status: 'sending' },
      { id: second.id, order_no: '2', status: 'sent' },
    ]
    expect(await run()).toMatchObject({ adopted, open: 3 })
    expect(done).toEqual(['2 sent by poll'])
    // Until the table has the id, it is reported again.
    expect(await run()).toMatchObject({ adopted })
    rows.splice(0, 2, { id: first.id, order_no: '1', created: START })
    expect(await run()).toMatchObject({ adopted: [], open: 2 })
  })

  it('adopts it if the row is older than the sweep of a new process, once [H4, H12]', async () => {
    const rows: OpenRedEnvelope[] = [{ order_no: '1', created: START, amount: 100 }]
    const { pingpp, clock, restart, done, lines } = openShop({ open: () => rows })
    const { id } = pingpp.make('1', REFUNDED)
    pingpp.make('2', SENT)
    clock.advance(80 * HOUR)
    const later = restart()
    expect(await later.run()).toMatchObject({
      adopted: [{ id, order_no: '1', status: 'refund' }],
      overdue: [],
      unknown: [],
      swept: 0,
      totals: {},
    })
    expect(done).toEqual(['1 refund by poll'])
    expect(lines).toEqual([])
    const before = pingpp.calls.length
    rows.splice(0, 1, { id, order_no: '1', created: START, status: 'refund' })
    await later.run()
    expect(pingpp.calls.length - before).toBe(1)
  })

  it('is searched for from an hour before its row to a day after it, in one list with others that overlap', async () => {
    const rows = rowsAfterHours([0, 1, 30, 2, 100])
    const { pingpp, clock, restart } = openShop({ open: () => rows })
    clock.advance(200 * HOUR)
    const later = restart()
    const from = START + 128 * 3600
    const lists = async (): Promise<unknown[]> => {
      const before = pingpp.calls.length
      await later.run()
      return pingpp.calls.slice(before).map(({ query }) => query?.created)
    }
    const all = [
      { gte: from },
      listAfterHours(-1, 26),
      listAfterHours(29, 54),
      listAfterHours(99, 124),
    ]
    expect(await lists()).toEqual(all)
    clock.advance(HOUR)
    expect(await lists()).toEqual([{ gte: from }])
  })

  it('is searched for again after a few days, whether or not there were runs in between', async () => {
    const rows = rowsAfterHours([0])
    const { pingpp, clock, restart } = openShop({ open: () => rows })
    clock.advance(200 * HOUR)
    const later = restart()
    for (let week = 0; week < 4; week += 1) {
      const before = pingpp.calls.length
      await later.run()
      expect(pingpp.calls.length - before).toBe(2)
      clock.advance(7 * DAY * 1000)
    }
  })

  it('is searched for in lists of three days at most, which do not overlap and end before the sweep starts', async () => {
    const rows = rowsAfterHours(Array.from({ length: 200 }, (_, hours) => hours).toReversed())
    const { pingpp, clock, restart } = openShop({ open: () => rows })
    clock.advance(250 * HOUR)
    const [{ gte }, ...searches] = (await restart().run(),
    pingpp.calls.map(({ query }) => query?.created)) as [{ gte: number }, ...object[]]
    expect(gte).toBe(START + 178 * 3600)
    expect(searches).toEqual([
      listAfterHours(-1, 71),
      { ...listAfterHours(71, 143), gte: START + 71 * 3600 + 1 },
      { gte: START + 143 * 3600 + 1, lte: gte - 1 },
    ])
  })

  it.each([
    ['one list ends and the next begins', 71],
    ['the searches end and the sweep begins', 99],
  ])('is processed once by a run, even if it was created when %s', async (_, hours) => {
    const rows = rowsAfterHours(Array.from({ length: 100 }, (__, hour) => hour))
    const { pingpp, clock, restart, lines } = openShop({
      open: () => rows.map((row) => ({ ...row, amount: 999 })),
    })
    clock.advance(hours * HOUR)
    pingpp.make(`${hours}`, REFUNDED)
    clock.advance((171 - hours) * HOUR)
    const { conflicts } = await restart({ overlapSeconds: 72 * 3600 }).run()
    expect(conflicts).toMatchObject([{ order_no: `${hours}`, reason: 'amount' }])
    expect(lines[0]).toContain(` (order_no ${hours}): amount.`)
  })

  it('is searched for again if its list failed, and not in a run with bounds', async () => {
    const rows: OpenRedEnvelope[] = [{ order_no: '1', created: START }]
    const { pingpp, clock, restart, done } = openShop({ open: () => rows })
    pingpp.make('1', REFUNDED)
    clock.advance(80 * HOUR)
    const later = restart()
    const searches = (): number =>
      pingpp.calls.filter(
        ({ query }) => typeof query?.created === 'object' && 'lte' in query.created,
      ).length
    await later.run({ from: START + 79 * 3600 })
    expect(searches()).toBe(0)
    pingpp.onCall(({ query }) => {
      if (typeof query?.created === 'object' && 'lte' in query.created)
        throw new PingppError('response-invalid')
    })
    expect(await later.run()).toMatchObject({ error: { code: 'response-invalid' }, adopted: [] })
    pingpp.onCall(() => {})
    await later.run({ dryRun: true })
    expect(done).toEqual([])
    await later.run()
    expect(done).toEqual(['1 refund by poll'])
    expect(searches()).toBe(3)
  })

  it('has an adopted envelope queried if the sweep no longer reaches it', async () => {
    const rows: OpenRedEnvelope[] = [{ order_no: '1', created: START }]
    const { pingpp, clock, run, done } = openShop({ open: () => rows, overlapSeconds: 3600 })
    const { id } = pingpp.make('1', [
      [0, 'sent'],
      [24 * HOUR, 'refund'],
    ])
    await run()
    clock.advance(30 * HOUR)
    await run()
    clock.advance(HOUR)
    expect(await run()).toMatchObject({ adopted: [{ id, status: 'refund' }], swept: 0 })
    expect(done).toEqual(['1 sent by poll', '1 refund by poll'])
  })

  it.each<[string, Partial<OpenRedEnvelope>, string]>([
    ['amount', { amount: 1 }, 'amount'],
    ['currency', { currency: 'usd' }, 'currency'],
    ['channel', { channel: 'wx' }, 'channel'],
    ['receiver', { recipient: 'o-another' }, 'recipient'],
    ['mode', { livemode: false }, 'livemode'],
    ['order number', { order_no: '2' }, 'order_no'],
  ])('does not dispatch an envelope of another %s [H11]', async (_, row, reason) => {
    const rows: OpenRedEnvelope[] = []
    const { pingpp, run, done, lines } = openShop({ open: () => rows })
    const { id, created } = pingpp.make('1', [[0, 'received']])
    rows.push({ id, order_no: '1', created, ...row })
    expect(await run()).toMatchObject({
      conflicts: [{ id, order_no: '1', status: 'received', reason }],
      dispatched: 0,
      open: 1,
    })
    expect(done).toEqual([])
    expect(lines).toHaveLength(1)
    expect(lines.join()).not.toContain('o-another')
  })

  it('dispatches an envelope that agrees with every field of the row', async () => {
    const rows: OpenRedEnvelope[] = []
    const { pingpp, run, done } = openShop({ open: () => rows })
    const { id, created, amount, currency, channel, recipient, livemode } = pingpp.make('1', [
      [0, 'received'],
    ])
    const rest = { currency, channel, recipient, livemode }
    rows.push({ id, order_no: '1', created, amount, ...rest })
    rows.push({ id: 'red_none', order_no: '2', created, amount: null, recipient: null })
    await run()
    expect(done).toEqual(['1 received by poll'])
  })

  it.each([true, false])(
    'does not dispatch a second envelope for an order (with id: %j)',
    async (hasId) => {
      const rows: OpenRedEnvelope[] = []
      const { pingpp, run, done } = openShop({ open: () => rows })
      const first = pingpp.make('1', [[0, 'sent']])
      rows.push({ id: hasId ? first.id : null, order_no: '1', created: START })
      await run()
      const second = pingpp.make('1', [[0, 'received']])
      expect(await run()).toMatchObject({ conflicts: [{ id: second.id, reason: 'id' }] })
      expect(done).toEqual(['1 sent by poll'])
    },
  )

  it('has the status that counts as applied, after a restart too', async () => {
    const rows: OpenRedEnvelope[] = []
    const { pingpp, clock, run, polled } = openShop({ open: () => rows })
    const { id, created } = pingpp.make('1', OPENED)
    rows.push({ id, order_no: '1', created, status: 'sent' })
    clock.advance(30_000)
    await run()
    expect(polled).toEqual([])
    clock.advance(30_000)
    await run()
    expect(polled.map(({ eventType }) => eventType)).toEqual(['red_envelope.received'])
  })

  it('may list an envelope whose final status this run applied: it is not open any more', async () => {
    const rows: OpenRedEnvelope[] = []
    const { pingpp, clock, run } = openShop({ open: () => rows })
    const { id, created } = pingpp.make('1', OPENED)
    rows.push({ id, order_no: '1', created })
    clock.advance(HOUR)
    expect(await run()).toMatchObject({ applied: [{ id }], open: 0, oldestOpenSeconds: null })
    // Until the next run, the table could have noted it.
    clock.advance(MINUTE)
    expect(await run()).toMatchObject({ applied: [], open: 1, oldestOpenSeconds: 3660 })
  })

  it('is ignored if its status is before the one that was seen', async () => {
    const rows: OpenRedEnvelope[] = []
    const { pingpp, run, polled } = openShop({ open: () => rows })
    const { id, created } = pingpp.make('1', [[0, 'sent']])
    rows.push({ id, order_no: '1', created, status: 'sending' })
    await run()
    await run()
    expect(polled.map(({ outcome }) => outcome)).toEqual(['handled'])
  })

  it('may use an order number again, long after the envelope that had it', async () => {
    const rows: OpenRedEnvelope[] = [{ order_no: '1', created: START }]
    const { pingpp, clock, run } = openShop({ open: () => rows })
    const first = pingpp.make('1', OPENED)
    clock.advance(HOUR)
    expect(await run()).toMatchObject({ adopted: [{ id: first.id }] })
    rows.pop()
    for (const days of [5, 5]) {
      clock.advance(days * 24 * HOUR)
      await run()
    }
    const second = pingpp.make('1', [[0, 'sent']])
    rows.push({ order_no: '1', created: second.created })
    expect(await run()).toMatchObject({ adopted: [{ id: second.id }], conflicts: [] })
  })

  it('keeps the id of an adopted envelope in every report, for as long as it has none', async () => {
    const rows: OpenRedEnvelope[] = [{ order_no: '1', created: START }]
    const { pingpp, clock, run } = openShop({ open: () => rows })
    const { id } = pingpp.make('1', OPENED)
    for (const day of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
      clock.advance(24 * HOUR)
      expect(await run(), `day ${day}`).toMatchObject({ adopted: [{ id, status: 'received' }] })
    }
  })

  it.each<[string, unknown, string]>([
    ['a number', 7, '`open` failed (TypeError).'],
    ['a row without order number', [{ created: START }], '`order_no` must be a text'],
    ['milliseconds', [{ order_no: '1', created: START_MS }], 'Unix time in seconds'],
    ['a text for a time', [{ order_no: '1', created: '2026-02-17' }], 'Unix time in seconds'],
    [
      'a number for an id',
      [{ id: 1, order_no: '1', created: START }],
      '`id` must be a text, or null',
    ],
    ['yuan', [{ order_no: '1', created: START, amount: 1.5 }], 'an integer amount in fen'],
    ['amounts as text', [{ order_no: '1', created: START, amount: '100' }], 'amount in fen'],
    [
      'SQL for true',
      [{ order_no: '1', created: START, livemode: 1 }],
      '`livemode` must be true or false',
    ],
    [
      'a state of its own',
      [{ order_no: '1', created: START, status: 'paid' }],
      'refunding or refund',
    ],
  ])('ends the run if it returns %s', async (_, rows, message) => {
    const { pingpp, run } = openShop({ open: () => rows as never })
    const { error } = await run()
    expect(error?.code).toBe('open-failed')
    expect(error?.message).toContain(message)
    expect(pingpp.calls).toEqual([])
  })

  it('names the row of an error', async () => {
    const rows = [
      { order_no: '1', created: START },
      { order_no: '2', created: START, amount: '100' },
    ]
    const { run } = openShop({ open: () => rows as never })
    expect((await run()).error?.message).toBe(
      'An envelope from `open` (order_no 2) is invalid. `amount` must be an integer amount in fen.',
    )
  })

  it('may fail: `onError` gets its error, and its text appears only there', async () => {
    const secret = new Error('postgres://shop:secret@db is away')
    const { run, errors, lines } = openShop({ open: () => Promise.reject(secret) })
    const report = await run()
    expect(report.error).toEqual({ code: 'open-failed', message: '`open` failed (Error).' })
    expect(errors).toEqual([[secret, report]])
    expect(lines).toEqual(['[hongbao] reconciler: open-failed: `open` failed (Error).'])
  })

  it('has the text of its error in the log in development [S20]', async () => {
    vi.stubEnv('NODE_ENV', 'development')
    onTestFinished(() => void vi.unstubAllEnvs())
    const { run, lines } = openShop({ open: () => Promise.reject(new Error('no such table')) })
    await run()
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^\[hongbao\] reconciler: open-failed: `open` failed \(Error\)\.\n/)
    expect(lines[0]).toMatch(/\nError: no such table\n {4}at /)
  })
})

describe('an envelope of another app', () => {
  it('is compared without the quotes of the app id [C22]', async () => {
    const { pingpp, run, done } = openShop({ app: `"${APP}"` })
    pingpp.make('1', [[0, 'sent']], { app: APP })
    expect((await run()).conflicts).toEqual([])
    expect(done).toEqual(['1 sent by poll'])
  })

  it('is a conflict, expanded or not', async () => {
    const { pingpp, run, done } = openShop()
    pingpp.make('1', [[0, 'sent']], { app: { id: APP } })
    pingpp.make('2', [[0, 'sent']], { app: 'app_2' })
    pingpp.make('3', [[0, 'sent']], { app: { id: 'app_2' } })
    expect((await run()).conflicts.map(({ order_no, reason }) => [order_no, reason])).toEqual([
      ['3', 'app'],
      ['2', 'app'],
    ])
    expect(done).toEqual(['1 sent by poll'])
  })
})

describe('an envelope of another app, or of none', () => {
  it.each([['app_2'], [{ id: 'app_2' }], [null], [undefined]])(
    'is a conflict that does not end the run, and is not open here: %j',
    async (app) => {
      const { pingpp, clock, run, done } = openShop()
      pingpp.make('1', SENT)
      pingpp.make('2', SENT, { app } as never)
      clock.advance(HOUR)
      expect(await run()).toMatchObject({
        error: null,
        conflicts: [{ order_no: '2', reason: 'app' }],
        open: 1,
      })
      expect(done).toEqual(['1 sent by poll'])
      clock.advance(100 * HOUR)
      await run()
      clock.advance(30 * HOUR)
      expect(await run()).toMatchObject({ swept: 0, retrieved: 1, conflicts: [], open: 1 })
    },
  )

  it.each([
    ['app', { app: 'app_2' }],
    ['amount', { amount: 7 }],
    ['livemode', { livemode: false }],
  ])('does not take an order number from the right envelope (%s)', async (reason, fields) => {
    const rows = [{ order_no: '1', created: START, amount: 100, livemode: true }]
    const { pingpp, clock, run, done } = openShop({ open: () => rows })
    const mine = pingpp.make('1', SENT)
    clock.advance(1000)
    const other = pingpp.make('1', SENT, fields)
    clock.advance(MINUTE)
    expect(await run()).toMatchObject({
      conflicts: [{ id: other.id, reason }],
      adopted: [{ id: mine.id }],
      applied: [{ id: mine.id }],
    })
    expect(done).toEqual(['1 sent by poll'])
  })
})

describe('an unexpected error', () => {
  it.each<[unknown, string]>([
    [new RangeError('sk_live_secret'), 'The run failed (RangeError).'],
    ['sk_live_secret', 'The run failed (string).'],
  ])('ends the run, and is reported without its text: %s', async (thrown, message) => {
    const { pingpp, run, errors, lines } = openShop()
    pingpp.onCall(() => {
      throw thrown
    })
    const report = await run()
    expect(report).toMatchObject({ error: { code: 'internal-error', message } })
    expect(errors).toEqual([[thrown, report]])
    expect(lines).toEqual([`[hongbao] reconciler: internal-error: ${message}`])
  })
})

describe('the report', () => {
  it('is plain data, whatever happened', async () => {
    const rows: OpenRedEnvelope[] = [{ order_no: '9', created: START - 4 * DAY }]
    const { pingpp, clock, run, broken } = openShop({ open: () => rows })
    for (const orderNo of ['1', '2', '3', '4']) {
      const { id, created } = pingpp.make(orderNo, OPENED)
      rows.push({ id, order_no: orderNo, created, ...(orderNo === '3' ? { amount: 1 } : {}) })
    }
    pingpp.make('5', SENT)
    broken.add('2')
    clock.advance(HOUR)
    const report = await run()
    expect(report).toMatchObject({
      error: null,
      applied: [{}, {}],
      failed: [{}],
      conflicts: [{}],
      unknown: [{}],
      overdue: [{ id: null, order_no: '9', status: null, created: START - 4 * DAY }],
      startedMs: START_MS + HOUR,
      oldestOpenSeconds: 4 * DAY + 3600,
    })
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  })

  it('goes to `onReport`, and with what ended its run to `onError`; both may throw or reject', async () => {
    const seen: unknown[] = []
    const { restart, pingpp } = openShop()
    const thrown = new Error('the connection')
    pingpp.onCall(() => {
      throw thrown
    })
    const hooks = [
      (report: ReconcilerReport) => {
        seen.push(report)
        throw new Error('hook')
      },
      async (report: ReconcilerReport) => {
        seen.push(report)
        throw new Error('hook')
      },
    ]
    for (const hook of hooks) {
      const onError = (error: unknown, report: ReconcilerReport) => {
        seen.push(error)
        return hook(report)
      }
      const report = await restart({ onReport: hook, onError }).run()
      expect(seen.splice(0)).toEqual([report, thrown, report])
    }
  })

  it('of a run that was aborted, or completed, does not go to `onError`', async () => {
    const { reconciler, run, reports, errors } = openShop()
    await run()
    await run({ signal: AbortSignal.abort(new Error('the deploy')) })
    reconciler.start()
    await reconciler.close()
    expect(reports.map(({ error }) => error?.code)).toEqual([
      undefined,
      'run-aborted',
      'run-aborted',
    ])
    expect(errors).toEqual([])
  })
})
