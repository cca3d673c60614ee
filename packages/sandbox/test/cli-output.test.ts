import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { writeBanner } from '../src/cli/banner.ts'
import { formatDuration, readDuration } from '../src/clock/duration.ts'
import { alignColumns, describeTerms, widthOf, wrap } from '../src/cli/columns.ts'
import { sandboxUrl, targetUrl } from '../src/cli/inputs.ts'
import { Output, plainLine, plainText, type OutputOptions } from '../src/cli/output.ts'
import TEXTS from '../src/cli/texts/texts.json' with { type: 'json' }
import enHelp from '../src/cli/texts/help.en.json' with { type: 'json' }
import zhHelp from '../src/cli/texts/help.zh.json' with { type: 'json' }
import REFUSALS from '../src/refusals.json' with { type: 'json' }
import { languageOf, textsIn, type Texts } from '../src/cli/texts/texts.ts'
import { localTime, writeRecord } from '../src/cli/record-lines.ts'
import type { JournalBody } from '../src/events/journal.ts'
import type { Keys } from '../src/keys/keys.ts'
import { startSandbox } from '../src/start.ts'

const en = textsIn('en')
const zh = textsIn('zh')

const EVENT = 'evt_400240816160755820469807'
const CLOCK = '2026-01-01T00:00:00.000Z'
const LATER = '2026-01-01T02:00:00.000Z'

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
    [
      { ...FINISHED, errorCode: 'failed', error: 'The post failed. (HPE_INVALID_CONSTANT)' },
      `←  ${EVENT}  38ms  The reply is not HTTP. Is the port right, and is it http or https?`,
    ],
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
    [
      { ...SUBJECT, type: 'event.undelivered' },
      `○  ${EVENT}  red_envelope.sent  kept: there is no target`,
    ],
    [
      { ...ATTEMPT, type: 'attempt.held', dueAt: LATER, untilAnother: false, faults: ['delay'] },
      `…  ${EVENT}  red_envelope.sent  held back for 2h  fault: delay`,
    ],
    [
      { ...ATTEMPT, type: 'attempt.held', dueAt: LATER, untilAnother: true, faults: ['reorder'] },
      `…  ${EVENT}  red_envelope.sent  held back until another notification is sent, 2h at most  fault: reorder`,
    ],
    [{ ...SUBJECT, type: 'retry.cancelled', n: 3 }, `·  ${EVENT}  attempt 3 cancelled`],
    [
      { type: 'target.changed', target: 'http://localhost:3000/' },
      '·  target                        http://localhost:3000/',
    ],
    [{ type: 'clock.speed', speed: 60 }, '»  clock                         ×60'],
    [{ type: 'clock.moved', from: LATER, to: CLOCK }, '»  clock                         −2h'],
    [{ type: 'error', message: 'x' }, '!  sandbox                       x'],
    [{ type: 'reset' }, '·  sandbox                       reset'],
  ])('is one line: %j', (body, expected) => {
    expect(lineOf(body)).toBe(`${localTime(CLOCK, false)}  ${expected}`)
  })

  it.each<JournalBody>([
    { type: 'ready', url: 'http://x', target: null, keyFingerprint: 'f', pid: 1 },
    { type: 'fault.fired', fault: 'fault_1', kind: 'delay', subject: EVENT },
    { ...SUBJECT, type: 'event.created', envelope: null, orderNo: null, bytes: 2 },
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

describe('a record in Chinese', () => {
  it.each<[JournalBody, string]>([
    [{ ...SUBJECT, type: 'event.undelivered' }, '已保留，未设置接收地址'],
    [
      { ...FINISHED, errorCode: 'timeout', error: 'The app did not reply.' },
      '应用没有在时限内应答',
    ],
    [{ ...SUBJECT, type: 'event.delivered', attempts: 3 }, '推送 3 次后送达'],
  ])('has no English sentence: %j', (body, expected) => {
    expect(lineOf(body, zh)).toContain(expected)
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
    expect(readDuration(text)).toBe(ms)
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
    expect(alignColumns(rows, Infinity)).toEqual(['a    bb  c', 'aaa      cc', 'a    b'])
  })
})

describe('a row that is wider than the terminal', () => {
  it('goes on in the next line, and loses nothing', () => {
    const rows = [['evt_1234567890', 'red_envelope.sent', 'delivered', '20260217']]
    expect(alignColumns(rows, 40)).toEqual([
      'evt_1234567890  red_envelope.sent\n    delivered  20260217',
    ])
  })

  it('is aligned by what a terminal shows: Chinese characters are two columns wide', () => {
    expect(
      alignColumns(
        [
          ['红包', 'a'],
          ['abcd', 'b'],
        ],
        80,
      ),
    ).toEqual(['红包  a', 'abcd  b'])
    expect(widthOf('红包🧧a')).toBe(7)
  })
})

describe('terms', () => {
  it('have their meaning beside them, wrapped under itself', () => {
    const terms = [
      ['--a', 'one two three four'],
      ['--bcd', 'five'],
    ] as const
    expect(describeTerms(terms, 18)).toEqual(['--a    one two\n       three four', '--bcd  five'])
  })

  it.each([
    ['通知只保留，不发送。请设置接收地址', 12, ['通知只保留，', '不发送。请设', '置接收地址']],
    [
      'a https://example.com/a/long/address b',
      10,
      ['a', 'https://example.com/a/long/address', 'b'],
    ],
  ])('wraps %s', (text, columns, lines) => {
    expect(wrap(text, columns)).toEqual(lines)
  })
})

describe('the address of an app', () => {
  it.each([
    ['3000', 'http://localhost:3000/webhooks'],
    [':3000', 'http://localhost:3000/webhooks'],
    ['localhost:3345', 'http://localhost:3345/webhooks'],
    ['localhost:3000/', 'http://localhost:3000/'],
    ['127.0.0.1:80/x?y=1', 'http://127.0.0.1:80/x?y=1'],
    ['[::1]:3000', 'http://[::1]:3000/webhooks'],
    ['"http://localhost:3000/hook"', 'http://localhost:3000/hook'],
    ['webhooks', 'webhooks'],
  ])('may be %s [C22]', (given, url) => {
    expect(targetUrl(given)).toBe(url)
  })
})

describe('the address of a sandbox', () => {
  it.each([
    ['localhost:4345', 'http://localhost:4345'],
    ['4345', 'http://127.0.0.1:4345'],
    ['http://127.0.0.1:4141/v1', 'http://127.0.0.1:4141'],
    [' "https://sandbox.internal" ', 'https://sandbox.internal'],
    ['ftp://x', undefined],
    ['sandbox', undefined],
    ['', undefined],
  ])('may be %s', (given, url) => {
    expect(sandboxUrl(given)).toBe(url)
  })
})

describe('the language', () => {
  it.each([
    [[], {}, 'en'],
    [[], { LANG: 'zh_CN.UTF-8' }, 'zh'],
    [[], { LANG: 'de_DE.UTF-8' }, 'en'],
    [[], { LC_ALL: 'C', LANG: 'zh_CN.UTF-8' }, 'en'],
    [[], { LC_ALL: '', LC_MESSAGES: 'zh_TW', LANG: 'en_US' }, 'zh'],
    [['--lang', 'en'], { LANG: 'zh_CN' }, 'en'],
    [['--lang=zh'], {}, 'zh'],
  ])('of %j and %j is %s', (args, env, language) => {
    expect(languageOf(args, env)).toBe(language)
  })
})

const CHINESE = /[\u4e00-\u9fff]/

describe('the texts', () => {
  it('are Chinese in the Chinese table, and none is missing', () => {
    expect(keysOf(zhHelp)).toEqual(keysOf(enHelp))
    const english = Object.entries(TEXTS).filter(([, text]) => !CHINESE.test(text.zh))
    expect(english.map(([name]) => name)).toEqual(['heading.id', 'heading.apiKey'])
    for (const text of Object.values(TEXTS)) {
      expect(placeholdersOf(text.zh)).toEqual(placeholdersOf(text.en))
    }
  })

  it('of refusals are Chinese in Chinese, and name nothing that the English ones do not', () => {
    for (const row of Object.values(REFUSALS)) {
      expect(row.zh).toMatch(CHINESE)
      expect(placeholdersOf(row.en)).toEqual(expect.arrayContaining(placeholdersOf(row.zh)))
    }
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

  it('has 80 columns if the terminal says that it has none', () => {
    expect(open({}, true, 0).output).toMatchObject({ columns: 80, noteColumns: 80 })
    expect(open({}, true, 40).output).toMatchObject({ columns: 40, noteColumns: 40 })
    expect(open({}).output).toMatchObject({ columns: Infinity, noteColumns: Infinity })
  })

  it('colours nothing where it is told not to, or where no terminal is', () => {
    expect(open({}).output.tint('red', 'x')).toBe('x')
    expect(open({ color: false }, true).output.tint('red', 'x')).toBe('x')
  })
})

describe('the banner', () => {
  const keys = { webhook: { publicPath: '.hongbao/webhook-public.pem' } } as Keys

  it('shows on a terminal how to set a target if there is none', async () => {
    await using sandbox = await startSandbox({ clock: 'virtual' })
    const { output, said } = open({ color: false }, true)
    writeBanner(output, en, sandbox, keys, false)
    expect(said.stdout).toBe('')
    expect(said.stderr).toContain(`${sandbox.url}/v1`)
    expect(said.stderr).toContain('none: notifications are kept and not sent')
    expect(said.stderr).toContain('signatures are not checked; --request-signatures strict')
    expect(said.stderr).toContain('target set http://localhost:3000/webhooks')
  })

  it('shows only steps that fit', async () => {
    await using sandbox = await startSandbox({ target: 'http://localhost:3000/webhooks' })
    const { output, said } = open({ color: false }, true)
    writeBanner(output, en, sandbox, keys, false)
    expect(said.stderr).toContain('trigger red_envelope.sent --wait')
    expect(said.stderr).not.toContain('target set')
    expect(said.stderr).not.toContain('clock next')
  })

  it.each([40, 60, 80, 120])('fits into %i columns, in both languages', async (columns) => {
    await using sandbox = await startSandbox({ clock: 'virtual' })
    for (const texts of [en, zh]) {
      const { output, said } = open({ color: false }, true, columns)
      writeBanner(output, texts, sandbox, keys, false)
      const lines = said.stderr.split('\n').filter((line) => !/http|npx/.test(line))
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns)
    }
  })

  it('is short where nobody looks', async () => {
    await using sandbox = await startSandbox({ target: 'http://localhost:3000/webhooks' })
    const { output, said } = open({})
    writeBanner(output, en, sandbox, keys, true)
    expect(said.stderr).toContain('http://localhost:3000/webhooks')
    expect(said.stderr).toMatch(new RegExp(`^ {2}inspector +${sandbox.url}/$`, 'm'))
    expect(said.stderr).toContain('signatures are checked')
    expect(said.stderr).not.toContain('--request-signatures')
    expect(said.stderr).not.toContain('Next')
  })
})

function lineOf(body: JournalBody, texts: Texts = en): string | undefined {
  const record = { v: 1, boot: 'b', seq: 1, at: CLOCK, clock: CLOCK, ...body } as const
  return writeRecord(record, { tint: (_style, text) => text, withDay: false, texts })
}

function open(options: Partial<OutputOptions>, isTTY = false, columns?: number) {
  const said = { stdout: '', stderr: '' }
  const listen = (name: 'stdout' | 'stderr') =>
    Object.assign(
      new PassThrough().on('data', (text) => (said[name] += String(text))),
      { isTTY, columns },
    )
  const [stdout, stderr] = [listen('stdout'), listen('stderr')]
  const settings = { stdout, stderr, texts: en, json: false, quiet: false, color: true, ...options }
  return { output: new Output(settings), said }
}

/** Paths of all texts: `banner.next`. */
function keysOf(texts: object): string[] {
  return Object.entries(texts).flatMap(([name, value]: [string, unknown]) => {
    const isBranch = typeof value === 'object' && value !== null
    return isBranch ? keysOf(value).map((path) => `${name}.${path}`) : [name]
  })
}

function placeholdersOf(text: string): string[] {
  return (text.match(/\{\w+\}/g) ?? []).toSorted()
}
