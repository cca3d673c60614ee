import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  InboxError,
  memoryInbox,
  type DispatchResult,
  type HandlerContext,
  type Inbox,
} from '../src/index.ts'
import { deferred, type Deferred } from './deferred.ts'
import {
  asEvent,
  chargeSucceeded,
  envelopeSent,
  NOW_MS,
  openReceiver,
  type Opened,
  errorOf,
  nameOf,
} from './signed.ts'

const KEY = 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD'
const RETENTION_SECONDS = 48 * 60 * 60

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  const timersLeft = vi.getTimerCount()
  vi.useRealTimers()
  if (timersLeft > 0) throw new Error(`The test leaves ${timersLeft} timers behind.`)
})

describe('duplicates', () => {
  it('of an event that was applied are answered 200 without running a handler', async () => {
    const opened = openReceiver()
    opened.webhooks.on('*', (event) => void opened.seen.push(event))
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
    const reply = await opened.deliver(envelopeSent())
    expect(reply).toMatchObject({ outcome: 'duplicate', status: 200 })
    expect(opened.seen).toHaveLength(1)
    expect(opened.reports[1]).toMatchObject({
      outcome: 'duplicate',
      shared: false,
    })
  })

  it('of an event that is being applied share its success, 50 at once [S12]', async () => {
    const { opened, runs } = openGated()
    const replies = Array.from({ length: 50 }, () => opened.deliver(envelopeSent()))
    await runs.started(1)
    runs.at(0).resolve()
    const outcomes = (await Promise.all(replies)).map((reply) => reply.outcome)
    expect(new Set(outcomes)).toEqual(new Set(['handled']))
    expect(runs.count()).toBe(1)
    expect(opened.admitted).toEqual([KEY])
    expect(opened.reports.filter((report) => report.shared)).toHaveLength(49)
  })

  it('of an event that is being applied share its failure, which is logged once', async () => {
    const { opened, runs } = openGated()
    const replies = [opened.deliver(envelopeSent()), opened.deliver(envelopeSent())]
    await runs.started(1)
    const error = new Error('declined')
    runs.at(0).reject(error)
    expect(await Promise.all(replies)).toMatchObject([
      { outcome: 'failed', status: 500 },
      { outcome: 'failed', status: 500 },
    ])
    expect(opened.reports).toMatchObject([
      { shared: false, error: { cause: error } },
      { shared: true, error: { cause: error } },
    ])
    expect(opened.lines).toHaveLength(1)
  })

  it('of a failed event run it once more, not twice [E4]', async () => {
    const { opened, runs } = openGated()
    const first = opened.deliver(envelopeSent())
    await runs.started(1)
    runs.at(0).reject(new Error('declined'))
    await first
    const next = [opened.deliver(envelopeSent()), opened.deliver(envelopeSent())]
    await runs.started(2)
    runs.at(1).resolve()
    expect((await Promise.all(next)).map((reply) => reply.outcome)).toEqual(['handled', 'handled'])
    expect(runs.count()).toBe(2)
    expect(opened.applied).toEqual([KEY])
  })

  it('are detected across webhook and poll [H6]', async () => {
    const { opened, runs } = openGated()
    const webhook = opened.deliver(envelopeSent())
    await runs.started(1)
    const event = asEvent(envelopeSent({ id: undefined }))
    const poll = opened.webhooks.dispatch(event, { source: 'poll' })
    runs.at(0).resolve()
    expect((await webhook).outcome).toBe('handled')
    expect(await poll).toEqual({ outcome: 'handled', shared: true })
    expect(runs.count()).toBe(1)
    const bySource = Object.fromEntries(opened.reports.map((report) => [report.source, report]))
    expect(bySource).toMatchObject({
      webhook: { kind: 'delivery', shared: false },
      poll: { kind: 'dispatch', shared: true },
    })
  })

  it('are recognised by the envelope and its step: under another id, with another amount [E30, H8]', async () => {
    const opened = openReceiver()
    opened.webhooks.on('*', (event) => void opened.seen.push(event))
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
    const again = envelopeSent({ id: 'evt_another', object: { amount: 20_000 } })
    expect(await opened.deliver(again)).toMatchObject({ outcome: 'duplicate', status: 200 })
    expect(opened.seen).toMatchObject([{ data: { object: { amount: 100 } } }])
  })

  it('are distinguished from other events, which run at the same time', async () => {
    const { opened, runs } = openGated()
    const replies = [opened.deliver(envelopeSent()), opened.deliver(chargeSucceeded())]
    await runs.started(2)
    runs.at(1).resolve()
    expect((await replies[1])?.outcome).toBe('handled')
    runs.at(0).resolve()
    expect((await replies[0])?.outcome).toBe('handled')
  })
})

