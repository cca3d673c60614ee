import { OptionError, type EventType, type WebhookEvent } from '@hongbao/core'
import { CATALOGUE } from '@hongbao/core/internal'
import { eventFixture, signDelivery } from '@hongbao/core/testing'
import type { PgBoss, QueuePolicy } from 'pg-boss'
import { describe, expect, it } from 'vitest'
import { pgBossQueue, type Boss } from '../src/index.ts'
import { deliver, jobsOf, onlyJob, PINGPP, receiverOf, usePostgres } from './opened.ts'

const HANDLED = { outcome: 'handled', status: 200 }
const FAILED = { status: 500 }
const SENT = eventFixture('red_envelope.sent', { id: 'evt_1', object: { id: 'red_1' } })
const KEY = 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_1'

describe('a hand-off to pg-boss', { timeout: 30_000 }, () => {
  const opened = usePostgres()

  it('answers 200 for a job that Postgres has, with the bytes that Ping++ signed', async () => {
    const { boss } = opened
    const name = opened.freshName()
    const signed = signDelivery(SENT, PINGPP)
    const receiver = await receiverOf(boss, { name })
    expect(await receiver.handle(signed.delivery())).toMatchObject(HANDLED)
    const job = await onlyJob(boss, name)
    expect(job).toMatchObject({ state: 'created', singletonKey: KEY })
    expect(job.data).toMatchObject({ version: 1, key: KEY, id: 'evt_1' })
    expect(job.data.signature).toBe(signed.init().headers['x-pingplusplus-signature'])
    expect(Buffer.from(job.data.body, 'base64').equals(signed.bytes)).toBe(true)
  })

  it('makes one job of an event, however often and at once it comes [E35]', async () => {
    const { boss } = opened
    const name = opened.freshName()
    const receivers = await Promise.all([1, 2, 3].map(() => receiverOf(boss, { name })))
    for (let round = 0; round < 10; round += 1) {
      const replies = await Promise.all(receivers.map((receiver) => deliver(receiver, SENT)))
      expect(replies).toMatchObject([HANDLED, HANDLED, HANDLED])
    }
    expect(await jobsOf(boss, name)).toHaveLength(1)
  })

  it('makes an id that pg-boss takes for every type of event, and no two alike', async () => {
    const { boss } = opened
    const name = opened.freshName()
    const receiver = await receiverOf(boss, { name })
    const events = (Object.keys(CATALOGUE) as EventType[]).map(
      (type) => eventFixture(type) as WebhookEvent,
    )
    const replies = await Promise.all(events.map((event) => deliver(receiver, event)))
    expect(replies).toMatchObject(events.map(() => HANDLED))
    expect(await jobsOf(boss, name)).toHaveLength(events.length)
  })

  it('has nobody delete what waits for 30 days, and remembers what was applied for 7', async () => {
    const { boss } = opened
    const name = opened.freshName()
    await deliver(await receiverOf(boss, { name }), SENT)
    const job = await onlyJob(boss, name)
    expect(job).toMatchObject({
      retryLimit: 14,
      retryBackoff: true,
      retryDelay: 3,
      expireInSeconds: 910,
      heartbeatSeconds: 60,
      deleteAfterSeconds: 604_800,
      deadLetter: `${name}-failed`,
    })
    expect(job.keepUntil.getTime() - job.createdOn.getTime()).toBe(2_592_000_000)
    expect(await boss.getQueue(`${name}-failed`)).toMatchObject({ retentionSeconds: 2_592_000 })
  })

  it('brings a queue up to date that is there', async () => {
    const { boss } = opened
    const name = opened.freshName()
    await boss.createQueue(name, { retryLimit: 0, retentionSeconds: 60, deleteAfterSeconds: 60 })
    await receiverOf(boss, {
      name,
      attempts: 4,
      backoffSeconds: 10,
      keepAppliedSeconds: 700_000,
      keepDeadLettersSeconds: 800_000,
      jobTimeoutMs: 50_000,
    })
    expect(await boss.getQueue(name)).toMatchObject({
      retryLimit: 3,
      retryDelay: 5,
      deleteAfterSeconds: 700_000,
      retentionSeconds: 800_000,
      expireInSeconds: 60,
      deadLetter: `${name}-failed`,
    })
  })

  it('refuses a queue whose policy keeps jobs of different events out', async () => {
    const { boss } = opened
    const name = opened.freshName()
    await boss.createQueue(name, { policy: 'short' })
    await expect(pgBossQueue({ boss, name }).ready()).rejects.toThrow(/has the policy short/)
  })

  // Somebody deletes the queue and makes it anew while the receiver runs.
  it.each<QueuePolicy>(['short', 'singleton', 'stately', 'exclusive', 'key_strict_fifo'])(
    'makes a job of every event, though its queue gets the policy %s behind its back [E54]',
    async (policy) => {
      const { boss } = opened
      const name = opened.freshName()
      const receiver = await receiverOf(boss, { name })
      await boss.deleteQueue(name)
      await boss.createQueue(name, { policy })
      const ids = ['red_1', 'red_2', 'red_3', 'red_1']
      for (const id of ids) {
        const event = eventFixture('red_envelope.sent', { object: { id } })
        expect(await deliver(receiver, event)).toMatchObject(HANDLED)
      }
      expect(await jobsOf(boss, name)).toHaveLength(3)
    },
  )

  it.each([
    ['throttle', 'sendThrottled'],
    ['debounce', 'sendDebounced'],
  ] as const)(
    'answers 500 for an event without a job where something %ss jobs [E54]',
    async (_, send) => {
      const { boss } = opened
      const name = opened.freshName()
      const throttling: Boss = {
        ...boundBoss(boss),
        send: (queue: string, data: object, options: object) =>
          boss[send](queue, data, options, 3600, 'events'),
      } as Boss
      const receiver = await receiverOf(throttling, { name })
      const replies = []
      for (const id of ['red_1', 'red_2', 'red_3']) {
        replies.push(await deliver(receiver, eventFixture('red_envelope.sent', { object: { id } })))
      }
      const jobs = await jobsOf(boss, name)
      expect(replies.filter(({ status }) => status === 200)).toHaveLength(jobs.length)
      expect(replies.at(-1)).toMatchObject(FAILED)
    },
  )

  it('answers 500 where pg-boss took another job for that of its event [E54]', async () => {
    const { boss } = opened
    const name = opened.freshName()
    const other: Boss = {
      ...boundBoss(boss),
      send: () => Promise.resolve('8e892b7c-25cd-4688-9cf7-0d6d98145ea8'),
    }
    expect(await deliver(await receiverOf(other, { name }), SENT)).toMatchObject(FAILED)
  })

  it('leaves a job alone that was applied, or cancelled by somebody', async () => {
    const { boss } = opened
    const name = opened.freshName()
    const receiver = await receiverOf(boss, { name })
    await deliver(receiver, SENT)
    const { id } = await onlyJob(boss, name)
    await boss.cancel(name, id)
    expect(await deliver(receiver, SENT)).toMatchObject(HANDLED)
    expect(await onlyJob(boss, name)).toMatchObject({ state: 'cancelled' })
    await boss.resume(name, id)
    await boss.fetch(name)
    await boss.complete(name, id)
    expect(await deliver(receiver, SENT)).toMatchObject(HANDLED)
    expect(await onlyJob(boss, name)).toMatchObject({ state: 'completed' })
  })

  it('lets a job that failed for good run again, with all its attempts [E74]', async () => {
    const { boss } = opened
    const { name, receiver } = await withFailed(boss, opened.freshName())
    expect(await deliver(receiver, SENT)).toMatchObject(HANDLED)
    expect(await liveJobs(boss, name)).toMatchObject([
      { state: 'created', retryCount: 0, retryLimit: 2, data: { key: KEY } },
    ])
    expect(await boss.findJobs(`${name}-failed`)).toEqual([])
  })

  it('lets it run once when many deliveries meet it', async () => {
    const { boss } = opened
    const { name, receiver } = await withFailed(boss, opened.freshName())
    const receivers = await Promise.all(
      Array.from({ length: 10 }, () => receiverOf(boss, { name, attempts: 3 })),
    )
    const replies = await Promise.all(receivers.map((one) => deliver(one, SENT)))
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200))
    expect(await deliver(receiver, SENT)).toMatchObject(HANDLED)
    expect(await liveJobs(boss, name)).toHaveLength(1)
  })

  it('lets what is left run again where the copy in the dead letter queue is gone', async () => {
    const { boss } = opened
    const { name, receiver } = await withFailed(boss, opened.freshName())
    await boss.deleteAllJobs(`${name}-failed`)
    expect(await deliver(receiver, SENT)).toMatchObject(HANDLED)
    expect(await onlyJob(boss, name)).toMatchObject({ state: 'retry' })
  })

  it('answers 500 where pg-boss takes no job and has none', async () => {
    const { boss } = opened
    const name = opened.freshName()
    const full: Boss = Object.assign(Object.create(boss) as PgBoss, {
      send: () => Promise.resolve(null),
      findJobs: () => Promise.resolve([]),
      createQueue: boss.createQueue.bind(boss),
      updateQueue: boss.updateQueue.bind(boss),
      getQueue: boss.getQueue.bind(boss),
    })
    expect(await deliver(await receiverOf(full, { name }), SENT)).toMatchObject(FAILED)
  })

  it('answers 500 where somebody has deleted the queue [E35]', async () => {
    const { boss } = opened
    const name = opened.freshName()
    const receiver = await receiverOf(boss, { name })
    await boss.deleteQueue(name)
    expect(await deliver(receiver, SENT)).toMatchObject(FAILED)
  })

  it('answers 500 while Postgres is down, and 200 for the same event when it is back', async () => {
    const { boss } = opened
    const name = opened.freshName()
    const receiver = await receiverOf(boss, { name })
    await opened.postgres.stop()
    expect(await deliver(receiver, SENT)).toMatchObject(FAILED)
    await opened.postgres.start()
    expect(await deliver(receiver, SENT)).toMatchObject(HANDLED)
    expect(await jobsOf(boss, name)).toHaveLength(1)
  })

  it('answers 500 while Postgres does not answer, and makes one job when it does [E35]', async () => {
    const { boss } = opened
    const name = opened.freshName()
    const receiver = await receiverOf(boss, { name, confirmTimeoutMs: 200 })
    opened.postgres.freeze()
    expect(await deliver(receiver, SENT)).toMatchObject(FAILED)
    opened.postgres.thaw()
    expect(await deliver(receiver, SENT)).toMatchObject(HANDLED)
    expect(await jobsOf(boss, name)).toHaveLength(1)
  })

  it.each<[string, object, RegExp]>([
    ['a pg-boss that is none', { boss: {} }, /`boss` must be a `PgBoss`/],
    ['no pg-boss', { boss: null }, /`boss` must be/],
    ['a name that SQL would stumble over', { name: "a'b" }, /`name` must be/],
    ['an empty name', { name: '' }, /`name` must be the name of a queue/],
    ['a job without time', { jobTimeoutMs: 0 }, /`jobTimeoutMs` must be/],
    ['looking too often', { pollingIntervalSeconds: 0.1 }, /`pollingIntervalSeconds` must be 0\.5/],
    ['watching too often', { watchIntervalSeconds: 0.1 }, /`watchIntervalSeconds` must be a/],
    ['watching too seldom', { watchIntervalSeconds: 3601 }, /from 0\.5 to 3,600/],
    ['watching never', { watchIntervalSeconds: NaN }, /`watchIntervalSeconds` must be a number/],
    ['a misspelt option', { queue: 'a' }, /Unknown option `queue`.*boss, name, pollingInterval/],
    ['a memory that is too short', { keepAppliedSeconds: 60 }, /`keepAppliedSeconds`/],
  ])('refuses %s', (_, options, expected) => {
    const make = () => pgBossQueue({ boss: opened.boss, ...options })
    expect(make).toThrow(OptionError)
    expect(make).toThrow(expected)
  })

  it('makes the queue at the first delivery, without ready()', async () => {
    const name = opened.freshName()
    const queue = pgBossQueue({ boss: opened.boss, name, logger: false, confirmTimeoutMs: 10_000 })
    const receiver = queue.receiver({ publicKey: PINGPP.publicKey, logger: false })
    expect(await deliver(receiver, SENT)).toMatchObject(HANDLED)
    expect(await onlyJob(opened.boss, name)).toMatchObject({ state: 'created' })
  })

  it('is not ready when its queue is gone', async () => {
    const name = opened.freshName()
    const queue = pgBossQueue({ boss: opened.boss, name, logger: false })
    await queue.ready()
    await opened.boss.deleteQueue(name)
    await expect(queue.ready()).rejects.toMatchObject({ code: 'queue-not-ready' })
  })
})

