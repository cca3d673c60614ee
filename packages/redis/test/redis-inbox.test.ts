import { createWebhooks, type Admission, type Inbox } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasRedis, startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import {
  redisInbox,
  type RedisContext,
  type RedisClient,
  type RedisInboxOptions,
} from '../src/index.ts'
import { KINDS, type OpenClient } from './clients.ts'
import { KEY, nameOf, openKeys, type Keys } from './keys.ts'

const WEEK_MS = 7 * 24 * 60 * 60 * 1000

let server: RedisServer
let keys: Keys
let open: OpenClient

describe.skipIf(!hasRedis).each(KINDS)('the Redis inbox over %s', (_, openClient) => {
  beforeAll(async () => {
    server = await startRedis()
    keys = await openKeys(server.url)
    open = await openClient(server.url)
  })

  afterEach(() => keys.redis.flushall())

  afterAll(async () => {
    open.close()
    keys.close()
    await server.close()
  })

  it('applies a key once, in any process', async () => {
    const [first, second] = [openInbox(), openInbox()]
    expect(await apply(first)).toBe('applied')
    const work = vi.fn<() => Promise<void>>(() => Promise.resolve())
    expect(await second.admit(KEY, work)).toBe('duplicate')
    expect(work).not.toHaveBeenCalled()
  })

  it('is busy with a key whose work is running in any process, and with no other', async () => {
    const [first, second] = [openInbox(), openInbox()]
    const run = startRun(first)
    await run.started
    expect([await apply(first), await apply(second)]).toEqual(['busy', 'busy'])
    expect(await apply(second, 'another')).toBe('applied')
    run.end.resolve()
    expect(await run.admission).toBe('applied')
    expect([await apply(first), await apply(second)]).toEqual(['duplicate', 'duplicate'])
  })

  it('claims a new key once, with any number of simultaneous claims', async () => {
    const inboxes = [openInbox(), openInbox(), openInbox(), openInbox()]
    const work = vi.fn<() => Promise<void>>(() => Promise.resolve())
    const asked = Array.from({ length: 25 }, () => inboxes.map((inbox) => inbox.admit(KEY, work)))
    const answers = await Promise.all(asked.flat())
    expect(work).toHaveBeenCalledOnce()
    expect(answers.filter((answer) => answer === 'applied')).toHaveLength(1)
  })

  it('releases a key whose work rejects, and passes the error on', async () => {
    const inbox = openInbox()
    const error = new Error('declined')
    await expect(inbox.admit(KEY, () => Promise.reject(error))).rejects.toBe(error)
    expect(await keys.read()).toMatchObject({ state: 'free' })
    expect(await apply(inbox)).toBe('applied')
  })

  it('keeps the lease in the value, and every key for the whole retention', async () => {
    const inbox = openInbox({ retentionSeconds: 200_000, leaseMs: 30_000 })
    const left: number[] = []
    const look = async (): Promise<void> => void left.push(await keys.redis.pttl(nameOf()))
    await inbox
      .admit(KEY, async () => {
        await look()
        throw new Error('declined')
      })
      .catch(look)
    await apply(inbox)
    await look()
    expect(left.map((ms) => ms > 190_000_000 && ms <= 200_000_000)).toEqual([true, true, true])
    expect(inbox.retentionSeconds).toBe(200_000)
  })

  it('remembers for 7 days by default', async () => {
    const inbox = openInbox()
    await apply(inbox)
    expect(inbox.retentionSeconds * 1000).toBe(WEEK_MS)
    expect(await keys.redis.pttl(nameOf())).toBeGreaterThan(WEEK_MS - 60_000)
  })

  it('holds a lease of a minute by the clock of Redis, independent of the clock of the process [E25]', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2001, 1, 1) })
    try {
      const run = startRun(openInbox())
      await run.started
      const [seconds, microseconds] = (await keys.redis.time()).map(Number) as [number, number]
      const held = await keys.read()
      const leftMs =
        held.state === 'running' ? held.ends / 1000 - seconds * 1000 - microseconds / 1000 : 0
      expect(leftMs).toBeGreaterThan(50_000)
      expect(leftMs).toBeLessThanOrEqual(60_000)
      run.end.resolve()
      await run.admission
    } finally {
      vi.useRealTimers()
    }
  })

  it('separates its keys by `prefix` [E29]', async () => {
    const shop = openInbox({ prefix: 'shop:' })
    const club = openInbox({ prefix: 'club:' })
    await apply(shop)
    expect(await apply(club)).toBe('applied')
    const names = await keys.redis.keys('*')
    expect(names.toSorted()).toEqual([`club:{${KEY}}:orders`, `shop:{${KEY}}:orders`])
  })

  it('separates the keys of two services by `consumer`: both apply the event [E62]', async () => {
    const orders = openInbox()
    const mail = openInbox({ consumer: 'mail' })
    expect([await apply(orders), await apply(mail)]).toEqual(['applied', 'applied'])
    expect([await apply(orders), await apply(mail)]).toEqual(['duplicate', 'duplicate'])
  })

  it('has a distinct Redis key for every prefix, key and consumer, whatever they contain [E62]', async () => {
    const parts = ['a', 'a:', ':a', 'a:b', 'b', 'ab']
    const consumers = ['a', 'a.b', '.a', 'b', 'ab', 'A-b_1']
    const keyParts = [...parts, 'a}:b', '{a', 'a}', '}:a', '']
    const names = new Set<string>()
    for (const prefix of ['', ...parts]) {
      for (const consumer of consumers) {
        const inbox = openInbox({ prefix, consumer, client: named(names) })
        for (const key of keyParts) await apply(inbox, key).catch(() => {})
      }
    }
    expect(names.size).toBe((parts.length + 1) * consumers.length * keyParts.length)
  })

  it('keeps an applied key as an integer, which Redis stores without a second allocation', async () => {
    await apply(openInbox())
    expect(await keys.redis.object('ENCODING', nameOf())).toBe('int')
  })

  it('refuses a key that holds another value, and runs nothing [E31]', async () => {
    const inbox = openInbox()
    const work = vi.fn<() => Promise<void>>()
    await keys.redis.set(nameOf(), 'locked')
    await expect(inbox.admit(KEY, work)).rejects.toMatchObject({ code: 'redis-key-taken' })
    await keys.redis.del(nameOf())
    await keys.redis.lpush(nameOf(), 'locked')
    await expect(inbox.admit(KEY, work)).rejects.toMatchObject({ code: 'redis-key-taken' })
    expect(work).not.toHaveBeenCalled()
  })

  it('answers verified deliveries over two receivers: once handled, then duplicates', async () => {
    const pingpp = createTestKeys()
    const receivers = [1, 2].map(() => {
      const seen: number[] = []
      const inbox = openInbox()
      const webhooks = createWebhooks({ publicKey: pingpp.publicKey, inbox, logger: false })
      webhooks.on('red_envelope.sent', (_event, { lease }) => void seen.push(lease.token))
      return { webhooks, seen }
    })
    const signed = signDelivery(eventFixture('red_envelope.sent'), pingpp)
    const outcomes: string[] = []
    for (const { webhooks } of [...receivers, ...receivers]) {
      outcomes.push((await webhooks.handle(signed.delivery())).outcome)
    }
    expect(outcomes).toEqual(['handled', 'duplicate', 'duplicate', 'duplicate'])
    expect(receivers.flatMap(({ seen }) => seen)).toHaveLength(1)
  })
})

function openInbox(options: Partial<RedisInboxOptions> = {}): Inbox<RedisContext> {
  return redisInbox({ client: open.client, consumer: 'orders', onWarning() {}, ...options })
}

/** A client that takes the names of keys down, and answers nothing. */
function named(names: Set<string>): RedisClient {
  return {
    sendCommand([, , , name = '']) {
      names.add(name)
      return Promise.reject(new Error('ERR refused'))
    },
  }
}

function apply(inbox: Inbox<RedisContext>, key = KEY): Promise<Admission> {
  return inbox.admit(key, () => Promise.resolve())
}

function startRun(inbox: Inbox<RedisContext>) {
  const [started, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const admission = inbox.admit(KEY, () => {
    started.resolve()
    return end.promise
  })
  return { started: started.promise, end, admission }
}
