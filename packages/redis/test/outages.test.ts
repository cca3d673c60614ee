import type { Admission, Inbox } from '@hongbao/core'
import { Redis } from 'ioredis'
import { once } from 'node:events'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasRedis, startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import {
  redisInbox,
  type RedisContext,
  type RedisClient,
  type RedisInboxErrorCode,
} from '../src/index.ts'
import { toInboxError } from '../src/errors.ts'
import { KINDS, type OpenClient } from './clients.ts'
import { KEY, openKeys, type Keys } from './keys.ts'

interface Outage {
  readonly what: string
  readonly codes: readonly RedisInboxErrorCode[]
  begin(): Promise<unknown>
  end(): Promise<unknown>
}

let server: RedisServer
let keys: Keys
let onlooker: Keys
let open: OpenClient

const set = (name: string, value: string) => (): Promise<unknown> =>
  keys.redis.call('CONFIG', 'SET', name, value)

const PATIENCE = { timeout: 8000, interval: 10 }

// The connection of the clients stays the same throughout: the app is not restarted.
const OUTAGES: readonly Outage[] = [
  {
    what: 'has crashed',
    codes: ['redis-timed-out', 'redis-unreachable'],
    begin: () => server.kill(),
    end: () => server.start(),
  },
  {
    what: 'was stopped',
    codes: ['redis-timed-out', 'redis-unreachable'],
    begin: () => server.stop(),
    end: () => server.start(),
  },
  {
    what: 'is frozen',
    codes: ['redis-timed-out'],
    begin: async () => server.freeze(),
    end: async () => server.thaw(),
  },
  {
    what: 'is too slow',
    codes: ['redis-timed-out'],
    // Holds every command that would write for so long.
    begin: () => keys.redis.call('CLIENT', 'PAUSE', '600000', 'WRITE'),
    end: () => keys.redis.call('CLIENT', 'UNPAUSE'),
  },
  {
    what: 'is a replica since a failover',
    codes: ['redis-read-only'],
    begin: () => keys.redis.replicaof('127.0.0.1', 1),
    end: () => keys.redis.replicaof('NO', 'ONE'),
  },
  {
    what: 'is a replica that has lost its primary and serves nothing',
    codes: ['redis-not-ready'],
    async begin() {
      await set('replica-serve-stale-data', 'no')()
      await keys.redis.replicaof('127.0.0.1', 1)
    },
    async end() {
      await keys.redis.replicaof('NO', 'ONE')
      await set('replica-serve-stale-data', 'yes')()
    },
  },
  {
    what: 'is out of memory',
    codes: ['redis-out-of-memory'],
    begin: set('maxmemory', '1'),
    end: set('maxmemory', '0'),
  },
  {
    what: 'has too few replicas',
    codes: ['redis-refuses-writes'],
    begin: set('min-replicas-to-write', '1'),
    end: set('min-replicas-to-write', '0'),
  },
  {
    what: 'runs a script that does not end',
    codes: ['redis-not-ready', 'redis-timed-out'],
    async begin() {
      await set('lua-time-limit', '1')()
      void keys.redis.eval('while true do end', 0).catch(() => {})
    },
    // Over a connection that was open before: ioredis counts one as ready when INFO is answered.
    end: () => onlooker.redis.call('SCRIPT', 'KILL'),
  },
  {
    what: 'loads its data',
    codes: ['redis-not-ready'],
    async begin() {
      await set('rdbcompression', 'no')()
      await set('loading-process-events-interval-bytes', '1024')()
      await set('key-load-delay', '20000')()
      for (let key = 0; key < 200; key += 1) await keys.redis.set(`big ${key}`, 'x'.repeat(2048))
      void keys.redis.call('DEBUG', 'RELOAD').catch(() => {})
      await vi.waitFor(async () => {
        expect(await onlooker.redis.info('persistence')).toContain('loading:1')
      }, PATIENCE)
    },
    end: () => onlooker.redis.call('CONFIG', 'SET', 'key-load-delay', '0'),
  },
  {
    what: 'refuses this user',
    codes: ['redis-forbidden'],
    begin: () => keys.redis.call('ACL', 'SETUSER', 'default', '-evalsha'),
    end: () => keys.redis.call('ACL', 'SETUSER', 'default', '+evalsha'),
  },
]

