import {
  createWebhooks,
  memoryInbox,
  OptionError,
  type HandlerContext,
  type WebhookReport,
  type Webhooks,
  type WebhooksOptions,
} from '@hongbao/core'
import { eventFixture, signDelivery } from '@hongbao/core/testing'
import type { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { describe, expect, it, vi } from 'vitest'
import { hasRedis } from '../../../test/servers/redis.ts'
import { createEventWorker, listFailed, redrive, type FailedEvent } from '../src/index.ts'
import { deliver, eventually, onlyJob, PINGPP, receiverOf, useRedis } from './opened.ts'

const SENT = eventFixture('red_envelope.sent', { id: 'evt_1', object: { id: 'red_1' } })
const JOB_ID = 'app_1Gqj58ynP0mHeX1q~live~red_envelope.sent~red_1'
const POISON = { to: 'somebody', type: 'mail', id: 'evt_2' }

describe.skipIf(!hasRedis)('a worker', { timeout: 30_000 }, () => {
  const opened = useRedis()

  it('applies the event with what the receiver knew of its delivery', async () => {
    const queue = opened.openQueue()
    const receiver = receiverOf(queue)
    const signed = signDelivery(SENT, PINGPP)
    const before = new Date()
    await receiver.handle(signed.delivery())
    const handled = Promise.withResolvers<HandlerContext>()
    const webhooks = processor().on('red_envelope.sent', (event, context) => {
      expect(event).toStrictEqual(SENT)
      handled.resolve(context)
    })
    opened.startWorker(webhooks, queue)
    const context = await handled.promise
    expect(Buffer.from(context.rawBody ?? []).equals(signed.bytes)).toBe(true)
    expect(context.source).toBe('webhook')
    expect(context.receivedAt.getTime()).toBeGreaterThanOrEqual(before.getTime())
    expect(context.keyFingerprint).toMatch(/^[0-9a-f]{64}$/)
  })

  it('completes the job with the outcome, a duplicate’s and an unhandled one’s too', async () => {
    const queue = opened.openQueue()
    const receiver = receiverOf(queue)
    const webhooks = processor().on('red_envelope.sent', () => {})
    await webhooks.dispatch(SENT)
    await deliver(receiver, SENT)
    await deliver(receiver, eventFixture('red_envelope.sent'))
    await deliver(receiver, eventFixture('red_envelope.received'))
    opened.startWorker(webhooks, queue)
    await eventually(async () => expect(await queue.getCompletedCount()).toBe(3))
    const jobs = await queue.getCompleted()
    expect(new Set(jobs.map((job) => String(job.returnvalue)))).toEqual(
      new Set(['duplicate', 'handled', 'unhandled']),
    )
  })

  it('tries again after a failure, later and later', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    let runs = 0
    const webhooks = processor().on('*', () => {
      runs += 1
      if (runs < 3) throw new Error('no stock')
    })
    const worker = opened.startWorker(webhooks, queue)
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
    expect(worker.isRunning()).toBe(true)
    expect(delays[0]).toBeGreaterThanOrEqual(2500)
    expect(delays[0]).toBeLessThanOrEqual(5000)
    expect(delays[1]).toBeGreaterThanOrEqual(5000)
    expect(delays[1]).toBeLessThanOrEqual(10_000)
  })

  it('leaves what failed for good where people see it, and raises the alarm once [E27, E35]', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue, { attempts: 2 }), SENT)
    const cause = new TypeError('the bank card is 6222 0000')
    const webhooks = processor().on('*', () => Promise.reject(cause))
    const alarms: { failed: FailedEvent; cause: unknown }[] = []
    const error = vi.fn<(line: string) => void>()
    opened.startWorker(webhooks, queue, {
      logger: { warn: () => {}, error },
      onFailed: (failed, thrown) => void alarms.push({ failed, cause: thrown }),
    })
    const job = await onlyJob(queue)
    await eventually(async () => expect(await job.getState()).toBe('delayed'))
    expect(alarms).toEqual([])
    await job.promote()
    await eventually(() => expect(alarms).toHaveLength(1))
    expect(alarms[0]?.cause).toBe(cause)
    expect(alarms[0]?.failed).toMatchObject({
      jobId: JOB_ID,
      eventType: 'red_envelope.sent',
      eventId: 'evt_1',
      inboxKey: JOB_ID.replaceAll('~', ':'),
      attempts: 2,
    })
    expect(await listFailed(queue)).toEqual([alarms[0]?.failed])
    expect(error.mock.calls).toHaveLength(1)
    expect(error.mock.calls[0]?.[0]).toMatch(
      /^\[hongbao\] An event failed for good after 2 tries, and is kept in bull:hongbao-\d+: handler-failed \(red_envelope\.sent evt_1\) \[TypeError at .+event-worker\.test\.ts/,
    )
    expect(await everythingIn(queue)).not.toContain('6222')
  })

  it('fails a job at once that holds no event', async () => {
    const queue = opened.openQueue()
    await queue.add('mail', POISON, { attempts: 15 })
    opened.startWorker(processor(), queue)
    await eventually(async () => expect(await queue.getFailedCount()).toBe(1))
    const [failed] = await listFailed(queue)
    expect(failed).toMatchObject({ eventType: 'mail', eventId: 'evt_2', attempts: 1 })
    expect(failed?.reason).toMatch(/^event-invalid \(mail evt_2\): The job is not one that/)
  })

  it('fails an event that nobody listens to where that is asked for', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    opened.startWorker(processor(), queue, { unhandled: 'fail' })
    await eventually(async () => expect(await queue.getFailedCount()).toBe(1))
    expect(await listFailed(queue)).toMatchObject([
      { reason: expect.stringMatching(/^no-handler /) },
    ])
  })

  it('never hands off to its own queue in a circle', async () => {
    const queue = opened.openQueue()
    const receiver = receiverOf(queue)
    await deliver(receiver, SENT)
    opened.startWorker(receiver, queue)
    const job = await onlyJob(queue)
    await eventually(async () => expect(await job.getState()).toBe('delayed'))
    expect((await onlyJob(queue)).failedReason).toMatch(
      /\[HandOffError own-worker at .*\] The worker of \S+ hands its events off to /,
    )
  })

  it('holds a job while its handler is past its deadline, and runs it once', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const reports: WebhookReport[] = []
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const webhooks = processor({
      handlerTimeoutMs: 1,
      onReport: (report) => void reports.push(report),
    }).on('*', handler)
    opened.startWorker(webhooks, queue, { worker: { lockDuration: 200, stalledInterval: 100 } })
    const job = await onlyJob(queue)
    await eventually(() =>
      expect(reports).toMatchObject([{ outcome: 'failed', code: 'handler-timed-out' }]),
    )
    expect(await job.getState()).toBe('active')
    end.resolve()
    await eventually(async () => expect(await job.getState()).toBe('completed'))
    expect(handler).toHaveBeenCalledOnce()
    expect((await onlyJob(queue)).returnvalue).toBe('handled')
  })

  it('tries a job again whose handler hangs, without running it beside itself', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const webhooks = processor({ handlerTimeoutMs: 1 }).on('*', handler)
    opened.startWorker(webhooks, queue, { jobTimeoutMs: 20 })
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

  // A worker that is blocked for longer than its lock lasts is taken for dead, and is not.
  it('loses its lock to another one, and the inbox decides: one effect [E35]', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const inbox = memoryInbox()
    const end = Promise.withResolvers<void>()
    const slow = vi.fn<() => Promise<void>>(() => end.promise)
    const second = vi.fn<() => void>()
    opened.startWorker(processor({ inbox }).on('*', slow), queue, {
      concurrency: 1,
      worker: { skipLockRenewal: true, skipStalledCheck: true, lockDuration: 1 },
    })
    await eventually(() => expect(slow).toHaveBeenCalledOnce())
    const warn = vi.fn<(line: string) => void>()
    opened.startWorker(processor({ inbox }).on('*', second), queue, {
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

  it('raises the alarm for a job whose workers die each time [E35]', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const deadly = vi.fn<() => Promise<void>>(() => end.promise)
    opened.startWorker(processor().on('*', deadly), queue, {
      concurrency: 1,
      worker: { skipLockRenewal: true, skipStalledCheck: true, lockDuration: 1 },
    })
    await eventually(() => expect(deadly).toHaveBeenCalledOnce())
    const alarms: FailedEvent[] = []
    opened.startWorker(processor(), queue, {
      onFailed: (failed) => void alarms.push(failed),
      worker: { stalledInterval: 20, maxStalledCount: 0 },
    })
    await eventually(() => expect(alarms).toHaveLength(1))
    expect(alarms).toMatchObject([
      {
        jobId: JOB_ID,
        eventId: 'evt_1',
        attempts: 1,
        reason: 'job stalled more than allowable limit',
      },
    ])
    end.resolve()
    await eventually(async () => expect(await listFailed(queue)).toEqual(alarms))
    expect(alarms).toHaveLength(1)
  })

  it.each<[string, number, object | undefined]>([
    ['at its last try', 1, undefined],
    ['at once', 15, POISON],
  ])('raises the alarm for a job that fails %s before Redis knows', async (_, attempts, data) => {
    const queue = opened.openQueue()
    if (data === undefined) await deliver(receiverOf(queue, { attempts }), SENT)
    else await queue.add('mail', data, { attempts })
    const webhooks = processor().on('*', () => Promise.reject(new Error('no stock')))
    const states: string[] = []
    opened.startWorker(webhooks, queue, {
      async onFailed({ jobId }) {
        states.push(await queue.getJobState(jobId))
      },
    })
    // A worker that is killed in between leaves the alarm to another one.
    await eventually(async () => expect(await queue.getFailedCount()).toBe(1))
    expect(states).toEqual(['active'])
  })

  it('says in one line a minute that Redis is down, and goes on when it is back', async () => {
    const queue = opened.openQueue()
    const error = vi.fn<(line: string) => void>()
    const webhooks = processor().on('*', () => {})
    const worker = opened.startWorker(webhooks, queue, { logger: { warn: () => {}, error } })
    await worker.waitUntilReady()
    await opened.redis.stop()
    await eventually(() => expect(error).toHaveBeenCalled())
    await opened.redis.start()
    await eventually(() => queue.getJobCounts())
    await deliver(receiverOf(queue), SENT)
    const job = await onlyJob(queue)
    await eventually(async () => expect(await job.getState()).toBe('completed'))
    expect(error).toHaveBeenCalledOnce()
    expect(error.mock.calls[0]?.[0]).toMatch(
      /^\[hongbao\] The worker of bull:\S+ has an error\. \[/,
    )
  })

  it('takes no more jobs when it is closed, and waits for those that run', async () => {
    const queue = opened.openQueue()
    const receiver = receiverOf(queue)
    await deliver(receiver, SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const webhooks = processor({ handlerTimeoutMs: 60_000 }).on('*', handler)
    const worker = opened.startWorker(webhooks, queue, { concurrency: 1 })
    await eventually(() => expect(handler).toHaveBeenCalledOnce())
    await deliver(receiver, eventFixture('red_envelope.sent'))
    let isClosed = false
    const closed = worker.close().then(() => {
      isClosed = true
    })
    expect(await queue.getJobCounts()).toMatchObject({ active: 1, waiting: 1 })
    expect(isClosed).toBe(false)
    end.resolve()
    await closed
    expect(await queue.getJobCounts()).toMatchObject({ completed: 1, waiting: 1, active: 0 })
    expect(handler).toHaveBeenCalledOnce()
  })

  it.each<[string, object, RegExp]>([
    ['no name', { name: '' }, /`name` must be the name of a queue/],
    ['a name that is none', { name: 5 }, /`name` must be/],
    ['a job without time', { jobTimeoutMs: 0 }, /`jobTimeoutMs` must be/],
    ['a misspelt option', { concurency: 4 }, /`concurency` is no option.*jobTimeoutMs, worker/],
    ['no concurrency', { concurrency: 0 }, /`concurrency` must be/],
  ])('refuses %s', (_, options, expected) => {
    const given = { name: 'hongbao', connection: {}, ...options }
    expect(() => createEventWorker(processor(), given)).toThrow(OptionError)
    expect(() => createEventWorker(processor(), given)).toThrow(expected)
  })

  it('refuses a receiver that is none', () => {
    const options = { name: 'hongbao', connection: {} }
    expect(() => createEventWorker({} as Webhooks, options)).toThrow(/`webhooks` must be made by/)
  })
})

describe.skipIf(!hasRedis)('what failed for good', { timeout: 30_000 }, () => {
  const opened = useRedis()

  it('is redriven with all its attempts when the cause is gone', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue, { attempts: 1 }), SENT)
    let isDown = true
    const webhooks = processor().on('*', () => {
      if (isDown) throw new Error('no database')
    })
    opened.startWorker(webhooks, queue)
    await eventually(async () => expect(await listFailed(queue)).toHaveLength(1))
    isDown = false
    expect(await redrive(queue)).toBe(1)
    const job = await onlyJob(queue)
    await eventually(async () => expect(await job.getState()).toBe('completed'))
    expect(await listFailed(queue)).toEqual([])
  })

  it('is redriven with the crashes of its workers forgotten', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const crashed = vi.fn<() => Promise<void>>(() => end.promise)
    opened.startWorker(processor().on('*', crashed), queue, {
      concurrency: 1,
      worker: { skipLockRenewal: true, skipStalledCheck: true, lockDuration: 1 },
    })
    await eventually(() => expect(crashed).toHaveBeenCalledOnce())
    const worker = opened.startWorker(processor(), queue, {
      worker: { stalledInterval: 20, maxStalledCount: 0 },
    })
    await eventually(async () => expect(await queue.getFailedCount()).toBe(1))
    await worker.close()
    expect((await onlyJob(queue)).stalledCounter).toBe(1)
    await redrive(queue)
    expect((await onlyJob(queue)).stalledCounter).toBe(0)
    end.resolve()
  })

  it('is listed the latest first, as many as are asked for', async () => {
    const queue = await withFailed(['job-1', 'job-2', 'job-3'])
    expect((await listFailed(queue)).map(({ jobId }) => jobId)).toEqual(['job-3', 'job-2', 'job-1'])
    expect((await listFailed(queue, { limit: 2 })).map(({ jobId }) => jobId)).toEqual([
      'job-3',
      'job-2',
    ])
  })

  it('is redriven by its ids, or up to a limit', async () => {
    const queue = await withFailed(['job-1', 'job-2', 'job-3', 'job-4'])
    expect(await redrive(queue, { jobIds: ['job-2', 'job-none'] })).toBe(1)
    expect(await redrive(queue, { jobIds: ['job-2'] })).toBe(0)
    expect(await redrive(queue, { limit: 1 })).toBe(1)
    expect((await listFailed(queue)).map(({ jobId }) => jobId)).toEqual(['job-3', 'job-1'])
  })

  it('is redriven once when two ask at once', async () => {
    const queue = await withFailed(['job-1', 'job-2', 'job-3'])
    const counts = await Promise.all([redrive(queue), redrive(queue)])
    expect(counts.reduce((sum, count) => sum + count)).toBe(3)
  })

  /** A queue whose jobs have failed one after another, and nobody works on any more. */
  async function withFailed(jobIds: readonly string[]): Promise<Queue> {
    const queue = opened.openQueue()
    for (const jobId of jobIds) await queue.add('mail', POISON, { jobId })
    const worker = opened.startWorker(processor(), queue, { concurrency: 1 })
    await eventually(async () => expect(await queue.getFailedCount()).toBe(jobIds.length))
    await worker.close()
    return queue
  }
})

/** The receiver of a worker. */
function processor(options: Partial<WebhooksOptions> = {}): Webhooks {
  return createWebhooks({ publicKey: PINGPP.publicKey, logger: false, ...options })
}

/** All that Redis holds of a queue, as text. */
async function everythingIn(queue: Queue): Promise<string> {
  const { host, port } = queue.opts.connection as { readonly host: string; readonly port: number }
  const client = new Redis(port, host)
  const keys = await client.keys(`${queue.qualifiedName}:*`)
  const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)))
  await client.quit()
  return dumps.map((dump) => dump?.toString('latin1')).join('\n')
}
