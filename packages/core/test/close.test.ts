import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { memoryInbox } from '../src/index.ts'
import { deferred } from './deferred.ts'
import { asEvent, chargeSucceeded, envelopeSent, nameOf, openReceiver } from './signed.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

describe('close', () => {
  it('rejects later webhooks and dispatches with a 500', async () => {
    const { webhooks, deliver, reports, admitted } = openReceiver()
    webhooks.on('*', () => {})
    await webhooks.close()

    expect(await deliver(envelopeSent())).toMatchObject({
      outcome: 'failed',
      code: 'shutting-down',
      status: 500,
    })
    expect(await webhooks.dispatch(asEvent(chargeSucceeded()))).toMatchObject({
      outcome: 'failed',
      error: { code: 'shutting-down' },
    })
    expect(reports.map(nameOf)).toEqual(['shutting-down', 'shutting-down'])
    expect(admitted).toEqual([])
  })

  it('waits for running handlers, whose deliveries are answered as usual', async () => {
    const { webhooks, deliver } = openReceiver()
    const work = deferred()
    const begun = deferred()
    webhooks.on('red_envelope.sent', () => {
      begun.resolve()
      return work.promise
    })
    const reply = deliver(envelopeSent())
    await begun.promise

    const order: string[] = []
    const closed = webhooks.close().then(() => order.push('closed'))
    const duplicate = deliver(envelopeSent())
    work.resolve()
    expect(await reply).toMatchObject({ outcome: 'handled', status: 200 })
    order.push('answered')
    await closed
    expect(order).toEqual(['answered', 'closed'])
    // It came while the event ran, so it shares that run: nothing new was admitted for it.
    expect(await duplicate).toMatchObject({ outcome: 'handled', status: 200 })
  })

  it('waits for handlers that have passed their deadline', async () => {
    const { webhooks, deliver, reports } = openReceiver()
    const work = deferred()
    webhooks.on('red_envelope.sent', () => work.promise)
    const reply = deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    expect(await reply).toMatchObject({ outcome: 'failed', code: 'handler-timed-out' })

    const close = watch(webhooks.close())
    await vi.advanceTimersByTimeAsync(4999)
    expect(close.isOver).toBe(false)
    work.resolve()
    expect(await close.promise).toEqual({ running: [], inboxFlushed: true })
    expect(reports.at(-1)).toMatchObject({ kind: 'late', outcome: 'handled' })
  })

  it('ends after handlerTimeoutMs although a handler hangs, and returns the running events [F24]', async () => {
    const { webhooks, deliver, reports } = openReceiver()
    webhooks.on('*', () => new Promise(() => {}))
    const reply = deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(1)

    const close = watch(webhooks.close())
    await vi.advanceTimersByTimeAsync(4999)
    expect(close.isOver).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    // Answered as if nothing were closing: at its own deadline, which is never after that of `close`.
    expect(await reply).toMatchObject({ outcome: 'failed', code: 'handler-timed-out' })
    expect(await close.promise).toEqual({
      running: [
        {
          key: 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD',
          eventType: 'red_envelope.sent',
          eventId: 'evt_dS28Kn8qsUCBZYTgSUxCPnKA',
          waitsFor: 'handlers',
          runningMs: expect.any(Number),
        },
      ],
      inboxFlushed: true,
    })
    expect(reports.map(({ outcome }) => outcome)).toEqual(['failed'])
  })

  it('leaves running handlers their claim, and reports their late result [F24]', async () => {
    const { webhooks, deliver, reports } = openReceiver()
    const work = deferred()
    webhooks.on('red_envelope.sent', () => work.promise)
    void deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    const closed = webhooks.close()
    await vi.advanceTimersByTimeAsync(5000)
    expect((await closed).running).toHaveLength(1)

    expect(await deliver(envelopeSent())).toMatchObject({
      outcome: 'failed',
      code: 'handler-timed-out',
    })
    work.resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(reports.at(-1)).toMatchObject({ kind: 'late', outcome: 'handled' })
  })

  it('ends after twice handlerTimeoutMs if the inbox never confirms, and returns the event [F25]', async () => {
    const { webhooks, deliver } = openReceiver({
      inbox: {
        retentionSeconds: 172_800,
        async admit(_, run) {
          await run({})
          return new Promise(() => {})
        },
      },
    })
    const work = deferred()
    webhooks.on('red_envelope.sent', () => work.promise)
    void deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    const close = watch(webhooks.close())
    await vi.advanceTimersByTimeAsync(4999)
    work.resolve()
    await vi.advanceTimersByTimeAsync(4999)
    expect(close.isOver).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await close.promise).toMatchObject({
      running: [{ eventType: 'red_envelope.sent', waitsFor: 'inbox' }],
      inboxFlushed: false,
    })
  })

  it('waits until the inbox has recorded work that succeeded after its deadline', async () => {
    const [work, mark] = [deferred(), deferred()]
    const { webhooks, deliver, reports } = openReceiver({
      inbox: {
        retentionSeconds: 172_800,
        async admit(_, run) {
          await run({})
          await mark.promise
          return 'applied'
        },
      },
    })
    webhooks.on('red_envelope.sent', () => work.promise)
    const reply = deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    expect(await reply).toMatchObject({ outcome: 'failed', code: 'handler-timed-out' })
    work.resolve()
    await vi.advanceTimersByTimeAsync(0)

    const close = watch(webhooks.close())
    await vi.advanceTimersByTimeAsync(4999)
    expect(close.isOver).toBe(false)
    mark.resolve()
    await close.promise
    expect(reports.at(-1)).toMatchObject({ kind: 'late', outcome: 'handled' })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits until `flush` of the inbox has recorded earlier events', async () => {
    const settled = deferred()
    const inbox = { ...memoryInbox(), flush: () => settled.promise }
    const { webhooks, deliver } = openReceiver({ inbox })
    webhooks.on('red_envelope.sent', () => {})
    await deliver(envelopeSent())
    const close = watch(webhooks.close())
    await vi.advanceTimersByTimeAsync(4999)
    expect(close.isOver).toBe(false)
    settled.resolve()
    await close.promise
  })

  it('waits for `flush` of an event that ends during close', async () => {
    const [work, remembered] = [deferred(), deferred()]
    let isRemembered = Promise.resolve()
    const { webhooks, deliver } = openReceiver({
      inbox: {
        retentionSeconds: 172_800,
        async admit(_, run) {
          await run({})
          isRemembered = remembered.promise
          return 'applied'
        },
        flush: () => isRemembered,
      },
    })
    webhooks.on('red_envelope.sent', () => work.promise)
    const reply = deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    expect(await reply).toMatchObject({ outcome: 'failed', code: 'handler-timed-out' })

    const close = watch(webhooks.close())
    work.resolve()
    await vi.advanceTimersByTimeAsync(4999)
    expect(close.isOver).toBe(false)
    remembered.resolve()
    await close.promise
  })

  it('waits for handlerTimeoutMs if `flush` of the inbox never settles', async () => {
    const inbox = { ...memoryInbox(), flush: () => new Promise<void>(() => {}) }
    const close = watch(openReceiver({ inbox }).webhooks.close())
    await vi.advanceTimersByTimeAsync(4999)
    expect(close.isOver).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await close.promise).toEqual({ running: [], inboxFlushed: false })
  })

  it.each<[string, () => Promise<void>]>([
    ['rejects', () => Promise.reject(new Error('x'))],
    [
      'throws',
      () => {
        throw new Error('x')
      },
    ],
  ])('never rejects, even if the inbox %s', async (_, flush) => {
    const { webhooks } = openReceiver({ inbox: { ...memoryInbox(), flush } })
    expect(await webhooks.close()).toEqual({ running: [], inboxFlushed: false })
  })

  it('does not wait past the deadline for an inbox whose claim is pending', async () => {
    const { webhooks, deliver } = openReceiver({
      inbox: { retentionSeconds: 172_800, admit: () => new Promise(() => {}) },
    })
    webhooks.on('red_envelope.sent', () => {})
    const reply = deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(1)
    const close = watch(webhooks.close())
    await vi.advanceTimersByTimeAsync(5000)
    expect(await reply).toMatchObject({ outcome: 'failed', code: 'inbox-unavailable' })
    expect(close.isOver).toBe(true)
  })

  it('does not wait for an inbox that never answers', async () => {
    const { webhooks, deliver } = openReceiver({
      inbox: { retentionSeconds: 172_800, admit: () => new Promise(() => {}) },
    })
    webhooks.on('red_envelope.sent', () => {})
    const reply = deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    expect(await reply).toMatchObject({ outcome: 'failed', code: 'inbox-unavailable' })
    await webhooks.close()
  })

  it('returns the same promise when it is called twice', async () => {
    const { webhooks } = openReceiver()
    expect(webhooks.close()).toBe(webhooks.close())
    expect(await webhooks.close()).toEqual({ running: [], inboxFlushed: true })
  })
})

function watch<Value>(pending: Promise<Value>) {
  const watched = {
    isOver: false,
    promise: pending.finally(() => {
      watched.isOver = true
    }),
  }
  return watched
}
