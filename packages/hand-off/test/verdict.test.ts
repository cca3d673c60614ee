import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { applyJob, createAlarm, failedEvent, type JobRules } from '../src/event-job.ts'
import { packEvent, type HandedOffEvent } from '../src/hand-off.ts'
import type { DispatchOptions, DispatchResult, WebhookEvent } from '../src/index.ts'
import { outcomes } from '../src/reply.ts'
import { deferred } from './deferred.ts'
import { asEvent, bytesOf, envelopeSent, openReceiver } from './signed.ts'

const RULES: JobRules = { queue: 'bull:hongbao', unhandled: 'accept', timeoutMs: 60_000 }
const RECEIVED_AT = new Date('2024-02-10T00:00:05Z')
const SUBJECT = 'red_envelope.sent evt_dS28Kn8qsUCBZYTgSUxCPnKA'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  const timersLeft = vi.getTimerCount()
  vi.useRealTimers()
  if (timersLeft > 0) throw new Error(`The test leaves ${timersLeft} timers behind.`)
})

describe('a job', () => {
  it('is done when its handlers succeed, and they learn what the receiver knew', async () => {
    const opened = openReceiver()
    const contexts: unknown[] = []
    opened.webhooks.on('*', (event, context) => void contexts.push([event, context]))
    expect(await applyJob(opened.webhooks, packed(), RULES)).toMatchObject({
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
          keyFingerprint: 'c0ffee',
        },
      ],
    ])
  })

  it('is done when its event was applied before', async () => {
    const opened = openReceiver()
    opened.webhooks.on('*', (event) => void opened.seen.push(event))
    await applyJob(opened.webhooks, packed(), RULES)
    const verdict = await applyJob(opened.webhooks, packed(), RULES)
    expect(verdict).toMatchObject({ fate: 'done', outcome: 'duplicate' })
    expect(opened.seen).toHaveLength(1)
  })

  it('is done when nobody listens, or fails for good where that is asked for', async () => {
    const { webhooks } = openReceiver()
    expect(await applyJob(webhooks, packed(), RULES)).toMatchObject({ fate: 'done' })
    const strict = await applyJob(webhooks, packed(), { ...RULES, unhandled: 'reject' })
    expect(strict).toMatchObject({ fate: 'failed', reason: `unhandled (${SUBJECT})` })
  })

  it('is tried again when a handler fails, and says where but not what', async () => {
    const opened = openReceiver()
    const cause = Object.assign(new TypeError('card 6222 0000 declined'), { code: 'EDECLINED' })
    opened.webhooks.on('*', () => Promise.reject(cause))
    const verdict = await applyJob(opened.webhooks, packed(), RULES)
    expect(verdict).toMatchObject({ fate: 'again', outcome: 'failed', cause })
    expect(verdict.reason).toMatch(
      /^handler-failed \(red_envelope\.sent evt_\w+\) \[TypeError EDECLINED at .+event-job\.test\.ts/,
    )
    expect(verdict.reason).not.toContain('6222')
  })

  it('fails for good when it is no event: another try would end the same way', async () => {
    const opened = openReceiver()
    const body = Buffer.from('{"type":"red_envelope.sent"}').toString('base64')
    expect(await applyJob(opened.webhooks, { ...packed(), body }, RULES)).toMatchObject({
      fate: 'failed',
      outcome: 'malformed',
      reason: `event-invalid (${SUBJECT}): \`created\` is not a Unix time in seconds. It is red_envelope.sent.`,
    })
    expect(opened.reports).toEqual([])
  })

  it('fails for good when it is none of ours', async () => {
    expect(await applyJob(openReceiver().webhooks, { to: 'somebody' }, RULES)).toMatchObject({
      fate: 'failed',
      reason: expect.stringMatching(/^event-invalid \(no event\): The job is not one that/),
    })
  })

  it.each(outcomes())('has a fate for %s', async (outcome) => {
    const { fate } = await applyJob(answering({ outcome }), packed(), RULES)
    const done = ['handled', 'duplicate', 'unhandled'].includes(outcome)
    const again = ['failed', 'timed-out', 'busy', 'unavailable', 'closing'].includes(outcome)
    expect({ done: fate === 'done', again: fate === 'again' }).toEqual({ done, again })
  })
})

describe('a job whose handlers pass their deadline', () => {
  it('waits for them, and is done when they succeed after all', async () => {
    const { opened, end, verdict } = openSlow()
    await vi.advanceTimersByTimeAsync(59_000)
    end.resolve()
    expect(await verdict).toMatchObject({ fate: 'done', outcome: 'handled' })
    expect(opened.reports.map(({ kind, outcome }) => [kind, outcome])).toEqual([
      ['dispatch', 'timed-out'],
      ['late', 'handled'],
    ])
  })

  it('calls `onLate` at the deadline, and goes on waiting for them [E56]', async () => {
    const onLate = vi.fn<() => void>()
    const { end, verdict } = openSlow({ ...RULES, onLate })
    await vi.advanceTimersByTimeAsync(4999)
    expect(onLate).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(onLate).toHaveBeenCalledOnce()
    end.resolve()
    expect(await verdict).toMatchObject({ fate: 'done', outcome: 'handled' })
  })

  it('waits for them, and is tried again when they fail', async () => {
    const { end, verdict } = openSlow()
    await vi.advanceTimersByTimeAsync(59_000)
    end.reject(new Error('declined'))
    expect(await verdict).toMatchObject({ fate: 'again', outcome: 'failed' })
  })

  it('is tried again when they never settle, and is not run beside itself', async () => {
    const { opened, runs, end, verdict } = openSlow()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await verdict).toMatchObject({
      fate: 'again',
      outcome: 'timed-out',
      reason: `handler-timed-out (${SUBJECT})`,
    })
    const again = applyJob(opened.webhooks, packed(), RULES)
    await vi.advanceTimersByTimeAsync(30_000)
    end.resolve()
    expect(await again).toMatchObject({ fate: 'done', outcome: 'handled' })
    expect(runs()).toBe(1)
  })

  it('is tried again when the receiver itself takes too long', async () => {
    const stuck = { dispatch: () => new Promise<DispatchResult>(() => {}) }
    const verdict = applyJob(stuck, packed(), RULES)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await verdict).toMatchObject({ fate: 'again', outcome: 'timed-out' })
  })
})

