import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { deferred } from './deferred.ts'
import { asEvent, chargeSucceeded, envelopeSent, openReceiver } from './signed.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

describe('close', () => {
  it('admits nothing from then on, by webhook or by dispatch, and says so with a 500', async () => {
    const { webhooks, deliver, reports, admitted } = openReceiver()
    webhooks.on('*', () => {})
    await webhooks.close()

    expect(await deliver(envelopeSent())).toMatchObject({ outcome: 'closing', status: 500 })
    expect(await webhooks.dispatch(asEvent(chargeSucceeded()))).toMatchObject({
      outcome: 'closing',
      error: { code: 'shutting-down' },
    })
    expect(reports.map(({ code }) => code)).toEqual(['shutting-down', 'shutting-down'])
    expect(admitted).toEqual([])
  })

  it('waits for handlers that run, whose deliveries are answered as ever', async () => {
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

  it('waits for handlers that have passed their deadline, and releases their key to nobody before', async () => {
    const { webhooks, deliver, reports } = openReceiver()
    const work = deferred()
    webhooks.on('red_envelope.sent', () => work.promise)
    const reply = deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    expect(await reply).toMatchObject({ outcome: 'timed-out' })

    let isClosed = false
    const closed = webhooks.close().then(() => {
      isClosed = true
    })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(isClosed).toBe(false)
    expect(await deliver(envelopeSent())).toMatchObject({ outcome: 'timed-out' })

    work.resolve()
    await closed
    expect(reports.at(-1)).toMatchObject({ kind: 'late', outcome: 'handled' })
  })

  it('does not wait for an inbox that never answers', async () => {
    const { webhooks, deliver } = openReceiver({
      inbox: { retentionSeconds: 172_800, admit: () => new Promise(() => {}) },
    })
    webhooks.on('red_envelope.sent', () => {})
    const reply = deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    expect(await reply).toMatchObject({ outcome: 'unavailable' })
    await webhooks.close()
  })

  it('may be called twice', async () => {
    const { webhooks } = openReceiver()
    await Promise.all([webhooks.close(), webhooks.close()])
  })
})
