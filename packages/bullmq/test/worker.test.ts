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
import { madeUpJobs } from '../../hand-off/test/made-up.ts'
import { hasRedis } from '../../../test/servers/redis.ts'
import type { DeadLetter } from '../src/index.ts'
import {
  deadLettersOf,
  deliver,
  eventQueueOf,
  eventually,
  onlyJob,
  PINGPP,
  receiverOf,
  redrive,
  useRedis,
} from './opened.ts'

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
    await opened.startWorker(webhooks, queue)
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
    await opened.startWorker(webhooks, queue)
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

  it('leaves what failed for good where people see it, and raises the alarm once [E27, E35]', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue, { attempts: 2 }), SENT)
    const cause = new TypeError('the bank card is 6222 0000')
    const webhooks = processor().on('*', () => Promise.reject(cause))
    const alarms: { failed: DeadLetter; cause: unknown }[] = []
    const error = vi.fn<(line: string) => void>()
    await opened.startWorker(webhooks, queue, {
      logger: { warn: () => {}, error },
      onDeadLetter: (failed, thrown) => void alarms.push({ failed, cause: thrown }),
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
      key: JOB_ID.replaceAll('~', ':'),
      attempts: 2,
    })
    expect(await deadLettersOf(queue)).toEqual([alarms[0]?.failed])
    expect(error.mock.calls).toHaveLength(1)
    expect(error.mock.calls[0]?.[0]).toMatch(
      /^\[hongbao\] A job is a dead letter after 2 tries, and is kept in bull:hongbao-\d+: handler-failed \(red_envelope\.sent evt_1\) \[TypeError at .+worker\.test\.ts/,
    )
    expect(await everythingIn(queue)).not.toContain('6222')
  })

  it('fails a job at once that holds no event', async () => {
    const queue = opened.openQueue()
    await queue.add('mail', POISON, { attempts: 15 })
    await opened.startWorker(processor(), queue)
    await eventually(async () => expect(await queue.getFailedCount()).toBe(1))
    const [failed] = await deadLettersOf(queue)
    expect(failed).toMatchObject({ eventType: 'mail', eventId: 'evt_2', attempts: 1 })
    expect(failed?.reason).toMatch(/^queue-job-invalid \(mail evt_2\): The job was not made by/)
  })

  it('refuses the receiver of a queue: it would go round for ever', async () => {
    const queue = opened.openQueue()
    const receiver = receiverOf(queue) as unknown as Webhooks
    await expect(opened.startWorker(receiver, queue)).rejects.toThrow(
      /`webhooks` must be the receiver that createWebhooks\(\) returned, with your handlers/,
    )
  })

  it('never hands off to its own queue in a circle', async () => {
    const queue = opened.openQueue()
    const receiver = receiverOf(queue)
    await deliver(receiver, SENT)
    const webhooks = processor().on('*', async (event) => {
      const result = await receiver.dispatch(event)
      if ('error' in result) throw result.error
    })
    await opened.startWorker(webhooks, queue)
    const job = await onlyJob(queue)
    await eventually(async () => expect(await job.getState()).toBe('delayed'))
    expect((await onlyJob(queue)).failedReason).toMatch(
      /\[WebhookError handler-failed queue-circle at /,
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
    await opened.startWorker(webhooks, queue, {
      worker: { lockDuration: 200, stalledInterval: 100 },
    })
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

  // A worker that is blocked for longer than its lock lasts is taken for dead, and is not.
  it('loses its lock to another one, and the inbox decides: one effect [E35]', async () => {
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

  it('raises the alarm for a job whose workers die each time [E35]', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), SENT)
    const end = Promise.withResolvers<void>()
    const deadly = vi.fn<() => Promise<void>>(() => end.promise)
    await opened.startWorker(processor().on('*', deadly), queue, {
      concurrency: 1,
      worker: { skipLockRenewal: true, skipStalledCheck: true, lockDuration: 1 },
    })
    await eventually(() => expect(deadly).toHaveBeenCalledOnce())
    const alarms: DeadLetter[] = []
    await opened.startWorker(processor(), queue, {
      onDeadLetter: (failed) => void alarms.push(failed),
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
    await eventually(async () => expect(await deadLettersOf(queue)).toEqual(alarms))
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
    await opened.startWorker(webhooks, queue, {
      async onDeadLetter({ jobId }) {
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

  it('takes no more jobs when it is closed, and waits for those that run', async () => {
    const queue = opened.openQueue()
    const receiver = receiverOf(queue)
    await deliver(receiver, SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const webhooks = processor({ handlerTimeoutMs: 60_000 }).on('*', handler)
    const worker = await opened.startWorker(webhooks, queue, { concurrency: 1 })
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
    ['a misspelt option', { concurency: 4 }, /`concurency` is no option.*acceptUnsigned/],
    ['no concurrency', { concurrency: 0 }, /`concurrency` must be/],
    ['a hook that is none', { onDeadLetter: 'page' }, /`onDeadLetter` must be a function/],
  ])('refuses %s', async (_, options, expected) => {
    const queue = eventQueueOf(opened.openQueue())
    await expect(queue.work(processor(), options)).rejects.toThrow(OptionError)
    await expect(queue.work(processor(), options)).rejects.toThrow(expected)
  })

  it('refuses a receiver that is none', async () => {
    await expect(eventQueueOf(opened.openQueue()).work({} as Webhooks)).rejects.toThrow(
      /`webhooks` must be the receiver/,
    )
  })
})

// Whoever may write to Redis can add jobs; a handler that believes one pays an order that nobody paid.
describe.skipIf(!hasRedis)('a made-up job in BullMQ', { timeout: 30_000 }, () => {
  const opened = useRedis()

  it.each(madeUpJobs())('reaches no handler: %s [E73]', async (_, data, reason) => {
    const queue = opened.openQueue()
    await queue.add('charge.succeeded', data, { jobId: 'made-up', attempts: 15 })
    const handler = vi.fn<() => void>()
    const letters: DeadLetter[] = []
    await opened.startWorker(processor().on('charge.succeeded', handler), queue, {
      onDeadLetter: (letter) => void letters.push(letter),
    })
    await eventually(async () => expect(await queue.getFailedCount()).toBe(1))
    expect(letters).toMatchObject([{ jobId: 'made-up', attempts: 1 }])
    expect(letters[0]?.reason).toMatch(reason)
    expect(handler).not.toHaveBeenCalled()
  })
})

describe.skipIf(!hasRedis)('what failed for good', { timeout: 30_000 }, () => {
  const opened = useRedis()

  it('is redriven with all its attempts when the cause is fixed', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue, { attempts: 1 }), SENT)
    let isDown = true
    const webhooks = processor().on('*', () => {
      if (isDown) throw new Error('no database')
    })
    await opened.startWorker(webhooks, queue)
    await eventually(async () => expect(await deadLettersOf(queue)).toHaveLength(1))
    isDown = false
    expect(await redrive(queue)).toBe(1)
    const job = await onlyJob(queue)
    await eventually(async () => expect(await job.getState()).toBe('completed'))
    expect(await deadLettersOf(queue)).toEqual([])
  })

  it('is redriven with the crashes of its workers forgotten', async () => {
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

  it('is listed the oldest first, as many as are asked for', async () => {
    const queue = await withFailed(['job-1', 'job-2', 'job-3'])
    const ids = (await deadLettersOf(queue)).map(({ jobId }) => jobId)
    expect(ids).toEqual(['job-1', 'job-2', 'job-3'])
    const first = await deadLettersOf(queue, { limit: 2 })
    expect(first.map(({ jobId }) => jobId)).toEqual(['job-1', 'job-2'])
  })

  it('is redriven by its ids, or up to a limit, the oldest first', async () => {
    const queue = await withFailed(['job-1', 'job-2', 'job-3', 'job-4'])
    expect(await redrive(queue, { jobIds: ['job-2', 'job-none'] })).toBe(1)
    expect(await redrive(queue, { jobIds: ['job-2'] })).toBe(0)
    expect(await redrive(queue, { limit: 1 })).toBe(1)
    expect((await deadLettersOf(queue)).map(({ jobId }) => jobId)).toEqual(['job-3', 'job-4'])
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
    const worker = await opened.startWorker(processor(), queue, { concurrency: 1 })
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
