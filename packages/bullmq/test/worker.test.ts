import { createWebhooks, type Webhooks } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { describe, expect, it, vi } from 'vitest'
import { hasRedis } from '../../../test/servers/redis.ts'
import type { DeadLetter } from '../src/index.ts'
import {
  deadLettersOf,
  deliver,
  eventually,
  onlyJob,
  PINGPP,
  receiverOf,
  redrive,
  useRedis,
} from './opened.ts'

const SENT = eventFixture('red_envelope.sent', { id: 'evt_1', object: { id: 'red_1' } })
const JOB_ID = 'app_1Gqj58ynP0mHeX1q~live~red_envelope.sent~red_1'

// test/conformance/hand-off.ts has what the workers of every queue promise.
describe.skipIf(!hasRedis)('a BullMQ worker', { timeout: 30_000 }, () => {
  const opened = useRedis()

  it('reports a job that BullMQ fails because its workers crash, with BullMQ’s reason [E35]', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const deadly = vi.fn<() => Promise<void>>(() => end.promise)
    await opened.startWorker(processor().on('*', deadly), queue, {
      concurrency: 1,
      worker: { skipLockRenewal: true, skipStalledCheck: true, lockDuration: 1 },
    })
    await eventually(() => expect(deadly).toHaveBeenCalledOnce())
    const reported: DeadLetter[] = []
    await opened.startWorker(processor(), queue, {
      onDeadLetter: (failed) => void reported.push(failed),
      worker: { stalledInterval: 20, maxStalledCount: 0 },
    })
    await eventually(() => expect(reported).toHaveLength(1))
    expect(reported).toMatchObject([
      {
        jobId: JOB_ID,
        eventId: 'evt_1',
        attempts: 1,
        reason: 'job stalled more than allowable limit',
      },
    ])
    end.resolve()
    await eventually(async () => expect(await deadLettersOf(queue)).toEqual(reported))
    expect(reported).toHaveLength(1)
  })

  it('warns once a minute while Redis is down, and continues when it is back', async () => {
    const queue = opened.openQueue()
    const error = vi.fn<(line: string) => void>()
    const webhooks = processor().on('*', () => {})
    const logger = { warn: error, error: () => {} }
    await opened.startWorker(webhooks, queue, { logger })
    await opened.redis.stop()
    await eventually(() => expect(error).toHaveBeenCalled())
    await opened.redis.start()
    await eventually(() => queue.getJobCounts())
    await deliver(receiverOf(queue), SENT)
    const job = await onlyJob(queue)
    await eventually(async () => expect(await job.getState()).toBe('completed'))
    expect(error).toHaveBeenCalledOnce()
    expect(error.mock.calls[0]?.[0]).toMatch(
      /^\[hongbao\] [a-z-]+: The connection of bull:\S+ has an error\. \[/,
    )
  })

  it('redrives a dead letter with no crash counted', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const crashed = vi.fn<() => Promise<void>>(() => end.promise)
    await opened.startWorker(processor().on('*', crashed), queue, {
      concurrency: 1,
      worker: { skipLockRenewal: true, skipStalledCheck: true, lockDuration: 1 },
    })
    await eventually(() => expect(crashed).toHaveBeenCalledOnce())
    const worker = await opened.startWorker(processor(), queue, {
      worker: { stalledInterval: 20, maxStalledCount: 0 },
    })
    await eventually(async () => expect(await queue.getFailedCount()).toBe(1))
    await worker.close()
    expect((await onlyJob(queue)).stalledCounter).toBe(1)
    await redrive(queue)
    expect((await onlyJob(queue)).stalledCounter).toBe(0)
    end.resolve()
  })
})

/** The receiver of a worker. */
function processor(): Webhooks {
  return createWebhooks({ publicKey: PINGPP.publicKey, logger: false })
}
