import type { Logger } from '@hongbao/core'
import { describe, expect, it, vi } from 'vitest'
import { PingppError, type OpenRedEnvelope } from '../src/index.ts'
import { HOUR, MINUTE, OPENED, SENT, START_MS } from './in-memory-pingpp.ts'
import { openShop, type Shop } from './reconciling.ts'

const DAY = 24 * HOUR
/** The sweep starts right after what a test makes. */
const NO_SWEEP = { overlapSeconds: 0, sweptUntil: START_MS / 1000 + 1 }

/** An old envelope of the merchant's table, which no sweep shows, and when it is queried. */
function openTracked(random = 0.5) {
  const rows: OpenRedEnvelope[] = []
  const shop = openShop({ open: () => rows, ...NO_SWEEP, random: () => random })
  const { id, created } = shop.pingpp.make('1', SENT)
  rows.push({ id, order_no: '1', created })
  return { ...shop, id, rows }
}

/** Envelopes of the merchant's table, which no sweep shows. */
function openRows(orderNos: readonly string[]) {
  const rows: OpenRedEnvelope[] = []
  const shop = openShop({ open: () => rows, ...NO_SWEEP })
  for (const orderNo of orderNos) {
    const { id, created } = shop.pingpp.make(orderNo, SENT)
    rows.push({ id, order_no: orderNo, created })
  }
  return { ...shop, rows }
}

/** Runs once a minute for so many hours. */
async function runFor(shop: Shop, hours: number): Promise<void> {
  for (let minute = 0; minute < hours * 60; minute += 1) {
    shop.clock.advance(MINUTE)
    await shop.run()
  }
}

function retrievedAfterMinutes({ pingpp }: Shop): number[] {
  return pingpp.calls
    .filter(({ what }) => what === 'retrieve')
    .map(({ atMs }) => (atMs - START_MS) / MINUTE)
}

describe('an open envelope', () => {
  it('is queried 2 min, 10 min, 1 h, 6 h, 24 h 15 min, 26 h, 48 h and 72 h after it was created, then daily [H5]', async () => {
    const shop = openTracked()
    await runFor(shop, 80)
    expect(retrievedAfterMinutes(shop)).toEqual([2, 10, 60, 360, 1455, 1560, 2880, 4320])
    shop.clock.advance(DAY - HOUR)
    await shop.run()
    expect(retrievedAfterMinutes(shop)).toHaveLength(9)
    await shop.run()
    expect(retrievedAfterMinutes(shop)).toHaveLength(9)
  })

  it.each([
    ['earlier by up to 10 %', 0, [2, 9, 54, 324, 1454, 1548, 2736, 4032]],
    ['later by up to 10 %', 1 - 2 ** -53, [3, 11, 66, 396, 1457, 1572, 3024, 4608]],
  ])(
    'is queried %s, but never for the end of its 24 hours before they are over',
    async (_, random, minutes) => {
      const shop = openTracked(random)
      await runFor(shop, 78)
      expect(retrievedAfterMinutes(shop)).toEqual(minutes)
    },
  )

  it('is queried once by a process that starts late, and after that by the plan', async () => {
    const shop = openTracked()
    shop.clock.advance(30 * HOUR)
    await runFor(shop, 43)
    expect(retrievedAfterMinutes(shop)).toEqual([30 * 60 + 1, 48 * 60, 72 * 60])
  })

  it('is queried at once if it is weeks old, and then daily', async () => {
    const shop = openTracked()
    shop.clock.advance(30 * DAY)
    await runFor(shop, 50)
    expect(retrievedAfterMinutes(shop)).toHaveLength(3)
  })

  it('is not queried if the sweep has just listed it', async () => {
    const { pingpp, clock, run, done } = openShop()
    pingpp.make('1', SENT)
    clock.advance(HOUR)
    expect(await run()).toMatchObject({ swept: 1, retrieved: 0, open: 1 })
    expect(done).toEqual(['1 sent by poll'])
  })

  it('is queried if the sweep no longer reaches it', async () => {
    const { pingpp, clock, run, done } = openShop({ overlapSeconds: 3600 })
    pingpp.make('1', [...SENT, [24 * HOUR, 'refund']])
    await run()
    clock.advance(23 * HOUR)
    await run()
    expect(await run()).toMatchObject({ swept: 0, open: 1 })
    clock.advance(2 * HOUR)
    expect(await run()).toMatchObject({ swept: 0, retrieved: 1, open: 0 })
    expect(done.at(-1)).toBe('1 refund by poll')
  })

  it('is not queried after its final status was handled', async () => {
    const shop = openTracked()
    shop.pingpp.move(shop.id, 'received')
    await runFor(shop, 30)
    expect(retrievedAfterMinutes(shop)).toEqual([2])
  })

  it('is queried again soon after a handler failed, before its next due time', async () => {
    const shop = openTracked()
    shop.broken.add('1')
    await runFor(shop, 0.2)
    expect(retrievedAfterMinutes(shop)).toEqual([2, 3, 5, 9])
  })
})

