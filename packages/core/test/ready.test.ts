import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { memoryInbox } from '../src/index.ts'
import { deferred } from './deferred.ts'
import { openReceiver, type Opened } from './signed.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

function openWith(ready: () => Promise<void>): Opened {
  return openReceiver({ inbox: { ...memoryInbox(), ready } })
}

describe('ready', () => {
  it('resolves with an inbox without a check, such as the memory inbox', async () => {
    await expect(openReceiver().webhooks.ready()).resolves.toBeUndefined()
  })

  it('resolves when the inbox is ready', async () => {
    const ready = vi.fn<() => Promise<void>>(async () => {})
    await expect(openWith(ready).webhooks.ready()).resolves.toBeUndefined()
    expect(ready).toHaveBeenCalledOnce()
  })

  it('rejects with the inbox’s own error: its code and message say what to do [E57]', async () => {
    const error = Object.assign(new Error('Run ensureSchema().'), {
      code: 'postgres-table-missing',
    })
    await expect(openWith(() => Promise.reject(error)).webhooks.ready()).rejects.toBe(error)
  })

  it('rejects if the `ready` of an inbox throws [E57]', async () => {
    const { webhooks } = openWith(() => {
      throw new Error('x')
    })
    await expect(webhooks.ready()).rejects.toThrow('x')
  })

  it('rejects after handlerTimeoutMs if the store does not answer [E57]', async () => {
    const { webhooks } = openWith(() => new Promise(() => {}))
    const [checked] = await Promise.all([
      webhooks.ready().catch((error: unknown) => error),
      vi.advanceTimersByTimeAsync(5000),
    ])
    expect(checked).toMatchObject({
      name: 'WebhookError',
      code: 'inbox-unavailable',
      message:
        'The inbox failed; events are retried. Its `ready` has not answered within 5000 ms. Check that the store is up, and that this process can reach it.',
    })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('checks once for simultaneous probes, and again after that [E57]', async () => {
    const [first, second] = [deferred(), deferred()]
    const ready = vi
      .fn<() => Promise<void>>()
      .mockReturnValueOnce(first.promise)
      .mockReturnValueOnce(second.promise)
    const { webhooks } = openWith(ready)
    const probes = [webhooks.ready(), webhooks.ready()]
    first.resolve()
    await Promise.all(probes)
    expect(ready).toHaveBeenCalledTimes(1)
    const next = webhooks.ready()
    second.reject(new Error('gone'))
    await expect(next).rejects.toThrow('gone')
    expect(ready).toHaveBeenCalledTimes(2)
  })

  it('checks again for every probe on Workers, where the request of an earlier one may be frozen [F32]', async () => {
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
    onTestFinished(() => void vi.unstubAllGlobals())
    const ready = vi
      .fn<() => Promise<void>>()
      .mockReturnValueOnce(new Promise(() => {}))
      .mockResolvedValueOnce()
    const { webhooks } = openWith(ready)
    // Its deadline is frozen with it: no timer is advanced here.
    void webhooks.ready()
    await expect(webhooks.ready()).resolves.toBeUndefined()
    expect(ready).toHaveBeenCalledTimes(2)
  })

  it('rejects after close, without a check: traffic should go elsewhere [E58]', async () => {
    const ready = vi.fn<() => Promise<void>>(async () => {})
    const { webhooks } = openWith(ready)
    await webhooks.close()
    await expect(webhooks.ready()).rejects.toMatchObject({ code: 'shutting-down' })
    expect(ready).not.toHaveBeenCalled()
  })
})
