import { createServer, type AddressInfo, type Server } from 'node:net'
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasRedis, startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { redisInbox, type RedisClient } from '../src/index.ts'
import { KEY, nameOf } from './keys.ts'

const PATIENCE = { timeout: 8000, interval: 20 }

// Two nodes, half of the slots each: a command that goes to the wrong one is refused.
let nodes: RedisServer[]
const closing: (() => unknown)[] = []

describe.skipIf(!hasRedis)('in a cluster', () => {
  beforeAll(async () => {
    nodes = await Promise.all([startNode(), startNode()])
    const [first, second] = nodes.map(({ url }) => new Redis(url)) as [Redis, Redis]
    await first.call('CLUSTER', 'ADDSLOTSRANGE', '0', '8191')
    await second.call('CLUSTER', 'ADDSLOTSRANGE', '8192', '16383')
    await first.call(
      'CLUSTER',
      'MEET',
      '127.0.0.1',
      String(nodes[1]?.port),
      String(await busPort(second)),
    )
    for (const node of [first, second]) {
      await vi.waitUntil(
        async () => String(await node.call('CLUSTER', 'INFO')).includes('cluster_state:ok'),
        PATIENCE,
      )
    }
    first.disconnect()
    second.disconnect()
  }, 20_000)

  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  afterAll(() => Promise.all(nodes.map((node) => node.close())))

  it.each<[string, () => Promise<RedisClient>]>([
    ['ioredis', openIoredis],
    ['node-redis', openNodeRedis],
  ])('every step of every event reaches its node: %s', async (name, open) => {
    const inbox = redisInbox({
      client: await open(),
      consumer: 'orders',
      prefix: `${name}:`,
      onWarning() {},
    })
    for (let event = 0; event < 50; event += 1) {
      const key = `${KEY}${event}`
      await expect(inbox.admit(key, () => Promise.reject(new Error('declined')))).rejects.toThrow(
        'declined',
      )
      expect(await inbox.admit(key, () => Promise.resolve())).toBe('applied')
      expect(await inbox.admit(key, () => Promise.resolve())).toBe('duplicate')
    }
    const held = await Promise.all(nodes.map((node) => countKeys(node, `${name}:*`)))
    expect(held.reduce((sum, count) => sum + count)).toBe(50)
    expect(Math.min(...held)).toBeGreaterThan(0)
  })

  it('the key of an event is its hash tag, so that your own data can stand beside it', async () => {
    const node = new Redis(nodes[0]?.url ?? '')
    closing.push(() => node.disconnect())
    for (const key of [KEY, 'evt_1', '红包']) {
      const slot = await node.call('CLUSTER', 'KEYSLOT', key)
      expect(await node.call('CLUSTER', 'KEYSLOT', nameOf(key))).toBe(slot)
      expect(await node.call('CLUSTER', 'KEYSLOT', `orders:{${key}}`)).toBe(slot)
    }
  })

  it('a client of a single node gets an error that names the cluster client', async () => {
    const client = await createClient({ url: nodes[0]?.url ?? '' }).connect()
    closing.push(() => client.destroy())
    const inbox = redisInbox({ client, consumer: 'orders', onWarning() {} })
    const work = vi.fn<() => Promise<void>>(() => Promise.resolve())
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, event) => inbox.admit(`event ${event}`, work)),
    )
    const failures = results.filter((result) => result.status === 'rejected')
    expect(failures.length).toBeGreaterThan(0)
    for (const { reason } of failures) expect(reason).toMatchObject({ code: 'redis-wrong-node' })
    expect(work).toHaveBeenCalledTimes(20 - failures.length)
  })
})

async function openIoredis(): Promise<RedisClient> {
  const client = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })))
  closing.push(() => client.disconnect())
  await client.ping()
  return client
}

async function openNodeRedis(): Promise<RedisClient> {
  const client = createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) })
  closing.push(() => client.destroy())
  await client.connect()
  return client
}

/** The bus would take the port plus 10,000, which may be in use, or not exist. */
async function startNode(tries = 3): Promise<RedisServer> {
  const settings = { 'cluster-enabled': 'yes', 'cluster-port': await freePort() }
  try {
    return await startRedis({ settings })
  } catch (error) {
    // Somebody took the port between the question and the start.
    if (tries === 1) throw error
    return startNode(tries - 1)
  }
}

async function busPort(node: Redis): Promise<number> {
  const [, port] = (await node.call('CONFIG', 'GET', 'cluster-port')) as [string, string]
  return Number(port)
}

async function countKeys(node: RedisServer, pattern: string): Promise<number> {
  const client = new Redis(node.url)
  const names = await client.keys(pattern)
  client.disconnect()
  return names.length
}

async function freePort(): Promise<number> {
  const probe: Server = createServer()
  await new Promise<void>((resolve) => {
    probe.listen(0, '127.0.0.1', resolve)
  })
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => {
    probe.close(resolve)
  })
  return port
}
