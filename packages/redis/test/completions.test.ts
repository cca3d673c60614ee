import { createWebhooks, type Admission, type Inbox } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { hasRedis, startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { redisInbox, type RedisContext, type RedisInboxOptions } from '../src/index.ts'
import type { Completion } from '../src/claims.ts'
import { redisError } from '../src/errors.ts'
import { createCompletions } from '../src/completions.ts'
import { KINDS } from './clients.ts'
import { warnTo, type Warned } from './warnings.ts'
import { KEY, openKeys, type Keys } from './keys.ts'
import { createSender, type Sender } from './senders.ts'

const PATIENCE = { timeout: 8000, interval: 10 }

let server: RedisServer
let keys: Keys
let sender: Sender
const warnings: Warned[] = []

describe.skipIf(!hasRedis)('work that succeeded while the record of its completion', () => {
  beforeAll(async () => {
    server = await startRedis()
    keys = await openKeys(server.url)
  })

  beforeEach(() => {
    sender = createSender(keys.redis)
  })

  afterEach(async () => {
    warnings.length = 0
    await keys.redis.flushall()
  })

  afterAll(async () => {
    keys.close()
    await server.close()
  })

  it('was lost is applied: it is recorded as soon as Redis answers, with one warning [E7]', async () => {
    const inbox = openInbox()
    await apply(inbox, 'teaches Redis the scripts')
    sender.steps.length = 0
    let failures = 3
    sender.decide = (step) => (step === 'complete' && failures-- > 0 ? 'lost' : 'pass')
    expect(await apply(inbox)).toBe('applied')
    expect(await keys.read()).toMatchObject({ state: 'running' })
    await vi.waitFor(
      async () => expect(await keys.read()).toMatchObject({ state: 'applied' }),
      PATIENCE,
    )
    expect(sender.steps.filter((step) => step === 'complete')).toHaveLength(4)
    expect(warnings).toMatchObject([
      { code: 'redis-mark-delayed', key: KEY, cause: { code: 'redis-unreachable' } },
    ])
  })

  it('was written and not answered is applied, and found in Redis [E10]', async () => {
    const inbox = openInbox()
    let isFirst = true
    sender.decide = (step) => {
      if (step !== 'complete' || !isFirst) return 'pass'
      isFirst = false
      return 'answer-lost'
    }
    expect(await apply(inbox)).toBe('applied')
    const held = await keys.read()
    expect(held).toMatchObject({ state: 'applied' })
    await vi.waitFor(
      () => expect(sender.steps.filter((step) => step === 'complete')).toHaveLength(2),
      PATIENCE,
    )
    expect(await keys.read()).toEqual(held)
    expect(warnings).toMatchObject([{ code: 'redis-mark-delayed' }])
  })

  it('is never answered is applied when `commandTimeoutMs` is over', async () => {
    // It goes on trying after this test, so not among the keys of the others.
    const inbox = openInbox({ prefix: 'never answered:' })
    sender.decide = (step) => (step === 'complete' ? 'never-answered' : 'pass')
    expect(await apply(inbox)).toBe('applied')
    expect(warnings).toMatchObject([
      { code: 'redis-mark-delayed', cause: { code: 'redis-timed-out' } },
    ])
  })

  it('is not written yet is a duplicate here and busy elsewhere', async () => {
    const [inbox, elsewhere] = [openInbox(), redisInbox({ client: keys.redis, consumer: 'orders' })]
    sender.decide = (step) => (step === 'complete' ? 'lost' : 'pass')
    expect(await apply(inbox)).toBe('applied')
    const claims = sender.steps.filter((step) => step === 'claim').length
    expect(await apply(inbox)).toBe('duplicate')
    expect(sender.steps.filter((step) => step === 'claim')).toHaveLength(claims)
    expect(await apply(elsewhere)).toBe('busy')
    sender.decide = () => 'pass'
    await vi.waitFor(async () => expect(await apply(elsewhere)).toBe('duplicate'), PATIENCE)
  })

  it('was lost with all data of Redis is recorded as complete [E13]', async () => {
    const inbox = openInbox()
    sender.decide = (step) => (step === 'complete' ? 'lost' : 'pass')
    await apply(inbox)
    await keys.redis.flushall()
    sender.decide = () => 'pass'
    await vi.waitFor(
      async () => expect(await keys.read()).toMatchObject({ state: 'applied' }),
      PATIENCE,
    )
  })

  it('could not be written before a takeover is left to the other process', async () => {
    const inbox = openInbox()
    sender.decide = (step) => (step === 'complete' ? 'lost' : 'pass')
    await apply(inbox)
    await keys.endLease()
    const end = Promise.withResolvers<void>()
    const started = Promise.withResolvers<boolean>()
    const thief = redisInbox({ client: keys.redis, consumer: 'orders' }).admit(KEY, ({ lease }) => {
      started.resolve(lease.isTakeover)
      return end.promise
    })
    expect(await started.promise).toBe(true)
    sender.decide = () => 'pass'
    await vi.waitFor(
      () =>
        expect(warnings.map(({ code }) => code)).toEqual([
          'redis-mark-delayed',
          'redis-lease-lost',
        ]),
      PATIENCE,
    )
    expect(await apply(inbox)).toBe('busy')
    end.resolve()
    expect(await thief).toBe('applied')
  })

  it('could not be written before a takeover that failed is written after that [E61]', async () => {
    const inbox = openInbox()
    sender.decide = (step) => (step === 'complete' ? 'lost' : 'pass')
    await apply(inbox)
    await keys.endLease()
    const thief = redisInbox({ client: keys.redis, consumer: 'orders' })
    const failing = thief.admit(KEY, () => Promise.reject(new Error('the look-up failed')))
    await expect(failing).rejects.toThrow('the look-up failed')
    sender.decide = () => 'pass'
    await inbox.flush?.()
    expect(await apply(thief)).toBe('duplicate')
    expect(warnings.map(({ code }) => code)).toEqual(['redis-mark-delayed', 'redis-lease-lost'])
  })

  it('is due while Redis is full is written: it makes the value shorter [E15]', async () => {
    const inbox = openInbox()
    expect(await inbox.admit(KEY, () => fill('1'))).toBe('applied')
    await expect(apply(inbox, 'another')).rejects.toMatchObject({ code: 'redis-out-of-memory' })
    await fill('0')
    expect(await keys.read()).toMatchObject({ state: 'applied' })
    expect(warnings).toEqual([])
  })

  it('is delayed is answered 200: a second delivery would be a second payment', async () => {
    const pingpp = createTestKeys()
    const inbox = openInbox()
    const webhooks = createWebhooks({ publicKey: pingpp.publicKey, inbox, logger: false })
    const handler = vi.fn<() => void>()
    webhooks.on('red_envelope.sent', handler)
    sender.decide = (step) => (step === 'complete' ? 'lost' : 'pass')
    const signed = signDelivery(eventFixture('red_envelope.sent'), pingpp)
    expect(await webhooks.handle(signed.delivery())).toMatchObject({
      outcome: 'handled',
      status: 200,
    })
    expect(await webhooks.handle(signed.delivery())).toMatchObject({ outcome: 'duplicate' })
    expect(handler).toHaveBeenCalledOnce()
  })

  it('was taken over is answered 500: the result of the other process is unknown', async () => {
    const pingpp = createTestKeys()
    const inbox = openInbox()
    const webhooks = createWebhooks({ publicKey: pingpp.publicKey, inbox, logger: false })
    const end = Promise.withResolvers<void>()
    let other: Promise<Admission> | undefined
    webhooks.on('red_envelope.sent', async () => {
      const [name = ''] = await keys.redis.keys('hongbao:*')
      const key = name.slice('hongbao:{'.length, -'}:orders'.length)
      await keys.endLease(key)
      const started = Promise.withResolvers<void>()
      other = redisInbox({ client: keys.redis, consumer: 'orders' }).admit(key, () => {
        started.resolve()
        return end.promise
      })
      await started.promise
    })
    const signed = signDelivery(eventFixture('red_envelope.sent'), pingpp)
    const reply = await webhooks.handle(signed.delivery())
    expect(reply).toMatchObject({ outcome: 'failed', code: 'inbox-unavailable', status: 500 })
    end.resolve()
    expect(await other).toBe('applied')
  })
})

describe.skipIf(!hasRedis)('a Redis that is full', () => {
  beforeAll(async () => {
    server = await startRedis()
    keys = await openKeys(server.url)
    sender = createSender(keys.redis)
  })

  afterAll(async () => {
    keys.close()
    await server.close()
  })

  it('still renews leases [E15]', async () => {
    const inbox = openInbox({ leaseMs: 900 })
    const admission = inbox.admit(KEY, async () => {
      await fill('1')
      const before = await keys.read()
      await vi.waitFor(async () => expect(await keys.read()).not.toEqual(before), PATIENCE)
    })
    expect(await admission).toBe('applied')
    await fill('0')
  })

  it('still frees events whose handlers fail [E15]', async () => {
    const failing = openInbox().admit('failing', async () => {
      await fill('1')
      throw new Error('declined')
    })
    await expect(failing).rejects.toThrow('declined')
    await fill('0')
    expect(await keys.read('failing')).toMatchObject({ state: 'free' })
  })
})

describe.skipIf(!hasRedis)('an answer that is lost', () => {
  beforeAll(async () => {
    server = await startRedis()
    keys = await openKeys(server.url)
  })

  beforeEach(() => {
    sender = createSender(keys.redis)
  })

  afterEach(() => keys.redis.flushall())

  afterAll(async () => {
    keys.close()
    await server.close()
  })

  it('of a claim runs nothing, and the event is free again at once [E8, E9]', async () => {
    const inbox = openInbox()
    const work = vi.fn<() => Promise<void>>()
    sender.decide = (step) => (step === 'claim' ? 'answer-lost' : 'pass')
    await expect(inbox.admit(KEY, work)).rejects.toMatchObject({ code: 'redis-unreachable' })
    expect(work).not.toHaveBeenCalled()
    await vi.waitFor(
      async () => expect(await keys.read()).toMatchObject({ state: 'free' }),
      PATIENCE,
    )
  })

  it('of a claim that Redis refused releases nothing', async () => {
    const inbox = openInbox()
    await fill('1')
    await expect(apply(inbox)).rejects.toMatchObject({ code: 'redis-out-of-memory' })
    await fill('0')
    await apply(inbox)
    expect(sender.steps).not.toContain('release')
  })

  it('of a renewal does not lose the lease: the renewal is retried', async () => {
    const inbox = openInbox({ leaseMs: 900 })
    let isFirst = true
    sender.decide = (step) => {
      if (step !== 'renew' || !isFirst) return 'pass'
      isFirst = false
      return 'answer-lost'
    }
    const admission = inbox.admit(KEY, async ({ lease }) => {
      await vi.waitFor(
        () => expect(sender.steps.filter((step) => step === 'renew').length).toBeGreaterThan(1),
        PATIENCE,
      )
      expect(lease.signal.aborted).toBe(false)
    })
    expect(await admission).toBe('applied')
    expect(warnings).toEqual([])
  })

  it('of every renewal fires the signal when the lease may be over, and a late one still counts', async () => {
    const inbox = openInbox({ leaseMs: 900 })
    sender.decide = (step) => (step === 'renew' ? 'lost' : 'pass')
    const admission = inbox.admit(KEY, async ({ lease }) => {
      await vi.waitFor(() => expect(lease.signal.aborted).toBe(true), PATIENCE)
      expect(lease.signal.reason).toMatchObject({ code: 'redis-lease-lost' })
    })
    expect(await admission).toBe('applied')
    expect(warnings).toMatchObject([
      { code: 'redis-lease-lost', key: KEY, cause: { code: 'redis-unreachable' } },
    ])
    warnings.length = 0
  })

  it('of a release is harmless: the work is reported as failed, and the lease expires', async () => {
    const inbox = openInbox()
    const error = new Error('declined')
    sender.decide = (step) => (step === 'release' ? 'lost' : 'pass')
    await expect(inbox.admit(KEY, () => Promise.reject(error))).rejects.toBe(error)
    expect(await apply(inbox)).toBe('busy')
    await keys.endLease()
    expect(await apply(inbox)).toBe('applied')
  })

  it('of the release of a takeover leaves a takeover [E60]', async () => {
    const inbox = openInbox()
    const fails = (): Promise<never> => Promise.reject(new Error('declined'))
    sender.decide = (step) => (step === 'release' ? 'lost' : 'pass')
    for (let round = 0; round < 2; round += 1) {
      await expect(inbox.admit(KEY, fails)).rejects.toThrow('declined')
      await keys.endLease()
    }
    sender.decide = () => 'pass'
    await expect(inbox.admit(KEY, fails)).rejects.toThrow('declined')
    const told: boolean[] = []
    await inbox.admit(KEY, async ({ lease }) => void told.push(lease.isTakeover))
    expect(told).toEqual([true])
  })
})

describe('completions that are delayed', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  it('are retried at once, and often from then on, while `flush` waits for them', async () => {
    let [isBack, tries] = [false, 0]
    const complete = async (): Promise<Completion> => {
      tries += 1
      if (!isBack) throw redisError('redis-unreachable')
      return 'completed'
    }
    const completions = createCompletions({ complete }, 20_000, () => {})
    const claim = { key: KEY, owner: 'x', token: 1, isTakeover: false, askedAt: 0 }
    await completions.flush()
    await completions.record(claim, () => {})
    await vi.advanceTimersByTimeAsync(60_000)
    const before = tries
    const settled = completions.flush()
    await vi.advanceTimersByTimeAsync(0)
    expect(tries).toBe(before + 1)
    isBack = true
    await vi.advanceTimersByTimeAsync(250)
    await settled
    expect(tries).toBe(before + 2)
    expect(completions.isPending(KEY)).toBe(false)
  })
})

