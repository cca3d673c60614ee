import { createWebhooks, type Webhooks } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { Redis } from 'ioredis'
import { describe, expect, it, vi } from 'vitest'
import { hasRedis } from '../../../test/servers/redis.ts'
import { deliver, eventually, PINGPP, receiverOf, useRedis } from './opened.ts'

const SENT = eventFixture('red_envelope.sent', { id: 'evt_1' })

describe.skipIf(!hasRedis)('close() of a BullMQ worker', { timeout: 60_000 }, () => {
  const opened = useRedis()

  it('resolves if Redis was never reachable [E56]', async () => {
    const { warn, logger } = listener()
    // No server listens on port 1.
    const worker = await opened.startWorker(processor(), opened.openQueue(), {
      connection: { host: '127.0.0.1', port: 1, socketTimeout: 15_000 },
      logger,
    })
    await eventually(() => expect(warn).toHaveBeenCalledOnce())
    warn.mockClear()
    await worker.close()
    expect(warn).toHaveBeenCalledOnce()
    expect(warn).toHaveBeenCalledWith(
      expect.stringMatching(
        /^\[hongbao\] [a-z-]+: The worker of bull:hongbao-\d+ was closed while .+, or its broker did not answer\./,
      ),
      { code: 'queue-close-timed-out' },
    )
  })

  it('does not close a client that the app created [E56]', async () => {
    const client = new Redis(opened.redis.port, { maxRetriesPerRequest: null })
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const worker = await opened.startWorker(processor(1).on('*', handler), queue, {
      connection: client,
    })
    await eventually(() => expect(handler).toHaveBeenCalledOnce())
    await worker.close()
    expect(await client.ping()).toBe('PONG')
    client.disconnect()
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
