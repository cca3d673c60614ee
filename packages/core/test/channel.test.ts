import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebhookError, type TracedDelivery } from '../src/index.ts'
import { deferred } from './deferred.ts'
import { deliveryOf, envelopeSent, openListener, openReceiver, SIGNATURE } from './signed.ts'

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const

describe('the tracing channel hongbao:delivery', () => {
  it('has one object for a delivery: empty at its start, with report and reply at its end', async () => {
    const published = listen()
    const opened = openListener()
    const reply = await opened.deliver(envelopeSent())
    expect(reply).toMatchObject({ outcome: 'handled', status: 200 })
    expect(published.map(({ event, names }) => [event, names])).toEqual([
      ['start', []],
      ['end', []],
      ['asyncStart', ['report', 'result']],
      ['asyncEnd', ['report', 'result']],
    ])
    const [{ message } = { message: undefined }] = published
    expect(new Set(published.map((each) => each.message))).toEqual(new Set([message]))
    expect(message?.result).toBe(reply)
    const [report] = opened.reports
    expect(message?.report).toEqual({
      ...report,
      durations: {
        totalMs: expect.any(Number) as number,
        readMs: report?.durations.readMs,
        verifyMs: report?.durations.verifyMs,
        handleMs: expect.any(Number) as number,
      },
    })
  })

  it('has the event `error` for a failed delivery, with what the handler threw as its cause', async () => {
    const published = listen()
    const opened = openReceiver()
    const declined = new Error('declined')
    opened.webhooks.on('*', () => Promise.reject(declined))
    expect(await opened.deliver(envelopeSent())).toMatchObject({
      code: 'handler-failed',
      status: 500,
    })
    expect(published.map(({ event }) => event)).toEqual([
      'start',
      'end',
      'error',
      'asyncStart',
      'asyncEnd',
    ])
    const message = published[0]?.message
    expect(message).not.toHaveProperty('result')
    expect(message?.error).toBeInstanceOf(WebhookError)
    expect(message?.error).toMatchObject({ code: 'handler-failed', cause: declined })
    expect(message?.report).toMatchObject({ outcome: 'failed', code: 'handler-failed' })
  })

  it('has no event `error` for a delivery that was rejected: the sender is wrong', async () => {
    const published = listen()
    const opened = openListener()
    const unsigned = deliveryOf(envelopeSent(), { signature: null })
    expect(await opened.webhooks.handle(unsigned)).toMatchObject({ status: 401 })
    expect(published.map(({ event }) => event)).not.toContain('error')
    expect(published[0]?.message.report).toMatchObject({ code: 'signature-missing', status: 401 })
  })

  it('shows neither the body nor the signature of a delivery', async () => {
    const published = listen()
    const delivery = deliveryOf(envelopeSent())
    await openListener().webhooks.handle(delivery)
    const text = JSON.stringify(published)
    expect(text).toContain('red_envelope.sent')
    for (const secret of ['o9zpMs7Xk9e9aJbTXgufovuWGp7c', '新年红包', delivery.header(SIGNATURE)]) {
      expect(text).not.toContain(secret)
    }
  })

  it('runs handlers in the stores that are bound to its start, each delivery in its own', async () => {
    const store = new AsyncLocalStorage<number>()
    let spans = 0
    const { start } = tracingChannel<number, TracedDelivery>('hongbao:delivery')
    start.bindStore(store, () => (spans += 1))
    onTestFinished(() => void start.unbindStore(store))

    const seen: unknown[] = []
    const both = deferred()
    const { webhooks } = openReceiver()
    webhooks.on('*', async ({ id }) => {
      if (seen.push([id, store.getStore()]) === 2) both.resolve()
      await both.promise
      seen.push([id, store.getStore()])
    })
    const other = envelopeSent({ id: 'evt_2', object: { id: 'red_2' } })
    await Promise.all([
      webhooks.handle(deliveryOf(envelopeSent({ id: 'evt_1' }))),
      webhooks.handle(deliveryOf(other)),
    ])
    expect(seen).toEqual([
      ['evt_1', 1],
      ['evt_2', 2],
      ['evt_1', 1],
      ['evt_2', 2],
    ])
    expect(store.getStore()).toBeUndefined()
  })

  it('keeps the report of the answer when handlers settle after it', async () => {
    const published = listen()
    const end = deferred()
    const opened = openReceiver({ handlerTimeoutMs: 1 })
    opened.webhooks.on('*', () => end.promise)
    expect(await opened.deliver(envelopeSent())).toMatchObject({ code: 'handler-timed-out' })
    end.resolve()
    await vi.waitFor(() => expect(opened.reports.at(-1)).toMatchObject({ kind: 'late' }))
    expect(published[0]?.message.report).toMatchObject({
      kind: 'delivery',
      code: 'handler-timed-out',
    })
  })

  it('answers as usual without subscribers, and on a runtime without channels', async () => {
    const { webhooks, deliver } = openListener()
    expect(await deliver(envelopeSent())).toMatchObject({ outcome: 'handled' })
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
    onTestFinished(() => void vi.restoreAllMocks())
    const published = listen()
    const bare = openListener()
    expect(await bare.deliver(envelopeSent())).toMatchObject({ outcome: 'handled' })
    expect(published).toEqual([])
    expect(await webhooks.handle(deliveryOf(envelopeSent()))).toMatchObject({
      outcome: 'duplicate',
    })
    expect(published).not.toEqual([])
  })

  it('costs a delivery no promise without subscribers', async () => {
    const { webhooks } = openListener()
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
    const bare = openListener()
    vi.restoreAllMocks()
    const [id, object] = ['evt_2', { id: 'red_2' }]
    await webhooks.handle(deliveryOf(envelopeSent()))
    await bare.deliver(envelopeSent())
    const next = deliveryOf(envelopeSent({ id, object }))
    const promises = await promisesOf(() => webhooks.handle(next))
    expect(promises).toBeGreaterThan(5)
    expect(promises).toBe(await promisesOf(() => bare.webhooks.handle(next)))
  })

  it.each(EVENTS)(
    'with a subscriber of `%s` that throws changes no answer [F15]',
    async (event) => {
      const uncaught = vi.fn<(error: unknown) => void>()
      process.setUncaughtExceptionCaptureCallback(uncaught)
      onTestFinished(() => process.setUncaughtExceptionCaptureCallback(null))
      const throwing = (): never => {
        throw new Error('tracing is down')
      }
      subscribe(`tracing:hongbao:delivery:${event}`, throwing)
      onTestFinished(() => void unsubscribe(`tracing:hongbao:delivery:${event}`, throwing))

      const opened = openReceiver()
      const handler = vi.fn<() => void>().mockImplementationOnce(() => {
        throw new Error('declined')
      })
      opened.webhooks.on('*', handler)
      expect(await opened.deliver(envelopeSent())).toMatchObject({ code: 'handler-failed' })
      expect(await opened.deliver(envelopeSent())).toMatchObject({ outcome: 'handled' })
      expect(handler).toHaveBeenCalledTimes(2)
      await vi.waitFor(() => expect(uncaught).toHaveBeenCalled())
    },
  )

  it.each<[string, (message: object) => void]>([
    ['freezes', (message) => void Object.freeze(message)],
    ['keeps `report` of', (message) => void Object.defineProperty(message, 'report', { value: 1 })],
    ['keeps `result` of', (message) => void Object.defineProperty(message, 'result', { value: 1 })],
  ])('with a subscriber that %s its object changes no answer [F15]', async (_, change) => {
    const start = (message: unknown): void => change(message as object)
    subscribe('tracing:hongbao:delivery:start', start)
    onTestFinished(() => void unsubscribe('tracing:hongbao:delivery:start', start))

    const opened = openListener()
    expect(await opened.deliver(envelopeSent())).toMatchObject({ outcome: 'handled', status: 200 })
    expect(opened.reports).toMatchObject([{ outcome: 'handled', status: 200 }])
  })
})

/** How many promises are made until one is settled. */
async function promisesOf(act: () => Promise<unknown>): Promise<number> {
  let promises = 0
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROMISE') promises += 1
    },
  })
  hook.enable()
  await act()
  hook.disable()
  return promises
}

interface Published {
  readonly event: (typeof EVENTS)[number]
  readonly message: TracedDelivery
  /** The properties that it had then. */
  readonly names: readonly string[]
}

/** Subscribes to all events until the test ends. */
function listen(): Published[] {
  const published: Published[] = []
  const channel = tracingChannel<unknown, TracedDelivery>('hongbao:delivery')
  const to = (event: Published['event']) => (message: TracedDelivery) =>
    void published.push({ event, message, names: Object.keys(message) })
  const subscribers = {
    start: to('start'),
    end: to('end'),
    asyncStart: to('asyncStart'),
    asyncEnd: to('asyncEnd'),
    error: to('error'),
  }
  channel.subscribe(subscribers)
  onTestFinished(() => channel.unsubscribe(subscribers))
  return published
}
