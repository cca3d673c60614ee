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
import { PgBoss } from 'pg-boss'
import { describe, expect, it, vi } from 'vitest'
import { madeUpJobs } from '../../hand-off/test/made-up.ts'
import { pgBossQueue, type DeadLetter } from '../src/index.ts'
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
const KEY = 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_1'
const POISON = { to: 'somebody', type: 'mail', id: 'evt_2' }

describe('a worker', { timeout: 30_000 }, () => {
  const opened = usePostgres()

  it('applies the event with what the receiver knew of its delivery', async () => {
    const name = opened.freshName()
    const receiver = await receiverOf(opened.boss, { name })
    const signed = signDelivery(SENT, PINGPP)
    const before = new Date()
    await receiver.handle(signed.delivery())
    const handled = Promise.withResolvers<HandlerContext>()
    const webhooks = processor().on('red_envelope.sent', (event, context) => {
      expect(event).toStrictEqual(SENT)
      handled.resolve(context)
    })
    await opened.startWorker(webhooks, name)
    const context = await handled.promise
    expect(Buffer.from(context.rawBody ?? []).equals(signed.bytes)).toBe(true)
    expect(context.source).toBe('webhook')
    expect(context.receivedAt.getTime()).toBeGreaterThanOrEqual(before.getTime())
    expect(context.keyFingerprint).toMatch(/^[0-9a-f]{64}$/)
  })

  it('completes the job with the outcome, a duplicate’s and an unhandled one’s too', async () => {
    const name = opened.freshName()
    const receiver = await receiverOf(opened.boss, { name })
    const webhooks = processor().on('red_envelope.sent', () => {})
    await webhooks.dispatch(SENT)
    await deliver(receiver, SENT)
    await deliver(receiver, eventFixture('red_envelope.sent'))
    await deliver(receiver, eventFixture('red_envelope.received'))
    await opened.startWorker(webhooks, name)
    await eventually(async () => {
      const jobs = await jobsOf(opened.boss, name)
      const outputs = jobs.map((job) => [job.state, Object(job.output).outcome])
      expect(new Set(outputs.map(String))).toEqual(
        new Set(['completed,duplicate', 'completed,handled', 'completed,unhandled']),
      )
    })
  })

  it('takes one event after another, not one at every look', async () => {
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

  it('makes its queue where no receiver has yet', async () => {
    const name = opened.freshName()
    await opened.startWorker(processor(), name)
    expect(await opened.boss.getQueue(name)).toMatchObject({ retryLimit: 14 })
  })

  it('leaves a queue as its receiver has set it', async () => {
    const name = opened.freshName()
    await receiverOf(opened.boss, { name, attempts: 3 })
    await opened.startWorker(processor(), name)
    expect(await opened.boss.getQueue(name)).toMatchObject({ retryLimit: 2 })
  })

  it('tries again after a failure, later and later', async () => {
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

  it('leaves what failed for good where people see it, and raises the alarm once [E27, E35]', async () => {
    const name = opened.freshName()
    await deliver(await receiverOf(opened.boss, { name, attempts: 2 }), SENT)
    const { id } = await onlyJob(opened.boss, name)
    const cause = new TypeError('the bank card is 6222 0000')
    const webhooks = processor().on('*', () => Promise.reject(cause))
    const alarms: { failed: DeadLetter; cause: unknown }[] = []
    const error = vi.fn<(line: string) => void>()
    await opened.startWorker(webhooks, name, {
      logger: { warn: () => {}, error },
      onDeadLetter: (failed, thrown) => void alarms.push({ failed, cause: thrown }),
    })
    await eventually(async () => {
      expect(await onlyJob(opened.boss, name)).toMatchObject({ state: 'retry' })
    })
    expect(alarms).toEqual([])
    await passTime(opened.boss, name)
    await eventually(async () => {
      expect(await deadLettersOf(opened.boss, { name })).toHaveLength(1)
    })
    expect(alarms).toMatchObject([
      {
        failed: { jobId: id, eventType: 'red_envelope.sent', eventId: 'evt_1', key: KEY },
        cause,
      },
    ])
    expect(alarms[0]?.failed.attempts).toBe(2)
    expect(await deadLettersOf(opened.boss, { name })).toEqual([alarms[0]?.failed])
    expect(error).toHaveBeenCalledOnce()
    expect(error.mock.calls[0]?.[0]).toMatch(
      /is a dead letter after 2 tries, and is kept in pg-boss:events-\d+: handler-failed \(red_envelope\.sent evt_1\) \[TypeError at .+worker\.test\.ts/,
    )
    const { rows } = await opened.boss.getDb().executeSql('select * from pgboss.job')
    expect(JSON.stringify(rows)).not.toContain('6222')
  })

  it('raises the alarm before Postgres knows that the event failed for good', async () => {
    const name = opened.freshName()
    await deliver(await receiverOf(opened.boss, { name, attempts: 1 }), SENT)
    const webhooks = processor().on('*', () => Promise.reject(new Error('no stock')))
    const states: string[] = []
    await opened.startWorker(webhooks, name, {
      async onDeadLetter() {
        states.push((await onlyJob(opened.boss, name)).state)
      },
    })
    // A worker that is killed in between leaves the alarm to another one.
    await eventually(async () => {
      expect(await deadLettersOf(opened.boss, { name })).toHaveLength(1)
    })
    expect(states).toEqual(['active'])
  })

  it('fails a job at once that holds no event', async () => {
    const name = opened.freshName()
    await opened.startWorker(processor(), name)
    await opened.boss.send(name, POISON)
    await eventually(async () => {
      expect(await deadLettersOf(opened.boss, { name })).toMatchObject([
        { eventType: 'mail', eventId: 'evt_2', attempts: 1 },
      ])
    })
    const [failed] = await deadLettersOf(opened.boss, { name })
    expect(failed?.reason).toMatch(/^queue-job-invalid \(mail evt_2\): The job was not made by/)
  })

  it('refuses the receiver of a queue: it would go round for ever', async () => {
    const name = opened.freshName()
    const receiver = (await receiverOf(opened.boss, { name })) as unknown as Webhooks
    await expect(opened.startWorker(receiver, name)).rejects.toThrow(
      /`webhooks` must be the receiver that createWebhooks\(\) returned, with your handlers/,
    )
  })

  it('never hands off to its own queue in a circle', async () => {
    const name = opened.freshName()
    const receiver = await receiverOf(opened.boss, { name })
    await deliver(receiver, SENT)
    const causes: unknown[] = []
    const webhooks = processor().on('*', async (event) => {
      const result = await receiver.dispatch(event)
      if (!('error' in result)) return
      causes.push(result.error.cause)
      throw result.error
    })
    await opened.startWorker(webhooks, name)
    await eventually(async () => {
      expect(await onlyJob(opened.boss, name)).toMatchObject({ state: 'retry' })
    })
    expect(causes).toMatchObject([{ code: 'queue-circle' }])
  })

  it('holds a job while its handler is past its deadline, and runs it once', async () => {
    const name = opened.freshName()
    await deliver(await receiverOf(opened.boss, { name }), SENT)
    const end = Promise.withResolvers<void>()
    const reports: WebhookReport[] = []
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const onReport = (report: WebhookReport): void => void reports.push(report)
    const webhooks = processor({ handlerTimeoutMs: 1, onReport }).on('*', handler)
    await opened.startWorker(webhooks, name)
    await eventually(() =>
      expect(reports).toMatchObject([{ outcome: 'failed', code: 'handler-timed-out' }]),
    )
    expect(await onlyJob(opened.boss, name)).toMatchObject({ state: 'active' })
    end.resolve()
    await eventually(async () => {
      expect(await onlyJob(opened.boss, name)).toMatchObject({
        state: 'completed',
        output: { outcome: 'handled' },
      })
    })
    expect(handler).toHaveBeenCalledOnce()
  })

  // pg-boss issue 555: a job that expired, or whose heart is not heard, is tried again while its
  // handler runs.
  it('loses its job to another one, and the inbox decides: one effect [E35]', async () => {
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

  it('takes no more jobs when it is closed, and waits for those that run', async () => {
    const name = opened.freshName()
    const receiver = await receiverOf(opened.boss, { name })
    await deliver(receiver, SENT)
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const webhooks = processor({ handlerTimeoutMs: 60_000 }).on('*', handler)
    const worker = await opened.startWorker(webhooks, name, { concurrency: 2 })
    await eventually(() => expect(handler).toHaveBeenCalledOnce())
    let isClosed = false
    const closed = worker.close().then(() => {
      isClosed = true
    })
    await deliver(receiver, eventFixture('red_envelope.sent'))
    expect(isClosed).toBe(false)
    end.resolve()
    await closed
    const jobs = await jobsOf(opened.boss, name)
    expect(jobs.map((job) => job.state)).toEqual(['completed', 'created'])
    expect(handler).toHaveBeenCalledOnce()
  })

  it('refuses a receiver that is none', async () => {
    const refused = pgBossQueue({ boss: opened.boss }).work({} as Webhooks)
    await expect(refused).rejects.toThrow(OptionError)
    await expect(refused).rejects.toThrow(/`webhooks` must be the receiver/)
  })
})

// Whoever may write to the database can add jobs; a handler that believes one pays an order that
// nobody paid.
describe('a made-up job in pg-boss', { timeout: 30_000 }, () => {
  const opened = usePostgres()

  it.each(madeUpJobs())('reaches no handler: %s [E73]', async (_, data, reason) => {
    const name = opened.freshName()
    const handler = vi.fn<() => void>()
    const letters: DeadLetter[] = []
    await opened.startWorker(processor().on('charge.succeeded', handler), name, {
      onDeadLetter: (letter) => void letters.push(letter),
    })
    const id = await opened.boss.send(name, data)
    await eventually(async () => {
      expect(await deadLettersOf(opened.boss, { name })).toMatchObject([{ jobId: id }])
    })
    expect(letters).toMatchObject([{ jobId: id, attempts: 1 }])
    expect(letters[0]?.reason).toMatch(reason)
    expect(handler).not.toHaveBeenCalled()
  })
})

describe('what failed for good', { timeout: 30_000 }, () => {
  const opened = usePostgres()

  it('is redriven with all its attempts when the cause is fixed', async () => {
    const name = opened.freshName()
    await deliver(await receiverOf(opened.boss, { name, attempts: 1 }), SENT)
    let isDown = true
    const webhooks = processor().on('*', () => {
      if (isDown) throw new Error('no database')
    })
    await opened.startWorker(webhooks, name)
    await eventually(async () => {
      expect(await deadLettersOf(opened.boss, { name })).toHaveLength(1)
    })
    isDown = false
    expect(await redrive(opened.boss, { name })).toBe(1)
    await eventually(async () => {
      const jobs = await jobsOf(opened.boss, name)
      expect(jobs.map((job) => job.state).toSorted()).toEqual(['completed', 'failed'])
    })
    expect(await deadLettersOf(opened.boss, { name })).toEqual([])
  })

  it('is not run again by a delivery that meets it after it was redriven', async () => {
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

  it('is redriven by its ids, or up to a limit, the oldest first', async () => {
    const name = opened.freshName()
    const worker = await opened.startWorker(processor(), name)
    const ids: unknown[] = []
    for (let count = 0; count < 4; count += 1) ids.push(await opened.boss.send(name, POISON))
    const failed = async (): Promise<unknown[]> =>
      (await deadLettersOf(opened.boss, { name })).map(({ jobId }) => jobId)
    await eventually(async () => expect(new Set(await failed())).toEqual(new Set(ids)))
    await worker.close()
    const [first, second, third, fourth] = await failed()
    const jobIds = [String(second), crypto.randomUUID()]
    expect(await redrive(opened.boss, { name, jobIds })).toBe(1)
    expect(await redrive(opened.boss, { name, jobIds })).toBe(0)
    expect(await failed()).toEqual([first, third, fourth])
    expect(await redrive(opened.boss, { name, limit: 1 })).toBe(1)
    expect(await failed()).toEqual([third, fourth])
    expect(await deadLettersOf(opened.boss, { name, limit: 1 })).toMatchObject([{ jobId: third }])
  })
})

/** The receiver of a worker. */
function processor(options: Partial<WebhooksOptions> = {}): Webhooks {
  return createWebhooks({ publicKey: PINGPP.publicKey, logger: false, ...options })
}
