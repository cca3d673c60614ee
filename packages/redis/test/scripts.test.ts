import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hasRedis, startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { redisInbox } from '../src/index.ts'
import { CLAIM, COMPLETE, RELEASE, RENEW, type Script } from '../src/scripts.ts'
import { KINDS } from './clients.ts'
import { openKeys, type Keys } from './keys.ts'

const NAME = 'hongbao:{key}'
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
    it('tells the same owner the same again, because clients send again what was not answered [E9]', async () => {
      const first = await claim('ann')
      expect(first).toEqual([1, expect.any(Number)])
      expect(await claim('ann')).toEqual(first)
      expect(await claim('bob')).toEqual([-1, 0])
    })

    it('tells the same owner the same again after a takeover, too', async () => {
      await claim('ann')
      await keys.endLease('key')
      const takeover = await claim('bob')
      expect(takeover).toEqual([2, expect.any(Number)])
      expect(await claim('bob')).toEqual(takeover)
    })

    it('tells everybody that the event was applied, its owner included', async () => {
      const [, token] = await claim('ann')
      await complete('ann', token)
      expect(await claim('ann')).toEqual([0, 0])
      expect(await claim('bob')).toEqual([0, 0])
    })
  })

  describe('that completes', () => {
    it('says so again when it is sent again [E10]', async () => {
      const [, token] = await claim('ann')
      expect(await complete('ann', token)).toBe(1)
      expect(await complete('ann', token)).toBe(1)
    })

    it('tells an earlier owner that another one did', async () => {
      const [, late] = await claim('ann')
      await keys.endLease('key')
      const [, token] = await claim('bob')
      await complete('bob', token)
      expect(await complete('ann', late)).toBe(2)
      expect(await keys.read('key')).toEqual({ state: 'applied', token })
    })

    it('changes nothing for an earlier owner, however the other one fares', async () => {
      const [, late] = await claim('ann')
      await keys.endLease('key')
      await claim('bob')
      const running = await keys.read('key')
      expect(await complete('ann', late)).toBe(0)
      expect(await keys.read('key')).toEqual(running)
      await release('bob')
      const free = await keys.read('key')
      expect(await complete('ann', late)).toBe(0)
      expect(await keys.read('key')).toEqual(free)
    })
  })

  it('that renews or releases changes nothing for an earlier owner, or after the end', async () => {
    const [, late] = await claim('ann')
    await keys.endLease('key')
    const [, token] = await claim('bob')
    const running = await keys.read('key')
    expect(await renew('ann', late)).toBe(0)
    expect(await release('ann')).toBe(0)
    expect(await keys.read('key')).toEqual(running)
    await complete('bob', token)
    expect(await renew('bob', token)).toBe(0)
    expect(await release('bob')).toBe(0)
    expect(await keys.read('key')).toEqual({ state: 'applied', token })
  })

  it('that releases makes nothing of a key that Redis has forgotten', async () => {
    await claim('ann')
    await keys.redis.flushall()
    expect(await release('ann')).toBe(0)
    expect(await keys.read('key')).toEqual({ state: 'nothing' })
  })

  it('refuses a key that holds something else', async () => {
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
      const inbox = redisInbox({ client: open.client, onWarning() {} })
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

function renew(owner: string, token: number): Promise<unknown> {
  return run(RENEW, owner, token, 0, LEASE_MS)
}

function complete(owner: string, token: number): Promise<unknown> {
  return run(COMPLETE, owner, token)
}

function release(owner: string): Promise<unknown> {
  return run(RELEASE, owner)
}
