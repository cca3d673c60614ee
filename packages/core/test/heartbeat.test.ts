import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { memoryInbox } from '../src/index.ts'
import { deferred } from './deferred.ts'
import { envelopeSent, openReceiver } from './signed.ts'

// The real runtime is tested in test/runtimes, on workerd. Here are the tests that would take a minute there.

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function onWorkers(): void {
  vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
}

/** Freezes what begins now: its intervals never fire. Gives back the way to thaw. */
function freezeIntervals(): () => void {
  vi.stubGlobal('setInterval', () => 0)
  return () => void vi.unstubAllGlobals()
}

describe('on Workers, an event whose handler is slow', () => {
  it('keeps its claim for as long as its request is alive [F30]', async () => {
    onWorkers()
    const { webhooks, deliver } = openReceiver()
    const work = deferred()
    const handler = vi.fn<() => Promise<void>>(() => work.promise)
    webhooks.on('*', handler)
    void deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(15 * 60_000)
    expect(await deliver(envelopeSent())).toMatchObject({
      outcome: 'failed',
      code: 'handler-timed-out',
    })
    work.resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(await deliver(envelopeSent())).toMatchObject({ outcome: 'duplicate' })
    expect(handler).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is run again by the next delivery if the heartbeat of its request stops [F28]', async () => {
    freezeIntervals()
    onWorkers()
    const { webhooks, deliver, reports } = openReceiver()
    let runs = 0
    webhooks.on('*', () => (++runs === 1 ? new Promise(() => {}) : undefined))
    void deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    const reply = deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(1001)
    expect(await reply).toMatchObject({ outcome: 'handled' })
    expect(reports.at(-1)).toMatchObject({ outcome: 'handled', shared: false })
    expect(await webhooks.close()).toEqual({ running: [], inboxFlushed: true })
  })

  it('is not considered frozen if its heartbeat is only late [F30]', async () => {
    onWorkers()
    const beats: (() => void)[] = []
    vi.stubGlobal('setInterval', (beat: () => void) => beats.push(beat))
    const { webhooks, deliver } = openReceiver()
    const handler = vi.fn<() => Promise<void>>(() => new Promise(() => {}))
    webhooks.on('*', handler)
    void deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(5000)
    const reply = deliver(envelopeSent())
    await vi.advanceTimersByTimeAsync(10)
    for (const beat of beats) beat()
    await vi.advanceTimersByTimeAsync(1000)
    expect(await reply).toMatchObject({ outcome: 'failed', code: 'handler-timed-out' })
    expect(handler).toHaveBeenCalledOnce()
  })
})

describe('a memory inbox', () => {
  it('on Workers releases a key whose request is frozen, and keeps the others [F28]', async () => {
    const thaw = freezeIntervals()
    onWorkers()
    const inbox = memoryInbox()
    void inbox.admit('frozen', () => new Promise(() => {}))
    thaw()
    void inbox.admit('alive', () => new Promise(() => {}))
    await vi.advanceTimersByTimeAsync(3001)
    expect(await inbox.admit('alive', async () => {})).toBe('busy')
    const second = inbox.admit('frozen', async () => {})
    await vi.advanceTimersByTimeAsync(1)
    expect(await second).toBe('applied')
    expect(await inbox.admit('frozen', async () => {})).toBe('duplicate')
  })

  it('on Workers keeps a key whose heartbeat is only late [F30]', async () => {
    onWorkers()
    const beats: (() => void)[] = []
    vi.stubGlobal('setInterval', (beat: () => void) => beats.push(beat))
    const inbox = memoryInbox()
    void inbox.admit('key', () => new Promise(() => {}))
    await vi.advanceTimersByTimeAsync(5000)
    const second = inbox.admit('key', async () => {})
    for (const beat of beats) beat()
    await vi.advanceTimersByTimeAsync(1)
    expect(await second).toBe('busy')
  })

  it('on Workers passes the key of a frozen request to one waiting delivery [F28]', async () => {
    freezeIntervals()
    onWorkers()
    const inbox = memoryInbox()
    void inbox.admit('key', () => new Promise(() => {}))
    await vi.advanceTimersByTimeAsync(3001)
    const work = vi.fn<() => Promise<void>>(() => new Promise(() => {}))
    const waiting = [inbox.admit('key', work), inbox.admit('key', work)]
    await vi.advanceTimersByTimeAsync(1)
    expect(await Promise.race(waiting)).toBe('busy')
    expect(work).toHaveBeenCalledOnce()
  })

  it('on Workers does not release the next run’s key when a frozen run ends [F28]', async () => {
    freezeIntervals()
    onWorkers()
    const inbox = memoryInbox()
    const first = deferred()
    const revived = inbox.admit('key', () => first.promise)
    await vi.advanceTimersByTimeAsync(3001)
    void inbox.admit('key', () => new Promise(() => {}))
    await vi.advanceTimersByTimeAsync(1)
    first.reject(new Error('late'))
    await expect(revived).rejects.toThrow('late')
    expect(await inbox.admit('key', async () => {})).toBe('busy')
  })

  it('on other runtimes keeps a key until its run ends, and starts no timer [F30]', async () => {
    const inbox = memoryInbox()
    void inbox.admit('key', () => new Promise(() => {}))
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(24 * 60 * 60_000)
    expect(await inbox.admit('key', async () => {})).toBe('busy')
  })
})
