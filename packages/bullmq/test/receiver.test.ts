import { createWebhooks, OptionError, type WebhookEvent } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import type { Job, JobsOptions, Queue, QueueOptions } from 'bullmq'
import { Redis } from 'ioredis'
import { describe, expect, it, vi } from 'vitest'
import { hasRedis } from '../../../test/servers/redis.ts'
import type { RedisQueue } from '../src/connection.ts'
import { bullmqQueue } from '../src/index.ts'
import {
  deliver,
  eventually,
  onlyJob,
  PINGPP,
  receiverOf,
  useRedis,
  type Opened,
} from './opened.ts'

const HANDLED = { outcome: 'handled', status: 200 }
const FAILED = { status: 500 }

// test/conformance/hand-off.ts has what the receivers of every queue promise.
describe.skipIf(!hasRedis)('a hand-off to BullMQ', { timeout: 30_000 }, () => {
  const opened = useRedis()

  it('gives different events different job ids, without a colon', async () => {
    const queue = opened.openQueue()
    const receiver = receiverOf(queue)
    const object = { id: 'red_1', app: 'app_1' }
    await deliver(receiver, eventFixture('red_envelope.sent', { object }))
    await deliver(receiver, eventFixture('red_envelope.sent', { object, livemode: false }))
    await deliver(receiver, eventFixture('red_envelope.received', { object }))
    await deliver(
      receiver,
      eventFixture('red_envelope.sent', { object: { ...object, app: 'app' } }),
    )
    const jobs = await queue.getJobs()
    expect(new Set(jobs.map((job) => job.id))).toEqual(
      new Set([
        'app_1~live~red_envelope.sent~red_1',
        'app_1~test~red_envelope.sent~red_1',
        'app_1~live~red_envelope.received~red_1',
        'app~live~red_envelope.sent~red_1',
      ]),
    )
  })

  it('keeps completed jobs for 7 days and failed ones for 30, however many there are', async () => {
    const queue = opened.openQueue()
    await deliver(receiverOf(queue), eventFixture('red_envelope.sent'))
    const { name, opts } = await onlyJob(queue)
    expect(name).toBe('red_envelope.sent')
    expect(opts).toMatchObject({
      attempts: 15,
      backoff: { type: 'exponential', delay: 5000, jitter: 0.5 },
      removeOnComplete: { age: 604_800 },
      removeOnFail: { age: 2_592_000 },
    })
  })

  it('keeps jobs for as long as its options set', async () => {
    const queue = opened.openQueue()
    const options = { attempts: 4, keepAppliedSeconds: 700_000, keepDeadLettersSeconds: 800_000 }
    await deliver(receiverOf(queue, options), eventFixture('red_envelope.sent'))
    expect((await onlyJob(queue)).opts).toMatchObject({
      attempts: 4,
      removeOnComplete: { age: 700_000 },
      removeOnFail: { age: 800_000 },
    })
  })

  it('answers 500 if its event got no job because another job has its id [E54]', async () => {
    const queue = opened.openQueue()
    const deduplicating: RedisQueue = Object.assign(Object.create(queue) as Queue, {
      add: (name: string, data: unknown, options: JobsOptions) =>
        queue.add(name, data, { ...options, deduplication: { id: 'events' } }),
    })
    const receiver = receiverOf(deduplicating)
    const [first, second] = ['red_1', 'red_2'].map((id) =>
      eventFixture('red_envelope.sent', { object: { id } }),
    ) as [WebhookEvent, WebhookEvent]
    expect(await deliver(receiver, first)).toMatchObject(HANDLED)
    expect(await deliver(receiver, second)).toMatchObject(FAILED)
    expect(await deliver(receiver, first)).toMatchObject(HANDLED)
    expect(await queue.getJobs()).toHaveLength(1)
  })

  it('makes a new job if the failed one is removed before it is retried', async () => {
    const queue = opened.openQueue()
    const event = eventFixture('red_envelope.sent')
    await deliver(receiverOf(queue), event)
    await settle(queue, 'failed')
    const raced = withStates(queue, async (job) => {
      const state = await job.getState()
      if (state === 'failed') await job.remove()
      return state
    })
    expect(await deliver(receiverOf(raced), event)).toMatchObject(HANDLED)
    expect(await (await onlyJob(queue)).getState()).toBe('waiting')
  })

  it('answers 500 for a job that another process moves before each retry', async () => {
    const queue = opened.openQueue()
    let calls = 0
    const raced = withStates(queue, (job) => {
      calls += 1
      return calls % 2 === 1 ? Promise.resolve('failed') : job.getState()
    })
    expect(await deliver(receiverOf(raced), eventFixture('red_envelope.sent'))).toMatchObject(
      FAILED,
    )
    // It does not go on after the answer.
    const before = calls
    await queue.getJobCounts()
    expect(calls).toBe(before)
  })

  it('answers 500 for a job that was removed right after it was added', async () => {
    const queue = opened.openQueue()
    const forgetful: RedisQueue = Object.assign(Object.create(queue) as Queue, {
      async add(...job: Parameters<Queue['add']>) {
        const added = await queue.add(...job)
        await added.remove()
        return added
      },
    })
    expect(await deliver(receiverOf(forgetful), eventFixture('red_envelope.sent'))).toMatchObject(
      FAILED,
    )
  })

  it.each([true, false])(
    'starts while Redis is down, and stores events after Redis is back (offline queue: %s)',
    async (enableOfflineQueue) => {
      await opened.redis.stop()
      const queue = opened.openQueue({ connection: { ...opened.connection, enableOfflineQueue } })
      const receiver = receiverOf(queue, { confirmTimeoutMs: 100 })
      const event = eventFixture('red_envelope.sent')
      expect(await deliver(receiver, event)).toMatchObject(FAILED)
      await opened.redis.start()
      await eventually(async () => expect(await deliver(receiver, event)).toMatchObject(HANDLED))
      expect(await queue.getJobCounts()).toMatchObject({ waiting: 1 })
    },
  )

  it('answers 500 while Redis is full and evicts nothing [E15]', async () => {
    const queue = opened.openQueue()
    const receiver = receiverOf(queue)
    const event = eventFixture('red_envelope.sent')
    await queue.waitUntilReady()
    const admin = new Redis(opened.redis.port)
    await admin.config('SET', 'maxmemory', '1')
    expect(await deliver(receiver, event)).toMatchObject(FAILED)
    await admin.config('SET', 'maxmemory', '0')
    expect(await deliver(receiver, event)).toMatchObject(HANDLED)
    await admin.quit()
  })

  it('answers 500 at once while Redis is down if its connection has no offline queue', async () => {
    const queue = opened.openQueue({
      connection: { ...opened.connection, enableOfflineQueue: false },
    })
    const receiver = receiverOf(queue, { confirmTimeoutMs: 60_000 })
    await queue.waitUntilReady()
    await opened.redis.stop()
    expect(await deliver(receiver, eventFixture('red_envelope.sent'))).toMatchObject(FAILED)
  })

  it('accepts every connection', () => {
    const make = () => bullmqQueue({ connection: undefined } as never)
    expect(make).toThrow(OptionError)
    expect(make).toThrow(/`connection` must be a connection of BullMQ/)
  })

  it('is ready while Redis accepts jobs, else rejects with the reason', async () => {
    const queue = bullmqQueue({ connection: impatient(opened), logger: false })
    await queue.ready()
    const admin = new Redis(opened.redis.port)
    await admin.config('SET', 'maxmemory', '1')
    await expect(queue.ready()).rejects.toMatchObject({
      code: 'queue-not-ready',
      message: expect.stringMatching(/^Redis takes no jobs of bull:hongbao-events\./),
    })
    await admin.config('SET', 'maxmemory', '0')
    await queue.ready()
    await admin.quit()
    await queue.close()
  })

  it('delivers an event to its handler with only a connection, and closes what it opened', async () => {
    const queue = bullmqQueue({ connection: impatient(opened) })
    const applied = Promise.withResolvers<unknown>()
    const webhooks = createWebhooks({ publicKey: PINGPP.publicKey, logger: false })
    webhooks.on('*', (event) => applied.resolve(event.id))
    const worker = await queue.work(webhooks)
    const event = eventFixture('red_envelope.sent')
    const receiver = queue.receiver({ publicKey: PINGPP.publicKey })
    await queue.ready()
    expect(await deliver(receiver, event)).toMatchObject(HANDLED)
    expect(await applied.promise).toBe(event.id)
    await worker.close()
    await queue.close()
    const admin = new Redis(opened.redis.port)
    await eventually(async () => {
      expect(await admin.client('LIST')).not.toMatch(/name=\S*aG9uZ2Jhby1ldmVudHM/)
    })
    await admin.quit()
  })
})

