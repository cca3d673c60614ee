import { createWebhooks, OptionError } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { Queue } from 'bullmq'
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasRedis, startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { findFreePort } from '../../../test/servers/server.ts'
import { bullmqQueue } from '../src/index.ts'
import { deliver, eventually, PINGPP } from './opened.ts'

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

  it.each(['bull', 'a}b{', 'bull{}'])('is refused with the prefix %s [E55]', (prefix) => {
    const make = () => bullmqQueue({ name: 'hongbao', connection, prefix })
    expect(make).toThrow(OptionError)
    expect(make).toThrow(/Write `bullmqQueue\(\{ connection, prefix: '\{bull\}' \}\)`/)
  })

  it('is refused without a prefix [E55]', () => {
    expect(() => bullmqQueue({ name: 'hongbao', connection })).toThrow(
      /^The queue bull:hongbao is on a Redis Cluster/,
    )
  })

  it.each([
    ['hongbao', '{bull}'],
    ['{hongbao}', 'bull'],
  ])('delivers %s to its handler with the prefix %s [E55]', async (name, prefix) => {
    const inspector = new Queue(name, { connection, prefix })
    const queue = bullmqQueue({ name, connection, prefix, logger: false })
    const worker = await queue.work(processor().on('*', () => {}))
    const receiver = queue.receiver({ publicKey: PINGPP.publicKey, logger: false })
    const event = eventFixture('red_envelope.sent')
    // As Ping++ does: while ioredis looks for the nodes of a busy cluster, the answer is 500.
    await eventually(async () => {
      expect(await deliver(receiver, event)).toMatchObject({ status: 200 })
    })
    await eventually(async () => expect(await inspector.getCompletedCount()).toBe(1))
    await worker.close()
    await queue.close()
    await inspector.close()
  })
})

function processor() {
  return createWebhooks({ publicKey: PINGPP.publicKey, logger: false })
}
