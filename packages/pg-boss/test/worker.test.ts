import { createWebhooks, memoryInbox, type Webhooks, type WebhooksOptions } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { PgBoss } from 'pg-boss'
import { describe, expect, it, vi } from 'vitest'
import {
  deadLettersOf,
  deliver,
  eventually,
  jobsOf,
  onlyJob,
  passTime,
  PINGPP,
  receiverOf,
  redrive,
  usePostgres,
} from './opened.ts'

const SENT = eventFixture('red_envelope.sent', { id: 'evt_1', object: { id: 'red_1' } })

// test/conformance/hand-off.ts has what the workers of every queue promise.
describe('a pg-boss worker', { timeout: 30_000 }, () => {
  const opened = usePostgres()

  it('takes one job after another, not one per polling interval', async () => {
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

  it('retries a job after a failure, with pauses that double', async () => {
    const name = opened.freshName()
    await deliver(await receiverOf(opened.boss, { name }), SENT)
    let runs = 0
    const webhooks = processor().on('*', () => {
      runs += 1
      if (runs < 3) throw new Error('no stock')
    })
    await opened.startWorker(webhooks, name)
    const pauses: number[] = []
    for (const retryCount of [0, 1]) {
      await eventually(async () => {
        expect(await onlyJob(opened.boss, name)).toMatchObject({ state: 'retry', retryCount })
      })
      const { startAfter, startedOn } = await onlyJob(opened.boss, name)
      pauses.push((startAfter.getTime() - startedOn.getTime()) / 1000)
      await passTime(opened.boss, name)
    }
    await eventually(async () => {
      expect(await onlyJob(opened.boss, name)).toMatchObject({ state: 'completed' })
    })
    expect(pauses[0]).toBeGreaterThanOrEqual(3)
    expect(pauses[1]).toBeGreaterThanOrEqual(6)
  })

  // pg-boss issue 555: a job that expired, or whose heartbeat is missing, is retried while its handler
  // runs.
  it('loses its job to another worker, and the inbox prevents a second effect [E35]', async () => {
    const name = opened.freshName()
    const inbox = memoryInbox()
    await deliver(await receiverOf(opened.boss, { name }), SENT)
    const end = Promise.withResolvers<void>()
    const slow = vi.fn<() => Promise<void>>(() => end.promise)
    const second = vi.fn<() => void>()
    const other = new PgBoss({ connectionString: opened.url, supervise: false, schedule: false })
    await other.start()
    const webhooks = processor({ inbox }).on('*', slow)
    await opened.startWorker(webhooks, name, { boss: other, concurrency: 1 })
    await eventually(() => expect(slow).toHaveBeenCalledOnce())
    await passTime(opened.boss, name)
    await opened.boss.supervise(name)
    expect(await onlyJob(opened.boss, name)).toMatchObject({ state: 'retry' })
    await opened.startWorker(processor({ inbox }).on('*', second), name)
    await passTime(opened.boss, name)
    await eventually(async () => {
      const { output } = await onlyJob(opened.boss, name)
      expect(output).toMatchObject({ outcome: 'inbox-busy' })
    })
    end.resolve()
    await eventually(async () => {
      await passTime(opened.boss, name)
      expect(await onlyJob(opened.boss, name)).toMatchObject({
        state: 'completed',
        output: { outcome: 'duplicate' },
      })
    })
    expect(second).not.toHaveBeenCalled()
    await other.stop()
  })

  it('runs a redriven dead letter once, although its event is delivered again', async () => {
    const name = opened.freshName()
    const receiver = await receiverOf(opened.boss, { name, attempts: 1 })
    await deliver(receiver, SENT)
    let isDown = true
    const webhooks = processor().on('*', () => {
      if (isDown) throw new Error('no database')
    })
    const worker = await opened.startWorker(webhooks, name)
    await eventually(async () => {
      expect(await deadLettersOf(opened.boss, { name })).toHaveLength(1)
    })
    await worker.close()
    isDown = false
    await redrive(opened.boss, { name })
    expect(await deliver(receiver, SENT)).toMatchObject({ status: 200 })
    const jobs = await jobsOf(opened.boss, name)
    expect(jobs.map((job) => job.state).toSorted()).toEqual(['created', 'failed'])
  })
})

/** The receiver of a worker. */
function processor(options: Partial<WebhooksOptions> = {}): Webhooks {
  return createWebhooks({ publicKey: PINGPP.publicKey, logger: false, ...options })
}
