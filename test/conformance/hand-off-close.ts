import { setTimeout as sleep } from 'node:timers/promises'
import { eventFixture } from '@hongbao/core/testing'
import { describe, expect, it, vi } from 'vitest'
import { deliver, eventually, statesOf, type Stage } from './hand-off-stage.ts'

/** What `close()` of the workers of every queue promises. */
export function describeClosing(stage: Stage): void {
  describe('close() of a worker', () => {
    it('takes no more jobs, and waits for running ones, at both of two calls', async () => {
      const { send, client, worker, handler, end } = await openRunning(60_000)
      let isClosed = false
      const closed = worker.close()
      void closed.then(() => {
        isClosed = true
      })
      expect(worker.close()).toBe(closed)
      await deliver(send, eventFixture('red_envelope.sent'))
      expect(isClosed).toBe(false)
      end.resolve()
      await Promise.all([closed, worker[Symbol.asyncDispose]()])
      expect((await statesOf(client)).toSorted()).toEqual(['done', 'waiting'])
      expect(handler).toHaveBeenCalledOnce()
    })

    it('causes no warning if the broker answers', async () => {
      const { work } = await stage.open()
      const codes: string[] = []
      const onWarning = (_: Error, { code }: { code: string }): void => void codes.push(code)
      const worker = await work(stage.receiver(), { onWarning })
      await worker.close()
      expect(codes).not.toContain('queue-close-timed-out')
    })

    it.each<[string, 'stop' | 'freeze']>([
      ['is down', 'stop'],
      ['does not answer', 'freeze'],
    ])(
      'resolves while its broker %s and the job that ran cannot be acknowledged [E56]',
      async (_, outage) => {
        const { client, worker, end } = await openRunning(60_000)
        await stage.broker()[outage]()
        const closed = worker.close()
        end.resolve()
        await closed
        await stage.restore()
        await eventually(async () => expect(await statesOf(client)).toHaveLength(1))
      },
    )

    it('resolves while its broker does not answer and no job runs, with a warning [E56]', async () => {
      const { send, work, client } = await stage.open()
      await deliver(send, eventFixture('red_envelope.sent'))
      const messages: string[] = []
      const onWarning = (error: Error): void => void messages.push(error.message)
      const worker = await work(stage.receiver(), { onWarning })
      // A worker that has not connected yet closes at once.
      await eventually(async () => expect(await statesOf(client)).toEqual(['done']))
      stage.broker().freeze()
      // Workers poll twice a second, or wait for jobs all the time: by now a request has no answer.
      await sleep(2000)
      await worker.close()
      await stage.restore()
      expect(messages).toContainEqual(
        expect.stringMatching(
          /^The worker of \S+ was closed while .+, or its broker did not answer/,
        ),
      )
    })

    it('does not wait for handlers past their deadline, and another worker retries their job [E56]', async () => {
      const { work, client, worker, end } = await openRunning(1)
      await worker.close()
      expect(await statesOf(client)).toEqual(['active'])
      const second = vi.fn<() => void>()
      await work(stage.receiver().on('*', second))
      await eventually(async () => {
        await client.passTime()
        expect(await statesOf(client)).toEqual(['done'])
      })
      expect(second).toHaveBeenCalledOnce()
      end.resolve()
    })

    it('twice with a running job warns once [E70]', async () => {
      const { worker, end, codes } = await openRunning(1)
      await Promise.all([worker.close(), worker.close()])
      await worker.close()
      expect(codes.filter((code) => code === 'queue-close-timed-out')).toHaveLength(1)
      end.resolve()
    })
  })

  /** A worker whose handler runs until the test ends it. */
  async function openRunning(handlerTimeoutMs: number) {
    const scene = await stage.open()
    await deliver(scene.send, eventFixture('red_envelope.sent'))
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    const codes: string[] = []
    const worker = await scene.work(stage.receiver({ handlerTimeoutMs }).on('*', handler), {
      onWarning: (_, { code }) => void codes.push(code),
    })
    await eventually(() => expect(handler).toHaveBeenCalledOnce())
    return { ...scene, worker, handler, end, codes }
  }
}
