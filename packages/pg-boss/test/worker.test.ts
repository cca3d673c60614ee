import { createWebhooks, type Webhooks } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { describe, expect, it, vi } from 'vitest'
import { deliver, eventually, PINGPP, receiverOf, usePostgres } from './opened.ts'

// test/conformance/hand-off.ts has what the workers of every queue promise.
describe('a pg-boss worker', { timeout: 30_000 }, () => {
  const opened = usePostgres()

  it('fetches the next job at once, not one per polling interval', async () => {
    const name = opened.freshName()
    const receiver = await receiverOf(opened.boss, { name })
    for (let count = 0; count < 20; count += 1) {
      await deliver(receiver, eventFixture('red_envelope.sent'))
    }
    const handler = vi.fn<() => void>()
    const webhooks = processor().on('*', handler)
    // At one event a look this would take 19 minutes.
    await opened.startWorker(webhooks, name, { concurrency: 1, pollingIntervalSeconds: 60 })
    await eventually(() => expect(handler).toHaveBeenCalledTimes(20))
  })

  it('creates its queue if no receiver has yet', async () => {
    const name = opened.freshName()
    await opened.startWorker(processor(), name)
    expect(await opened.boss.getQueue(name)).toMatchObject({ retryLimit: 14 })
  })

  it('does not change the settings that a receiver has made', async () => {
    const name = opened.freshName()
    await receiverOf(opened.boss, { name, attempts: 3 })
    await opened.startWorker(processor(), name)
    expect(await opened.boss.getQueue(name)).toMatchObject({ retryLimit: 2 })
  })
})

/** The receiver of a worker. */
function processor(): Webhooks {
  return createWebhooks({ publicKey: PINGPP.publicKey, logger: false })
}
