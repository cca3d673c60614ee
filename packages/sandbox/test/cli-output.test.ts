import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { writeBanner } from '../src/cli/banner.ts'
import { formatDuration } from '../src/clock/duration.ts'
import { parseDuration } from '../src/cli/inputs.ts'
import {
  alignColumns,
  createOutput,
  plainLine,
  plainText,
  type OutputOptions,
} from '../src/cli/output.ts'
import { localTime, writeRecord } from '../src/cli/record-lines.ts'
import type { JournalBody } from '../src/events/journal.ts'
import type { Keys } from '../src/keys/keys.ts'
import { startSandbox } from '../src/start.ts'

const EVENT = 'evt_400240816160755820469807'

const SUBJECT = { event: EVENT, eventType: 'red_envelope.sent' } as const
const ATTEMPT = { ...SUBJECT, n: 1, of: 11, kind: 'scheduled' } as const
const FINISHED = { ...ATTEMPT, type: 'attempt.finished', ok: false, ms: 38 } as const
const REQUEST = {
  type: 'api.request',
  id: 'iar_1',
  method: 'POST',
  path: '/v1/red_envelopes',
  status: 401,
  ms: 4,
} as const

describe('a record on a terminal', () => {
  it.each<[JournalBody, string]>([
    [
      { ...ATTEMPT, type: 'attempt.started', n: 2, faults: ['answer-lost'] },
      `→  ${EVENT}  red_envelope.sent  2/11  fault: answer-lost`,
    ],
    [
      { ...ATTEMPT, type: 'attempt.started', kind: 'manual' },
      `→  ${EVENT}  red_envelope.sent  manual`,
    ],
    [{ ...FINISHED, status: 500, body: '订单\n不存在\n' }, `←  ${EVENT}  500  38ms  “订单 不存在”`],
    [{ ...FINISHED, ok: true, status: 200, body: '{}' }, `←  ${EVENT}  200  38ms`],
    [{ ...FINISHED, error: 'ECONNREFUSED' }, `←  ${EVENT}  38ms  ECONNREFUSED`],
    [
      { ...SUBJECT, type: 'retry.scheduled', n: 9, dueAt: '2026-01-01T02:00:00.000Z' },
      `↻  ${EVENT}  attempt 9 in 2h`,
    ],
    [{ ...SUBJECT, type: 'event.delivered', attempts: 1 }, `✓  ${EVENT}  delivered`],
    [
      { ...SUBJECT, type: 'event.delivered', attempts: 3 },
      `✓  ${EVENT}  delivered after 3 attempts`,
    ],
    [
      { ...SUBJECT, type: 'event.exhausted', attempts: 11 },
      `✗  ${EVENT}  given up after 11 attempts`,
    ],
    [
      { ...REQUEST, signature: 'invalid', reason: 'it does not cover the query' },
      '·  POST /v1/red_envelopes        401  4ms  signature invalid  “it does not cover the query”',
    ],
    [
      { ...REQUEST, status: 200, signature: 'unchecked' },
      '·  POST /v1/red_envelopes        200  4ms  signature unchecked',
    ],
    [
      { ...REQUEST, status: 200, signature: 'absent' },
      '·  POST /v1/red_envelopes        200  4ms  signature absent',
    ],
    [
      { type: 'envelope.changed', envelope: 'red_1', orderNo: '17', status: 'sent' },
      '·  red_1                         sent  order 17',
    ],
    [
      { type: 'clock.moved', from: '2026-01-01T00:00:00.000Z', to: '2026-01-02T01:00:00.000Z' },
      '»  clock                         +1d 1h',
    ],
    [{ type: 'error', message: 'x' }, '!  sandbox                       x'],
    [{ type: 'reset' }, '·  sandbox                       reset'],
  ])('is one line: %j', (body, expected) => {
    expect(lineOf(body)).toBe(`${localTime(CLOCK, false)}  ${expected}`)
  })

  it.each<JournalBody>([
    { type: 'ready', url: 'http://x', target: null, keyFingerprint: 'f', pid: 1 },
    { type: 'fault.fired', fault: 'fault_1', kind: 'delay', subject: EVENT },
  ])('is silent where another line tells of it: $type', (body) => {
    expect(lineOf(body)).toBeUndefined()
  })

  it('shows the beginning of a long answer, and cuts no character in two', () => {
    const body = '👨‍👩‍👧红'.repeat(50)
    const line = lineOf({ ...FINISHED, status: 500, body })
    expect(line).toContain(`“${'👨‍👩‍👧红'.repeat(40)}…”`)
  })

  it('obeys nothing that an app answered', () => {
    expect(plainLine('\u001b]0;title\u0007\u001b[2J\u001b[31m红\r\n\t包\u202e\u0000!')).toBe(
      '红 包 !',
    )
    expect(plainText('a\n\tb\r\u2066c')).toBe('a\n\tb  c')
  })
})

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['25h', 90_000_000],
    ['1.5d', 129_600_000],
  ])('%s is %i milliseconds', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each([
    [0, '0ms'],
    [999, '999ms'],
    [5000, '5s'],
    [119_999, '2m'],
    [5_400_000, '1h 30m'],
    [89_235_000, '1d 47m'],
  ])('of %i milliseconds is written %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

describe('columns', () => {
  it('stand under each other, without spaces at the end', () => {
    const rows = [
      ['a', 'bb', 'c'],
      ['aaa', '', 'cc'],
      ['a', 'b', ''],
    ]
    expect(alignColumns(rows)).toEqual(['a    bb  c', 'aaa      cc', 'a    b'])
  })
})

describe('output', () => {
  it('says results alone with --quiet, and warnings and errors all the same', () => {
    const { output, said } = open({ quiet: true })
    output.note('note')
    output.warn('warned')
    output.error('code', 'failed')
    output.result({}, 'result')
    expect(said).toEqual({ stdout: 'result\n', stderr: 'warning: warned\nerror: failed\n' })
  })

  it('colours nothing where it is told not to, or where no terminal is', () => {
    expect(open({}).output.tint('red', 'x')).toBe('x')
    expect(open({ color: false }, true).output.tint('red', 'x')).toBe('x')
  })
})

describe('the banner', () => {
  const keys = { webhook: { publicPath: '.hongbao/webhook-public.pem' } } as Keys

  it('shows on a terminal what to do next, in two languages', async () => {
    await using sandbox = await startSandbox({ clock: 'virtual' })
    const { output, said } = open({ color: false }, true)
    writeBanner(output, sandbox, keys, false)
    expect(said.stdout).toBe('')
    expect(said.stderr).toContain(`${sandbox.url}/v1`)
    expect(said.stderr).toContain('none: notifications are kept and not sent')
    expect(said.stderr).toContain('signatures are not checked; --request-signatures strict')
    expect(said.stderr).toContain('Next 接下来')
    expect(said.stderr.match(/npx hongbao-sandbox/g)).toHaveLength(3)
    expect(said.stderr).toContain(`--url ${sandbox.url}`)
  })

  it('is short where nobody looks', async () => {
    await using sandbox = await startSandbox({ target: 'http://localhost:3000/webhooks' })
    const { output, said } = open({})
    writeBanner(output, sandbox, keys, true)
    expect(said.stderr).toContain('http://localhost:3000/webhooks')
    expect(said.stderr).toContain('signatures are checked')
    expect(said.stderr).not.toContain('--request-signatures')
    expect(said.stderr).not.toContain('Next')
  })
})

const CLOCK = '2026-01-01T00:00:00.000Z'

function lineOf(body: JournalBody): string | undefined {
  const record = { v: 1, boot: 'b', seq: 1, at: CLOCK, clock: CLOCK, ...body } as const
  return writeRecord(record, { tint: (_style, text) => text, withDay: false })
}

function open(options: Partial<OutputOptions>, isTTY = false) {
  const said = { stdout: '', stderr: '' }
  const listen = (name: 'stdout' | 'stderr') =>
    Object.assign(
      new PassThrough().on('data', (text) => (said[name] += String(text))),
      { isTTY },
    )
  const [stdout, stderr] = [listen('stdout'), listen('stderr')]
  const settings = { stdout, stderr, json: false, quiet: false, color: true, ...options }
  return { output: createOutput(settings), said }
}
