import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRunningJobs } from '../src/running-jobs.ts'
import { deferred } from '../../core/test/deferred.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

describe('close() of a worker', () => {
  it('waits 5 seconds for a broker that does not answer, and no longer [E56]', async () => {
    const closed = watch(createRunningJobs().waitFor(new Promise(() => {})))
    await vi.advanceTimersByTimeAsync(4999)
    expect(closed.result).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(closed.result).toBe(false)
  })

  it('does not wait when the broker answers at once', async () => {
    expect(await createRunningJobs().waitFor(Promise.resolve())).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits for the jobs that run, and then for the broker', async () => {
    const jobs = createRunningJobs()
    const [first, second] = [deferred(), deferred()]
    const runs = [first, second].map(({ promise }) => jobs.run(() => promise))
    const closed = watch(jobs.waitFor(new Promise(() => {})))
    first.resolve()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(closed.result).toBeUndefined()
    second.reject(new Error('declined'))
    await expect(Promise.all(runs)).rejects.toThrow('declined')
    await vi.advanceTimersByTimeAsync(4999)
    expect(closed.result).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(closed.result).toBe(false)
  })

  it('waits for the jobs that run, even if the broker has closed', async () => {
    const jobs = createRunningJobs()
    const end = deferred()
    const run = jobs.run(() => end.promise)
    const closed = watch(jobs.waitFor(Promise.resolve()))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(closed.result).toBeUndefined()
    end.resolve()
    await run
    await vi.advanceTimersByTimeAsync(0)
    expect(closed.result).toBe(true)
  })

  it('rejects if the broker rejects, after the jobs that run', async () => {
    const jobs = createRunningJobs()
    const end = deferred()
    const run = jobs.run(() => end.promise)
    const closed = jobs.waitFor(Promise.reject(new Error('no broker')))
    await vi.advanceTimersByTimeAsync(0)
    end.resolve()
    await run
    await expect(closed).rejects.toThrow('no broker')
  })

  it('does not wait for a job whose handlers pass their deadline [E56]', async () => {
    const jobs = createRunningJobs()
    const late = deferred()
    const end = deferred()
    const run = jobs.run(async (onLate) => {
      await late.promise
      onLate()
      await end.promise
    })
    const closed = watch(jobs.waitFor(new Promise(() => {})))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(closed.result).toBeUndefined()
    late.resolve()
    await vi.advanceTimersByTimeAsync(5000)
    expect(closed.result).toBe(false)
    end.resolve()
    await run
  })

  it('waits as long if it is called twice [E70]', async () => {
    const jobs = createRunningJobs()
    const late = deferred()
    const end = deferred()
    const run = jobs.run(async (onLate) => {
      await late.promise
      onLate()
      await end.promise
    })
    const broker = new Promise(() => {})
    const closed = [watch(jobs.waitFor(broker)), watch(jobs.waitFor(broker))]
    late.resolve()
    await vi.advanceTimersByTimeAsync(5000)
    expect(closed.map(({ result }) => result)).toEqual([false, false])
    end.resolve()
    await run
  })

  it('resolves for two simultaneous callers', async () => {
    const jobs = createRunningJobs()
    const end = deferred()
    const run = jobs.run(() => end.promise)
    const released = deferred()
    const waits = [jobs.waitFor(released.promise), jobs.waitFor(released.promise)].map(watch)
    end.resolve()
    await run
    await vi.advanceTimersByTimeAsync(5000)
    expect(waits.map(({ result }) => result)).toEqual([false, false])
    released.resolve()
  })

  it('waits for a job that was being fetched when it closed', async () => {
    const jobs = createRunningJobs()
    const [broker, end] = [deferred(), deferred()]
    const closed = watch(jobs.waitFor(broker.promise))
    await vi.advanceTimersByTimeAsync(4000)
    const run = jobs.run(() => end.promise)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(closed.result).toBeUndefined()
    end.resolve()
    await run
    broker.resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(closed.result).toBe(true)
  })
})

/** The result of a promise, once it has one. */
function watch(promise: Promise<boolean>): { readonly result: boolean | undefined } {
  let result: boolean | undefined
  void promise.then((value) => {
    result = value
  })
  return {
    get result() {
      return result
    },
  }
}