describe('an envelope in test mode', () => {
  it('is queried although a list has shown it, because the query moves it (guide, note 4)', async () => {
    const { pingpp, clock, run, done } = openShop()
    const { id } = pingpp.make('1', undefined, { livemode: false })
    pingpp.onCall(({ what }) => {
      if (what === 'retrieve')
        pingpp.move(id, pingpp.show(id).status === 'sending' ? 'sent' : 'received')
    })
    expect(await run()).toMatchObject({ swept: 1, retrieved: 0 })
    clock.advance(2 * MINUTE)
    expect(await run()).toMatchObject({ swept: 1, retrieved: 1 })
    expect(await run()).toMatchObject({ swept: 1, retrieved: 0 })
    clock.advance(8 * MINUTE)
    expect(await run()).toMatchObject({ swept: 1, retrieved: 1, open: 0 })
    clock.advance(HOUR)
    expect(await run()).toMatchObject({ swept: 1, retrieved: 0 })
    expect(done).toEqual(['1 sent by poll', '1 received by poll'])
  })

  it.each([
    ['webhook', { duplicates: 1, applied: [] }],
    ['poll', { duplicates: 0, applied: [{ order_no: '1' }] }],
  ])(
    'runs handlers once if the webhook and the answer to the query race, the %s first',
    async (first, told) => {
      const { pingpp, clock, run, done, deliver, webhooks } = openShop()
      const { id } = pingpp.make('1', undefined, { livemode: false })
      const [working, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      let delivery: Promise<string> | undefined
      webhooks.on('red_envelope.sent', () => {
        delivery ??= deliver(id)
        working.resolve()
        return gate.promise
      })
      pingpp.onCall(async ({ what }) => {
        if (what !== 'retrieve') return
        pingpp.move(id, 'sent')
        if (first !== 'webhook') return
        delivery = deliver(id)
        await working.promise
      })
      clock.advance(2 * MINUTE)
      const running = run()
      // Both are at the handlers now, or wait for those who are.
      await working.promise
      await new Promise((resolve) => setImmediate(resolve))
      gate.resolve()
      const report = await running
      expect(done).toHaveLength(1)
      expect(report).toMatchObject({ ...told, failed: [] })
      expect(['handled', 'duplicate']).toContain(await delivery)
    },
  )
})

describe('an envelope without a final status', () => {
  it('is overdue when the plan is over: in every report, and once in the log', async () => {
    const shop = openTracked()
    await runFor(shop, 71)
    expect(shop.reports.at(-1)).toMatchObject({
      overdue: [],
      open: 1,
      oldestOpenSeconds: 71 * 3600,
    })
    await runFor(shop, 1)
    const overdue = [{ id: shop.id, order_no: '1', status: 'sent', created: START_MS / 1000 }]
    expect(shop.reports.at(-1)).toMatchObject({ overdue, open: 1 })
    await runFor(shop, 1)
    expect(shop.reports.at(-1)).toMatchObject({ overdue })
    expect(shop.lines).toEqual([
      '[hongbao] reconciler: three days after it was created, order_no 1 is sent.',
    ])
  })

  it('is overdue by the time at which Ping++ created it, if the row is some hours older', async () => {
    const rows: OpenRedEnvelope[] = [{ order_no: '1', created: START_MS / 1000 }]
    const { pingpp, clock, run } = openShop({ open: () => rows })
    clock.advance(6 * HOUR)
    pingpp.make('1', SENT)
    await run()
    // The plan of the envelope ends 76.8 hours after it was created, or at its query at 72 hours.
    clock.advance(70 * HOUR)
    expect(await run()).toMatchObject({ overdue: [], adopted: [{ order_no: '1' }] })
    clock.advance(7 * HOUR)
    expect(await run()).toMatchObject({ overdue: [{ order_no: '1', status: 'sent' }] })
  })

  it('is overdue without `open` too, and is no longer after its final status', async () => {
    const { pingpp, clock, run, done } = openShop()
    pingpp.make('1', [...SENT, [100 * HOUR, 'refund']])
    for (let hour = 0; hour < 96; hour += 1) {
      clock.advance(HOUR)
      await run()
    }
    expect(await run()).toMatchObject({ overdue: [{ order_no: '1', status: 'sent' }] })
    clock.advance(DAY)
    expect(await run()).toMatchObject({ overdue: [], open: 0 })
    expect(done).toEqual(['1 sent by poll', '1 refund by poll'])
  })

  it('is overdue if its handlers never succeed', async () => {
    const { pingpp, clock, run, broken } = openShop()
    pingpp.make('1', OPENED)
    broken.add('1')
    for (let hour = 0; hour < 80; hour += 1) {
      clock.advance(HOUR)
      await run()
    }
    expect(await run()).toMatchObject({ overdue: [{ order_no: '1', status: 'received' }] })
  })

  it('is overdue if the table keeps it open although its final status was handled', async () => {
    const shop = openTracked()
    shop.pingpp.move(shop.id, 'received')
    await runFor(shop, 1)
    expect(shop.reports.at(-1)).toMatchObject({ open: 1, overdue: [] })
    shop.clock.advance(80 * HOUR)
    expect(await shop.run()).toMatchObject({ overdue: [{ order_no: '1', status: 'received' }] })
    expect(shop.done).toEqual(['1 received by poll'])
  })

  it('is logged with the first of many, and the number of the others', async () => {
    const rows = ['7', '8', '9'].map((order_no) => ({ order_no, created: new Date(START_MS) }))
    const error = vi.fn<Logger['error']>()
    const { clock, run } = openShop({ open: () => rows, logger: { warn() {}, error } })
    clock.advance(4 * DAY)
    await run()
    expect(error.mock.calls).toEqual([
      [
        '[hongbao] reconciler: three days after it was created, order_no 7 is in no list of Ping++, and 2 more; see the report.',
        { code: 'reconciler-overdue', count: 3 },
      ],
    ])
  })
})

describe('the error of a query of one envelope', () => {
  it('concerns one envelope if Ping++ does not have it: the others are queried', async () => {
    const rows: OpenRedEnvelope[] = []
    const { pingpp, clock, run, done } = openShop({ open: () => rows, ...NO_SWEEP })
    for (const orderNo of ['1', '2', '3']) {
      const { id, created } = pingpp.make(orderNo, SENT)
      rows.push({ id, order_no: orderNo, created })
    }
    const [lost] = rows
    pingpp.onCall(({ id }) => {
      if (id === lost?.id && id !== undefined) throw new PingppError('not-found')
    })
    clock.advance(HOUR)
    expect(await run()).toMatchObject({
      error: null,
      retrieved: 2,
      failed: [{ id: lost?.id, order_no: '1', status: null, type: null, code: 'not-found' }],
    })
    expect(done).toHaveLength(2)
    expect(await run()).toMatchObject({ failed: [], requests: 1 })
    clock.advance(MINUTE)
    expect(await run()).toMatchObject({ failed: [{ order_no: '1' }] })
  })

  it('concerns one envelope if the table has a malformed id', async () => {
    const rows: OpenRedEnvelope[] = [{ id: 'n/a', order_no: '1', created: START_MS / 1000 }]
    const { pingpp, clock, run } = openShop({ open: () => rows })
    pingpp.onCall(({ what }) => {
      if (what === 'retrieve') throw new PingppError('parameter-invalid')
    })
    clock.advance(HOUR)
    const failed = [{ id: 'n/a', order_no: '1', code: 'parameter-invalid' }]
    expect(await run()).toMatchObject({ error: null, failed })
  })

  it.each([
    ['brings nothing new', {}],
    ['contradicts the table', { amount: 1 }],
  ])('is over after an answer, even one that %s: the plan continues', async (_, row) => {
    const rows: OpenRedEnvelope[] = []
    const { pingpp, clock, run } = openShop({ open: () => rows, ...NO_SWEEP })
    const { id, created } = pingpp.make('1', SENT)
    rows.push({ id, order_no: '1', created, status: 'sent', ...row })
    clock.advance(2 * MINUTE)
    pingpp.onCall(({ what }) => {
      if (what === 'retrieve') throw new PingppError('not-found')
    })
    expect(await run()).toMatchObject({ failed: [{ code: 'not-found' }] })
    pingpp.onCall(() => {})
    clock.advance(MINUTE)
    expect(await run()).toMatchObject({ retrieved: 1, failed: [] })
    clock.advance(6 * MINUTE)
    expect(await run()).toMatchObject({ retrieved: 0 })
    clock.advance(MINUTE)
    expect(await run()).toMatchObject({ retrieved: 1 })
  })

  it('is not retried at once because the table has a status', async () => {
    const rows: OpenRedEnvelope[] = [
      { id: 'red_none', order_no: '1', created: START_MS / 1000, status: 'sent' },
    ]
    const { pingpp, clock, run } = openShop({ open: () => rows })
    pingpp.onCall(({ what }) => {
      if (what === 'retrieve') throw new PingppError('not-found')
    })
    clock.advance(HOUR)
    expect(await run()).toMatchObject({ failed: [{ status: 'sent' }] })
    expect(await run()).toMatchObject({ failed: [], open: 1 })
  })

  it.each(['server-failed', 'request-timed-out', 'response-invalid'] as const)(
    'concerns one envelope if the others are answered: %s [H9]',
    async (code) => {
      const { pingpp, clock, run, rows } = openRows(['1', '2', '3', '4', '5', '6', '7'])
      pingpp.onCall(({ id }) => {
        const index = rows.findIndex((row) => row.id === id)
        if (index >= 0 && index !== 2 && index !== 5) throw new PingppError(code)
      })
      clock.advance(HOUR)
      const { error, failed, retrieved } = await run()
      expect({ error, retrieved }).toEqual({ error: null, retrieved: 2 })
      expect(failed.map(({ order_no }) => order_no)).toEqual(['1', '2', '4', '5', '7'])
      expect(failed[0]).toMatchObject({ code, status: null, type: null })
    },
  )

  it('ends the run if three in a row fail; the next run queries them last', async () => {
    const { pingpp, clock, run, done } = openRows(['1', '2', '3', '4', '5'])
    clock.advance(HOUR)
    pingpp.onCall(({ what }) => {
      if (what === 'retrieve') throw new PingppError('server-failed', { status: 503 })
    })
    expect(await run()).toMatchObject({
      error: { code: 'server-failed' },
      requests: 4,
      failed: [{ order_no: '1' }, { order_no: '2' }, { order_no: '3' }],
    })
    pingpp.onCall(() => {})
    await run()
    expect(done).toEqual(['4 sent by poll', '5 sent by poll'])
    clock.advance(MINUTE)
    await run()
    expect(done).toHaveLength(5)
  })

  it('does not end the run if Ping++ has none of many envelopes', async () => {
    const { pingpp, clock, run } = openRows(['1', '2', '3', '4', '5'])
    clock.advance(HOUR)
    pingpp.onCall(({ what }) => {
      if (what === 'retrieve') throw new PingppError('not-found')
    })
    const report = await run()
    expect(report.error).toBeNull()
    expect(report.failed).toHaveLength(5)
  })

  it.each(['pingpp-unreachable', 'api-key-invalid', 'rate-limited', 'response-forged'] as const)(
    'ends the run at once if the next query would fail too: %s [H9]',
    async (code) => {
      const { pingpp, clock, run, done } = openRows(['1', '2'])
      clock.advance(HOUR)
      pingpp.onCall(({ what }) => {
        if (what === 'retrieve') throw new PingppError(code)
      })
      expect(await run()).toMatchObject({ error: { code }, requests: 2, failed: [] })
      pingpp.onCall(() => {})
      await run()
      expect(done).toEqual(['2 sent by poll'])
    },
  )
})

describe('the order of queries', () => {
  it('follows the due times', async () => {
    const rows: OpenRedEnvelope[] = []
    const { pingpp, clock, run } = openShop({ open: () => rows, ...NO_SWEEP })
    const make = (orderNo: string): void => {
      const { id, created } = pingpp.make(orderNo, SENT, { created: clock.now() / 1000 - 3600 })
      rows.unshift({ id, order_no: orderNo, created })
    }
    for (const orderNo of ['1', '2', '3']) {
      make(orderNo)
      clock.advance(MINUTE)
    }
    clock.advance(HOUR)
    await run()
    expect(pingpp.calls.flatMap(({ id }) => id ?? []).map((id) => id.slice(-1))).toEqual([
      '1',
      '2',
      '3',
    ])
  })
})

describe('the memory of a reconciler', () => {
  it('keeps an envelope that is open, however long Ping++ is unreachable', async () => {
    const { pingpp, clock, run, done } = openShop({ overlapSeconds: 3600 })
    pingpp.make('1', [...SENT, [24 * HOUR, 'refund']])
    await run()
    clock.advance(2 * HOUR)
    await run()
    pingpp.onCall(() => Promise.reject(new PingppError('pingpp-unreachable')))
    for (let day = 1; day <= 8; day += 1) {
      clock.advance(DAY)
      await run()
    }
    pingpp.onCall(() => {})
    await run()
    expect(done).toEqual(['1 sent by poll', '1 refund by poll'])
  })

  it('keeps what it logged for as long, so that it logs it again later', async () => {
    const { pingpp, clock, run, lines } = openShop()
    const conflicts = (): string[] => lines.filter((line) => line.includes('contradicts'))
    const { id } = pingpp.make('1', [[0, 'frozen']])
    await run()
    clock.advance(HOUR)
    await run()
    expect(conflicts()).toHaveLength(1)
    pingpp.move(id, 'received')
    await run()
    for (const days of [5, 5]) {
      clock.advance(days * DAY)
      await run()
    }
    pingpp.move(id, 'frozen' as never)
    await run({ from: START_MS / 1000 })
    expect(conflicts()).toHaveLength(2)
  })

  it('logs a conflict as one, although the list and the query of one run both report it', async () => {
    const { pingpp, clock, run, lines } = openShop()
    pingpp.make('1', [[0, 'frozen']], { livemode: false })
    clock.advance(3 * MINUTE)
    const { conflicts } = await run()
    expect(conflicts.map(({ order_no }) => order_no)).toEqual(['1', '1'])
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/ \(order_no 1\): status\.$/)
  })

  it('forgets an envelope that the table no longer has open', async () => {
    const rows: OpenRedEnvelope[] = []
    const { pingpp, clock, run } = openShop({ open: () => rows })
    const { id, created } = pingpp.make('1', SENT)
    const row = { id, order_no: '1', created }
    rows.push(row)
    clock.advance(HOUR)
    expect(await run()).toMatchObject({ applied: [{ id }] })
    rows.pop()
    for (const days of [5, 5]) {
      clock.advance(days * DAY)
      await run()
    }
    rows.push(row)
    expect(await run()).toMatchObject({ retrieved: 1, duplicates: 1 })
  })

  it('keeps an envelope for as long as the sweep can list it', async () => {
    const { pingpp, clock, run, pretend } = openShop()
    pingpp.make('1', OPENED)
    pretend(() => Promise.resolve({ outcome: 'handled' }))
    clock.advance(HOUR)
    expect(await run()).toMatchObject({ dispatched: 1 })
    clock.advance(71 * HOUR)
    expect(await run()).toMatchObject({ swept: 1, dispatched: 0 })
    for (const days of [10, 10]) {
      clock.advance(days * DAY)
      await run()
    }
    // Only the inbox has its record now; a memory that grew for ever would be worse.
    expect(await run({ from: START_MS / 1000 })).toMatchObject({ swept: 1, dispatched: 1 })
  })
})