describe.skipIf(!hasRedis).each(KINDS)('over %s, a Redis that', (_, openClient) => {
  beforeAll(async () => {
    // With `everysec`, a Redis that is killed can forget what it has answered two seconds before.
    server = await startRedis({ settings: { appendfsync: 'always' } })
    keys = await openKeys(server.url)
    onlooker = await openKeys(server.url)
    open = await openClient(server.url)
  })

  afterEach(() => keys.redis.flushall())

  afterAll(async () => {
    open.close()
    keys.close()
    onlooker.close()
    await server.close()
  })

  it.each(OUTAGES)(
    '$what runs and records nothing, and is used again after recovery [E6] [E17]',
    async ({ codes, ...outage }) => {
      const inbox = openInbox()
      expect(await apply(inbox, 'before')).toBe('applied')
      const work = vi.fn<() => Promise<void>>(() => Promise.resolve())
      await outage.begin()
      try {
        // More than one, so that the next one meets what the first one left.
        const failures = await Promise.allSettled([inbox.admit(KEY, work), inbox.admit(KEY, work)])
        for (const failure of [...failures, await settled(inbox.admit(KEY, work))]) {
          if (failure.status === 'fulfilled') throw new Error(`It was ${failure.value}.`)
          expect(failure.reason).toMatchObject({ name: 'InboxError' })
          expect(codes).toContain(failure.reason.code)
        }
        expect(work).not.toHaveBeenCalled()
      } finally {
        await outage.end()
      }
      // Not after a lease: a claim that failed is released.
      await vi.waitFor(async () => expect(await apply(inbox)).toBe('applied'), PATIENCE)
      expect(await apply(inbox, 'before')).toBe('duplicate')
    },
  )
})

describe.skipIf(!hasRedis)('a Redis that asks for a password', () => {
  beforeAll(async () => {
    server = await startRedis({ settings: { requirepass: 'right' } })
  })

  afterAll(() => server.close())

  it.each<[string, object]>([
    ['no password', {}],
    ['a wrong password', { password: 'wrong' }],
    ['an unknown user', { username: 'nobody', password: 'right' }],
  ])('refuses an ioredis with %s: redis-login-refused [E52]', async (_, login) => {
    const client = new Redis(server.url, { ...login, protocol: 2, lazyConnect: true })
    client.on('error', () => {})
    const inbox = redisInbox({ consumer: 'orders', client, commandTimeoutMs: 5000, onWarning() {} })
    const work = vi.fn<() => Promise<void>>()
    await expect(inbox.admit(KEY, work)).rejects.toMatchObject({ code: 'redis-login-refused' })
    expect(work).not.toHaveBeenCalled()
    client.disconnect()
  })

  it('refuses a node-redis without one: redis-login-refused [E52]', async () => {
    // Of RESP3 it learns while it connects: `connect()` rejects, and there is nothing to send with.
    const client = await createClient({ url: server.url, RESP: 2 }).connect()
    const inbox = redisInbox({ consumer: 'orders', client, onWarning() {} })
    const work = vi.fn<() => Promise<void>>()
    await expect(inbox.admit(KEY, work)).rejects.toMatchObject({ code: 'redis-login-refused' })
    expect(work).not.toHaveBeenCalled()
    client.destroy()
  })

  it('refuses a client that queues nothing, which only its `error` event shows [E52]', async () => {
    const client = new Redis(server.url, { enableOfflineQueue: false, password: 'wrong' })
    const [error] = (await once(client, 'error')) as [Error]
    expect(error.message).toMatch(/WRONGPASS/)
    await expect(
      redisInbox({ consumer: 'orders', client, onWarning() {} }).admit(KEY, () =>
        Promise.resolve(),
      ),
    ).rejects.toMatchObject({
      code: 'redis-unreachable',
      message: expect.stringMatching(/logged in: its `error` event/),
    })
    client.disconnect()
  })
})

