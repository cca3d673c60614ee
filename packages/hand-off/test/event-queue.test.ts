import { createWebhooks, OptionError, type Webhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { describe, expect, it, vi } from 'vitest'
import { createEventQueue, type EventBroker, type EventJob, type JobRunner } from '../src/index.ts'
import { madeUpJobs } from './made-up.ts'

const PINGPP = createTestKeys()
const EVENT = eventFixture('red_envelope.sent')

describe('an event queue', () => {
  it('answers 200 when its broker has confirmed the job, and a worker applies it', async () => {
    const { queue, jobs } = openQueue()
    const { receiver, deliver } = open(queue)
    expect(await deliver()).toMatchObject({ status: 200, outcome: 'handled' })
    expect(jobs).toMatchObject([{ type: 'red_envelope.sent', source: 'webhook' }])
    await receiver.close()
    const applied = Promise.withResolvers<unknown>()
    await queue.work(processor().on('*', (event) => applied.resolve(event)))
    expect(await applied.promise).toEqual(EVENT)
  })

  it('stores every delivery, without deduplication in its receiver', async () => {
    const { queue, jobs } = openQueue()
    const { deliver } = open(queue)
    for (let time = 0; time < 3; time += 1) expect(await deliver()).toMatchObject({ status: 200 })
    expect(jobs).toHaveLength(3)
  })

  it('answers 500 if its broker rejects', async () => {
    const { queue } = openQueue({ persist: () => Promise.reject(new Error('no broker')) })
    expect(await open(queue).deliver()).toMatchObject({ status: 500 })
  })

  it('answers 500 if its broker does not confirm in time, with a log line', async () => {
    const error = vi.fn<(line: string) => void>()
    const { queue } = openQueue({ persist: () => new Promise(() => {}) }, { confirmTimeoutMs: 20 })
    const { deliver } = open(queue, { warn() {}, error })
    expect(await deliver()).toMatchObject({ status: 500 })
    expect(error.mock.calls[0]?.[0]).toMatch(
      /queue-confirm-timed-out.*any:events has not confirmed the job within 20 ms/,
    )
  })

  it('refuses a delivery that is older than its retention', async () => {
    const { queue, jobs } = openQueue()
    const later = Date.now() + 7 * 24 * 60 * 60 * 1000
    const receiver = queue.receiver({
      publicKey: PINGPP.publicKey,
      logger: false,
      now: () => later,
    })
    const reply = await receiver.handle(signDelivery(EVENT, PINGPP).delivery())
    expect(reply).toMatchObject({ status: 403 })
    expect(jobs).toEqual([])
  })

  it('refuses a forged delivery', async () => {
    const { queue, jobs } = openQueue()
    const receiver = queue.receiver({ publicKey: PINGPP.publicKey, logger: false })
    const reply = await receiver.handle(signDelivery(EVENT, createTestKeys()).delivery())
    expect(reply).toMatchObject({ status: 401 })
    expect(jobs).toEqual([])
  })

  it.each(madeUpJobs())('lets no forged job reach a handler: %s [E73]', async (_, data, reason) => {
    const { queue, add } = openQueue()
    const handler = vi.fn<() => void>()
    const letters: string[] = []
    await queue.work(processor().on('*', handler), {
      logger: false,
      onDeadLetter: (letter) => void letters.push(letter.reason),
    })
    expect(await add(data)).toMatchObject({ fate: 'dead' })
    expect(letters).toEqual([expect.stringMatching(reason)])
    expect(handler).not.toHaveBeenCalled()
  })

  it('applies polled events only with acceptUnsigned', async () => {
    const { queue, jobs, add } = openQueue()
    const receiver = queue.receiver({ publicKey: PINGPP.publicKey, logger: false })
    await receiver.dispatch(EVENT, { source: 'poll' })
    const sources: string[] = []
    const webhooks = processor().on('*', (_, { source }) => void sources.push(source))
    await queue.work(webhooks, { acceptUnsigned: true })
    await vi.waitFor(() => expect(sources).toEqual(['poll']))
    await queue.work(webhooks, { logger: false })
    expect(await add(jobs[0])).toMatchObject({ fate: 'dead', outcome: 'queue-job-unsigned' })
  })

  it('makes the last try a dead letter, and reports it before the broker knows', async () => {
    const { queue, add } = openQueue()
    const cause = new Error('no stock')
    const onDeadLetter = vi.fn<() => void>()
    const webhooks = processor().on('*', () => Promise.reject(cause))
    await open(queue).deliver()
    await queue.work(webhooks, { logger: false, onDeadLetter })
    const result = await add(undefined, true)
    expect(result).toMatchObject({ fate: 'dead', outcome: 'handler-failed', cause })
    expect(onDeadLetter).toHaveBeenCalledWith(expect.objectContaining({ attempts: 3 }), cause)
  })

  it('refuses the receiver of a queue, or a value that is no receiver, as the handlers of a worker [E74]', async () => {
    const { queue } = openQueue()
    const receiver = queue.receiver({ publicKey: PINGPP.publicKey, logger: false })
    for (const wrong of [receiver, {}, undefined]) {
      const refused = queue.work(wrong as Webhooks)
      await expect(refused).rejects.toThrow(OptionError)
      await expect(refused).rejects.toThrow(
        /`webhooks` must be the receiver that createWebhooks\(\)/,
      )
    }
  })

  it('never stores an event again in the queue that it came from', async () => {
    const { queue, jobs, add } = openQueue()
    const { receiver, deliver } = open(queue)
    await deliver()
    const causes: unknown[] = []
    const webhooks = processor().on('*', async (event) => {
      const result = await receiver.dispatch(event)
      if (!('error' in result)) return
      causes.push(result.error.cause)
      throw result.error
    })
    await queue.work(webhooks, { logger: false })
    const { reason } = await add()
    expect(reason).toMatch(/\[WebhookError handler-failed queue-circle at /)
    expect(causes.at(-1)).toMatchObject({ code: 'queue-circle' })
    expect(jobs).toHaveLength(1)
  })

  it.each<[string, object, RegExp]>([
    ['a misspelt option', { concurency: 4 }, /`concurency`.*acceptUnsigned/],
    ['no concurrency', { concurrency: 0 }, /`concurrency` must be/],
    ['a hook of the wrong kind', { onDeadLetter: 'page' }, /`onDeadLetter` must be a function/],
  ])('refuses a worker with %s', async (_, options, expected) => {
    const refused = openQueue().queue.work(processor(), options)
    await expect(refused).rejects.toThrow(OptionError)
    await expect(refused).rejects.toThrow(expected)
  })

  it.each(['on', 'inbox', 'unhandled', 'handlerTimeoutMs'])(
    'has a receiver that refuses the option %s [E74]',
    (name) => {
      const options = { publicKey: PINGPP.publicKey, [name]: undefined }
      expect(() => openQueue().queue.receiver(options)).toThrow(/of the worker\.$/)
    },
  )

  it('rejects a call that its broker does not support, with what to do', async () => {
    const { queue } = openQueue()
    await expect(queue.deadLetters()).rejects.toMatchObject({ code: 'queue-unsupported' })
    await expect(queue.redrive()).rejects.toThrow(/has no `redrive`\. Use the broker's own tools/)
    await queue.ready()
    await queue.close()
  })

  it('is ready when its broker is, and so are its receivers', async () => {
    const down = new Error('down')
    const { queue } = openQueue({ ready: () => Promise.reject(down) })
    await expect(queue.ready()).rejects.toBe(down)
    await expect(open(queue).receiver.ready()).rejects.toBe(down)
  })

  it('closes its broker once', async () => {
    const close = vi.fn<() => Promise<void>>(() => Promise.resolve())
    const { queue } = openQueue({ close })
    await Promise.all([queue.close(), queue[Symbol.asyncDispose]()])
    expect(close).toHaveBeenCalledOnce()
  })

  it('cuts the connections of a broker that does not close in time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const abandon = vi.fn<() => void>()
    const { queue } = openQueue({ close: () => new Promise(() => {}), abandon })
    const closed = queue.close()
    await vi.advanceTimersByTimeAsync(4999)
    expect(abandon).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    await closed
    vi.useRealTimers()
    expect(abandon).toHaveBeenCalledOnce()
  })

  it('warns of a broker that cannot be closed, and cuts its connections', async () => {
    const [abandon, onWarning] = [vi.fn<() => void>(), vi.fn<(error: Error) => void>()]
    const cause = new Error('no broker')
    const { queue } = openQueue({ close: () => Promise.reject(cause), abandon }, { onWarning })
    await queue.close()
    expect(abandon).toHaveBeenCalledOnce()
    expect(onWarning.mock.calls).toMatchObject([[{ code: 'queue-close-failed', cause }, {}]])
  })

  it('closes although cutting the connections throws an error', async () => {
    const abandon = (): never => {
      throw new Error('no connection')
    }
    const { queue } = openQueue({ close: () => Promise.reject(new Error('no broker')), abandon })
    await expect(queue.close()).resolves.toBeUndefined()
  })

  it('does not cut the connections of a broker that closes', async () => {
    const abandon = vi.fn<() => void>()
    await openQueue({ close: () => Promise.resolve(), abandon }).queue.close()
    expect(abandon).not.toHaveBeenCalled()
  })

  it('has workers whose close() is the same promise each time, and abandons a silent broker', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const abandon = vi.fn<() => void>()
    const warn = vi.fn<(error: Error, about: object) => void>()
    const take = () => ({ close: () => new Promise(() => {}), abandon })
    const worker = await openQueue({ take }, { onWarning: warn }).queue.work(processor(), {
      onWarning: undefined,
    })
    const closed = worker.close()
    expect(worker.close()).toBe(closed)
    await vi.advanceTimersByTimeAsync(5000)
    await closed
    vi.useRealTimers()
    expect(abandon).toHaveBeenCalledOnce()
    expect(warn.mock.calls[0]?.[1]).toEqual({ code: 'queue-close-timed-out' })
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['no name', { persist() {}, take() {} }],
    ['no take', { name: 'a', persist() {} }],
  ])('refuses a broker that is %s', (_, broker) => {
    expect(() => createEventQueue(broker as EventBroker)).toThrow(OptionError)
  })
})

/** A queue over a list, with the two calls that a broker must have. */
function openQueue(
  changes: Partial<EventBroker> = {},
  options: Parameters<typeof createEventQueue>[1] = {},
) {
  const jobs: EventJob[] = []
  const runners: JobRunner[] = []
  const broker: EventBroker = {
    name: 'any:events',
    persist: (job) => Promise.resolve(jobs.push(job)),
    take(runner) {
      runners.unshift(runner)
      for (const data of jobs) void runner.run({ id: data.key, data, attempt: 1 })
      return { close: () => Promise.resolve() }
    },
    ...changes,
  }
  return {
    queue: createEventQueue(broker, options),
    jobs,
    /** Gives the latest worker a job: what another program added, or the one that waits. */
    add: (data: unknown = jobs[0], isLast = false) => {
      const [runner] = runners
      if (runner === undefined) throw new Error('There is no worker.')
      return runner.run({ id: 'job-1', data, attempt: isLast ? 3 : 1, isLast })
    },
  }
}

function open(
  queue: ReturnType<typeof createEventQueue>,
  logger: false | { warn(line: string): void; error(line: string): void } = false,
) {
  const receiver = queue.receiver({ publicKey: PINGPP.publicKey, logger })
  return { receiver, deliver: () => receiver.handle(signDelivery(EVENT, PINGPP).delivery()) }
}

function processor(): Webhooks {
  return createWebhooks({ publicKey: PINGPP.publicKey, logger: false })
}
