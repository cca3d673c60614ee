import { Redis } from 'ioredis'
import { createClient, createClientPool, RESP_TYPES } from 'redis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasRedis, startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { redisInbox, type RedisClient } from '../src/index.ts'

const BYTES = {
  [RESP_TYPES.NUMBER]: String,
  [RESP_TYPES.SIMPLE_STRING]: Buffer,
  [RESP_TYPES.BLOB_STRING]: Buffer,
  [RESP_TYPES.VERBATIM_STRING]: Buffer,
}

let server: RedisServer
let count = 0

describe.skipIf(!hasRedis)('a client', () => {
  beforeAll(async () => {
    server = await startRedis()
  })

  afterAll(() => server.close())

  it.each<[string, (url: string) => Promise<{ client: RedisClient; close: () => unknown }>]>([
    ['of ioredis', openIoredis()],
    ['of ioredis with a key prefix', openIoredis({ keyPrefix: 'app:' })],
    ['of ioredis that returns numbers as strings', openIoredis({ stringNumbers: true })],
    [
      'of ioredis that sends what is asked at once together',
      openIoredis({ enableAutoPipelining: true }),
    ],
    [
      'of ioredis that queues nothing',
      openIoredis({ enableOfflineQueue: false, maxRetriesPerRequest: 1 }),
    ],
    ['of ioredis that speaks RESP2', openIoredis({ protocol: 2 })],
    ['of ioredis that speaks RESP3', openIoredis({ protocol: 3 })],
    ['of node-redis', openNodeRedis()],
    ['of node-redis that queues nothing', openNodeRedis({ disableOfflineQueue: true })],
    ['of node-redis that speaks RESP2', openNodeRedis({ RESP: 2 })],
    ['of node-redis that speaks RESP3', openNodeRedis({ RESP: 3 })],
    [
      'of node-redis that returns numbers as strings',
      openMapped({}, { [RESP_TYPES.NUMBER]: String }),
    ],
    ['of node-redis that returns bytes, over RESP2 [E64]', openMapped({ RESP: 2 }, BYTES)],
    ['of node-redis that returns bytes, over RESP3 [E64]', openMapped({ RESP: 3 }, BYTES)],
    ['of ioredis that returns bytes [E64]', openIoredisBytes],
    ['that is a pool of node-redis', openPool],
    ['that is a function around another one', openWrapped],
  ])('%s moves a key through its states', async (_, open) => {
    const { client, close } = await open(server.url)
    const warned = vi.fn<() => void>()
    const inbox = redisInbox({
      client,
      consumer: 'orders',
      prefix: `client ${(count += 1)}:`,
      onWarning: warned,
    })
    try {
      const failed = inbox.admit('key', () => Promise.reject(new Error('declined')))
      await expect(failed).rejects.toThrow('declined')
      const duplicates: string[] = []
      const admission = await inbox.admit('key', async () => {
        duplicates.push(await inbox.admit('key', () => Promise.resolve()))
      })
      duplicates.push(await inbox.admit('key', () => Promise.resolve()))
      expect([admission, ...duplicates]).toEqual(['applied', 'busy', 'duplicate'])
      expect(warned).not.toHaveBeenCalled()
    } finally {
      await close()
    }
  })

  it('of node-redis that is not connected fails, with the reason', async () => {
    const inbox = redisInbox({
      client: createClient({ url: server.url }),
      consumer: 'orders',
      onWarning() {},
    })
    const work = vi.fn<() => Promise<void>>()
    await expect(inbox.admit('key', work)).rejects.toMatchObject({
      code: 'redis-unreachable',
      cause: { message: 'The client is closed' },
    })
    expect(work).not.toHaveBeenCalled()
  })

  it('of node-redis that waits for a server keeps no abandoned command', async () => {
    const client = createClient({ url: server.url, socket: { reconnectStrategy: 20 } })
    client.on('error', () => {})
    await client.connect()
    let waiting = 0
    const inbox = redisInbox({
      consumer: 'orders',
      client: {
        async sendCommand(args, options) {
          waiting += 1
          try {
            return await client.sendCommand(args, options)
          } finally {
            waiting -= 1
          }
        },
      },
      commandTimeoutMs: 100,
    })
    await server.stop()
    try {
      const work = vi.fn<() => Promise<void>>()
      await expect(inbox.admit('key', work)).rejects.toMatchObject({ name: 'InboxError' })
      // Sooner than by the time-out that node-redis has by itself, 5 s.
      await vi.waitFor(() => expect(waiting).toBe(0), { timeout: 3000, interval: 10 })
      expect(work).not.toHaveBeenCalled()
    } finally {
      client.destroy()
      await server.start()
    }
  })

  it('that throws instead of rejecting fails the same way', async () => {
    const inbox = redisInbox({
      consumer: 'orders',
      client: {
        sendCommand() {
          throw new Error('not connected')
        },
      },
    })
    await expect(inbox.admit('key', () => Promise.resolve())).rejects.toMatchObject({
      code: 'redis-unreachable',
      cause: { message: 'not connected' },
    })
  })

  it.each<[string, unknown]>([
    ['nothing', null],
    ['what a transaction answers', 'QUEUED'],
    ['a list that is too short', [1]],
    ['a list of words', ['won', 'token']],
    ['a list with holes', [1, null]],
  ])('that answers with %s runs nothing', async (_, reply) => {
    const inbox = redisInbox({
      client: { sendCommand: () => Promise.resolve(reply) },
      consumer: 'orders',
    })
    const work = vi.fn<() => Promise<void>>()
    await expect(inbox.admit('key', work)).rejects.toMatchObject({ code: 'redis-reply-unexpected' })
    expect(work).not.toHaveBeenCalled()
  })
})

function openIoredis(options: object = {}) {
  return async (url: string) => {
    const client = new Redis(url, { lazyConnect: true, ...options })
    await client.connect()
    return { client, close: () => client.disconnect() }
  }
}

function openNodeRedis(options: object = {}) {
  return async (url: string) => {
    const client = createClient({ url, ...options })
    await client.connect()
    return { client: client as RedisClient, close: () => client.destroy() }
  }
}

function openMapped(options: object, mapping: object) {
  return async (url: string) => {
    const connection = await createClient({ url, ...options }).connect()
    const client = connection.withTypeMapping(mapping) as RedisClient
    return { client, close: () => connection.destroy() }
  }
}

async function openIoredisBytes(url: string) {
  const connection = new Redis(url, { lazyConnect: true })
  await connection.connect()
  const client = {
    sendCommand: ([name = '', ...args]: string[]) => connection.callBuffer(name, ...args),
  }
  return { client, close: () => connection.disconnect() }
}

async function openPool(url: string) {
  const client = createClientPool({ url })
  await client.connect()
  return { client, close: () => client.destroy() }
}

async function openWrapped(url: string) {
  const connection = await createClient({ url }).connect()
  const client = { sendCommand: (args: string[]) => connection.sendCommand(args) }
  return { client, close: () => connection.destroy() }
}