describe.skipIf(!hasRedis)('a Redis that keeps everything', { timeout: 30_000 }, () => {
  const opened = useRedis()

  it('causes no warning', async () => {
    const queue = opened.openQueue({ connection: impatient(opened) })
    const warn = vi.fn<(line: string) => void>()
    receiverOf(queue, { logger: { warn, error: warn } })
    // A reply later on the same connection comes after the one to INFO.
    await queue.getJobCounts()
    expect(warn).not.toHaveBeenCalled()
  })
})

describe.skipIf(!hasRedis)(
  'a BullMQ connection without a socketTimeout',
  { timeout: 30_000 },
  () => {
    const opened = useRedis()

    it('causes a warning when a queue is created with it', async () => {
      const onWarning = vi.fn<(error: Error, about: object) => void>()
      const client = new Redis(opened.redis.port, { maxRetriesPerRequest: null })
      const queue = bullmqQueue({ connection: client, onWarning })
      await eventually(() => expect(onWarning).toHaveBeenCalledOnce())
      const [error, about] = onWarning.mock.calls[0] ?? []
      expect(about).toEqual({ code: 'bullmq-may-hang' })
      expect(error).toMatchObject({
        code: 'bullmq-may-hang',
        message: expect.stringMatching(
          /^The connection of bull:hongbao-events has no socketTimeout/,
        ),
      })
      await queue.close()
      expect(await client.ping()).toBe('PONG')
      client.disconnect()
    })

    it('is not created from options: hongbao sets a socketTimeout', async () => {
      const onWarning = vi.fn<() => void>()
      const queue = bullmqQueue({ connection: { port: opened.redis.port }, onWarning })
      await queue.ready()
      await queue.close()
      expect(onWarning).not.toHaveBeenCalled()
    })
  },
)

