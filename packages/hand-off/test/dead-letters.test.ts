import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { LogFields } from '@hongbao/core'
import { deferred } from '../../core/test/deferred.ts'
import { createReport, deadLetter } from '../src/dead-letters.ts'
import { packed, RECEIVED_AT } from './packed.ts'

const SUBJECT = 'red_envelope.sent evt_dS28Kn8qsUCBZYTgSUxCPnKA'
const SILENT = { warn() {}, error() {} }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  const timersLeft = vi.getTimerCount()
  vi.useRealTimers()
  if (timersLeft > 0) throw new Error(`The test leaves ${timersLeft} timers running.`)
})

describe('a dead letter', () => {
  const letter = deadLetter(packed(), { jobId: 'job-1', attempts: 15, reason: 'handler-failed' })

  it('has one full stop in its log line if its reason is a sentence', async () => {
    const lines: string[] = []
    const logger = { warn() {}, error: (line: string) => void lines.push(line) }
    const ended = deadLetter({}, { jobId: '1', attempts: 1, reason: 'no event: It is full.' })
    await createReport({ logger, onDeadLetter: undefined }, 'bull:hongbao')(ended, undefined)
    expect(lines).toEqual([
      '[hongbao] A job is a dead letter after 1 try, and is kept in bull:hongbao: no event: It is full (no event). When the cause is fixed, `redrive` it.',
    ])
  })

  it('is one line in the log, and `onDeadLetter` gets what was thrown', async () => {
    const lines: string[] = []
    const reported: unknown[] = []
    const logger = { warn: () => {}, error: (line: string) => void lines.push(line) }
    const onDeadLetter = (...args: unknown[]): void => void reported.push(args)
    const cause = new Error('declined')
    await createReport({ logger, onDeadLetter }, 'bull:hongbao')(letter, cause)
    expect(lines).toEqual([
      '[hongbao] A job is a dead letter after 15 tries, and is kept in bull:hongbao: handler-failed (red_envelope.sent evt_dS28Kn8qsUCBZYTgSUxCPnKA). When the cause is fixed, `redrive` it.',
    ])
    expect(reported).toEqual([[letter, cause]])
    expect(letter).toEqual({
      jobId: 'job-1',
      eventType: 'red_envelope.sent',
      eventId: 'evt_dS28Kn8qsUCBZYTgSUxCPnKA',
      key: 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD',
      receivedAt: RECEIVED_AT,
      attempts: 15,
      reason: 'handler-failed',
    })
  })

  it('has its job, its event and the cause as fields of the log', async () => {
    const error = vi.fn<(line: string, fields: LogFields) => void>()
    const raise = createReport({ logger: { warn() {}, error }, onDeadLetter: undefined }, 'bull:q')
    await raise(letter, new RangeError('declined'))
    await raise(deadLetter({}, { jobId: 'job-2', attempts: 1, reason: 'stalled' }), undefined)
    expect(error.mock.calls.map(([, fields]) => fields)).toEqual([
      {
        code: 'dead-letter',
        queue: 'bull:q',
        jobId: 'job-1',
        eventType: 'red_envelope.sent',
        eventId: 'evt_dS28Kn8qsUCBZYTgSUxCPnKA',
        key: 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD',
        attempts: 15,
        errorName: 'RangeError',
        errorPlace: expect.stringContaining('dead-letters.test.ts') as string,
      },
      { code: 'dead-letter', queue: 'bull:q', jobId: 'job-2', attempts: 1 },
    ])
  })

  it('names its event once in the log, or says that it is no event', async () => {
    const lines: string[] = []
    const logger = { warn: () => {}, error: (line: string) => void lines.push(line) }
    const raise = createReport({ logger, onDeadLetter: undefined }, 'bull:hongbao')
    const reason = `unhandled (${SUBJECT})`
    await raise(deadLetter(packed(), { jobId: 'job-1', attempts: 1, reason }), undefined)
    await raise(deadLetter({}, { jobId: 'job-2', attempts: 1, reason: 'timed out' }), undefined)
    expect(lines).toEqual([
      `[hongbao] A job is a dead letter after 1 try, and is kept in bull:hongbao: unhandled (${SUBJECT}). When the cause is fixed, \`redrive\` it.`,
      '[hongbao] A job is a dead letter after 1 try, and is kept in bull:hongbao: timed out (no event). When the cause is fixed, `redrive` it.',
    ])
  })

  it('is reported when `onDeadLetter` has settled', async () => {
    const end = deferred()
    let isOver = false
    const raised = createReport(
      { logger: SILENT, onDeadLetter: () => end.promise },
      'bull:hongbao',
    )(letter, undefined).then(() => {
      isOver = true
    })
    await vi.advanceTimersByTimeAsync(4000)
    expect(isOver).toBe(false)
    end.resolve()
    await raised
  })

  it('waits at most five seconds for `onDeadLetter`', async () => {
    const onDeadLetter = (): Promise<void> => new Promise(() => {})
    const raised = createReport({ logger: SILENT, onDeadLetter }, 'bull:hongbao')(letter, undefined)
    await vi.advanceTimersByTimeAsync(5000)
    await expect(raised).resolves.toBeUndefined()
  })

  it('is reported although logger and hook throw', async () => {
    const fail = (): never => {
      throw new Error('no disk')
    }
    const hook = vi.fn<() => Promise<void>>(() => Promise.reject(new Error('no pager')))
    for (const onDeadLetter of [hook, fail]) {
      await createReport({ logger: { warn: fail, error: fail }, onDeadLetter }, 'bull:hongbao')(
        letter,
        1,
      )
    }
    expect(hook).toHaveBeenCalledOnce()
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['another program’s', { type: 'DROP TABLE orders', id: 5, receivedAt: 'yesterday' }],
  ])('has no part of data that is %s', (_, data) => {
    expect(deadLetter(data, { jobId: 'job-1', attempts: 1, reason: 'x' })).toEqual({
      jobId: 'job-1',
      attempts: 1,
      reason: 'x',
    })
  })
})
