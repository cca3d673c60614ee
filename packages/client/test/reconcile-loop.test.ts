import { getEventListeners } from 'node:events'
import type { Logger } from '@hongbao/core'
import { describe, expect, it, vi } from 'vitest'
import { PingppError, type OpenRedEnvelope, type PingppRequestOptions } from '../src/index.ts'
import type { ReadOpen } from '../src/reconcile/open-envelopes.ts'
import { waitByTimer } from '../src/http/retries.ts'
import { MINUTE, SENT, START_MS } from './in-memory-pingpp.ts'
import { startPingpp } from './pingpp.ts'
import { openShop, type Shop, type ShopOptions } from './reconciling.ts'

/** A wait that moves the clock, and holds the loop at its pause after so many runs. */
function createPacing(runs: number) {
  const pauses: number[] = []
  const paused = Promise.withResolvers<void>()
  const wait = async (ms: number, signal?: AbortSignal): Promise<void> => {
    pauses.push(ms)
    if (pauses.length < runs) return
    paused.resolve()
    await waitByTimer(2 ** 30, signal)
  }
  return { wait, pauses, paused: paused.promise }
}

describe('the loop', () => {
  it('runs at once, and again after every interval', async () => {
    const { wait, pauses, paused } = createPacing(4)
    const { reconciler, reports } = openShop({ wait })
    reconciler.start()
    await paused
    await reconciler.close()
    expect(pauses).toEqual([300_000, 300_000, 300_000, 300_000])
    expect(reports).toHaveLength(4)
  })

  it.each([
    [0, 54_000],
    [1 - 2 ** -53, 66_000],
  ])('spreads its pauses by 10 % (random %d)', async (random, pauseMs) => {
    const { wait, pauses, paused } = createPacing(1)
    const { reconciler } = openShop({ wait, intervalSeconds: 60, random: () => random })
    reconciler.start()
    await paused
    await reconciler.close()
    expect(pauses[0]).toBeCloseTo(pauseMs, 6)
  })

  it('waits longer each time while runs fail, up to an hour, and returns to its interval after that [H9]', async () => {
    const { wait, pauses, paused } = createPacing(10)
    const { reconciler, pingpp, reports, lines } = openShop({ wait, intervalSeconds: 60 })
    pingpp.onCall(() => {
      if (reports.length < 9) throw new PingppError('pingpp-unreachable')
    })
    reconciler.start()
    await paused
    await reconciler.close()
    expect(pauses.map((ms) => ms / MINUTE)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 1])
    expect(reports.map(({ error }) => error?.code)).toEqual([
      ...Array.from({ length: 9 }, () => 'pingpp-unreachable'),
      undefined,
    ])
    expect(lines[0]).toBe(
      '[hongbao] reconciler: pingpp-unreachable: The connection to Ping++ failed.',
    )
  })

  it.each([
    ['ten minutes', 10 * MINUTE, 10 * MINUTE],
    ['a year', 365 * 24 * 60 * MINUTE, 24 * 60 * MINUTE],
  ])('stops sending, and waits as long as Ping++ asks: %s', async (_, retryAfterMs, pauseMs) => {
    const { wait, pauses, paused } = createPacing(2)
    const { reconciler, pingpp, reports } = openShop({ wait, intervalSeconds: 60 })
    for (const orderNo of ['1', '2', '3']) pingpp.make(orderNo, SENT)
    pingpp.onCall(() => {
      if (reports.length === 0) throw new PingppError('server-failed', { retryAfterMs })
    })
    reconciler.start()
    await paused
    await reconciler.close()
    expect(pauses).toEqual([pauseMs, MINUTE])
    expect(reports[0]).toMatchObject({
      error: { code: 'server-failed', retryAfterMs },
      requests: 1,
    })
  })

  it('continues with single envelopes if the list may be retried in a minute', async () => {
    const { wait, pauses, paused } = createPacing(1)
    const { reconciler, pingpp, clock, run, done } = openShop({ wait, intervalSeconds: 60 })
    pingpp.make('1')
    await run()
    pingpp.move(pingpp.make('2').id, 'sent')
    pingpp.onCall(({ what }) => {
      if (what === 'list') throw new PingppError('server-failed', { retryAfterMs: MINUTE })
    })
    pingpp.move('red_000000000000000000000001', 'sent')
    clock.advance(MINUTE * 3)
    reconciler.start()
    await paused
    await reconciler.close()
    expect(done).toEqual(['1 sent by poll'])
    expect(pauses).toEqual([MINUTE])
  })

  it('stops in the middle of a pause', async () => {
    const { wait, paused } = createPacing(1)
    const { reconciler, reports } = openShop({ wait })
    reconciler.start()
    await paused
    await reconciler.close()
    expect(reports).toHaveLength(1)
  })

  it('stops between two envelopes, after the running handlers', async () => {
    const { reconciler, pingpp, webhooks, done, reports, lines } = openShop()
    for (const orderNo of ['1', '2', '3']) pingpp.make(orderNo, [[0, 'sent']])
    const [working, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    webhooks.on('red_envelope.sent', () => {
      working.resolve()
      return gate.promise
    })
    reconciler.start()
    await working.promise
    let hasStopped = false
    const stopped = reconciler.close().then(() => (hasStopped = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(hasStopped).toBe(false)
    gate.resolve()
    await stopped
    expect(done).toEqual(['3 sent by poll'])
    expect(reports).toMatchObject([
      { error: { code: 'run-aborted' }, applied: [{ order_no: '3' }] },
    ])
    expect(lines).toEqual([])
  })

  it.each<[string, (shop: Shop) => ReturnType<ReadOpen>]>([
    [
      'never answers',
      async function* silent() {
        await new Promise(() => {})
        yield* []
      },
    ],
    [
      'has no end',
      async function* endless() {
        for (;;) {
          yield { order_no: '1', created: START_MS / 1000 }
          await new Promise((resolve) => setImmediate(resolve))
        }
      },
    ],
    [
      'stops it itself',
      async function* stopping({ reconciler }) {
        await reconciler.close()
        yield* []
      },
    ],
    [
      'stops it at once',
      function stopping({ reconciler }) {
        void reconciler.close()
        return new Promise<never>(() => {})
      },
    ],
  ])('stops while it reads a table that %s', async (_, read) => {
    const asked = Promise.withResolvers<void>()
    const shop = openShop({
      open() {
        asked.resolve()
        return read(shop)
      },
    })
    shop.reconciler.start()
    await asked.promise
    await shop.reconciler.close()
    expect(shop.reports).toMatchObject([{ error: { code: 'run-aborted' }, requests: 0 }])
  })

  it('stops reading a table that has no end', async () => {
    const [asked, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const { reconciler } = openShop({
      async *open() {
        asked.resolve()
        try {
          for (;;) {
            yield { order_no: '1', created: START_MS / 1000 }
            await new Promise((resolve) => setImmediate(resolve))
          }
        } finally {
          closed.resolve()
        }
      },
    })
    reconciler.start()
    await asked.promise
    await reconciler.close()
    await expect(closed.promise).resolves.toBeUndefined()
  })

  it('leaves no listener on its signal from run to run', async () => {
    const listening: number[] = []
    const paused = Promise.withResolvers<void>()
    const { reconciler } = openShop({
      open: () => [],
      async wait(_ms, signal = new AbortController().signal) {
        listening.push(getEventListeners(signal, 'abort').length)
        if (listening.length < 5) return
        paused.resolve()
        await waitByTimer(2 ** 30, signal)
      },
    })
    reconciler.start()
    await paused.promise
    await reconciler.close()
    expect(listening).toEqual([0, 0, 0, 0, 0])
  })

  it('passes its signal to the client', async () => {
    const { reconciler, pingpp, reports } = openShop()
    const asked = Promise.withResolvers<void>()
    Object.assign(pingpp.client.redEnvelopes, {
      async *list(_query: unknown, options?: PingppRequestOptions) {
        asked.resolve()
        await new Promise((_resolve, reject) => {
          options?.signal?.addEventListener('abort', () =>
            reject(new PingppError('request-aborted')),
          )
        })
        yield* []
      },
    })
    reconciler.start()
    await asked.promise
    await reconciler.close()
    expect(reports).toMatchObject([{ error: { code: 'run-aborted' } }])
  })

  it('does nothing more when it is started twice or stopped twice, and starts again after a stop', async () => {
    const first = createPacing(1)
    const { reconciler, reports } = openShop({ wait: (...how) => first.wait(...how) })
    await reconciler.close()
    reconciler.start()
    reconciler.start()
    await first.paused
    await Promise.all([reconciler.close(), reconciler.close()])
    expect(reports).toHaveLength(1)
    reconciler.start()
    await reconciler.close()
    expect(reports).toHaveLength(2)
  })

  it('stops when its scope ends (`await using`)', async () => {
    const { wait, paused } = createPacing(1)
    const { restart, reports } = openShop({ wait })
    {
      await using reconciler = restart()
      reconciler.start()
      await paused
    }
    expect(reports).toHaveLength(1)
  })

  it('ends with a line in the log if a timer fails, without an unhandled rejection', async () => {
    const error = vi.fn<Logger['error']>()
    const { reconciler } = openShop({
      wait: () => Promise.reject(new Error('no timer')),
      logger: { warn() {}, error },
    })
    reconciler.start()
    while (error.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
    await reconciler.close()
    expect(error).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(
        /^\[hongbao\] reconciler: the loop has ended, because `now` threw\. \[Error at .*reconcile-loop\.test\.ts:\d+:\d+\)?\]$/,
      ),
      {
        code: 'reconciler-stopped',
        errorName: 'Error',
        errorPlace: expect.stringContaining('reconcile-loop.test.ts') as string,
      },
    )
  })
})

describe('runs', () => {
  it('go one at a time, in the order of the calls', async () => {
    const { reconciler, pingpp, reports } = openShop()
    let atWork = 0
    let most = 0
    pingpp.onCall(async () => {
      most = Math.max(most, (atWork += 1))
      await new Promise((resolve) => setImmediate(resolve))
      atWork -= 1
    })
    reconciler.start()
    const byHand = await Promise.all([
      reconciler.run({ to: START_MS / 1000 }),
      reconciler.run({ dryRun: true }),
    ])
    await reconciler.close()
    expect(most).toBe(1)
    expect(reports.slice(1, 3)).toEqual(byHand)
  })

  it('continue after one that a broken clock ended', async () => {
    let isBroken = false
    const { run } = openShop({
      now() {
        if (isBroken) throw new Error('no time')
        return START_MS
      },
    })
    isBroken = true
    await expect(run()).rejects.toThrow('no time')
    isBroken = false
    expect(await run()).toMatchObject({ error: null })
  })

  it('end with their signal, and report what was done until then', async () => {
    const { run, pingpp } = openShop()
    for (let n = 1; n <= 150; n += 1) pingpp.make(String(n), SENT)
    const controller = new AbortController()
    pingpp.onCall(({ query }) => {
      if (query?.starting_after !== undefined) controller.abort(new Error('enough'))
    })
    const report = await run({ signal: controller.signal })
    expect(report).toMatchObject({ error: { code: 'run-aborted' }, swept: 100 })
    expect(await run({ signal: AbortSignal.abort() })).toMatchObject({ requests: 0 })
  })
})

describe('a run that is stopped while it queries an envelope', () => {
  it('leaves it due', async () => {
    const rows: OpenRedEnvelope[] = []
    const sweptUntil = START_MS / 1000 + 1
    const { run, pingpp, clock } = openShop({ open: () => rows, overlapSeconds: 0, sweptUntil })
    const { id, created } = pingpp.make('1', SENT)
    rows.push({ id, order_no: '1', created })
    clock.advance(2 * MINUTE)
    const controller = new AbortController()
    pingpp.onCall(({ what }) => {
      if (what === 'list') return
      controller.abort()
      throw new PingppError('request-aborted')
    })
    expect(await run({ signal: controller.signal })).toMatchObject({
      error: { code: 'run-aborted' },
      failed: [],
    })
    pingpp.onCall(() => {})
    await run()
    expect(pingpp.calls.filter(({ what }) => what === 'retrieve')).toMatchObject([{ id }, { id }])
  })
})

describe('the rate limit', () => {
  /** How long after the first the requests of one run came, in milliseconds. */
  async function requestTimes(options: ShopOptions): Promise<number[]> {
    const { run, pingpp, clock } = openShop(options)
    // In test mode, envelopes are listed and queried.
    for (let n = 1; n <= 150; n += 1) pingpp.make(String(n), SENT, { livemode: false })
    clock.advance(2 * MINUTE)
    const startMs = clock.now()
    expect(await run()).toMatchObject({ requests: 152, swept: 150, retrieved: 150 })
    return pingpp.calls.map(({ atMs }) => Math.round(atMs - startMs))
  }

  it('applies to pages and to single envelopes alike', async () => {
    const times = await requestTimes({ requestsPerSecond: 10 })
    expect(times.slice(0, 13)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 200, 300])
    expect(times.at(-1)).toBe(14_200)
  })

  it('is five a second by default', async () => {
    const times = await requestTimes({ requestsPerSecond: undefined })
    expect(times.slice(0, 8)).toEqual([0, 0, 0, 0, 0, 200, 400, 600])
  })

  it('may be less than one a second', async () => {
    const times = await requestTimes({ requestsPerSecond: 0.5 })
    expect(times.slice(0, 4)).toEqual([0, 2000, 4000, 6000])
  })

  it('applies to the retries of the client', async () => {
    const { client, seen } = await startPingpp({
      steps: [{ status: 503 }],
      options: { retries: 3 },
    })
    const waits: number[] = []
    const wait = async (ms: number): Promise<void> => void waits.push(ms)
    const { run } = openShop({ pingpp: client, requestsPerSecond: 1, wait })
    expect(await run()).toMatchObject({ error: { code: 'server-failed' }, requests: 4 })
    expect(seen).toHaveLength(4)
    expect(waits).toEqual([1000, 1000, 1000])
  })

  it('does not wait longer each time if the clock stands still', async () => {
    const waits: number[] = []
    const { run, pingpp } = openShop({
      requestsPerSecond: 2,
      wait: async (ms) => void waits.push(ms),
    })
    for (let n = 1; n <= 550; n += 1) pingpp.make(String(n))
    await run()
    expect(waits).toEqual([500, 500, 500, 500])
  })

  it('does not wait for an hour if the clock is set back by one', async () => {
    const waits: number[] = []
    let nowMs = START_MS
    const { run, pingpp } = openShop({
      requestsPerSecond: 1,
      now: () => nowMs,
      wait: async (ms) => void waits.push(ms),
    })
    for (let n = 1; n <= 150; n += 1) pingpp.make(String(n))
    pingpp.onCall(() => void (nowMs -= 60 * MINUTE))
    await run()
    expect(waits).toEqual([1000])
  })

  it('ends its waits when the run is stopped', async () => {
    const { reconciler, pingpp, reports } = openShop({
      requestsPerSecond: 0.001,
      wait: waitByTimer,
    })
    for (let n = 1; n <= 150; n += 1) pingpp.make(String(n))
    const asked = Promise.withResolvers<void>()
    pingpp.onCall(() => asked.resolve())
    reconciler.start()
    await asked.promise
    await new Promise((resolve) => setImmediate(resolve))
    await reconciler.close()
    expect(reports).toMatchObject([{ error: { code: 'run-aborted' }, requests: 1 }])
  })
})
