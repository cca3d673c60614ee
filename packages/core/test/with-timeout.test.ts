import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { withTimeout } from '../src/options/with-timeout.ts'
import { deferred } from './deferred.ts'

afterEach(() => void vi.useRealTimers())

describe('withTimeout', () => {
  it('returns a result that is in time, and leaves no timer', async () => {
    vi.useFakeTimers()
    expect(await withTimeout(1000, Promise.resolve('confirmed'), () => 'late')).toBe('confirmed')
    await expect(withTimeout(1000, Promise.reject(new Error('down')), () => '')).rejects.toThrow(
      'down',
    )
    expect(vi.getTimerCount()).toBe(0)
  })

  it('returns the result of `late`, and throws its error', async () => {
    vi.useFakeTimers()
    const never = new Promise<string>(() => {})
    const given = withTimeout(1000, never, () => 'late')
    const thrown = withTimeout(1000, never, () => {
      throw new Error('too late')
    }).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(1000)
    expect(await given).toBe('late')
    expect(await thrown).toEqual(new Error('too late'))
  })

  it('ignores a later rejection', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const pending = deferred()
    const answer = withTimeout<unknown>(1000, pending.promise, () => 'late')
    await vi.advanceTimersByTimeAsync(1000)
    expect(await answer).toBe('late')
    // An unhandled rejection would fail the run.
    pending.reject(new Error('connection lost'))
    await setImmediate()
  })
})
