import type { Inbox } from '@hongbao/core'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { InboxError } from '@hongbao/core'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasRedis, startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import {
  redisInbox,
  type RedisContext,
  type RedisClient,
  type RedisInboxOptions,
} from '../src/index.ts'
import { KINDS, type OpenClient } from './clients.ts'
import { openKeys, type Keys } from './keys.ts'

const PATIENCE = { timeout: 8000, interval: 10 }

let server: RedisServer
let keys: Keys
let open: OpenClient

const set = (name: string, value: string) => (): Promise<unknown> =>
  keys.redis.call('CONFIG', 'SET', name, value)

describe.skipIf(!hasRedis)('`ready` of an inbox whose client is still connecting', () => {
  beforeAll(async () => {
    server = await startRedis()
  })

  afterAll(() => server.close())

  it.each([
    ['ioredis', connectingIoredis],
    ['node-redis', connectingNodeRedis],
  ])(
    'waits for %s, with the settings of the README: then the first event is applied [E63]',
    async (name, connect) => {
      const connection = connect(server.url)
      const inbox = openInbox({ client: connection.client })
      const tooEarly = inbox.admit(name, () => Promise.resolve())
      await expect(tooEarly).rejects.toMatchObject({ code: 'redis-unreachable' })
      await inbox.ready?.()
      expect(await inbox.admit(name, () => Promise.resolve())).toBe('applied')
      connection.close()
    },
  )
})

describe.skipIf(!hasRedis).each(KINDS)('`ready` of an inbox over %s', (_, openClient) => {
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

  it('resolves again and again, and leaves nothing in Redis [E63]', async () => {
    const inbox = openInbox()
    await Promise.all([inbox.ready?.(), inbox.ready?.()])
    await inbox.ready?.()
    await vi.waitFor(async () => expect(await keys.redis.dbsize()).toBe(0), PATIENCE)
  })

  it('changes no recorded key, whatever its name', async () => {
    const inbox = openInbox()
    await inbox.admit('probe', () => Promise.resolve())
    const held = await keys.read('probe')
    await inbox.ready?.()
    expect(await keys.read('probe')).toEqual(held)
    expect(await inbox.admit('probe', () => Promise.resolve())).toBe('duplicate')
  })

  it.each<[string, RedisOutage]>([
    [
      'redis-read-only',
      {
        begin: () => keys.redis.replicaof('127.0.0.1', 1),
        end: () => keys.redis.replicaof('NO', 'ONE'),
      },
    ],
    ['redis-out-of-memory', { begin: set('maxmemory', '1'), end: set('maxmemory', '0') }],
    [
      'redis-refuses-writes',
      { begin: set('min-replicas-to-write', '1'), end: set('min-replicas-to-write', '0') },
    ],
    [
      'redis-forbidden',
      {
        begin: () => keys.redis.call('ACL', 'SETUSER', 'default', '-pexpire'),
        end: () => keys.redis.call('ACL', 'SETUSER', 'default', '+pexpire'),
      },
    ],
    ['redis-timed-out', { begin: async () => server.freeze(), end: async () => server.thaw() }],
  ])('rejects with %s, and resolves when that is over [E63]', async (code, outage) => {
    const inbox = openInbox()
    await outage.begin()
    const checked = await Promise.allSettled([inbox.ready?.()])
    await outage.end()
    expect(checked).toMatchObject([{ reason: { name: 'InboxError', code } }])
    await vi.waitFor(() => inbox.ready?.(), PATIENCE)
  })

  it('rejects when there is no Redis', async () => {
    await server.stop()
    const checked = await Promise.allSettled([openInbox().ready?.()])
    await server.start()
    // A client with an offline queue waits for the server, and one without is refused.
    const code = expect.stringMatching(/^redis-(timed-out|unreachable)$/)
    expect(checked).toMatchObject([{ reason: { code } }])
  })

  it('warns of the settings of Redis before it resolves, and once only [E63]', async () => {
    const onWarning = vi.fn<() => void>()
    const inbox = openInbox({ onWarning })
    await set('maxmemory-policy', 'allkeys-lru')()
    await inbox.ready?.()
    await set('maxmemory-policy', 'noeviction')()
    expect(onWarning.mock.calls).toMatchObject([
      [expect.any(InboxError), { code: 'redis-may-evict' }],
    ])
    await inbox.ready?.()
    await inbox.admit('key', () => Promise.resolve())
    expect(onWarning).toHaveBeenCalledOnce()
  })
})

interface RedisOutage {
  begin(): Promise<unknown>
  end(): Promise<unknown>
}

interface Connecting {
  readonly client: RedisClient
  close(): void
}

function connectingIoredis(url: string): Connecting {
  const client = new Redis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 1 })
  client.on('error', () => {})
  return { client, close: () => client.disconnect() }
}

function connectingNodeRedis(url: string): Connecting {
  const client = createClient({ url, disableOfflineQueue: true })
  client.on('error', () => {})
  client.connect().catch(() => {})
  return { client, close: () => client.destroy() }
}

function openInbox(options: Partial<RedisInboxOptions> = {}): Inbox<RedisContext> {
  return redisInbox({ client: open?.client, consumer: 'orders', onWarning() {}, ...options })
}
