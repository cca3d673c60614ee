import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hasRedis, startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { redisInbox } from '../src/index.ts'
import { CLAIM, COMPLETE, RELEASE, RENEW, type Script } from '../src/scripts.ts'
import { KINDS } from './clients.ts'
import { nameOf, openKeys, type Keys } from './keys.ts'

const NAME = nameOf('key')
const RETENTION_MS = 604_800_000
const LEASE_MS = 60_000

let server: RedisServer
let keys: Keys

describe.skipIf(!hasRedis)('a script', () => {
  beforeAll(async () => {
    server = await startRedis()
    keys = await openKeys(server.url)
  })

  beforeEach(() => keys.redis.flushall())

  afterAll(async () => {
    keys.close()
    await server.close()
  })

  it('is known to Redis by its SHA-1', async () => {
    for (const { source, sha1 } of [CLAIM, RENEW, COMPLETE, RELEASE]) {
      expect(await keys.redis.script('LOAD', source)).toBe(sha1)
    }
  })

  describe('that claims', () => {
    it('returns the same answer to the same owner, because clients send a command again after a lost answer [E9]', async () => {
      const first = await claim('ann')
      expect(first).toEqual([1, expect.any(Number)])
      expect(await claim('ann')).toEqual(first)
      expect(await claim('bob')).toEqual([-1, 0])
    })

    it('returns the same answer to the same owner after a takeover, too', async () => {
      await claim('ann')
      await keys.endLease('key')
      const takeover = await claim('bob')
      expect(takeover).toEqual([2, expect.any(Number)])
      expect(await claim('bob')).toEqual(takeover)
    })

    it('returns to every owner, its own included, that the event was applied', async () => {
      const [, token] = await claim('ann')
      await complete('ann', token)
      expect(await claim('ann')).toEqual([0, 0])
      expect(await claim('bob')).toEqual([0, 0])
    })
  })

  describe('that completes', () => {
    it('returns the same answer when it is sent again [E10]', async () => {
      const [, token] = await claim('ann')
      expect(await complete('ann', token)).toBe(1)
      expect(await complete('ann', token)).toBe(1)
    })

    it('returns to an earlier owner that another one completed', async () => {
      const [, late] = await claim('ann')
      await keys.endLease('key')
      const [, token] = await claim('bob')
      await complete('bob', token)
      expect(await complete('ann', late)).toBe(2)
      expect(await keys.read('key')).toEqual({ state: 'applied', token })
    })

    it('changes nothing for an earlier owner while the lease of another one holds', async () => {
      const { late } = await takeOver()
      const running = await keys.read('key')
      expect(await complete('ann', late)).toBe(0)
      expect(await keys.read('key')).toEqual(running)
    })

    it.each<[string, () => Promise<unknown>]>([
      ['has failed', () => release('bob')],
      ['has lost its lease, too', () => keys.endLease('key')],
    ])('completes for an earlier owner when the other one %s [E61]', async (_, end) => {
      const { late, token } = await takeOver()
      await end()
      expect(await complete('ann', late)).toBe(2)
      expect(await complete('ann', late)).toBe(1)
      expect(await complete('bob', token)).toBe(2)
      expect(await keys.read('key')).toEqual({ state: 'applied', token: late })
    })

    it('completes a key of which Redis has an older state, after a failover', async () => {
      await keys.redis.set(NAME, 'free 5')
      expect(await complete('ann', 6)).toBe(1)
      expect(await keys.read('key')).toEqual({ state: 'applied', token: 6 })
    })
  })

  describe('that renews', () => {
    it('changes nothing for an earlier owner while the lease of another one holds', async () => {
      const { late } = await takeOver()
      const running = await keys.read('key')
      expect(await renew('ann', late)).toBe(0)
      expect(await keys.read('key')).toEqual(running)
    })

    it.each<[string, () => Promise<unknown>]>([
      ['has failed', () => release('bob')],
      ['has lost its lease, too', () => keys.endLease('key')],
    ])('restores the key to an earlier owner when the other one %s [E61]', async (_, end) => {
      const { late, token } = await takeOver()
      await end()
      expect(await renew('ann', late)).toBe(2)
      // A token of its own: the key is Ann's now, and so is the release that follows.
      expect(await keys.read('key')).toMatchObject({
        state: 'running',
        token: token + 1,
        owner: 'ann',
      })
      expect(await renew('ann', late)).toBe(1)
      expect(await renew('bob', token)).toBe(0)
      // Bob began, and his progress is unknown.
      await release('ann')
      expect(await claim('cid')).toEqual([2, expect.any(Number)])
    })

    it('does not cost the other one its result when the earlier owner fails after that [E72]', async () => {
      const { late, token } = await takeOver()
      await keys.endLease('key')
      expect(await renew('ann', late)).toBe(2)
      await release('ann')
      expect(await complete('bob', token)).toBe(2)
      expect(await keys.read('key')).toEqual({ state: 'applied', token })
    })

    it('lets each of two stalled owners complete with the token of its claim [E72]', async () => {
      const { late, token } = await takeOver()
      await keys.endLease('key')
      expect(await renew('ann', late)).toBe(2)
      await keys.endLease('key')
      expect(await renew('bob', token)).toBe(2)
      await keys.endLease('key')
      expect(await renew('ann', late)).toBe(2)
      expect(await complete('ann', late)).toBe(1)
      expect(await complete('ann', late)).toBe(1)
      expect(await complete('bob', token)).toBe(2)
    })

    it('leaves a token that the next claim exceeds, even when the clock of Redis goes back [E16, E72]', async () => {
      const { late, token } = await takeOver()
      const ahead = token + 3_600_000_000
      await keys.redis.set(NAME, `running ${ahead} 1 1 bob`)
      expect(await renew('ann', late)).toBe(2)
      await keys.endLease('key')
      expect(await claim('cid')).toEqual([2, ahead + 2])
    })

    it('changes nothing for an owner that has released the key: the renewal is late', async () => {
      const [, token] = await claim('ann')
      await release('ann')
      expect(await renew('ann', token)).toBe(0)
      expect(await complete('ann', token)).toBe(0)
      expect(await keys.read('key')).toEqual({ state: 'free', token, isTakeover: false })
    })
  })

  describe('that claims after a run that neither succeeded nor failed', () => {
    it.each<[string, () => Promise<unknown>]>([
      ['a takeover that fails', () => release('bob')],
      ['a takeover that loses its lease', () => keys.endLease('key')],
      [
        'ten takeovers that fail',
        async () => {
          await release('bob')
          for (let round = 0; round < 10; round += 1) {
            expect(await claim(`cid-${round}`)).toEqual([2, expect.any(Number)])
            await release(`cid-${round}`)
          }
        },
      ],
    ])('reports a takeover after %s, too [E60]', async (_, end) => {
      await takeOver()
      await end()
      expect(await claim('dan')).toEqual([2, expect.any(Number)])
    })

    it('returns no takeover if Redis expired that key', async () => {
      await takeOver()
      await release('bob')
      await keys.redis.pexpire(NAME, 0)
      expect(await claim('dan')).toEqual([1, expect.any(Number)])
    })
  })

  it('that releases a run that was no takeover leaves no takeover', async () => {
    await claim('ann')
    await release('ann')
    expect(await claim('bob')).toEqual([1, expect.any(Number)])
  })

  it('reads the values that earlier versions wrote [E31]', async () => {
    await keys.redis.set(NAME, 'free 7')
    expect(await claim('ann')).toEqual([1, expect.any(Number)])
    await keys.redis.set(NAME, 'running 7 1 1 bob')
    expect(await claim('ann')).toEqual([2, expect.any(Number)])
    await keys.redis.set(NAME, '7')
    expect(await claim('ann')).toEqual([0, 0])
  })

  it('that renews or releases changes nothing after the end', async () => {
    const { late, token } = await takeOver()
    expect(await release('ann')).toBe(0)
    await complete('bob', token)
    for (const [owner, own] of [
      ['ann', late],
      ['bob', token],
    ] as const) {
      expect(await renew(owner, own)).toBe(0)
      expect(await release(owner)).toBe(0)
    }
    expect(await keys.read('key')).toEqual({ state: 'applied', token })
  })

  describe('when Redis is full', () => {
    afterEach(() => keys.redis.config('SET', 'maxmemory', '0'))

    it('keeps the takeover that a release leaves: the value grows no larger [E15, E60]', async () => {
      await takeOver()
      const before = await keys.redis.strlen(NAME)
      await keys.redis.config('SET', 'maxmemory', '1')
      expect(await release('bob')).toBe(1)
      expect(await keys.redis.strlen(NAME)).toBeLessThan(before)
      expect(await keys.read('key')).toMatchObject({ state: 'free', isTakeover: true })
    })

    it('completes for an earlier owner, and renews for none, which would take memory [E15, E61]', async () => {
      const { late } = await takeOver()
      await release('bob')
      await keys.redis.config('SET', 'maxmemory', '1')
      await expect(renew('ann', late)).rejects.toThrow(/OOM/)
      expect(await complete('ann', late)).toBe(2)
      expect(await keys.read('key')).toEqual({ state: 'applied', token: late })
    })
  })

  it('that releases creates no key that Redis has lost', async () => {
    await claim('ann')
    await keys.redis.flushall()
    expect(await release('ann')).toBe(0)
    expect(await keys.read('key')).toEqual({ state: 'nothing' })
  })

  it('refuses a key that holds another value', async () => {
    for (const value of [
      '',
      'locked',
      'running',
      'free',
      'running 1 2 3 ann',
      '12x',
      '-1',
      '1.5',
    ]) {
      await keys.redis.set(NAME, value)
      for (const step of [claim('ann'), renew('ann', 1), complete('ann', 1), release('ann')]) {
        await expect(step).rejects.toThrow(/^FOREIGNVALUE/)
      }
      expect(await keys.redis.get(NAME)).toBe(value)
    }
  })
})

