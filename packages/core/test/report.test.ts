import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { WebhookReport, WebhooksOptions } from '../src/index.ts'
import { deferred } from './deferred.ts'
import {
  asEvent,
  chargeSucceeded,
  envelopeSent,
  NOW_MS,
  openListener,
  openReceiver,
  PINGPP,
} from './signed.ts'

const FINGERPRINT = createHash('sha256')
  .update(PINGPP.publicKey.export({ type: 'spki', format: 'der' }))
  .digest('hex')

describe('a report', () => {
  it('of a delivery has its outcome, its event and its duration', async () => {
    const opened = openListener()
    await opened.deliver(envelopeSent())
    expect(opened.reports).toEqual([
      {
        kind: 'delivery',
        outcome: 'handled',
        status: 200,
        eventType: 'red_envelope.sent',
        eventId: 'evt_dS28Kn8qsUCBZYTgSUxCPnKA',
        key: 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD',
        source: 'webhook',
        keyFingerprint: FINGERPRINT,
        shared: false,
        receivedAt: new Date(NOW_MS),
        durations: {
          totalMs: expect.any(Number) as number,
          readMs: expect.any(Number) as number,
          verifyMs: expect.any(Number) as number,
          handleMs: expect.any(Number) as number,
        },
      },
    ])
  })

  it('of a delivery has durations that add up to the total', async () => {
    const opened = openListener()
    await opened.deliver(envelopeSent())
    const { totalMs, readMs, verifyMs, handleMs } = durationsOf(opened.reports)
    expect((readMs ?? 0) + (verifyMs ?? 0) + (handleMs ?? 0)).toBeCloseTo(totalMs, 6)
    for (const each of [totalMs, readMs, verifyMs, handleMs]) expect(each).toBeGreaterThanOrEqual(0)
  })

  it('of a delivery has no duration for steps that were not reached', async () => {
    const opened = openListener()
    await opened.deliver(envelopeSent(), { signature: null })
    expect(durationsOf(opened.reports)).toEqual({
      totalMs: expect.any(Number) as number,
      readMs: undefined,
      verifyMs: undefined,
      handleMs: undefined,
    })
  })

  it('of a dispatch has the time that inbox and handlers took, and no other', async () => {
    const opened = openListener()
    await opened.webhooks.dispatch(asEvent(envelopeSent()))
    const { totalMs, readMs, verifyMs, handleMs } = durationsOf(opened.reports)
    expect(handleMs).toBe(totalMs)
    expect([readMs, verifyMs]).toEqual([undefined, undefined])
  })

  it('of a forgery has its error, no key and no event', async () => {
    const opened = openListener()
    await opened.deliver(envelopeSent(), { signature: 'x' })
    expect(opened.reports).toMatchObject([
      {
        kind: 'delivery',
        outcome: 'rejected',
        status: 401,
        code: 'signature-malformed',
        error: { name: 'WebhookError', code: 'signature-malformed', outcome: 'rejected' },
        eventType: undefined,
        eventId: undefined,
        key: undefined,
        keyFingerprint: undefined,
      },
    ])
  })

  it('of a malformed event names the key that signed it', async () => {
    const opened = openListener()
    await opened.deliver('null')
    expect(opened.reports).toMatchObject([{ code: 'event-invalid', keyFingerprint: FINGERPRINT }])
  })

  it('of a misdirected event names the event', async () => {
    const opened = openListener({ app: 'app_other' })
    await opened.deliver(envelopeSent())
    expect(opened.reports).toMatchObject([
      {
        code: 'app-mismatch',
        eventId: 'evt_dS28Kn8qsUCBZYTgSUxCPnKA',
        keyFingerprint: FINGERPRINT,
      },
    ])
  })

  it('of a failure has the thrown value itself', async () => {
    const opened = openReceiver()
    const thrown = { declined: true }
    opened.webhooks.on('*', () => Promise.reject(thrown as unknown as Error))
    await opened.deliver(envelopeSent())
    expect(opened.reports).toMatchObject([{ outcome: 'failed', error: { cause: thrown } }])
  })

  it('of an event without an id has no id', async () => {
    const opened = openListener()
    await opened.deliver(chargeSucceeded({ id: undefined }))
    expect(opened.reports).toMatchObject([{ outcome: 'handled', eventId: undefined }])
  })

  it('is made exactly once for each delivery and each dispatch', async () => {
    const opened = openListener()
    await Promise.all([
      opened.deliver(envelopeSent()),
      opened.deliver(envelopeSent()),
      opened.deliver(chargeSucceeded()),
      opened.deliver('{'),
      opened.deliver('', { method: 'GET' }),
      opened.deliver('', { signature: null }),
      opened.webhooks.dispatch(asEvent(chargeSucceeded({ id: 'evt_2' }))),
    ])
    const kinds = opened.reports.map((report) => report.kind)
    expect(kinds.filter((kind) => kind === 'delivery')).toHaveLength(6)
    expect(kinds.filter((kind) => kind === 'dispatch')).toHaveLength(1)
    expect(kinds).toHaveLength(7)
  })
})

/** What code of the app may write to an error that it gets. */
const CHANGES = { code: 'handled', outcome: 'handled', status: 200 }
const FAILED = { status: 500, outcome: 'failed', code: 'handler-failed' }

