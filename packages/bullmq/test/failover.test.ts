import { Redis } from 'ioredis'
import type { Queue } from 'bullmq'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { closeReplica, hasRedis, startRedis } from '../../../test/servers/redis.ts'
import { warnOfSettings } from '../src/redis-settings.ts'
import { useRedis } from './opened.ts'

const PATIENCE = { timeout: 20_000, interval: 20 }

describe('a connection of BullMQ to sentinels', () => {
  const sentinels = [{ host: '127.0.0.1', port: 26379 }]

  it('without failoverDetector causes a warning [E53]', async () => {
    expect(await warningsOf({ sentinels })).toEqual([
      expect.stringMatching(
        /^The connection has `sentinels` and no `failoverDetector: true`.*LOSES/,
      ),
    ])
  })

  it('with failoverDetector causes no warning [E53]', async () => {
    expect(await warningsOf({ sentinels, failoverDetector: true })).toEqual([])
  })

  it('causes no warning if its settings cannot be read', async () => {
    const queue = {
      qualifiedName: 'bull:hongbao',
      getBackend: () => ({ client: Promise.reject(new Error('Connection is closed.')) }),
    } as unknown as Queue
    expect(await collect(queue)).toEqual([])
  })
})

describe.skipIf(!hasRedis)('a Redis with a replica', () => {
  const opened = useRedis({ settings: { 'repl-diskless-sync-delay': 0 } })

  it('causes a warning only if Redis confirms writes without its replica [E53]', async () => {
    const replica = await startRedis()
    onTestFinished(() => closeReplica(replica))
    const [primary, follower] = [new Redis(opened.redis.url), new Redis(replica.url)]
    onTestFinished(() => [primary, follower].forEach((client) => client.disconnect()))
    const queue = opened.openQueue()
    expect(await collect(queue)).toEqual([])
    await follower.replicaof('127.0.0.1', opened.redis.port)
    await vi.waitUntil(
      async () => (await primary.info('replication')).includes('state=online'),
      PATIENCE,
    )
    expect(await collect(queue)).toEqual([
      expect.stringMatching(/Redis has replicas and no `min-replicas-to-write 1`.*LOSES/),
    ])
    await primary.config('SET', 'min-replicas-to-write', 1)
    expect(await collect(queue)).toEqual([])
  })
})

/** The warnings with these options of ioredis. */
function warningsOf(options: object): Promise<string[]> {
  const client = new Redis({ lazyConnect: true, name: 'mymaster', ...options })
  client.info = () => Promise.resolve('role:master')
  const backend = { client: Promise.resolve(client) }
  return collect({
    qualifiedName: 'bull:hongbao',
    getBackend: () => backend,
  } as unknown as Queue)
}

async function collect(queue: Queue): Promise<string[]> {
  const lines: string[] = []
  await warnOfSettings(queue, (code, message) => {
    if (code === 'bullmq-failover-unsafe') lines.push(message)
  })
  return lines
}
