import { memoryInbox, type WebhookReport } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import type { DeadLetter } from '@hongbao/hand-off'
import { describe, expect, it, vi } from 'vitest'
import { madeUpJobs } from '../../packages/hand-off/test/made-up.ts'
import type { QueueClient } from './hand-off-host.ts'
import { deadIds, deliver, eventually, statesOf, type Stage } from './hand-off-stage.ts'

const OF_ANOTHER_PROGRAM: ReturnType<typeof madeUpJobs> = [
  [
    'it holds no event',
    { type: 'mail', id: 'evt_2' },
    /^queue-job-invalid \(mail evt_2\): The job /,
  ],
  ...madeUpJobs(),
]

// No part of an id, a time or base64: those that are random contain a few digits by chance.
const CARD_HOLDER = 'Mr. Zhuge-Liang'
const SECRET = `the bank card 6222 0000 of ${CARD_HOLDER} was declined`

/** The promises of the workers of every queue. */
export function describeWorking(stage: Stage, codesOfLostJob: readonly string[]): void {
  describe('a worker', () => {
    it('completes a job with its outcome, for a duplicate and without a handler, too', async () => {
      const { send, work, client } = await stage.open()
      const duplicate = eventFixture('red_envelope.sent')
      const webhooks = stage.receiver().on('red_envelope.sent', () => {})
      await webhooks.dispatch(duplicate)
      await deliver(send, duplicate)
      await deliver(send, eventFixture('red_envelope.sent'))
      await deliver(send, eventFixture('red_envelope.received'))
      await work(webhooks)
      await eventually(async () => {
        const outcomes = new Set((await client.jobs()).map(({ outcome }) => outcome))
        expect(outcomes).toEqual(new Set(['duplicate', 'handled', 'unhandled']))
      })
    })

    it('reports a dead letter once, and stores no message of its handler [E27, E35]', async () => {
      const { send, work, client } = await stage.open({ attempts: 2 })
      const event = eventFixture('red_envelope.sent')
      await deliver(send, event)
      const cause = new TypeError(SECRET)
      const handler = vi.fn<() => Promise<void>>(() => Promise.reject(cause))
      const reported: unknown[] = []
      const error = vi.fn<(line: string, fields: object) => void>()
      await work(stage.receiver().on('*', handler), {
        logger: { warn() {}, error },
        onDeadLetter: (letter, thrown) => void reported.push([letter, thrown]),
      })
      await eventually(() => expect(handler).toHaveBeenCalledOnce())
      await eventually(async () => expect(await statesOf(client)).toEqual(['waiting']))
      expect(reported).toEqual([])
      await eventually(async () => {
        await client.passTime()
        expect(await deadIds(client)).toEqual([event.id])
      })
      const [letter] = await client.deadLetters()
      expect(letter).toMatchObject({
        eventType: 'red_envelope.sent',
        key: expect.stringMatching(/^app_1Gqj58ynP0mHeX1q:live:red_envelope\.sent:/),
        attempts: 2,
      })
      expect(reported).toEqual([[letter, cause]])
      expect(error.mock.calls).toEqual([
        [
          expect.stringMatching(
            /is a dead letter after 2 tries, and is kept in \S+queue-\d+: handler-failed \(red_envelope\.sent evt_\w+\) \[TypeError at .+hand-off-worker\.ts/,
          ),
          expect.objectContaining({ code: 'dead-letter', attempts: 2, eventId: event.id }),
        ],
      ])
      const contents = await client.contents()
      expect(contents).toContain('handler-failed')
      expect(contents).not.toContain(SECRET)
      expect(contents).not.toContain(CARD_HOLDER)
    })

    it('reports a dead letter before its broker knows', async () => {
      const { send, work, client } = await stage.open({ attempts: 1 })
      await deliver(send, eventFixture('red_envelope.sent'))
      const states: string[] = []
      await work(
        stage.receiver().on('*', () => Promise.reject(new Error('no stock'))),
        { onDeadLetter: async () => void states.push(...(await statesOf(client))) },
      )
      // If the worker is killed in between, another one reports.
      await eventually(async () => expect(await deadIds(client)).toHaveLength(1))
      expect(states).toEqual(['active'])
    })

    // A handler that applies a forged job marks an unpaid order as paid.
    it.each(OF_ANOTHER_PROGRAM)(
      'turns a job of another program into a dead letter that reaches no handler: %s [E73]',
      async (_, data, reason) => {
        const { work, client } = await stage.open()
        const handler = vi.fn<() => void>()
        const reported: DeadLetter[] = []
        await work(stage.receiver().on('*', handler), {
          onDeadLetter: (letter) => void reported.push(letter),
        })
        await client.add(data)
        await eventually(async () => expect(await client.deadLetters()).toHaveLength(1))
        expect(reported).toEqual(await client.deadLetters())
        expect(reported).toMatchObject([{ attempts: 1, reason: expect.stringMatching(reason) }])
        expect(handler).not.toHaveBeenCalled()
      },
    )

    it('holds a job while its handler is past its deadline, and runs it once', async () => {
      const { send, work, client } = await stage.open()
      await deliver(send, eventFixture('red_envelope.sent'))
      const end = Promise.withResolvers<void>()
      const handler = vi.fn<() => Promise<void>>(() => end.promise)
      const reports: WebhookReport[] = []
      const onReport = (report: WebhookReport): void => void reports.push(report)
      await work(stage.receiver({ handlerTimeoutMs: 1, onReport }).on('*', handler))
      await eventually(() => expect(reports).toMatchObject([{ code: 'handler-timed-out' }]))
      expect(await statesOf(client)).toEqual(['active'])
      end.resolve()
      await eventually(async () => {
        expect(await client.jobs()).toMatchObject([{ state: 'done', outcome: 'handled' }])
      })
      expect(handler).toHaveBeenCalledOnce()
    })
  })

  describe('a worker whose job fails', () => {
    it('retries it, with delays that double, less up to half', async () => {
      // Pauses that are far longer than what a busy machine adds to them.
      const { send, work, client } = await stage.open({ backoffSeconds: 600 })
      await deliver(send, eventFixture('red_envelope.sent'))
      let runs = 0
      const webhooks = stage.receiver().on('*', () => {
        runs += 1
        if (runs < 3) throw new Error('no stock')
      })
      await work(webhooks)
      const pauses: number[] = []
      for (const retries of [0, 1]) {
        await eventually(async () => {
          const [job] = await client.jobs()
          expect(job).toMatchObject({ retries, pauseMs: expect.any(Number) })
          pauses[retries] = Number(job?.pauseMs) / 1000
        })
        await client.passTime()
      }
      await eventually(async () => expect(await statesOf(client)).toEqual(['done']))
      expect(runs).toBe(3)
      const [first = 0, second = 0] = pauses
      expect([first >= 300, first <= 610, second >= 600, second <= 1210]).toEqual(
        Array.from({ length: 4 }, () => true),
      )
    })

    it('retries it when its handler hangs for jobTimeoutMs, without a second run beside it', async () => {
      // A pause that does not end by itself, however busy the machine.
      const { send, work, client } = await stage.open({ jobTimeoutMs: 1000, backoffSeconds: 600 })
      await deliver(send, eventFixture('red_envelope.sent'))
      const end = Promise.withResolvers<void>()
      const handler = vi.fn<() => Promise<void>>(() => end.promise)
      await work(stage.receiver({ handlerTimeoutMs: 1 }).on('*', handler))
      for (const retries of [0, 1]) {
        await eventually(async () => {
          expect(await client.jobs()).toMatchObject([{ retries, pauseMs: expect.any(Number) }])
        })
        await client.passTime()
      }
      end.resolve()
      await eventually(async () => {
        await client.passTime()
        expect(await statesOf(client)).toEqual(['done'])
      })
      expect(handler).toHaveBeenCalledOnce()
    })

    // A blocked worker loses its lock in BullMQ. pg-boss issue 555: a job that expired, or whose heartbeat is
    // missing, is retried while its handler runs.
    it('loses its job to another worker, and the inbox prevents a second effect [E35]', async () => {
      const { send, work, client } = await stage.open()
      const other = await stage.join(client)
      const inbox = memoryInbox()
      await deliver(send, eventFixture('red_envelope.sent'))
      const end = Promise.withResolvers<void>()
      const slow = vi.fn<() => Promise<void>>(() => end.promise)
      const how = { concurrency: 1, losesJobs: true }
      await work(stage.receiver({ inbox }).on('*', slow), how)
      await eventually(() => expect(slow).toHaveBeenCalledOnce())
      await client.noticeDeaths()
      const second = vi.fn<() => void>()
      const outcomes: unknown[] = []
      const codes = new Set<string>()
      await other.work(
        stage.receiver({ inbox, onReport: (report) => void outcomes.push(report) }).on('*', second),
        { onWarning: (_, { code }) => void codes.add(code) },
      )
      await eventually(() => expect(outcomes).toMatchObject([{ code: 'inbox-busy' }]))
      expect([...codes]).toEqual(codesOfLostJob)
      end.resolve()
      await eventually(async () => {
        await client.passTime()
        expect(await client.jobs()).toMatchObject([{ state: 'done', outcome: 'duplicate' }])
      })
      expect(second).not.toHaveBeenCalled()
    })
  })

  describe('the dead letters of a queue', () => {
    it('are listed the oldest first, up to the limit', async () => {
      const client = await openDead(3)
      const ids = ['evt_1', 'evt_2', 'evt_3']
      expect(await deadIds(client)).toEqual(ids)
      const first = await client.deadLetters({ limit: 2 })
      expect(first.map(({ eventId }) => eventId)).toEqual(ids.slice(0, 2))
    })

    it('are redriven by their ids, or up to a limit, the oldest first', async () => {
      const client = await openDead(4)
      const [, second] = await client.deadLetters()
      const jobIds = [String(second?.jobId), crypto.randomUUID()]
      expect(await client.redrive({ jobIds })).toBe(1)
      expect(await client.redrive({ jobIds })).toBe(0)
      expect(await deadIds(client)).toEqual(['evt_1', 'evt_3', 'evt_4'])
      expect(await client.redrive({ limit: 1 })).toBe(1)
      expect(await deadIds(client)).toEqual(['evt_3', 'evt_4'])
    })

    it('are redriven once by two simultaneous calls', async () => {
      const client = await openDead(3)
      const [first, second] = await Promise.all([client.redrive(), client.redrive()])
      expect(first + second).toBe(3)
      expect(await statesOf(client)).toEqual(['waiting', 'waiting', 'waiting'])
    })
  })

  /** A queue with dead letters and without a worker. */
  async function openDead(count: number): Promise<QueueClient> {
    const { work, client } = await stage.open()
    const worker = await work(stage.receiver(), { concurrency: 1 })
    for (let made = 1; made <= count; made += 1) {
      await client.add({ type: 'mail', id: `evt_${made}` })
      await eventually(async () => expect(await deadIds(client)).toHaveLength(made))
    }
    await worker.close()
    return client
  }
}