describe('the handlers’ deadline', () => {
  it('answers 500 when the handlers are still running at it, and fires their signal [F4]', async () => {
    const { opened, runs } = openGated()
    const reply = opened.deliver(envelopeSent())
    await runs.started(1)
    const { signal } = runs.context(0)
    expect(signal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(4999)
    expect(signal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await reply).toMatchObject({
      outcome: 'failed',
      code: 'handler-timed-out',
      status: 500,
      body: '{"outcome":"failed","code":"handler-timed-out"}',
    })
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toMatchObject({ name: 'WebhookError', code: 'handler-timed-out' })
    expect(opened.reports).toMatchObject([
      { kind: 'delivery', outcome: 'failed', code: 'handler-timed-out', status: 500 },
    ])
    expect(opened.applied).toEqual([])
  })

  it('is `handlerTimeoutMs` for all handlers together', async () => {
    const opened = openReceiver({ handlerTimeoutMs: 100 })
    const first = deferred()
    const second = deferred()
    opened.webhooks.on('*', () => first.promise).on('*', () => second.promise)
    const reply = opened.deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(60)
    first.resolve()
    await vi.advanceTimersByTimeAsync(39)
    expect(opened.reports).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(await reply).toMatchObject({ outcome: 'failed', code: 'handler-timed-out' })
    second.resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(opened.applied).toEqual([KEY])
  })

  it('has no effect when the handlers are in time: no signal fires, no timer stays', async () => {
    const { opened, runs } = openGated()
    const reply = opened.deliver(envelopeSent())
    await runs.started(1)
    await vi.advanceTimersByTimeAsync(4999)
    runs.at(0).resolve()
    expect((await reply).outcome).toBe('handled')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(runs.context(0).signal.aborted).toBe(false)
    expect(opened.reports).toHaveLength(1)
  })

  it('has aborted the signal when a handler reads it late [F16]', async () => {
    const opened = openReceiver()
    const gate = deferred()
    const found: unknown[] = []
    opened.webhooks.on('*', async (_, context) => {
      await gate.promise
      found.push(context.signal.aborted)
    })
    const reply = opened.deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    await reply
    gate.resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(found).toEqual([true])
  })

  it('lets a handler stop that honours the signal, and the event runs again [F16]', async () => {
    const opened = openReceiver()
    let runs = 0
    opened.webhooks.on('*', (_, { signal }) => {
      runs += 1
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
    })
    for (const run of [1, 2]) {
      const reply = opened.deliver(envelopeSent())
      await vi.advanceTimersByTimeAsync(5000)
      expect(await reply).toMatchObject({ outcome: 'failed', code: 'handler-timed-out' })
      expect(runs).toBe(run)
    }
    expect(opened.reports.map((report) => report.kind)).toEqual([
      'delivery',
      'late',
      'delivery',
      'late',
    ])
  })
})

describe('an event whose handlers have passed their deadline', () => {
  it('stays claimed: its duplicates share the 500 at once, and nothing runs twice [F4]', async () => {
    const { opened, runs } = await openTimedOut()
    const again = await opened.deliver(envelopeSent())
    expect(again).toMatchObject({ outcome: 'failed', code: 'handler-timed-out', status: 500 })
    expect(runs.count()).toBe(1)
    expect(opened.admitted).toEqual([KEY])
    runs.at(0).resolve()
    await vi.advanceTimersByTimeAsync(0)
  })

  it('is applied when they succeed late: that is reported, and the next delivery is a duplicate [F5]', async () => {
    const { opened, runs } = await openTimedOut()
    runs.at(0).resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(opened.applied).toEqual([KEY])
    expect(opened.reports).toMatchObject([
      { kind: 'delivery', outcome: 'failed', code: 'handler-timed-out' },
      {
        kind: 'late',
        outcome: 'handled',
        status: undefined,
        eventId: 'evt_dS28Kn8qsUCBZYTgSUxCPnKA',
        eventType: 'red_envelope.sent',
        key: KEY,
        source: 'webhook',
        shared: false,
        receivedAt: new Date(NOW_MS),
      },
    ])
    expect(await opened.deliver(envelopeSent())).toMatchObject({
      outcome: 'duplicate',
      status: 200,
    })
    expect(runs.count()).toBe(1)
  })

  it('runs again when they fail late: that is reported and logged [F6]', async () => {
    const { opened, runs } = await openTimedOut()
    const error = new Error('declined')
    runs.at(0).reject(error)
    await vi.advanceTimersByTimeAsync(0)
    expect(opened.applied).toEqual([])
    expect(opened.reports[1]).toMatchObject({
      kind: 'late',
      outcome: 'failed',
      code: 'handler-failed',
      error: { cause: error },
      status: undefined,
    })
    expect(opened.lines).toHaveLength(2)
    expect(opened.lines[1]).toContain('handler-failed')
    const next = opened.deliver(envelopeSent())
    await runs.started(2)
    runs.at(1).resolve()
    expect((await next).outcome).toBe('handled')
  })

  it('is released even if they throw undefined [F3] [F6]', async () => {
    const { opened, runs } = await openTimedOut()
    runs.at(0).reject(undefined)
    await vi.advanceTimersByTimeAsync(0)
    expect(opened.reports[1]).toMatchObject({ kind: 'late', outcome: 'failed' })
    const next = opened.deliver(envelopeSent())
    await runs.started(2)
    runs.at(1).resolve()
    await next
  })

  it('does not delay other events [F18]', async () => {
    const { opened, runs } = await openTimedOut()
    const other = opened.deliver(chargeSucceeded())
    await runs.started(2)
    runs.at(1).resolve()
    expect((await other).outcome).toBe('handled')
    runs.at(0).resolve()
    await vi.advanceTimersByTimeAsync(0)
  })
})

describe('1,000 events whose handlers take four seconds each', () => {
  it('run at the same time, and are all applied [F18]', async () => {
    const opened = openReceiver()
    opened.webhooks.on('*', () => new Promise((resolve) => setTimeout(resolve, 4000)))
    const replies = Array.from({ length: 1000 }, (_, number) =>
      opened.deliver(chargeSucceeded({ id: `evt_${number}` })),
    )
    await vi.advanceTimersByTimeAsync(4000)
    const outcomes = (await Promise.all(replies)).map((reply) => reply.outcome)
    expect(new Set(outcomes)).toEqual(new Set(['handled']))
    expect(opened.applied).toHaveLength(1000)
  })
})

describe('a handler that dispatches the event that it is handling', () => {
  it('waits for its own run until the deadline, and no longer [F12]', async () => {
    const opened = openReceiver()
    const inner: DispatchResult[] = []
    opened.webhooks.on('*', async (event) => {
      await Promise.resolve()
      inner.push(await opened.webhooks.dispatch(event))
    })
    const reply = opened.deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    expect(await reply).toMatchObject({ outcome: 'failed', code: 'handler-timed-out' })
    expect(inner).toMatchObject([{ outcome: 'failed', error: { code: 'handler-timed-out' } }])
    expect(opened.reports.at(-1)).toMatchObject({ kind: 'late', outcome: 'handled' })
    expect(opened.applied).toEqual([KEY])
  })

  it('is not run inside its own run, even if it dispatches before anything else [F12]', async () => {
    const opened = openReceiver()
    let runs = 0
    opened.webhooks.on('*', async (event) => {
      runs += 1
      await opened.webhooks.dispatch(event)
    })
    const reply = opened.deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    await reply
    expect(runs).toBe(1)
    expect(opened.applied).toEqual([KEY])
    expect((await opened.deliver(envelopeSent())).outcome).toBe('duplicate')
  })

  it('may dispatch another event [F12]', async () => {
    const opened = openReceiver()
    const inner: DispatchResult[] = []
    opened.webhooks.on('red_envelope.sent', async () => {
      inner.push(await opened.webhooks.dispatch(asEvent(chargeSucceeded())))
    })
    opened.webhooks.on('charge.succeeded', (event) => void opened.seen.push(event))
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
    expect(inner).toEqual([{ outcome: 'handled' }])
  })
})

describe('the async context of a delivery', () => {
  it('is the same from the request to its handlers [F17]', async () => {
    const trace = new AsyncLocalStorage<string>()
    const opened = openReceiver()
    const traces: (string | undefined)[] = []
    opened.webhooks.on('*', async () => {
      await Promise.resolve()
      traces.push(trace.getStore())
    })
    await Promise.all([
      trace.run('first', () => opened.deliver(envelopeSent())),
      trace.run('second', () => opened.deliver(chargeSucceeded())),
    ])
    expect(new Set(traces)).toEqual(new Set(['first', 'second']))
  })
})

describe('an inbox', () => {
  it.each<[string, () => Promise<never>]>([
    ['rejects', () => Promise.reject(new Error('connect ECONNREFUSED'))],
    [
      'throws',
      () => {
        throw new Error('connect ECONNREFUSED')
      },
    ],
  ])(
    'that %s is unavailable: 500, no handler runs, and the next delivery asks again',
    async (_, admit) => {
      let isDown = true
      const healthy = memoryInbox({ now: () => NOW_MS })
      const opened = openReceiver({
        inbox: inboxOf((key, work) => (isDown ? admit() : healthy.admit(key, work))),
      })
      opened.webhooks.on('*', (event) => void opened.seen.push(event))
      const reply = await opened.deliver(envelopeSent())
      expect(reply).toMatchObject({
        outcome: 'failed',
        code: 'inbox-unavailable',
        status: 500,
        body: '{"outcome":"failed","code":"inbox-unavailable"}',
      })
      expect(opened.seen).toEqual([])
      expect(opened.reports).toMatchObject([
        { code: 'inbox-unavailable', error: { cause: { message: 'connect ECONNREFUSED' } } },
      ])
      isDown = false
      expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
      expect(opened.seen).toHaveLength(1)
    },
  )

  it('with a claim of another process on the event is busy: 500', async () => {
    const opened = openReceiver({ inbox: inboxOf(() => Promise.resolve('busy')) })
    opened.webhooks.on('*', (event) => void opened.seen.push(event))
    const reply = await opened.deliver(envelopeSent())
    expect(reply).toMatchObject({ outcome: 'failed', code: 'inbox-busy', status: 500 })
    expect(opened.reports).toMatchObject([{ code: 'inbox-busy', error: { code: 'inbox-busy' } }])
    expect(opened.seen).toEqual([])
  })

  it('that hangs is unavailable at the deadline, and starts nothing after it [E8]', async () => {
    const gate = deferred()
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        await gate.promise
        await work({})
        return 'applied'
      }),
    })
    opened.webhooks.on('*', (event) => void opened.seen.push(event))
    const reply = opened.deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    expect(await reply).toMatchObject({ outcome: 'failed', code: 'inbox-unavailable', status: 500 })
    expect(opened.reports).toMatchObject([{ code: 'inbox-unavailable' }])
    gate.resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(opened.seen).toEqual([])
    expect(opened.reports).toMatchObject([
      { kind: 'delivery' },
      { kind: 'late', outcome: 'failed', code: 'inbox-unavailable' },
    ])
    const next = await opened.deliver(envelopeSent())
    expect(next.outcome).toBe('handled')
    expect(opened.seen).toHaveLength(1)
  })

  it('that fails after the handlers succeeded is unavailable: the event runs again [E7]', async () => {
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        await work({})
        throw new Error('COMMIT failed')
      }),
    })
    opened.webhooks.on('*', (event) => void opened.seen.push(event))
    expect(await opened.deliver(envelopeSent())).toMatchObject({
      outcome: 'failed',
      code: 'inbox-unavailable',
    })
    expect(opened.reports).toMatchObject([{ error: { cause: { message: 'COMMIT failed' } } }])
    expect(await opened.deliver(envelopeSent())).toMatchObject({
      outcome: 'failed',
      code: 'inbox-unavailable',
    })
    expect(opened.seen).toHaveLength(2)
  })

  it.each<[string, (error: unknown) => unknown]>([
    ['as it was', (error) => error],
    ['as another error', () => new Error('ROLLBACK failed')],
    ['as nothing', () => undefined],
  ])('that passes on the error of a handler %s does not hide it [E20]', async (_, passOn) => {
    const error = new Error('declined')
    const opened = openReceiver({
      inbox: inboxOf((_key, work) =>
        work({}).then(
          () => 'applied',
          (each) => Promise.reject(passOn(each) as Error),
        ),
      ),
    })
    opened.webhooks.on('*', () => Promise.reject(error))
    expect(await opened.deliver(envelopeSent())).toMatchObject({ outcome: 'failed', status: 500 })
    expect(errorOf(opened.reports[0])?.cause).toBe(error)
  })

  it('gets an Error from failing handlers, whatever they threw', async () => {
    const caught: unknown[] = []
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        await work({}).catch((error: unknown) => caught.push(error))
        throw new Error('rolled back')
      }),
    })
    opened.webhooks.on('*', () => Promise.reject(undefined as unknown as Error))
    expect((await opened.deliver(envelopeSent())).outcome).toBe('failed')
    expect(caught).toMatchObject([
      { name: 'WebhookError', code: 'handler-failed', cause: undefined },
    ])
    expect(caught[0]).toBeInstanceOf(Error)
  })

  it.each<[string, Admit, string]>([
    ['applied without running anything', () => Promise.resolve('applied'), 'not started'],
    [
      'applied while the handlers run',
      (_, work) => {
        void work({})
        return Promise.resolve('applied')
      },
      'started',
    ],
    [
      'duplicate after running them',
      async (_, work) => {
        await work({})
        return 'duplicate'
      },
      'finished',
    ],
    [
      'busy after running them',
      async (_, work) => {
        await work({})
        return 'busy'
      },
      'finished',
    ],
    ['nothing', () => Promise.resolve(undefined as never), 'not started'],
    ['OK', () => Promise.resolve('OK' as never), 'not started'],
    ['true', () => Promise.resolve(true as never), 'not started'],
    ['a symbol', () => Promise.resolve(Symbol('applied') as never), 'not started'],
    ['an object', () => Promise.resolve({ applied: true } as never), 'not started'],
    ['what cannot be printed', () => Promise.resolve(Object.create(null) as never), ''],
  ])('that returns %s causes a 500 [E20]', async (_, admit, done) => {
    const opened = openReceiver({ inbox: inboxOf(admit) })
    opened.webhooks.on('*', async () => {
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
    })
    const reply = await opened.deliver(envelopeSent())
    expect(reply).toMatchObject({ outcome: 'failed', code: 'inbox-unavailable', status: 500 })
    expect(opened.reports).toMatchObject([{ code: 'inbox-unavailable' }])
    expect(errorOf(opened.reports[0])?.message).toContain(done)
  })

  it.each(['applied', 'duplicate', 'busy'] as const)(
    'that swallows a failure and returns %s does not hide it [E20]',
    async (admission) => {
      const error = new Error('declined')
      const opened = openReceiver({
        inbox: inboxOf(async (_, work) => {
          await work({}).catch(() => {})
          return admission
        }),
      })
      opened.webhooks.on('*', () => Promise.reject(error))
      expect((await opened.deliver(envelopeSent())).outcome).toBe('failed')
      expect(errorOf(opened.reports[0])?.cause).toBe(error)
    },
  )

  it('may run the work again, such as after a serialization failure: the last run counts [E18]', async () => {
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        await work({}).catch(() => {})
        await work({})
        return 'applied'
      }),
    })
    let runs = 0
    opened.webhooks.on('*', () => {
      runs += 1
      if (runs === 1) throw new Error('could not serialize access')
    })
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
    expect(runs).toBe(2)
  })

  it('passes its context to handlers, such as a transaction', async () => {
    const tx = { query: () => 'row' }
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        await work({ tx })
        return 'applied'
      }),
    })
    const lent: unknown[] = []
    opened.webhooks.on('*', (_, context) => void lent.push((context as { tx?: unknown }).tx))
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
    expect(lent).toEqual([tx])
  })

  it('cannot shadow the context that core passes to a handler', async () => {
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        await work({ source: 'inbox', signal: 'inbox', rawBody: 'inbox', receivedAt: 0 })
        return 'applied'
      }),
    })
    const contexts: HandlerContext[] = []
    opened.webhooks.on('*', (_, context) => void contexts.push(context))
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
    expect(contexts).toMatchObject([
      { source: 'webhook', signal: { aborted: false }, receivedAt: new Date(NOW_MS) },
    ])
    expect(contexts[0]?.rawBody).toBeInstanceOf(Uint8Array)
  })

  it('fires the signal of handlers when it loses its claim, with its own reason [F33]', async () => {
    const claim = new AbortController()
    const lost = new InboxError('redis-lease-lost', 'The lease was lost.')
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        await work({}, { signal: claim.signal })
        return 'applied'
      }),
    })
    const reasons: unknown[] = []
    opened.webhooks.on('*', (_, { signal }) => {
      expect(signal.aborted).toBe(false)
      claim.abort(lost)
      reasons.push(signal.reason)
      signal.throwIfAborted()
    })
    expect((await opened.deliver(envelopeSent())).outcome).toBe('failed')
    expect(reasons).toEqual([lost])
    expect(opened.reports).toMatchObject([{ code: 'handler-failed', error: { cause: lost } }])
  })

  it('that has lost its claim already passes handlers an aborted signal [F33]', async () => {
    const lost = new InboxError('redis-lease-lost', 'The lease was lost.')
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        await work({}, { signal: AbortSignal.abort(lost) })
        return 'applied'
      }),
    })
    const reasons: unknown[] = []
    opened.webhooks.on('*', (_, { signal }) => void reasons.push(signal.reason))
    await opened.deliver(envelopeSent())
    expect(reasons).toEqual([lost])
  })

  it('with a signal of its own does not replace the deadline of handlers [F4]', async () => {
    const gate = deferred()
    const claim = new AbortController()
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        await work({}, { signal: claim.signal })
        return 'applied'
      }),
    })
    const signals: AbortSignal[] = []
    opened.webhooks.on('*', async (_, { signal }) => {
      signals.push(signal)
      await gate.promise
    })
    const reply = opened.deliver(envelopeSent())
    await vi.waitFor(() => expect(signals).toHaveLength(1))
    await vi.advanceTimersByTimeAsync(5000)
    expect(await reply).toMatchObject({ status: 500 })
    claim.abort(new Error('too late'))
    expect(signals[0]?.reason).toMatchObject({ code: 'handler-timed-out' })
    gate.resolve()
    await opened.webhooks.close()
  })

  it('is called once for deliveries at the same time, and again if it missed the deadline [E3] [E8]', async () => {
    const gate = deferred()
    const handled: string[] = []
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        await gate.promise
        await work({})
        return 'applied'
      }),
    })
    opened.webhooks.on('*', (event) => void handled.push(event.type))
    const replies = Array.from({ length: 20 }, () => opened.deliver(envelopeSent()))
    await vi.advanceTimersByTimeAsync(5000)
    const outcomes = (await Promise.all(replies)).map(nameOf)
    expect(new Set(outcomes)).toEqual(new Set(['inbox-unavailable']))
    expect(opened.admitted).toEqual([KEY])

    const sentAgain = opened.deliver(envelopeSent())
    gate.resolve()
    expect((await sentAgain).outcome).toBe('handled')
    expect(opened.admitted).toEqual([KEY, KEY])
    expect(handled).toEqual(['red_envelope.sent'])
  })

  it('that hangs after the handlers ended is called again by the next delivery [E10] [E11]', async () => {
    let asked = 0
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        asked += 1
        await work({})
        if (asked === 1) await new Promise(() => {})
        return 'applied'
      }),
    })
    opened.webhooks.on('*', () => {})
    const first = opened.deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    expect(await first).toMatchObject({ outcome: 'failed', code: 'inbox-unavailable' })
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
  })

  it('that rejects while a handler runs starts no second run beside it', async () => {
    const gate = deferred()
    let running = 0
    let most = 0
    const opened = openReceiver({
      inbox: inboxOf((_, work) => {
        void work({})
        return Promise.reject(new Error('the lease is lost'))
      }),
    })
    opened.webhooks.on('*', async () => {
      running += 1
      most = Math.max(most, running)
      await gate.promise
      running -= 1
    })
    const replies = [opened.deliver(envelopeSent()), opened.deliver(envelopeSent())]
    await vi.advanceTimersByTimeAsync(10)
    replies.push(opened.deliver(envelopeSent()))
    gate.resolve()
    const outcomes = (await Promise.all(replies)).map(nameOf)
    expect(outcomes).toEqual(['inbox-unavailable', 'inbox-unavailable', 'inbox-unavailable'])
    expect(most).toBe(1)
  })

  it('that runs the work twice at once, or after it has answered, is refused the second run', async () => {
    const runs: string[] = []
    const late: Promise<unknown>[] = []
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        const again = Promise.allSettled([work({}), work({})])
        late.push(again.then(() => work({}).catch((error: unknown) => error)))
        await again
        return 'applied'
      }),
    })
    opened.webhooks.on('*', async (event) => {
      runs.push(event.type)
      await Promise.resolve()
    })
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
    expect(runs.length).toBeLessThanOrEqual(2)
    await Promise.all(late)
  })

  it('crashes nothing by not waiting for a handler that fails', async () => {
    const opened = openReceiver({
      inbox: inboxOf((_, work) => {
        void work({})
        return Promise.resolve('applied')
      }),
    })
    opened.webhooks.on('*', () => Promise.reject(new Error('late')))
    expect((await opened.deliver(envelopeSent())).outcome).toBe('failed')
  })

  it('crashes nothing by starting work after the deadline without waiting for it', async () => {
    const gate = deferred()
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        await gate.promise
        void work({})
        return 'applied'
      }),
    })
    opened.webhooks.on('*', (event) => void opened.seen.push(event))
    const reply = opened.deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    expect(await reply).toMatchObject({ code: 'inbox-unavailable' })
    gate.resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(opened.seen).toEqual([])
    expect(opened.reports.at(-1)).toMatchObject({ kind: 'late', code: 'inbox-unavailable' })
  })

  it('crashes nothing by running the work again without waiting for the refusal', async () => {
    const opened = openReceiver({
      inbox: inboxOf(async (_, work) => {
        await work({})
        // While it runs, and when it has ended.
        void work({})
        void work({})
        return 'applied'
      }),
    })
    opened.webhooks.on('*', () => {})
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
  })

  it.each(['handled', 'duplicate', 'unhandled', 'method-not-allowed', 'no-such-code'])(
    'cannot turn a failed event into another outcome by changing its error (%s)',
    async (code) => {
      const opened = openReceiver({
        inbox: inboxOf(async (_, work) => {
          try {
            await work({})
          } catch (error) {
            Object.assign(error as object, { code, outcome: code })
            throw error
          }
          return 'applied'
        }),
      })
      opened.webhooks.on('*', () => Promise.reject(new Error('no stock')))
      const reply = await opened.deliver(envelopeSent())
      expect(reply).toMatchObject({ status: 500, outcome: 'failed', code: 'handler-failed' })
    },
  )

  it('shares the running work with a handler that dispatches its own event', async () => {
    const opened = openReceiver({ inbox: memoryInbox() })
    let runs = 0
    opened.webhooks.on('red_envelope.sent', async (event) => {
      runs += 1
      void opened.webhooks.dispatch(event)
      await Promise.resolve()
    })
    const [first, second] = [opened.deliver(envelopeSent()), opened.deliver(envelopeSent())]
    expect((await first).outcome).toBe('handled')
    expect((await second).outcome).toBe('handled')
    expect(runs).toBe(1)
  })

  it('is called with its own `this`', async () => {
    const held: unknown[] = []
    const inbox: Inbox = {
      retentionSeconds: RETENTION_SECONDS,
      async admit(_, work) {
        held.push(this)
        await work({})
        return 'applied'
      },
    }
    const opened = openReceiver({ inbox: inboxOf((key, work) => inbox.admit(key, work)) })
    opened.webhooks.on('*', () => {})
    await opened.deliver(envelopeSent())
    expect(held).toEqual([inbox])
  })
})

