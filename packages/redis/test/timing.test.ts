import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { redisInbox } from '../src/index.ts'
import type { Renewal } from '../src/claims.ts'
import { createDeadlines } from '../src/deadlines.ts'
import { keepLease, type Keeper } from '../src/lease.ts'
import { CLAIM, RELEASE } from '../src/scripts.ts'

// Only timers decide what happens when; other tests check the steps themselves against a Redis.

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

describe('a lease of a minute', () => {
  it('is renewed every 20 seconds, and no more when the work has ended', async () => {
    const { keeper, renewals } = keep(() => Promise.resolve('renewed'))
    await vi.advanceTimersByTimeAsync(59_999)
    expect(renewals).toEqual([20_000, 40_000])
    await vi.advanceTimersByTimeAsync(1)
    expect(renewals).toEqual([20_000, 40_000, 60_000])
    keeper.stop()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(renewals).toHaveLength(3)
  })

  it.each<Renewal>(['renewed', 'regained', 'taken-over'])(
    'is not renewed again when the work ends while a renewal is on its way (%s)',
    async (answer) => {
      const reply = Promise.withResolvers<Renewal>()
      const { keeper, renewals, warnings } = keep(() => reply.promise)
      await vi.advanceTimersByTimeAsync(20_000)
      keeper.stop()
      reply.resolve(answer)
      await vi.advanceTimersByTimeAsync(600_000)
      expect(renewals).toEqual([20_000])
      expect(warnings).toEqual([])
      expect(vi.getTimerCount()).toBe(0)
    },
  )

  it('is not renewed again when a renewal fails that was on its way', async () => {
    const reply = Promise.withResolvers<Renewal>()
    const { keeper, warnings } = keep(() => reply.promise)
    await vi.advanceTimersByTimeAsync(20_000)
    keeper.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    reply.reject(new Error('read ECONNRESET'))
    await vi.advanceTimersByTimeAsync(600_000)
    expect(warnings).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is renewed every second while renewals fail, and may be over a minute after the last success', async () => {
    let isDown = false
    const { keeper, renewals, warnings } = keep(() =>
      isDown ? Promise.reject(new Error('read ECONNRESET')) : Promise.resolve('renewed'),
    )
    await vi.advanceTimersByTimeAsync(40_000)
    isDown = true
    await vi.advanceTimersByTimeAsync(59_999)
    expect(renewals.slice(2, 5)).toEqual([60_000, 61_000, 62_000])
    expect(keeper.lease.signal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(keeper.lease.signal.aborted).toBe(true)
    isDown = false
    await vi.advanceTimersByTimeAsync(60_000)
    expect(renewals.slice(-4)).toEqual([100_000, 101_000, 121_000, 141_000])
    expect(warnings).toEqual(['redis-lease-lost'])
    keeper.stop()
  })

  it('is not renewed any more when it was taken over', async () => {
    const { keeper, renewals, warnings } = keep(() => Promise.resolve('taken-over'))
    await vi.advanceTimersByTimeAsync(600_000)
    expect(renewals).toEqual([20_000])
    expect(keeper.lease.signal.aborted).toBe(true)
    expect(warnings).toEqual(['redis-lease-lost'])
  })

  it('is renewed after it was regained, although its signal says that it was lost [E60]', async () => {
    const { keeper, renewals, warnings } = keep(() => Promise.resolve('regained'))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(renewals).toEqual([20_000, 40_000, 60_000])
    expect(keeper.lease.signal.aborted).toBe(true)
    expect(warnings).toEqual(['redis-lease-lost'])
    keeper.stop()
  })

  it('is renewed for a quarter of an hour at the most', async () => {
    const { keeper, renewals, warnings } = keep(() => Promise.resolve('renewed'))
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(renewals.at(-1)).toBe(880_000)
    expect(keeper.lease.signal.aborted).toBe(true)
    expect(warnings).toEqual(['redis-lease-ended'])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('waiting deadlines', () => {
  it('expire each at its own time, by one timer', async () => {
    const deadlines = createDeadlines(1000)
    const expired: string[] = []
    const add = (name: string): (() => void) => {
      const expire = (): void => void expired.push(`${name} at ${performance.now() - start}`)
      deadlines.add(expire)
      return expire
    }
    const start = performance.now()
    add('first')
    await vi.advanceTimersByTimeAsync(400)
    const second = add('second')
    add('third')
    await vi.advanceTimersByTimeAsync(400)
    add('fourth')
    expect(vi.getTimerCount()).toBe(1)
    expect(deadlines.remove(second)).toBe(true)
    expect(deadlines.has(second)).toBe(false)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(expired).toEqual(['first at 1000', 'third at 1400', 'fourth at 1800'])
    expect(deadlines.remove(second)).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('an abandoned claim', () => {
  it('is not sent again if Redis does not know the script, but released', async () => {
    const sent: string[] = []
    const reply = Promise.withResolvers<unknown>()
    const inbox = redisInbox({
      consumer: 'orders',
      client: {
        sendCommand(args) {
          sent.push(`${args[0]} ${args[1] === CLAIM.sha1 ? 'claim' : args[1]}`)
          return sent.length === 1 ? reply.promise : Promise.resolve(0)
        },
      },
    })
    const [admission] = await Promise.all([
      inbox.admit('key', () => Promise.resolve()).catch((error: unknown) => error),
      vi.advanceTimersByTimeAsync(1000),
    ])
    expect(admission).toMatchObject({ code: 'redis-timed-out' })
    reply.reject(new Error('NOSCRIPT No matching script.'))
    await vi.advanceTimersByTimeAsync(0)
    expect(sent).toEqual(['evalsha claim', `evalsha ${RELEASE.sha1}`])
  })
})

describe('a claim that is released', () => {
  it('is released, however late Redis reports that it does not know the script', async () => {
    const sent: string[] = []
    const replies = [Promise.withResolvers<unknown>(), Promise.withResolvers<unknown>()]
    const inbox = redisInbox({
      consumer: 'orders',
      client: {
        sendCommand([name, script]) {
          sent.push(`${name} ${script}`)
          return replies[sent.length - 1]?.promise ?? Promise.resolve(1)
        },
      },
    })
    const [admission] = await Promise.all([
      inbox.admit('key', () => Promise.resolve()).catch((error: unknown) => error),
      vi.advanceTimersByTimeAsync(1000),
    ])
    expect(admission).toMatchObject({ code: 'redis-timed-out' })
    replies[0]?.resolve([1, 7])
    await vi.advanceTimersByTimeAsync(1000)
    replies[1]?.reject(new Error('NOSCRIPT No matching script.'))
    await vi.advanceTimersByTimeAsync(0)
    const { sha1, source } = RELEASE
    expect(sent).toEqual([`evalsha ${CLAIM.sha1}`, `evalsha ${sha1}`, `eval ${source}`])
  })
})

interface Kept {
  readonly keeper: Keeper
  /** When each renewal was sent, in milliseconds after the claim. */
  readonly renewals: number[]
  readonly warnings: string[]
}

function keep(renew: () => Promise<Renewal>): Kept {
  const askedAt = performance.now()
  const renewals: number[] = []
  const warnings: string[] = []
  const keeper = keepLease(
    { key: 'key', owner: 'ann', token: 1, isTakeover: false, askedAt },
    {
      renew() {
        renewals.push(performance.now() - askedAt)
        return renew()
      },
    },
    { leaseMs: 60_000, maxWorkMs: 900_000, commandTimeoutMs: 1000 },
    ({ code }) => void warnings.push(code),
  )
  return { keeper, renewals, warnings }
}
