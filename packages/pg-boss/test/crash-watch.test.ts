import { createWebhooks, type Webhooks } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import type { JobWithMetadata } from 'pg-boss'
import { describe, expect, it, vi } from 'vitest'
import type { BossQueue } from '../src/boss-queue.ts'
import { watchCrashes } from '../src/crash-watch.ts'
import type { PgBossClient, DeadLetter, EventWorker } from '../src/index.ts'
import {
  crashOn,
  deadLettersOf,
  deliver,
  eventually,
  jobsOf,
  PINGPP,
  receiverOf,
  redrive,
  usePostgres,
  type WorkerOptions,
} from './opened.ts'

// test/conformance/hand-off.ts kills processes with SIGKILL.
describe('an event whose workers crash at every attempt', { timeout: 30_000 }, () => {
  const opened = usePostgres()

  it('is reported like any other dead letter, with pg-boss’s reason', async () => {
    const { name, fail, watch } = await openQueue()
    await fail('evt_1')
    const onDeadLetter = vi.fn<(failed: DeadLetter, cause: unknown) => void>()
    const error = vi.fn<(line: string) => void>()
    await watch({ onDeadLetter, logger: { warn: () => {}, error } })
    await eventually(() => expect(onDeadLetter).toHaveBeenCalled())
    const [failed] = await deadLettersOf(opened.boss, { name })
    expect(failed).toMatchObject({
      eventType: 'red_envelope.sent',
      eventId: 'evt_1',
      attempts: 1,
      reason: 'job heartbeat timeout',
    })
    expect(onDeadLetter.mock.calls).toEqual([[failed, undefined]])
    expect(error.mock.calls.map(([line]) => line)).toEqual([
      `[hongbao] A job is a dead letter after 1 try, and is kept in pg-boss:${name}: job heartbeat timeout (red_envelope.sent evt_1). When the cause is fixed, \`redrive\` it.`,
    ])
  })

  it('is reported while workers run', async () => {
    const { name, claim, watch, reported } = await openQueue()
    await claim('evt_1')
    await watch({ watchIntervalSeconds: 0.5 })
    await crashOn(opened.boss, name)
    await eventually(() => expect(reported).toEqual(['evt_1']))
  })

  it('is reported once, by one of many workers, and not by later ones', async () => {
    const { fail, watch, reported } = await openQueue()
    await fail('evt_1')
    const workers = await Promise.all(Array.from({ length: 5 }, () => watch()))
    await eventually(() => expect(reported).toEqual(['evt_1']))
    await Promise.all(workers.map((worker) => worker.close()))
    await fail('evt_2')
    await watch()
    await eventually(() => expect(reported).toEqual(['evt_1', 'evt_2']))
  })

  it('is reported again when it was redriven and crashes its workers again', async () => {
    const { name, fail, watch, reported } = await openQueue()
    await fail('evt_1')
    await (await seenBy(watch, reported, 'evt_1')).close()
    await redrive(opened.boss, { name })
    await crashOn(opened.boss, name)
    expect(await deadLettersOf(opened.boss, { name })).toHaveLength(1)
    await watch()
    await eventually(() => expect(reported).toEqual(['evt_1', 'evt_1']))
  })

  it('is not reported if another process redrove it before', async () => {
    const { name, fail, watch, reported } = await openQueue()
    await fail('evt_1')
    const [copy] = await opened.boss.findJobs(`${name}-failed`)
    await opened.boss.createQueue(`${name}-alarms`)
    // The state that a worker leaves if it is killed before it reports.
    await opened.boss.insert(`${name}-alarms`, [{ id: String(copy?.id) }])
    await redrive(opened.boss, { name })
    await opened.boss.deleteQueuedJobs(name)
    await fail('evt_2')
    await watch()
    await eventually(() => expect(reported).toEqual(['evt_2']))
  })

  it('is reported among many others, except those that a handler failed', async () => {
    const { name, receiver, watch, reported } = await openQueue()
    await deliver(receiver, sent('evt_thrown'))
    const broken = receiverOfWorker().on('*', () => Promise.reject(new Error('no stock')))
    const worker = await watch({}, broken)
    await eventually(async () => {
      expect(await deadLettersOf(opened.boss, { name })).toHaveLength(1)
    })
    await worker.close()
    expect(reported).toEqual(['evt_thrown'])
    const ids = Array.from({ length: 250 }, (_, index) => `evt_${index}`)
    const jobs = ids.map((id) => ({ data: { type: 'red_envelope.sent', id }, retryLimit: 0 }))
    await opened.boss.insert(name, jobs)
    await crashOn(opened.boss, name)
    const workers = await Promise.all([watch(), watch()])
    await eventually(() => expect(reported).toHaveLength(251))
    await Promise.all(workers.map((one) => one.close()))
    expect(new Set(reported)).toEqual(new Set(['evt_thrown', ...ids]))
    expect(reported).toHaveLength(251)
  })

  it('is reported although the dead letter found last is gone', async () => {
    const { name, fail, watch, reported } = await openQueue()
    await fail('evt_1')
    await watch({ watchIntervalSeconds: 0.5 })
    await eventually(() => expect(reported).toEqual(['evt_1']))
    const [copy] = await opened.boss.findJobs(`${name}-failed`)
    await opened.boss.deleteJob(`${name}-failed`, String(copy?.id))
    await opened.boss.send(`${name}-failed`, { type: 'red_envelope.sent', id: 'evt_2' })
    await eventually(() => expect(reported).toEqual(['evt_1', 'evt_2']))
  })

  it('is reported when Postgres is back, with a warning that it was down', async () => {
    const { name, claim, watch, reported } = await openQueue()
    await claim('evt_1')
    const lines: string[] = []
    const warn = (line: string): void => {
      if (!line.includes('`supervise`')) lines.push(line)
    }
    const logger = { warn, error: () => {} }
    await watch({ watchIntervalSeconds: 0.5, logger })
    await opened.postgres.stop()
    await eventually(() => expect(lines).not.toEqual([]))
    await opened.postgres.start()
    await eventually(() => crashOn(opened.boss, name))
    await eventually(() => expect(reported).toEqual(['evt_1']))
    expect(lines[0]).toMatch(
      /^\[hongbao\] [a-z-]+: Could not look for dead letters of crashed workers in pg-boss:events-\d+; the next look is in 0\.5 s\. \[\w+ .+\]/,
    )
  })

  it('keeps its report for longer than its copy', async () => {
    const { name, fail, watch, reported } = await openQueue()
    await fail('evt_1')
    const worker = await seenBy(watch, reported, 'evt_1')
    await worker.close()
    const [alarm] = await jobsOf(opened.boss, `${name}-alarms`)
    const [copy] = await opened.boss.findJobs(`${name}-failed`)
    expect(alarm).toMatchObject({ id: copy?.id, state: 'completed' })
    const keptUntil = Number(alarm?.completedOn) + Number(alarm?.deleteAfterSeconds) * 1000
    expect(keptUntil).toBeGreaterThan(Number(copy?.keepUntil))
  })

  /** A queue whose events have one try, and what its workers report. */
  async function openQueue() {
    const name = opened.freshName()
    const receiver = await receiverOf(opened.boss, { name, attempts: 1 })
    const reported: unknown[] = []

    /** An event that a worker has taken and never finishes. */
    async function claim(id: string): Promise<void> {
      await deliver(receiver, sent(id))
      expect(await opened.boss.fetch(name)).toHaveLength(1)
    }

    /** A dead letter that no worker has reported. */
    async function fail(id: string): Promise<void> {
      await deliver(receiver, sent(id))
      await crashOn(opened.boss, name)
    }

    /** A worker, with a receiver of its own. */
    function watch(
      options: WorkerOptions = {},
      webhooks = receiverOfWorker(),
    ): Promise<EventWorker> {
      const onDeadLetter = (failed: DeadLetter): void => void reported.push(failed.eventId)
      return opened.startWorker(webhooks, name, { onDeadLetter, ...options })
    }

    return { name, receiver, reported, claim, fail, watch }
  }
})

