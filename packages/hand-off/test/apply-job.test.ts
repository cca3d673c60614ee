import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  WebhookError,
  type DispatchResult,
  type WebhookErrorCode,
  type Webhooks,
} from '@hongbao/core'
import { verifierOf } from '@hongbao/core/internal'
import { ERRORS } from '../../core/src/reply/errors.ts'
import { deferred } from '../../core/test/deferred.ts'
import { bytesOf, envelopeSent, openReceiver, PINGPP } from '../../core/test/signed.ts'
import { applyJob, type JobRules } from '../src/apply-job.ts'
import type { JobVerdict } from '../src/broker.ts'
import { packed, RECEIVED_AT, signatureOf } from './packed.ts'

const SUBJECT = 'red_envelope.sent evt_dS28Kn8qsUCBZYTgSUxCPnKA'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  const timersLeft = vi.getTimerCount()
  vi.useRealTimers()
  if (timersLeft > 0) throw new Error(`The test leaves ${timersLeft} timers running.`)
})

describe('a job', () => {
  it('is done when its handlers succeed, and they get the context of the delivery', async () => {
    const opened = openReceiver()
    const contexts: unknown[] = []
    opened.webhooks.on('*', (event, context) => void contexts.push([event, context]))
    expect(await apply(opened.webhooks, packed())).toMatchObject({
      fate: 'done',
      outcome: 'handled',
      reason: `handled (${SUBJECT})`,
    })
    expect(contexts).toMatchObject([
      [
        envelopeSent(),
        {
          rawBody: bytesOf(envelopeSent()),
          receivedAt: RECEIVED_AT,
          source: 'webhook',
          keyFingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
      ],
    ])
  })

  it('is done when its event was applied before', async () => {
    const opened = openReceiver()
    opened.webhooks.on('*', (event) => void opened.seen.push(event))
    await apply(opened.webhooks, packed())
    const result = await apply(opened.webhooks, packed())
    expect(result).toMatchObject({ fate: 'done', outcome: 'duplicate' })
    expect(opened.seen).toHaveLength(1)
  })

  it('is done when it has no handlers', async () => {
    expect(await apply(openReceiver().webhooks, packed())).toMatchObject({
      fate: 'done',
      outcome: 'unhandled',
      reason: `unhandled (${SUBJECT})`,
    })
  })

  it('is retried when a handler fails, with a reason that has the place but not the message', async () => {
    const opened = openReceiver()
    const cause = Object.assign(new TypeError('card 6222 0000 declined'), { code: 'EDECLINED' })
    opened.webhooks.on('*', () => Promise.reject(cause))
    const result = await apply(opened.webhooks, packed())
    expect(result).toMatchObject({ fate: 'again', outcome: 'handler-failed', cause })
    expect(result.reason).toMatch(
      /^handler-failed \(red_envelope\.sent evt_\w+\) \[TypeError EDECLINED at .+apply-job\.test\.ts/,
    )
    expect(result.reason).not.toMatch(/card 6222|declined/)
  })

  it('is a dead letter if it is no event, because a retry would fail too', async () => {
    const opened = openReceiver()
    const bytes = bytesOf('{"type":"red_envelope.sent"}')
    const data = { body: bytes.toString('base64'), signature: signatureOf(bytes) }
    expect(await apply(opened.webhooks, { ...packed(), ...data })).toMatchObject({
      fate: 'dead',
      outcome: 'event-invalid',
      reason: `event-invalid (${SUBJECT}): \`created\` is not a Unix time in seconds. It is red_envelope.sent.`,
    })
    expect(opened.reports).toEqual([])
  })

  it('is a dead letter if another program created it', async () => {
    expect(await apply(openReceiver().webhooks, { to: 'orders' })).toMatchObject({
      fate: 'dead',
      reason: expect.stringMatching(/^queue-job-invalid \(no event\): The job was not made by/),
      cause: { code: 'queue-job-invalid' },
    })
  })

  it('is a dead letter if it has no signature, with a reason that says what to do', async () => {
    const opened = openReceiver()
    const handler = vi.fn<() => void>()
    opened.webhooks.on('*', handler)
    const result = await apply(opened.webhooks, { ...packed(), signature: null })
    expect(result).toMatchObject({ fate: 'dead', outcome: 'queue-job-unsigned' })
    expect(result.reason).toMatch(/set `acceptUnsigned: true` in the options of `work`/)
    expect(handler).not.toHaveBeenCalled()
  })

  it('is a dead letter if its app is not the `app` of the worker', async () => {
    const opened = openReceiver({ app: 'app_other' })
    opened.webhooks.on('*', () => {})
    const result = await apply(opened.webhooks, packed())
    expect(result).toMatchObject({ fate: 'dead', outcome: 'app-mismatch' })
  })

  it('is verified with the keys that a function returns', async () => {
    const opened = openReceiver({ publicKey: () => Promise.resolve(PINGPP.publicKey) })
    opened.webhooks.on('*', () => {})
    expect(await apply(opened.webhooks, packed())).toMatchObject({ outcome: 'handled' })
    const forged = { ...packed(), signature: Buffer.alloc(256, 7).toString('base64') }
    const result = await apply(opened.webhooks, forged)
    expect(result).toMatchObject({ fate: 'dead', outcome: 'signature-mismatch' })
  })

  it('is retried while that function provides no key', async () => {
    const cause = new Error('no vault')
    const opened = openReceiver({ publicKey: () => Promise.reject(cause) })
    opened.webhooks.on('*', () => {})
    const result = await apply(opened.webhooks, packed())
    expect(result).toMatchObject({ fate: 'again', outcome: 'key-unavailable', cause })
  })

  it('is applied at any age, because it was accepted when it arrived', async () => {
    const opened = openReceiver({ now: () => Date.now() + 365 * 24 * 60 * 60 * 1000 })
    opened.webhooks.on('*', () => {})
    expect(await apply(opened.webhooks, packed())).toMatchObject({ outcome: 'handled' })
  })

  it.each(Object.keys(ERRORS) as WebhookErrorCode[])('has a result for %s', async (code) => {
    const error = new WebhookError(code)
    const result = { outcome: error.outcome, error } as DispatchResult
    const { fate } = await apply(
      answering(() => Promise.resolve(result)),
      packed(),
    )
    expect(fate).toBe(AGAIN.has(code) ? 'again' : 'dead')
  })
})

describe('a job whose handlers pass their deadline', () => {
  it('waits for them, and is done when they succeed', async () => {
    const { opened, end, result } = openSlow()
    await vi.advanceTimersByTimeAsync(59_000)
    end.resolve()
    expect(await result).toMatchObject({ fate: 'done', outcome: 'handled' })
    expect(opened.reports.map(({ kind, outcome }) => [kind, outcome])).toEqual([
      ['dispatch', expect.any(String)],
      ['late', 'handled'],
    ])
  })

  it('calls `onLate` at the deadline, and keeps waiting for them [E56]', async () => {
    const onLate = vi.fn<() => void>()
    const { end, result } = openSlow({ onLate })
    await vi.advanceTimersByTimeAsync(4999)
    expect(onLate).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(onLate).toHaveBeenCalledOnce()
    end.resolve()
    expect(await result).toMatchObject({ fate: 'done', outcome: 'handled' })
  })

  it('waits for them, and is retried when they fail', async () => {
    const { end, result } = openSlow()
    await vi.advanceTimersByTimeAsync(59_000)
    end.reject(new Error('declined'))
    expect(await result).toMatchObject({ fate: 'again', outcome: 'handler-failed' })
  })

  it('is retried when they never settle, without a second run at the same time', async () => {
    const { opened, runs, end, result } = openSlow()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await result).toMatchObject({
      fate: 'again',
      outcome: 'handler-timed-out',
      reason: `handler-timed-out (${SUBJECT})`,
    })
    const again = apply(opened.webhooks, packed())
    await vi.advanceTimersByTimeAsync(30_000)
    end.resolve()
    expect(await again).toMatchObject({ fate: 'done', outcome: 'handled' })
    expect(runs()).toBe(1)
  })

  it('is retried when the receiver itself takes too long', async () => {
    const stuck = answering(() => new Promise<DispatchResult>(() => {}))
    const result = apply(stuck, packed())
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await result).toMatchObject({ fate: 'again', outcome: 'handler-timed-out' })
  })
})