describe.skipIf(!hasRedis).each(KINDS)(
  'over %s, scripts that Redis has forgotten',
  (_, openClient) => {
    it.each<[string, () => Promise<unknown>]>([
      ['SCRIPT FLUSH', () => keys.redis.script('FLUSH')],
      ['a restart', () => server.restart()],
    ])('by %s are sent again, at every step [E13]', async (_how, forget) => {
      server = await startRedis()
      keys = await openKeys(server.url)
      const open = await openClient(server.url)
      const inbox = redisInbox({ client: open.client, consumer: 'orders', onWarning() {} })
      try {
        await forget()
        expect(await inbox.admit('applied', async () => void (await forget()))).toBe('applied')
        const failing = inbox.admit('failed', async () => {
          await forget()
          throw new Error('declined')
        })
        await expect(failing).rejects.toThrow('declined')
        expect(await keys.read('applied')).toMatchObject({ state: 'applied' })
        expect(await keys.read('failed')).toMatchObject({ state: 'free' })
      } finally {
        open.close()
        keys.close()
        await server.close()
      }
    })
  },
)

async function run(script: Script, owner: string, ...args: readonly (string | number)[]) {
  return await keys.redis.eval(script.source, 1, NAME, owner, RETENTION_MS, ...args)
}

async function claim(owner: string): Promise<[outcome: number, token: number]> {
  return (await run(CLAIM, owner, 0, 0, LEASE_MS)) as [number, number]
}

/** Ann's lease ends while she works, and Bob takes over. */
async function takeOver(): Promise<{ late: number; token: number }> {
  const [, late] = await claim('ann')
  await keys.endLease('key')
  const [outcome, token] = await claim('bob')
  expect(outcome).toBe(2)
  return { late, token }
}

function renew(owner: string, token: number): Promise<unknown> {
  return run(RENEW, owner, token, 0, LEASE_MS)
}

function complete(owner: string, token: number): Promise<unknown> {
  return run(COMPLETE, owner, token)
}

function release(owner: string): Promise<unknown> {
  return run(RELEASE, owner)
}
