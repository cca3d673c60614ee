import { Redis } from 'ioredis'
import { createClient, RESP_TYPES } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  closeReplica,
  hasRedis,
  startRedis,
  type RedisServer,
} from '../../../test/servers/redis.ts'
import { redisInbox, type RedisClient } from '../src/index.ts'
import { readClient } from '../src/client.ts'
import { inspectServer } from '../src/server.ts'
import { KINDS, type OpenClient } from './clients.ts'
import { warnTo, type Warned } from './warnings.ts'
import { openKeys, type Keys } from './keys.ts'

const PATIENCE = { timeout: 8000, interval: 10 }

let server: RedisServer
let keys: Keys
let open: OpenClient

describe.skipIf(!hasRedis).each(KINDS)('over %s, a server that', (_, openClient) => {
  beforeAll(async () => {
    server = await startRedis()
    keys = await openKeys(server.url)
    open = await openClient(server.url)
  })

  afterEach(async () => {
    await allow()
    await configure('maxmemory-policy', 'noeviction')
  })

  afterAll(async () => {
    open.close()
    keys.close()
    await server.close()
  })

  it('keeps its data causes no warning', async () => {
    expect(await inspect()).toEqual([])
  })

  it.each(['allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'volatile-lru', 'volatile-ttl'])(
    'may evict keys (%s) causes a warning [E15]',
    async (policy) => {
      await configure('maxmemory-policy', policy)
      expect(await inspect()).toEqual(['redis-may-evict'])
    },
  )

  it('refuses CONFIG, as managed ones do, is inspected by INFO', async () => {
    await forbid('-config')
    expect(await inspect()).toEqual([])
    await allow()
    await configure('maxmemory-policy', 'allkeys-lru')
    await forbid('-config')
    expect(await inspect()).toEqual(['redis-may-evict'])
  })

  it('refuses INFO is inspected by CONFIG', async () => {
    await configure('maxmemory-policy', 'volatile-lru')
    await forbid('-info')
    expect(await inspect()).toEqual(['redis-may-evict'])
  })

  it('refuses both causes a warning that its settings are unknown', async () => {
    await forbid('-info', '-config')
    expect(await inspect()).toEqual(['redis-server-unseen'])
  })

  it('is inspected once, after its first answer', async () => {
    await configure('maxmemory-policy', 'allkeys-lru')
    const warnings: Warned[] = []
    const inbox = redisInbox({
      client: open.client,
      consumer: 'orders',
      onWarning: warnTo(warnings),
    })
    expect(warnings).toEqual([])
    for (let event = 0; event < 5; event += 1) {
      await inbox.admit(`event ${event}`, () => Promise.resolve())
    }
    await vi.waitFor(() => expect(warnings).toHaveLength(1), PATIENCE)
    await inbox.admit('another', () => Promise.resolve())
    await inspect()
    expect(codes(warnings)).toEqual(['redis-may-evict'])
    expect(warnings[0]?.message).toMatch(/APPLIED AGAIN.*`maxmemory-policy noeviction`/)
  })

  it.each<[string, () => Promise<never>]>([
    ['cannot be asked now', () => Promise.reject(new Error('read ECONNRESET'))],
    ['does not answer', () => new Promise(() => {})],
  ])('%s is inspected as soon as possible', async (_outage, fail) => {
    const warnings: Warned[] = []
    let isCut = true
    const inbox = redisInbox({
      consumer: 'orders',
      client: {
        async sendCommand([command = '', ...args]) {
          if (isCut && !command.startsWith('eval')) return await fail()
          return await keys.redis.call(command, ...args)
        },
      },
      commandTimeoutMs: 200,
      onWarning: warnTo(warnings),
    })
    await configure('maxmemory-policy', 'allkeys-lru')
    await inbox.admit('cut', () => Promise.resolve())
    expect(warnings).toEqual([])
    isCut = false
    await vi.waitFor(async () => {
      await inbox.admit('well', () => Promise.resolve())
      expect(codes(warnings)).toEqual(['redis-may-evict'])
    }, PATIENCE)
  })
})

describe.skipIf(!hasRedis).each(KINDS)(
  'over %s, a server without an append-only file that',
  (_, openClient) => {
    beforeAll(async () => {
      server = await startRedis({ settings: { appendonly: 'no' } })
      keys = await openKeys(server.url)
      open = await openClient(server.url)
    })

    afterEach(allow)

    afterAll(async () => {
      open.close()
      keys.close()
      await server.close()
    })

    it('keeps nothing on disk causes a warning', async () => {
      expect(await inspect()).toEqual(['redis-not-persistent'])
    })

    it('takes snapshots causes no warning', async () => {
      await configure('save', '3600 1')
      expect(await inspect()).toEqual([])
      await configure('save', '')
    })

    it('does not report whether it takes snapshots causes a warning that this is unknown', async () => {
      await forbid('-config')
      expect(await inspect()).toEqual(['redis-server-unseen'])
    })

    it('may evict as well causes both warnings', async () => {
      await configure('maxmemory-policy', 'allkeys-lru')
      await forbid('-info')
      expect(await inspect()).toEqual(['redis-may-evict', 'redis-not-persistent'])
      await allow()
      expect(await inspect()).toEqual(['redis-may-evict', 'redis-not-persistent'])
    })
  },
)

describe.skipIf(!hasRedis).each([
  ['RESP2', { RESP: 2 }, {}],
  ['RESP3', { RESP: 3 }, {}],
  ['RESP3 with maps', { RESP: 3 }, { [RESP_TYPES.MAP]: Map }],
  ['RESP3 with lists', { RESP: 3 }, { [RESP_TYPES.MAP]: Array }],
] as const)('over node-redis that returns bytes, %s, a server that', (_, options, mapping) => {
  let client: RedisClient
  let close: () => void

  beforeAll(async () => {
    server = await startRedis({ settings: { appendonly: 'no', save: '3600 1' } })
    keys = await openKeys(server.url)
    const connection = await createClient({ url: server.url, ...options }).connect()
    client = connection.withTypeMapping({
      [RESP_TYPES.BLOB_STRING]: Buffer,
      [RESP_TYPES.VERBATIM_STRING]: Buffer,
      ...mapping,
    }) as RedisClient
    close = () => connection.destroy()
  })

  afterAll(async () => {
    close()
    keys.close()
    await server.close()
  })

  it('shows its settings is inspected by INFO and by CONFIG [E64]', async () => {
    expect(await inspect(client)).toEqual([])
    await configure('maxmemory-policy', 'allkeys-lru')
    expect(await inspect(client)).toEqual(['redis-may-evict'])
    await forbid('-info')
    expect(await inspect(client)).toEqual(['redis-may-evict'])
  })
})

describe('the settings of a server', () => {
  it.each([
    ['5.0.14', ['redis-server-old']],
    ['6.0.20', ['redis-server-old']],
    ['6.2.0', []],
    ['7.4.1', []],
    ['8.2.0', []],
    ['10.0.0', []],
  ])('cause a warning if the server is old: %s', async (version, expected) => {
    const info = `# Server\r\nredis_version:${version}\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n# Persistence\r\naof_enabled:1\r\n`
    expect(await inspect(stub({ INFO: info }))).toEqual(expected)
  })

  it.each<[string, unknown]>([
    ['a list', ['maxmemory-policy', 'allkeys-lru']],
    ['a list of bytes [E64]', [Buffer.from('maxmemory-policy'), Buffer.from('allkeys-lru')]],
    ['a map', new Map([['maxmemory-policy', 'allkeys-lru']])],
    [
      'a map of bytes [E64]',
      new Map([[new Uint8Array(Buffer.from('maxmemory-policy')), Buffer.from('allkeys-lru')]]),
    ],
    ['an object', { 'maxmemory-policy': 'allkeys-lru' }],
  ])('are read if CONFIG GET returns %s', async (_, reply) => {
    const client = stub({ INFO: 'aof_enabled:1\r\n', CONFIG: reply })
    expect(await inspect(client)).toEqual(['redis-may-evict'])
  })

  it.each<[string, unknown]>([
    ['nothing', null],
    ['an empty list', []],
    ['another setting', ['timeout', '0']],
    ['a number', 7],
  ])('are unknown if it answers with %s', async (_, reply) => {
    expect(await inspect(stub({ INFO: reply, CONFIG: reply }))).toEqual(['redis-server-unseen'])
  })
})

describe.skipIf(!hasRedis)('a primary with a replica', () => {
  let replica: RedisServer
  let primary: Keys
  let follower: Keys

  beforeAll(async () => {
    ;[server, replica] = await Promise.all([startRedis(), startRedis()])
    primary = await openKeys(server.url)
    follower = await openKeys(replica.url)
    await follower.redis.replicaof('127.0.0.1', server.port)
    await vi.waitUntil(
      async () => (await primary.redis.info('replication')).includes('state=online'),
      PATIENCE,
    )
  })

  afterAll(async () => {
    primary.close()
    follower.close()
    await Promise.all([server.close(), closeReplica(replica)])
  })

  it('that confirms writes without a replica causes a warning, even if it refuses CONFIG [E50]', async () => {
    expect(await inspect(primary.redis)).toEqual(['redis-replicas-not-required'])
    await primary.redis.call('ACL', 'SETUSER', 'default', '-config')
    expect(await inspect(primary.redis)).toEqual(['redis-replicas-not-required'])
    await primary.redis.call('ACL', 'SETUSER', 'default', '+config')
  })

  it('that waits for one causes no warning, nor does the replica [E50]', async () => {
    await primary.redis.config('SET', 'min-replicas-to-write', 1)
    expect(await inspect(primary.redis)).toEqual([])
    expect(await inspect(follower.redis)).toEqual([])
  })

  it('of a cluster causes no warning [E50]', async () => {
    const info =
      'maxmemory_policy:noeviction\r\naof_enabled:1\r\nrole:master\r\nconnected_slaves:2\r\n'
    expect(await inspect(stub({ INFO: info }))).toEqual(['redis-replicas-not-required'])
    expect(await inspect(stub({ INFO: `${info}cluster_enabled:1\r\n` }))).toEqual([])
  })
})

describe('a client of sentinels', () => {
  const sentinels = [{ host: '127.0.0.1', port: 26379 }]

  it.each<[string, object, string[]]>([
    ['that does not detect failovers', { sentinels }, ['redis-failover-unnoticed']],
    ['that detects failovers', { sentinels, failoverDetector: true }, []],
    ['that is none', {}, []],
  ])('%s: warned of at start-up, or not [E49]', (_, options, expected) => {
    const client = new Redis({ lazyConnect: true, name: 'mymaster', ...options })
    const warnings: Warned[] = []
    redisInbox({ consumer: 'orders', client, onWarning: warnTo(warnings) })
    expect(codes(warnings)).toEqual(expected)
  })
})

describe('a warning', () => {
  it('is a line on the console by default', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    try {
      const inbox = redisInbox({
        client: stub({ INFO: 'maxmemory_policy:allkeys-lru' }),
        consumer: 'orders',
      })
      await inbox.admit('key', () => Promise.resolve())
      await vi.waitFor(() => expect(warn).toHaveBeenCalled(), PATIENCE)
      expect(warn.mock.calls[0]?.[0]).toMatch(/^\[hongbao] redis-may-evict: Redis may evict keys/)
    } finally {
      warn.mockRestore()
    }
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('metrics are down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('metrics are down'))],
  ])('is harmless if the hook %s', async (_, onWarning) => {
    const client = stub({ INFO: 'maxmemory_policy:allkeys-lru\r\naof_enabled:1' })
    const inbox = redisInbox({ client, consumer: 'orders', onWarning })
    for (let event = 0; event < 3; event += 1) {
      expect(await inbox.admit('key', () => Promise.resolve())).toBe('applied')
    }
  })
})

function inspect(client: RedisClient = open.client): Promise<string[]> {
  return inspectServer(readClient(client, 1000), 1000)
}

/** A server that reports these settings, and accepts every claim and mark. */
function stub(replies: { readonly INFO?: unknown; readonly CONFIG?: unknown }): RedisClient {
  let isClaimed = false
  return {
    sendCommand([command]) {
      if (command === 'INFO' || command === 'CONFIG') return Promise.resolve(replies[command])
      isClaimed = !isClaimed
      return Promise.resolve(isClaimed ? [1, 1] : 1)
    },
  }
}

function codes(warnings: readonly Warned[]): string[] {
  return warnings.map(({ code }) => code)
}

async function configure(name: string, value: string): Promise<void> {
  await keys.redis.call('CONFIG', 'SET', name, value)
}

async function forbid(...commands: readonly string[]): Promise<void> {
  await keys.redis.call('ACL', 'SETUSER', 'default', ...commands)
}

async function allow(): Promise<void> {
  await keys.redis.call('ACL', 'SETUSER', 'default', '+@all')
}