const AGAIN: ReadonlySet<string> = new Set([
  'handler-failed',
  'handler-timed-out',
  'inbox-busy',
  'inbox-unavailable',
  'key-unavailable',
  'shutting-down',
  'internal-error',
])

function apply(
  webhooks: Pick<Webhooks, 'dispatch'>,
  data: unknown,
  changes: Partial<JobRules> = {},
): Promise<JobVerdict> {
  const verify = verifierOf(webhooks)
  if (verify === undefined) throw new Error('The receiver verifies nothing.')
  const rules = { queue: 'bull:hongbao', verify, acceptUnsigned: false, timeoutMs: 60_000 }
  return applyJob(webhooks, data, { ...rules, ...changes })
}

/** A receiver whose inbox or handlers come to this. */
function answering(dispatch: Webhooks['dispatch']): Pick<Webhooks, 'dispatch'> {
  return { ...openReceiver().webhooks, dispatch }
}

/** A job whose handler runs until the test ends it. */
function openSlow(changes: Partial<JobRules> = {}) {
  const opened = openReceiver()
  const end = deferred()
  const handler = vi.fn<() => Promise<void>>(() => end.promise)
  opened.webhooks.on('*', handler)
  const result = apply(opened.webhooks, packed(), changes)
  return { opened, end, result, runs: () => handler.mock.calls.length }
}
