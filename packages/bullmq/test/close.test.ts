import { createWebhooks, type Webhooks } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { Redis } from 'ioredis'
import { describe, expect, it, vi } from 'vitest'
import { hasRedis } from '../../../test/servers/redis.ts'
import { deliver, eventually, onlyJob, PINGPP, receiverOf, useRedis } from './opened.ts'

const SENT = eventFixture('red_envelope.sent', { id: 'evt_1' })

describe.skipIf(!hasRedis)('close() of a BullMQ worker', { timeout: 60_000 }, () => {
  const opened = useRedis()

  it('resolves when Redis was never there [E56]', async () => {
    const { warn, logger } = listener()
    // Nobody listens on port 1.
    const worker = opened.startWorker(processor(), opened.openQueue(), {
      connection: { host: '127.0.0.1', port: 1, socketTimeout: 15_000 },
      logger,
    })
    await new Promise((resolve) => worker.once('error', resolve))
    await worker.close()
    expect(warn).toHaveBeenCalledOnce()
    expect(warn).toHaveBeenCalledWith(
      expect.stringMatching(
        /^\[hongbao\] The worker of bull:hongbao-\d+ was closed while .+, or Redis did not answer\./,
      ),
    )
  })

  it('resolves while Redis is down [E56]', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const worker = opened.startWorker(processor().on('*', handler), queue)
    await eventually(() => expect(handler).toHaveBeenCalledOnce())
    const lost = new Promise((resolve) => worker.once('error', resolve))
    await opened.redis.stop()
    await lost
    const closed = worker.close()
    end.resolve()
    await expect(closed).resolves.toBeUndefined()
  })

  it('resolves while Redis is silent, though no socketTimeout is set [E56]', async () => {
    const { warn, logger } = listener()
    const worker = opened.startWorker(processor(), opened.openQueue(), { logger })
    await worker.waitUntilReady()
    opened.redis.freeze()
    await worker.close()
    opened.redis.thaw()
    expect(warn).toHaveBeenCalledWith(expect.stringMatching(/Redis did not answer/))
  })

  it('leaves a client open that the app made [E56]', async () => {
    const client = new Redis(opened.redis.port, { maxRetriesPerRequest: null })
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const worker = opened.startWorker(processor(1).on('*', handler), queue, { connection: client })
    await eventually(() => expect(handler).toHaveBeenCalledOnce())
    await worker.close()
    expect(await client.ping()).toBe('PONG')
    client.disconnect()
    end.resolve()
  })

  it('resolves while a job cannot be confirmed, and leaves it to another worker [E56]', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const worker = opened.startWorker(processor().on('*', handler), queue)
    await eventually(() => expect(handler).toHaveBeenCalledOnce())
    opened.redis.freeze()
    const closed = worker.close()
    end.resolve()
    await closed
    opened.redis.thaw()
    expect(await (await onlyJob(queue)).getState()).toMatch(/^(?:active|completed)$/)
  })

  it('does not wait for handlers past their deadline, and leaves their job to another worker [E56]', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const webhooks = processor(1).on('*', handler)
    const worker = opened.startWorker(webhooks, queue, {
      worker: { lockDuration: 1000, stalledInterval: 100 },
    })
    await eventually(() => expect(handler).toHaveBeenCalledOnce())
    await worker.close()
    const job = await onlyJob(queue)
    expect(await job.getState()).toBe('active')
    const second = vi.fn<() => void>()
    opened.startWorker(processor().on('*', second), queue, { worker: { stalledInterval: 100 } })
    await eventually(async () => expect(await job.getState()).toBe('completed'))
    expect(second).toHaveBeenCalledOnce()
    end.resolve()
  })

  it('twice with a running job is the same as once [E70]', async () => {
    const { warn, logger } = listener()
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const worker = opened.startWorker(processor(1).on('*', handler), queue, {
      connection: { ...opened.connection, socketTimeout: 15_000 },
      logger,
    })
    await eventually(() => expect(handler).toHaveBeenCalledOnce())
    await Promise.all([worker.close(), worker.close()])
    await worker.close()
    expect(warn).toHaveBeenCalledOnce()
    end.resolve()
  })

  it('says nothing when Redis answers, and twice is the same as once', async () => {
    const { warn, logger } = listener()
    const worker = opened.startWorker(processor(), opened.openQueue(), {
      connection: { ...opened.connection, socketTimeout: 15_000 },
      logger,
    })
    await worker.waitUntilReady()
    await Promise.all([worker.close(), worker.close()])
    expect(worker.isRunning()).toBe(false)
    expect(warn).not.toHaveBeenCalled()
  })

  it('leaves at once when it is forced to', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const worker = opened.startWorker(processor().on('*', handler), queue)
    await eventually(() => expect(handler).toHaveBeenCalledOnce())
    await worker.close(true)
    expect(await (await onlyJob(queue)).getState()).toBe('active')
    end.resolve()
  })
})

function listener() {
  const warn = vi.fn<(line: string) => void>()
  return { warn, logger: { warn, error: () => {} } }
}

function processor(handlerTimeoutMs = 60_000): Webhooks {
  return createWebhooks({ publicKey: PINGPP.publicKey, logger: false, handlerTimeoutMs })
}
