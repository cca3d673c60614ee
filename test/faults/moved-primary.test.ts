import type { EventQueue, EventWorker, QueueReceiver } from '@hongbao/bullmq'
import type { Webhooks } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { closeReplica, hasRedis, startRedis, type RedisServer } from '../servers/redis.ts'
import { startWatch, useStage } from './outage-stage.ts'
import {
  BULLMQ_HAND_OFF,
  openProgram,
  REDIS_INBOXES,
  type OpenSubject,
  type Ports,
  type Subject,
} from './outage-subjects.ts'
import { PATIENCE_MS } from '../patience.ts'

let postgres: PostgresServer

/** Its receiver and its worker, both as the README shows them, and both by the proxy. */
const BULLMQ_PROGRAMS: Subject = {
  ...BULLMQ_HAND_OFF,
  name: '@hongbao/bullmq, its receiver and its worker',
  async openReadme(ports) {
    const { receiver, queue } = await openProgram<{ receiver: QueueReceiver; queue: EventQueue }>(
      ['bullmq', 0],
      ports,
    )
    const work = await openWorker(ports)
    return {
      receiver,
      countEffects: work.countEffects,
      close: () => Promise.all([work.close(), queue.close()]),
    }
  },
}

describe.skipIf(!hasRedis)('when the name of Redis moves to another primary', () => {
  beforeAll(async () => {
    postgres = await startPostgres()
    for (const method of ['error', 'warn'] as const) vi.spyOn(console, method).mockReturnValue()
  })

  afterAll(async () => {
    vi.restoreAllMocks()
    await postgres.close()
  })

  describe.each([...REDIS_INBOXES, BULLMQ_PROGRAMS])('$name', (subject) => {
    const stage = useStage(subject)

    it('reconnects without a restart within 15 s, opened as in its README [E46]', async () => {
      const scene = await stage.openReadme()
      await scene.deliver(newEvent())
      const successor = await startRedis()
      onTestFinished(async () => {
        await closeReplica(successor)
        // The stage closes it after this.
        await stage.server().kill()
      })
      await promote(successor, stage.server().port)
      const watch = startWatch()
      scene.moveTo(successor.port)
      const events = Array.from({ length: 5 }, newEvent)
      await Promise.all(events.map((event) => scene.deliver(event)))
      for (const event of events) await scene.expectAppliedOnce(event)
      expect(watch.stop()).toBeLessThan(15_000)
    })
  })
})

/** None that a handler of a README is for: those need tables. */
function newEvent() {
  return eventFixture('charge.succeeded')
}

/** As an operator does it: the old primary stays up, as a replica, and keeps its connections. */
async function promote(successor: RedisServer, oldPort: number): Promise<void> {
  const [old, next] = [oldPort, successor.port].map((port) => new Redis({ port }))
  // By default it waits 5 s for more replicas.
  await old?.config('SET', 'repl-diskless-sync-delay', 0)
  await next?.replicaof('127.0.0.1', oldPort)
  await vi.waitUntil(
    async () => (await next?.info('replication'))?.includes('master_link_status:up'),
    { timeout: PATIENCE_MS, interval: 20 },
  )
  await next?.replicaof('NO', 'ONE')
  await old?.replicaof('127.0.0.1', successor.port)
  for (const client of [old, next]) client?.disconnect()
}

interface WorkerProgram {
  readonly webhooks: Webhooks
  readonly queue: EventQueue
  readonly worker: EventWorker
}

async function openWorker(ports: Ports): Promise<Omit<OpenSubject, 'receiver'>> {
  const applied: (string | undefined)[] = []
  const { worker, queue, webhooks } = await openProgram<WorkerProgram>(
    ['bullmq', 1],
    ports,
    postgres.url,
  )
  webhooks.on('*', ({ id }) => void applied.push(id))
  return {
    countEffects: (id) => Promise.resolve(applied.filter((each) => each === id).length),
    async close() {
      await worker.close()
      await queue.close()
    },
  }
}
