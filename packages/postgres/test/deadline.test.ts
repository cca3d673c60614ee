import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { before, deadlineIn, expireAt } from '../src/deadline.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

describe('deadlines', () => {
  it('expire each at its time, in whatever order they were set', () => {
    const expired: string[] = []
    for (const ms of [300, 100, 200, 100, 400]) {
      expireAt(deadlineIn(ms), () => expired.push(`${ms} at ${Math.round(performance.now())}`))
    }
    const start = Math.round(performance.now())
    vi.advanceTimersByTime(1000)
    expect(expired).toEqual([100, 100, 200, 300, 400].map((ms) => `${ms} at ${start + ms}`))
  })

  it('do not expire when they were cancelled, and the others do', () => {
    const expired: string[] = []
    const cancel = expireAt(deadlineIn(100), () => expired.push('cancelled'))
    expireAt(deadlineIn(200), () => expired.push('kept'))
    cancel()
    vi.advanceTimersByTime(199)
    expect(expired).toEqual([])
    vi.advanceTimersByTime(1)
    expect(expired).toEqual(['kept'])
  })

  it('may be set while others expire', () => {
    const expired: string[] = []
    expireAt(deadlineIn(100), () => {
      expired.push('first')
      expireAt(deadlineIn(50), () => expired.push('second'))
    })
    expireAt(deadlineIn(500), () => expired.push('third'))
    vi.advanceTimersByTime(150)
    expect(expired).toEqual(['first', 'second'])
    vi.advanceTimersByTime(350)
    expect(expired).toEqual(['first', 'second', 'third'])
  })

  it('that have passed already expire at once', async () => {
    const late = before(deadlineIn(-5), 'postgres-timed-out', new Promise(() => {}))
    vi.advanceTimersByTime(1)
    await expect(late).rejects.toMatchObject({ code: 'postgres-timed-out' })
  })

  it.each<[string, unknown, unknown]>([
    ['nothing', undefined, undefined],
    ['no promise', 'done', 'done'],
    [
      'a `then` that returns nothing',
      { then: (end: (value: string) => void) => end('done') },
      'done',
    ],
  ])(
    'end with a step that is %s, and leave no rejection to end the process',
    async (_, step, value) => {
      const pending = before(deadlineIn(10), 'postgres-timed-out', step as Promise<unknown>)
      expect(await pending).toBe(value)
      vi.advanceTimersByTime(1000)
    },
  )

  it('keep the earlier of two ends', async () => {
    const inTime = before(deadlineIn(10), 'postgres-timed-out', Promise.resolve('done'))
    expect(await inTime).toBe('done')
    vi.advanceTimersByTime(1000)
    const step = Promise.withResolvers<string>()
    const late = before(deadlineIn(10), 'postgres-timed-out', step.promise)
    vi.advanceTimersByTime(10)
    step.reject(new Error('too late to matter'))
    await expect(late).rejects.toMatchObject({ code: 'postgres-timed-out' })
  })
})