describe('an alarm', () => {
  const failed = failedEvent(packed(), { jobId: 'job-1', attempts: 15, reason: 'handler-failed' })

  it('ends a reason that is a sentence once', async () => {
    const lines: string[] = []
    const logger = { warn() {}, error: (line: string) => void lines.push(line) }
    const ended = failedEvent({}, { jobId: '1', attempts: 1, reason: 'no event: It is full.' })
    await createAlarm({ logger }, 'bull:hongbao')(ended, undefined)
    expect(lines).toEqual([
      '[hongbao] An event failed for good after 1 try, and is kept in bull:hongbao: no event: It is full (no event). When the cause is gone, `redrive` it.',
    ])
  })

  it('says what failed for good in one line, and tells `onFailed` what was thrown', async () => {
    const lines: string[] = []
    const told: unknown[] = []
    const logger = { warn: () => {}, error: (line: string) => void lines.push(line) }
    const onFailed = (...args: unknown[]): void => void told.push(args)
    const cause = new Error('declined')
    await createAlarm({ logger, onFailed }, 'bull:hongbao')(failed, cause)
    expect(lines).toEqual([
      '[hongbao] An event failed for good after 15 tries, and is kept in bull:hongbao: handler-failed (red_envelope.sent evt_dS28Kn8qsUCBZYTgSUxCPnKA). When the cause is gone, `redrive` it.',
    ])
    expect(told).toEqual([[failed, cause]])
    expect(failed).toEqual({
      jobId: 'job-1',
      eventType: 'red_envelope.sent',
      eventId: 'evt_dS28Kn8qsUCBZYTgSUxCPnKA',
      inboxKey: 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD',
      receivedAt: RECEIVED_AT,
      attempts: 15,
      reason: 'handler-failed',
    })
  })

  it('names the event once, and what is no event as such', async () => {
    const lines: string[] = []
    const logger = { warn: () => {}, error: (line: string) => void lines.push(line) }
    const raise = createAlarm({ logger }, 'bull:hongbao')
    const reason = `unhandled (${SUBJECT})`
    await raise(failedEvent(packed(), { jobId: 'job-1', attempts: 1, reason }), undefined)
    await raise(failedEvent({}, { jobId: 'job-2', attempts: 1, reason: 'timed out' }), undefined)
    expect(lines).toEqual([
      `[hongbao] An event failed for good after 1 try, and is kept in bull:hongbao: unhandled (${SUBJECT}). When the cause is gone, \`redrive\` it.`,
      '[hongbao] An event failed for good after 1 try, and is kept in bull:hongbao: timed out (no event). When the cause is gone, `redrive` it.',
    ])
  })

  it('is over when `onFailed` has settled', async () => {
    const end = deferred()
    let isOver = false
    const raised = createAlarm({ logger: false, onFailed: () => end.promise }, 'bull:hongbao')(
      failed,
      undefined,
    ).then(() => {
      isOver = true
    })
    await vi.advanceTimersByTimeAsync(4000)
    expect(isOver).toBe(false)
    end.resolve()
    await raised
  })

  it('waits five seconds for `onFailed`, and no longer', async () => {
    const onFailed = (): Promise<void> => new Promise(() => {})
    const raised = createAlarm({ logger: false, onFailed }, 'bull:hongbao')(failed, undefined)
    await vi.advanceTimersByTimeAsync(5000)
    await raised
  })

  it('goes on when logger and hook fail', async () => {
    const fail = (): never => {
      throw new Error('no disk')
    }
    const hook = vi.fn<() => Promise<void>>(() => Promise.reject(new Error('no pager')))
    for (const onFailed of [hook, fail]) {
      await createAlarm({ logger: { warn: fail, error: fail }, onFailed }, 'bull:hongbao')(
        failed,
        1,
      )
    }
    expect(hook).toHaveBeenCalledOnce()
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['another program’s', { type: 'DROP TABLE orders', id: 5, receivedAt: 'yesterday' }],
  ])('names nothing of data that is %s', (_, data) => {
    expect(failedEvent(data, { jobId: 'job-1', attempts: 1, reason: 'x' })).toEqual({
      jobId: 'job-1',
      attempts: 1,
      reason: 'x',
    })
  })
})

function packed(): HandedOffEvent {
  const rawBody = bytesOf(envelopeSent())
  const context = { rawBody, receivedAt: RECEIVED_AT, source: 'webhook' } as const
  return packEvent(
    asEvent(envelopeSent()),
    { ...context, keyFingerprint: 'c0ffee' },
    'bull:hongbao',
  )
}

function answering(result: DispatchResult) {
  return {
    dispatch: (_event: WebhookEvent, _how?: DispatchOptions) => Promise.resolve(result),
  }
}

/** A job whose handler runs until the test ends it. */
function openSlow(rules: JobRules = RULES) {
  const opened = openReceiver()
  const end = deferred()
  const handler = vi.fn<() => Promise<void>>(() => end.promise)
  opened.webhooks.on('*', handler)
  const verdict = applyJob(opened.webhooks, packed(), rules)
  return { opened, end, verdict, runs: () => handler.mock.calls.length }
}
