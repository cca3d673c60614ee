import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DispatchResult, HandlerContext } from '../src/index.ts'
import { deferred, type Deferred } from './deferred.ts'
import { asEvent, envelopeSent, openReceiver, type Opened } from './signed.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

describe('`finalResult` of a dispatch that timed out', () => {
  it('resolves to `handled` if the handlers succeed late', async () => {
    const { opened, end, result } = await openTimedOut()
    end.resolve()
    expect(await finalResultOf(result)).toEqual({ outcome: 'handled' })
    expect(opened.applied).toHaveLength(1)
  })

  it('has the error of handlers that fail late', async () => {
    const { opened, end, result } = await openTimedOut()
    const cause = new Error('declined')
    end.reject(cause)
    expect(await finalResultOf(result)).toMatchObject({
      outcome: 'failed',
      error: { code: 'handler-failed', cause },
    })
    expect(opened.applied).toEqual([])
  })

  it('is the same for every caller while the handlers run', async () => {
    const { opened, end } = await openTimedOut()
    const again = await opened.webhooks.dispatch(asEvent(envelopeSent()))
    expect(again).toMatchObject({ outcome: 'failed', error: { code: 'handler-timed-out' } })
    end.resolve()
    expect(await finalResultOf(again)).toEqual({ outcome: 'handled' })
  })

  it('is present if a handler stops exactly at the deadline', async () => {
    const opened = openReceiver()
    opened.webhooks.on(
      '*',
      (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        }),
    )
    const dispatched = opened.webhooks.dispatch(asEvent(envelopeSent()))
    await vi.advanceTimersByTimeAsync(5000)
    const result = await dispatched
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'handler-timed-out' } })
    expect(await finalResultOf(result)).toMatchObject({
      outcome: 'failed',
      error: { code: 'handler-failed' },
    })
  })

  it('is absent for any other outcome', async () => {
    const opened = openReceiver()
    const outcomes = [() => Promise.reject(new Error('declined')), () => {}, () => {}]
    opened.webhooks.on('*', () => outcomes.shift()?.())
    const dispatch = () => opened.webhooks.dispatch(asEvent(envelopeSent()))
    const results = [await dispatch(), await dispatch(), await dispatch()]
    expect(results.map(({ outcome }) => outcome)).toEqual(['failed', 'handled', 'duplicate'])
    expect(results.map((result) => 'finalResult' in result)).toEqual([false, false, false])
  })
})

describe('a dispatch of an event that another process received', () => {
  it('passes handlers and reports the time of receipt and the key that verified it', async () => {
    const opened = openReceiver()
    const contexts: HandlerContext[] = []
    opened.webhooks.on('*', (_, context) => void contexts.push(context))
    const receivedAt = new Date('2024-02-10T00:00:00Z')
    const keyFingerprint = 'ab'.repeat(32)
    await opened.webhooks.dispatch(asEvent(envelopeSent()), { receivedAt, keyFingerprint })
    expect(contexts).toMatchObject([{ receivedAt, keyFingerprint, source: 'dispatch' }])
    expect(opened.reports).toMatchObject([{ kind: 'dispatch', receivedAt, keyFingerprint }])
  })
})

/** A dispatch that is past its deadline while its handler runs on, until the test ends it. */
async function openTimedOut(): Promise<{
  readonly opened: Opened
  readonly end: Deferred<void>
  readonly result: DispatchResult
}> {
  const opened = openReceiver()
  const end = deferred()
  opened.webhooks.on('*', () => end.promise)
  const dispatched = opened.webhooks.dispatch(asEvent(envelopeSent()))
  await vi.advanceTimersByTimeAsync(5000)
  const result = await dispatched
  expect(result).toMatchObject({ outcome: 'failed', error: { code: 'handler-timed-out' } })
  return { opened, end, result }
}

function finalResultOf(result: DispatchResult): Promise<DispatchResult> | undefined {
  return 'finalResult' in result ? result.finalResult : undefined
}
