import { OptionError } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import type { PgBoss, QueuePolicy } from 'pg-boss'
import { describe, expect, it } from 'vitest'
import { pgBossQueue, type PgBossClient } from '../src/index.ts'
import { deliver, jobsOf, onlyJob, PINGPP, receiverOf, usePostgres } from './opened.ts'

const HANDLED = { outcome: 'handled', status: 200 }
const FAILED = { status: 500 }
const SENT = eventFixture('red_envelope.sent', { id: 'evt_1', object: { id: 'red_1' } })
const KEY = 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_1'

// test/conformance/hand-off.ts has what the receivers of every queue promise.
describe('a hand-off to pg-boss', { timeout: 30_000 }, () => {
  const opened = usePostgres()

  it('keeps waiting jobs for 30 days and completed ones for 7', async () => {
    const { boss } = opened
    const name = opened.freshName()
    await deliver(await receiverOf(boss, { name }), SENT)
    const job = await onlyJob(boss, name)
    expect(job).toMatchObject({
      singletonKey: KEY,
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

  it('updates the settings of a queue that exists', async () => {
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

  it('refuses a queue whose policy rejects jobs of different events', async () => {
    const { boss } = opened
    const name = opened.freshName()
    await boss.createQueue(name, { policy: 'short' })
    await expect(pgBossQueue({ boss, name }).ready()).rejects.toThrow(/has the policy short/)
  })

  // Another program deletes the queue and creates it again while the receiver runs.
  it.each<QueuePolicy>(['short', 'singleton', 'stately', 'exclusive', 'key_strict_fifo'])(
    'stores a job of every event, although another program gives its queue the policy %s [E54]',
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
    'answers 500 for an event without a job if something %ss jobs [E54]',
    async (_, send) => {
      const { boss } = opened
      const name = opened.freshName()
      const throttling: PgBossClient = {
        ...boundBoss(boss),
        send: (queue: string, data: object, options: object) =>
          boss[send](queue, data, options, 3600, 'events'),
      } as PgBossClient
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

  it('answers 500 if pg-boss returned another job for that of its event [E54]', async () => {
    const { boss } = opened
    const name = opened.freshName()
    const other: PgBossClient = {
      ...boundBoss(boss),
      send: () => Promise.resolve('8e892b7c-25cd-4688-9cf7-0d6d98145ea8'),
    }
    expect(await deliver(await receiverOf(other, { name }), SENT)).toMatchObject(FAILED)
  })

  it('does not change a cancelled job', async () => {
    const { boss } = opened
    const name = opened.freshName()
    const receiver = await receiverOf(boss, { name })
    await deliver(receiver, SENT)
    const { id } = await onlyJob(boss, name)
    await boss.cancel(name, id)
    expect(await deliver(receiver, SENT)).toMatchObject(HANDLED)
    expect(await onlyJob(boss, name)).toMatchObject({ state: 'cancelled' })
  })

  it('retries the failed job if its copy in the dead letter queue is gone', async () => {
    const { boss } = opened
    const { name, receiver } = await withFailed(boss, opened.freshName())
    await boss.deleteAllJobs(`${name}-failed`)
    expect(await deliver(receiver, SENT)).toMatchObject(HANDLED)
    expect(await onlyJob(boss, name)).toMatchObject({ state: 'retry' })
  })

  it('answers 500 if pg-boss stores no job and has none', async () => {
    const { boss } = opened
    const name = opened.freshName()
    const full: PgBossClient = Object.assign(Object.create(boss) as PgBoss, {
      send: () => Promise.resolve(null),
      findJobs: () => Promise.resolve([]),
      createQueue: boss.createQueue.bind(boss),
      updateQueue: boss.updateQueue.bind(boss),
      getQueue: boss.getQueue.bind(boss),
    })
    expect(await deliver(await receiverOf(full, { name }), SENT)).toMatchObject(FAILED)
  })

  it('answers 500 if another program has deleted the queue [E35]', async () => {
    const { boss } = opened
    const name = opened.freshName()
    const receiver = await receiverOf(boss, { name })
    await boss.deleteQueue(name)
    expect(await deliver(receiver, SENT)).toMatchObject(FAILED)
  })

  it.each<[string, object, RegExp]>([
    ['an object that is no pg-boss', { boss: {} }, /`boss` must be a `PgBoss`/],
    ['no pg-boss', { boss: null }, /`boss` must be/],
    ['a name that SQL would stumble over', { name: "a'b" }, /`name` must be/],
    ['looking too often', { pollingIntervalSeconds: 0.1 }, /`pollingIntervalSeconds` must be 0\.5/],
    ['watching too often', { watchIntervalSeconds: 0.1 }, /`watchIntervalSeconds` must be a/],
    ['watching too seldom', { watchIntervalSeconds: 3601 }, /from 0\.5 to 3,600/],
    ['watching never', { watchIntervalSeconds: NaN }, /`watchIntervalSeconds` must be a number/],
    [
      'a misspelt option',
      { queue: 'a' },
      /Unknown option `queue`. Valid options: boss, name, pollingInterval/,
    ],
  ])('refuses %s', (_, options, expected) => {
    const make = () => pgBossQueue({ boss: opened.boss, ...options })
    expect(make).toThrow(OptionError)
    expect(make).toThrow(expected)
  })

  it('creates the queue at the first delivery, without ready()', async () => {
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

/** A pg-boss whose methods can be replaced: its own are private to it. */
function boundBoss(boss: PgBoss): PgBossClient {
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
