import { createWebhooks, memoryInbox, type Webhooks, type WebhooksOptions } from '@hongbao/core'
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

  it('retries a job after a failure, with pauses that double', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    let runs = 0
    const webhooks = processor().on('*', () => {
      runs += 1
      if (runs < 3) throw new Error('no stock')
    })
    await opened.startWorker(webhooks, queue)
    const job = await onlyJob(queue)
    const delays: number[] = []
    for (const run of [1, 2]) {
      await eventually(async () => {
        expect(runs).toBe(run)
        expect(await job.getState()).toBe('delayed')
      })
      delays.push((await onlyJob(queue)).delay)
      await job.promote()
    }
    await eventually(async () => expect(await job.getState()).toBe('completed'))
    expect(delays[0]).toBeGreaterThanOrEqual(2500)
    expect(delays[0]).toBeLessThanOrEqual(5000)
    expect(delays[1]).toBeGreaterThanOrEqual(5000)
    expect(delays[1]).toBeLessThanOrEqual(10_000)
  })

  it('retries a job whose handler hangs after jobTimeoutMs, without a second run beside it', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const webhooks = processor({ handlerTimeoutMs: 1 }).on('*', handler)
    await opened.startWorker(webhooks, queue, { jobTimeoutMs: 20 })
    const job = await onlyJob(queue)
    for (let round = 0; round < 2; round += 1) {
      await eventually(async () => expect(await job.getState()).toBe('delayed'))
      await job.promote()
    }
    await eventually(async () => expect(await job.getState()).toBe('delayed'))
    end.resolve()
    await job.promote()
    await eventually(async () => expect(await job.getState()).toBe('completed'))
    expect(handler).toHaveBeenCalledOnce()
  })

  // BullMQ takes a worker for dead that is blocked for longer than its lock lasts.
  it('loses its lock to another worker, and the inbox prevents a second effect [E35]', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const inbox = memoryInbox()
    const end = Promise.withResolvers<void>()
    const slow = vi.fn<() => Promise<void>>(() => end.promise)
    const second = vi.fn<() => void>()
    await opened.startWorker(processor({ inbox }).on('*', slow), queue, {
      concurrency: 1,
      worker: { skipLockRenewal: true, skipStalledCheck: true, lockDuration: 1 },
    })
    await eventually(() => expect(slow).toHaveBeenCalledOnce())
    const warn = vi.fn<(line: string) => void>()
    await opened.startWorker(processor({ inbox }).on('*', second), queue, {
      logger: { warn, error: () => {} },
      worker: { stalledInterval: 20 },
    })
    const job = await onlyJob(queue)
    await eventually(async () => expect((await onlyJob(queue)).failedReason).toMatch(/inbox-busy/))
    expect(warn).toHaveBeenCalledWith(
      expect.stringMatching(/stalled: its worker crashed, or was blocked/),
    )
    end.resolve()
    await eventually(() => job.promote())
    await eventually(async () => expect(await job.getState()).toBe('completed'))
    expect((await onlyJob(queue)).returnvalue).toBe('duplicate')
    expect(second).not.toHaveBeenCalled()
  })

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

  it('warns once a minute while Redis is down, and goes on when it is back', async () => {
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
function processor(options: Partial<WebhooksOptions> = {}): Webhooks {
  return createWebhooks({ publicKey: PINGPP.publicKey, logger: false, ...options })
}
