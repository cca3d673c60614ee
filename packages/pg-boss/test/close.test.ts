import { createWebhooks, type Webhooks } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { describe, expect, it, vi } from 'vitest'
import { deliver, eventually, onlyJob, PINGPP, receiverOf, usePostgres } from './opened.ts'

const SENT = eventFixture('red_envelope.sent', { id: 'evt_1' })
const LEFT =
  /^\[hongbao\] The worker of pg-boss:events-\d+ was closed while jobs ran past `handlerTimeoutMs`, or Postgres did not answer\./

describe('close() of a pg-boss worker', { timeout: 60_000 }, () => {
  const opened = usePostgres()

  it('resolves while Postgres is silent [E56]', async () => {
    const { warnings, logger } = listener()
    const worker = await opened.startWorker(processor(), opened.freshName(), { logger })
    opened.postgres.freeze()
    await worker.close()
    opened.postgres.thaw()
    expect(warnings()).toEqual([expect.stringMatching(LEFT)])
  })

  it('resolves while Postgres is down, with a job that cannot be confirmed [E56]', async () => {
    const name = opened.freshName()
    await deliver(await receiverOf(opened.boss, { name }), SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const worker = await opened.startWorker(processor().on('*', handler), name)
    await eventually(() => expect(handler).toHaveBeenCalledOnce())
    await opened.postgres.stop()
    const closed = worker.close()
    end.resolve()
    await expect(closed).resolves.toBeUndefined()
  })

  it('does not wait for handlers past their deadline, and leaves their job active [E56]', async () => {
    const name = opened.freshName()
    const { warnings, logger } = listener()
    await deliver(await receiverOf(opened.boss, { name }), SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const worker = await opened.startWorker(processor(1).on('*', handler), name, { logger })
    await eventually(() => expect(handler).toHaveBeenCalledOnce())
    await worker.close()
    expect(warnings()).toEqual([expect.stringMatching(LEFT)])
    expect(await onlyJob(opened.boss, name)).toMatchObject({ state: 'active' })
    end.resolve()
  })

  it('twice with a running job is the same as once [E70]', async () => {
    const name = opened.freshName()
    const { warnings, logger } = listener()
    await deliver(await receiverOf(opened.boss, { name }), SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const worker = await opened.startWorker(processor(1).on('*', handler), name, { logger })
    await eventually(() => expect(handler).toHaveBeenCalledOnce())
    await Promise.all([worker.close(), worker.close()])
    await worker.close()
    expect(warnings()).toEqual([expect.stringMatching(LEFT)])
    end.resolve()
  })

  it('says nothing when Postgres answers', async () => {
    const { warnings, logger } = listener()
    const worker = await opened.startWorker(processor(), opened.freshName(), { logger })
    await worker.close()
    expect(warnings()).toEqual([])
  })
})

/** The warnings of a worker, but for that of a pg-boss that nobody supervises, as here. */
function listener() {
  const lines: string[] = []
  const logger = { warn: (line: string) => void lines.push(line), error: () => {} }
  const warnings = (): string[] => lines.filter((line) => !line.includes('`supervise`'))
  return { warnings, logger }
}

function processor(handlerTimeoutMs = 60_000): Webhooks {
  return createWebhooks({ publicKey: PINGPP.publicKey, logger: false, handlerTimeoutMs })
}