/** A queue whose only job failed for good. */
async function withFailed(boss: PgBoss, name: string) {
  const receiver = await receiverOf(boss, { name, attempts: 3 })
  await deliver(receiver, SENT)
  await boss.updateQueue(name, { retryLimit: 0 })
  await boss.getDb().executeSql('update pgboss.job set retry_limit = 0 where name = $1', [name])
  const [job] = await boss.fetch(name)
  if (job === undefined) throw new Error('There is no job.')
  await boss.fail(name, job.id)
  await boss.updateQueue(name, { retryLimit: 2 })
  return { name, receiver }
}

async function liveJobs(boss: PgBoss, name: string) {
  return (await jobsOf(boss, name)).filter((job) => job.state !== 'failed')
}

/** A pg-boss whose methods can be replaced: its own are private to it. */
function boundBoss(boss: PgBoss): Boss {
  return {
    send: boss.send.bind(boss),
    work: boss.work.bind(boss),
    offWork: boss.offWork.bind(boss),
    notifyWorker: boss.notifyWorker.bind(boss),
    insert: boss.insert.bind(boss),
    fetch: boss.fetch.bind(boss),
    complete: boss.complete.bind(boss),
    findJobs: boss.findJobs.bind(boss),
    retry: boss.retry.bind(boss),
    redrive: boss.redrive.bind(boss),
    createQueue: boss.createQueue.bind(boss),
    updateQueue: boss.updateQueue.bind(boss),
    getQueue: boss.getQueue.bind(boss),
    getInstances: boss.getInstances.bind(boss),
  }
}