describe('a refusal', () => {
  it.each<[string, RedisInboxErrorCode]>([
    ['LOADING Redis is loading the dataset in memory', 'redis-not-ready'],
    ['MASTERDOWN Link with MASTER is down', 'redis-not-ready'],
    ['CLUSTERDOWN The cluster is down', 'redis-not-ready'],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'redis-not-ready'],
    ['BUSY Redis is busy running a script.', 'redis-not-ready'],
    ["READONLY You can't write against a read only replica. script: 5f8c", 'redis-read-only'],
    [
      "ERR Error running script (call to f_1c0f): @user_script:20: @user_script: 20: -OOM command not allowed when used memory > 'maxmemory'.",
      'redis-out-of-memory',
    ],
    ['MISCONF Redis is configured to save RDB snapshots', 'redis-refuses-writes'],
    ['NOREPLICAS Not enough good replicas to write.', 'redis-refuses-writes'],
    ['NOAUTH Authentication required.', 'redis-login-refused'],
    ['NOAUTH HELLO must be called with the client already authenticated', 'redis-login-refused'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'redis-login-refused'],
    ["NOPERM User app has no permissions to run the 'evalsha' command", 'redis-forbidden'],
    [
      "ERR ACL failure in script: User app has no permissions to run the 'set' command",
      'redis-forbidden',
    ],
    [
      "ERR The user executing the script can't run this command or subcommand script: 5f8c",
      'redis-forbidden',
    ],
    ['MOVED 3999 127.0.0.1:6381', 'redis-wrong-node'],
    ['ASK 3999 127.0.0.1:6381', 'redis-wrong-node'],
    ['WRONGTYPE Operation against a key', 'redis-key-taken'],
    ["ERR unknown command 'EVALSHA'", 'redis-refused'],
    ['connect ECONNREFUSED 127.0.0.1:6379', 'redis-unreachable'],
    ['Connection is closed.', 'redis-unreachable'],
    ["Stream isn't writeable and enableOfflineQueue options is false", 'redis-unreachable'],
    ['The client is closed', 'redis-unreachable'],
  ])('of %j is %s, with its cause', (message, code) => {
    const cause = new Error(message)
    expect(toInboxError(cause)).toMatchObject({ code, cause })
  })

  const moved = new Error('MOVED 3999 127.0.0.1:6381')
  const tooMany = new Error(
    `Too many Cluster redirections. Last error: ReplyError: ${moved.message}`,
  )
  it.each<[string, RedisClient]>([
    ['ioredis', { isCluster: true, call: () => Promise.reject(tooMany) } as RedisClient],
    ['node-redis', { masters: [], sendCommand: () => Promise.reject(moved) }],
  ])(
    'of a cluster that moves slots faster than its client follows is redis-not-ready, and advises no other client: %s [E51]',
    async (_, client) => {
      const inbox = redisInbox({ consumer: 'orders', client, onWarning() {} })
      const refused: unknown = await apply(inbox).catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: 'redis-not-ready' })
      expect(String(refused)).not.toMatch(/cluster client/)
    },
  )

  it('that is not an Error has a code too', () => {
    expect(toInboxError('down')).toMatchObject({ code: 'redis-unreachable', cause: 'down' })
  })
})

function openInbox(): Inbox<RedisContext> {
  return redisInbox({
    client: open.client,
    consumer: 'orders',
    commandTimeoutMs: 400,
    onWarning() {},
  })
}

function apply(inbox: Inbox<RedisContext>, key = KEY): Promise<Admission> {
  return inbox.admit(key, () => Promise.resolve())
}

async function settled(admission: Promise<Admission>): Promise<PromiseSettledResult<Admission>> {
  const [result] = await Promise.allSettled([admission])
  return result
}