// A copy is dated when its transaction began, and is found when that is committed.
it('a dead letter that was committed late is found, although the next search failed', async () => {
  const copies = ['b', 'c']
  const alarms = new Set<unknown>()
  let isFirstLookOver = false
  const boss: Partial<PgBossClient> = {
    async findJobs(_: string, { after }: { readonly after?: string } = {}) {
      if (isFirstLookOver && copies.length === 2) {
        copies.unshift('a')
        throw new Error('Postgres is down')
      }
      return copies.slice(copies.indexOf(String(after)) + 1).map(copyOf) as never
    },
    async insert(_: string, jobs: readonly { readonly id?: string }[]) {
      for (const { id } of jobs) alarms.add(id)
      return null
    },
    async fetch() {
      isFirstLookOver = true
      return []
    },
  }
  const queue = { boss, name: 'a', deadLetter: 'a-failed', alarms: 'a-alarms', label: 'pg-boss:a' }
  const runner = { reportDeadLetter: async () => {}, warn: () => {} }
  const stop = watchCrashes(queue as BossQueue, runner, 0.01)
  await vi.waitFor(() => expect(alarms).toEqual(new Set(['a', 'b', 'c'])))
  await stop()
})

async function seenBy(
  watch: () => Promise<EventWorker>,
  reported: readonly unknown[],
  id: string,
): Promise<EventWorker> {
  const worker = await watch()
  await eventually(() => expect(reported).toEqual([id]))
  return worker
}

function sent(id: string) {
  return eventFixture('red_envelope.sent', { id })
}

function receiverOfWorker(): Webhooks {
  return createWebhooks({ publicKey: PINGPP.publicKey, logger: false })
}

function copyOf(id: string): Partial<JobWithMetadata> {
  return { id, sourceOutput: null, createdOn: new Date(0), keepUntil: new Date(0) }
}