describe.skipIf(!hasRedis).each(KINDS)(
  'over %s, a server that goes while the work runs',
  (_, openClient) => {
    it.each([
      ['crashes', () => server.kill(), () => server.start()],
      ['freezes', async () => server.freeze(), async () => server.thaw()],
    ])(
      'and %s fails no delivery: it is applied now, and recorded when Redis is back',
      async (_how, go, comeBack) => {
        server = await startRedis({ settings: { appendfsync: 'always' } })
        const open = await openClient(server.url)
        const inbox = redisInbox({
          client: open.client,
          consumer: 'orders',
          commandTimeoutMs: 500,
          onWarning() {},
        })
        try {
          await inbox.flush?.()
          expect(await inbox.admit(KEY, go)).toBe('applied')
          const order: string[] = []
          const settled = inbox.flush?.().then(() => order.push('settled'))
          expect(await apply(inbox)).toBe('duplicate')
          order.push('comes back')
          await comeBack()
          await settled
          expect(order).toEqual(['comes back', 'settled'])
          const elsewhere = redisInbox({ client: open.client, consumer: 'orders', onWarning() {} })
          expect(await apply(elsewhere)).toBe('duplicate')
        } finally {
          open.close()
          await server.close()
        }
      },
    )
  },
)

async function fill(maxMemory: '0' | '1'): Promise<void> {
  await keys.redis.call('CONFIG', 'SET', 'maxmemory', maxMemory)
}

function openInbox(options: Partial<RedisInboxOptions> = {}): Inbox<RedisContext> {
  return redisInbox({
    client: sender,
    consumer: 'orders',
    commandTimeoutMs: 500,
    onWarning: warnTo(warnings),
    ...options,
  })
}

function apply(inbox: Inbox<RedisContext>, key = KEY): Promise<Admission> {
  return inbox.admit(key, () => Promise.resolve())
}