type Admit = Inbox['admit']

function inboxOf(admit: Admit): Inbox {
  return { retentionSeconds: RETENTION_SECONDS, admit }
}

/** The runs of a handler, each of which the test ends. */
interface Runs {
  count(): number
  /** Resolves when that many runs have begun. */
  started(count: number): Promise<void>
  at(run: number): Deferred<void>
  context(run: number): HandlerContext
}

/** A receiver whose handler waits for the test. */
function openGated(): { readonly opened: Opened; readonly runs: Runs } {
  const opened = openReceiver()
  const gates: { readonly end: Deferred<void>; readonly context: HandlerContext }[] = []
  opened.webhooks.on('*', (_, context) => {
    const end = deferred()
    gates.push({ end, context })
    return end.promise
  })
  const gate = (run: number): (typeof gates)[number] => {
    const found = gates[run]
    if (found === undefined) throw new Error(`run ${run} has not begun`)
    return found
  }
  const runs: Runs = {
    count: () => gates.length,
    async started(count) {
      for (let turn = 0; turn < 10 && gates.length < count; turn += 1) {
        await vi.advanceTimersByTimeAsync(0)
      }
      expect(gates).toHaveLength(count)
    },
    at: (run) => gate(run).end,
    context: (run) => gate(run).context,
  }
  return { opened, runs }
}

/** A receiver with one delivery that was answered at the deadline while its handler runs on. */
async function openTimedOut(): Promise<{ readonly opened: Opened; readonly runs: Runs }> {
  const { opened, runs } = openGated()
  const reply = opened.deliver(envelopeSent())
  await vi.advanceTimersByTimeAsync(5000)
  expect(await reply).toMatchObject({ outcome: 'failed', code: 'handler-timed-out' })
  return { opened, runs }
}