describe.skipIf(!hasRedis)('a Redis that may evict', { timeout: 30_000 }, () => {
  const opened = useRedis({ settings: { 'maxmemory-policy': 'allkeys-lru' } })

  it('causes a warning of lost events when the hand-off is created [E15]', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    const queue = opened.openQueue({ connection: impatient(opened) })
    const warn = vi.fn<(line: string) => void>()
    receiverOf(queue, { logger: { warn, error: () => {} } })
    await eventually(() => expect(warn).toHaveBeenCalledOnce())
    expect(warn.mock.calls[0]?.[0]).toMatch(
      /^\[hongbao\] [a-z-]+: The Redis of bull:hongbao-1 has the maxmemory-policy allkeys-lru, so it LOSES EVENTS/,
    )
    vi.restoreAllMocks()
  })

  it('causes a warning if its settings cannot be read', async () => {
    const warn = vi.fn<(line: string) => void>()
    const client = { info: () => Promise.resolve('NOPERM'), options: {} }
    const closed = {
      qualifiedName: 'bull:hongbao',
      on() {},
      add: () => {},
      getBackend: () => ({ client: Promise.resolve(client) }),
    } as unknown as RedisQueue
    receiverOf(closed, { logger: { warn, error: () => {} } })
    await eventually(() => expect(warn).toHaveBeenCalledOnce())
    expect(warn.mock.calls[0]?.[0]).toContain('does not report its maxmemory-policy')
  })
})

/** A connection that replaces a silent one, as that of the README does. */
function impatient({ connection }: Opened): QueueOptions['connection'] {
  return { ...connection, socketTimeout: 5000 }
}

/** A queue whose jobs report the state that `stateOf` returns. */
function withStates(queue: Queue, stateOf: (job: Job) => ReturnType<Job['getState']>): RedisQueue {
  return Object.assign(Object.create(queue) as Queue, {
    async add(...how: Parameters<Queue['add']>) {
      const job = await queue.add(...how)
      return Object.assign(Object.create(job) as Job, { getState: () => stateOf(job) })
    },
  })
}

/** Lets a worker complete or fail the only job of a queue. */
async function settle(queue: Queue, state: 'completed' | 'failed'): Promise<void> {
  const job = await onlyJob(queue)
  const { UnrecoverableError, Worker } = await import('bullmq')
  const worker = new Worker(
    queue.name,
    () => {
      if (state === 'failed') throw new UnrecoverableError('poison')
      return Promise.resolve('handled')
    },
    { connection: queue.opts.connection },
  )
  await eventually(async () => expect(await job.getState()).toBe(state))
  await worker.close()
}