describe('`onReport`', () => {
  it.each<[string, NonNullable<WebhooksOptions['onReport']>]>([
    [
      'throws',
      () => {
        throw new Error('metrics are down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('metrics are down'))],
    ['hangs', () => new Promise(() => {})],
    ['returns a thenable that throws', () => brokenThenable() as Promise<void>],
    ['meddles with its report', (report) => void Reflect.set(report, 'status', 500)],
  ])('that %s changes nothing [F15] [S8]', async (_, onReport) => {
    const opened = openListener({ onReport })
    expect(await opened.deliver(envelopeSent())).toMatchObject({ outcome: 'handled', status: 200 })
    expect(await opened.deliver(envelopeSent())).toMatchObject({ outcome: 'duplicate' })
    expect(await opened.deliver('{}', { signature: null })).toMatchObject({
      outcome: 'rejected',
      code: 'signature-missing',
    })
    expect(await opened.webhooks.dispatch(asEvent(chargeSucceeded()))).toEqual({
      outcome: 'handled',
    })
    expect(opened.applied).toHaveLength(2)
  })

  it('cannot change the answer of a delivery that shares the failure', async () => {
    const gate = deferred()
    const opened = openReceiver({
      onReport: (report) => void Object.assign('error' in report ? report.error : {}, CHANGES),
    })
    opened.webhooks.on('*', async () => {
      await gate.promise
      throw new Error('no stock')
    })
    const replies = [opened.deliver(envelopeSent()), opened.deliver(envelopeSent())]
    gate.resolve()
    expect(await Promise.all(replies)).toMatchObject([FAILED, FAILED])
  })

  it('that throws does not silence the log', async () => {
    const opened = openListener({
      onReport: () => {
        throw new Error('metrics are down')
      },
    })
    await opened.deliver('{}', { signature: null })
    expect(opened.lines).toHaveLength(1)
  })

  it('is optional', async () => {
    const opened = openListener({ onReport: undefined })
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
  })
})

describe('`onError`', () => {
  it('gets what a handler threw, as it was thrown, once, with the report', async () => {
    const { opened, told } = openTold()
    const thrown = { declined: true }
    opened.webhooks.on('*', () => Promise.reject(thrown as unknown as Error))
    await opened.deliver(envelopeSent())
    expect(told).toHaveLength(1)
    expect(told[0]?.[0]).toBe(thrown)
    expect(told[0]?.[1]).toBe(opened.reports[0])
  })

  it('gets `undefined` too, when that was thrown', async () => {
    const { opened, told } = openTold()
    opened.webhooks.on('*', () => Promise.reject(undefined as unknown as Error))
    await opened.deliver(envelopeSent())
    expect(told).toMatchObject([[undefined, { code: 'handler-failed' }]])
  })

  it('gets one error once, however many deliveries share it', async () => {
    const { opened, told } = openTold()
    const gate = deferred()
    opened.webhooks.on('*', () => gate.promise)
    const replies = [1, 2, 3].map(() => opened.deliver(envelopeSent()))
    gate.reject(new Error('declined'))
    await Promise.all(replies)
    expect(opened.reports).toHaveLength(3)
    expect(told).toMatchObject([[{ message: 'declined' }, { shared: false }]])
  })

  it('gets what the inbox threw', async () => {
    const error = new Error('connect ECONNREFUSED')
    const inbox = { retentionSeconds: 172_800, admit: () => Promise.reject(error) }
    const { opened, told } = openTold({ inbox })
    opened.webhooks.on('*', () => {})
    await opened.deliver(envelopeSent())
    expect(told).toMatchObject([[error, { code: 'inbox-unavailable' }]])
  })

  it('gets nothing when nothing was thrown', async () => {
    const { opened, told } = openTold({ unhandled: 'fail' })
    await opened.deliver(envelopeSent())
    await opened.deliver(envelopeSent(), { signature: null })
    await opened.deliver('{')
    expect(opened.reports.map(({ outcome }) => outcome)).toEqual(['failed', 'rejected', 'rejected'])
    expect(told).toEqual([])
  })

  it.each<[string, NonNullable<WebhooksOptions['onError']>]>([
    [
      'throws',
      () => {
        throw new Error('tracker is down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('tracker is down'))],
    ['hangs', () => new Promise(() => {})],
  ])('that %s changes nothing [F15]', async (_, onError) => {
    const opened = openReceiver({ onError })
    opened.webhooks.on('*', () => Promise.reject(new Error('declined')))
    expect(await opened.deliver(envelopeSent())).toMatchObject({ code: 'handler-failed' })
    expect(opened.reports).toHaveLength(1)
    expect(opened.lines).toHaveLength(1)
  })
})

function openTold(options: Partial<WebhooksOptions> = {}) {
  const told: [unknown, WebhookReport][] = []
  const onError = (error: unknown, report: WebhookReport): void => void told.push([error, report])
  return { opened: openReceiver({ ...options, onError }), told }
}

function durationsOf(reports: readonly WebhookReport[]): WebhookReport['durations'] {
  expect(reports).toHaveLength(1)
  return (reports[0] as WebhookReport).durations
}

function brokenThenable(): object {
  return Object.defineProperty({}, 'then', {
    get() {
      throw new Error('metrics are down')
    },
  })
}
