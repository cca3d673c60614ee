import { createWebhooks, OptionError } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { Queue } from 'bullmq'
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasRedis, startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { findFreePort } from '../../../test/servers/server.ts'
import { createEventWorker, handOff } from '../src/index.ts'
import { deliver, eventually, PINGPP, receiverOf } from './opened.ts'

describe.skipIf(!hasRedis)('a BullMQ queue on a Redis Cluster', { timeout: 30_000 }, () => {
  let redis: RedisServer
  let connection: Cluster

  beforeAll(async () => {
    redis = await startRedis({
      settings: {
        'cluster-enabled': 'yes',
        'cluster-announce-ip': '127.0.0.1',
        'cluster-port': await findFreePort(),
      },
    })
    const admin = new Redis(redis.port)
    const slots = Array.from({ length: 16_384 }, (_, slot) => slot)
    await admin.cluster('ADDSLOTS', ...slots)
    await vi.waitUntil(
      async () => (await admin.cluster('INFO')).includes('cluster_state:ok'),
      15_000,
    )
    await admin.quit()
    connection = new Cluster([{ host: '127.0.0.1', port: redis.port }], {
      redisOptions: { maxRetriesPerRequest: null },
    })
  }, 60_000)

  afterAll(async () => {
    connection.disconnect()
    await redis.close()
  })

  it.each(['bull', 'a}b{', 'bull{}'])('is refused with the prefix %s [E55]', async (prefix) => {
    const queue = new Queue('hongbao', { connection, prefix })
    const line = /Write `new Queue\(name, \{ connection, prefix: '\{bull\}' \}\)`/
    expect(() => handOff(queue)).toThrow(OptionError)
    expect(() => handOff(queue)).toThrow(line)
    const options = { name: 'hongbao', connection, worker: { prefix } }
    expect(() => createEventWorker(processor(), options)).toThrow(line)
    await queue.close()
  })

  it('is refused without a prefix [E55]', async () => {
    const queue = new Queue('hongbao', { connection })
    expect(() => handOff(queue)).toThrow(/^The queue bull:hongbao is on a Redis Cluster/)
    expect(() => createEventWorker(processor(), { name: 'hongbao', connection })).toThrow(
      /^The queue bull:hongbao is on a Redis Cluster/,
    )
    await queue.close()
  })

  it.each([
    ['hongbao', '{bull}'],
    ['{hongbao}', 'bull'],
  ])('takes %s with the prefix %s all the way to its handler [E55]', async (name, prefix) => {
    const queue = new Queue(name, { connection, prefix })
    const event = eventFixture('red_envelope.sent')
    const worker = createEventWorker(
      processor().on('*', () => {}),
      { name, connection, worker: { prefix }, logger: false },
    )
    expect(await deliver(receiverOf(queue), event)).toMatchObject({ status: 200 })
    await eventually(async () => expect(await queue.getCompletedCount()).toBe(1))
    await worker.close()
    await queue.close()
  })
})

function processor() {
  return createWebhooks({ publicKey: PINGPP.publicKey, logger: false })
}
