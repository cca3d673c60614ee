import { afterEach, describe, expect, it, vi } from 'vitest'
import type { LogFields, Logger, WebhooksOptions } from '../src/index.ts'
import { inboxErrors } from '../src/inbox/errors.ts'
import { readWarn } from '../src/options/warning.ts'
import { deliveryOf, envelopeSent, NOW_MS, openReceiver, type Opened } from './signed.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const SUBJECT = {
  eventType: 'red_envelope.sent',
  eventId: 'evt_dS28Kn8qsUCBZYTgSUxCPnKA',
  key: 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD',
}

describe('the fields of a log line', () => {
  it('are, for a delivery that failed, its outcome, its event and the kind and place of the error', async () => {
    const { lines, logger } = openLog()
    await openFailing({ logger }).deliver(envelopeSent())
    expect(lines).toEqual([
      {
        level: 'error',
        line: expect.stringContaining('[hongbao] handler-failed (red_envelope.sent evt_') as string,
        fields: {
          code: 'handler-failed',
          outcome: 'failed',
          kind: 'delivery',
          source: 'webhook',
          status: 500,
          ...SUBJECT,
          keyFingerprint: expect.stringMatching(/^[\da-f]{64}$/) as string,
          durationMs: expect.any(Number) as number,
          errorName: 'RangeError',
          errorCode: 'ECONNREFUSED',
          causeCode: '57014',
          errorPlace: expect.stringMatching(/^at .*log-fields\.test\.ts:\d+:\d+/) as string,
        },
      },
    ])
    expect(Number.isInteger(lines[0]?.fields['durationMs'])).toBe(true)
  })

  it.each(['production', 'development'])(
    'never contain the text of an error, in %s either [S13]',
    async (mode) => {
      vi.stubEnv('NODE_ENV', mode)
      const { lines, logger } = openLog()
      await openFailing({ logger }).deliver(envelopeSent())
      expect(lines).toHaveLength(1)
      expect(JSON.stringify(lines[0]?.fields)).not.toMatch(/declined|secret/)
    },
  )

  it.each([
    ['a name that is no text', { name: { toString: () => 'Gone', text: 'secret' } }, 'Error'],
    ['a code as long as a text', { code: 'SECRET'.repeat(100) }, 'RangeError'],
  ])('show nothing of an error that has %s [S13]', async (_, members, errorName) => {
    const { lines, logger } = openLog()
    const opened = openReceiver({ logger })
    opened.webhooks.on('*', () => Promise.reject(Object.assign(new RangeError(), members)))
    await opened.deliver(envelopeSent())
    expect(lines).toMatchObject([{ fields: { code: 'handler-failed', errorName } }])
    expect(JSON.stringify(lines)).not.toMatch(/secret/i)
  })

  it('have no name without a value', async () => {
    const { lines, logger } = openLog()
    const opened = openReceiver({ logger })
    await opened.webhooks.handle(deliveryOf(envelopeSent(), { signature: null }))
    expect(lines).toEqual([
      {
        level: 'warn',
        line: expect.stringContaining('signature-missing') as string,
        fields: {
          code: 'signature-missing',
          outcome: 'rejected',
          kind: 'delivery',
          source: 'webhook',
          status: 401,
          durationMs: expect.any(Number) as number,
        },
      },
    ])
  })

  it('count the lines that were left out since the last one', async () => {
    let time = NOW_MS
    const { lines, logger } = openLog()
    const opened = openReceiver({ logger, now: () => time })
    for (const ms of [0, 10, 20, 60_000]) {
      time = NOW_MS + ms
      await opened.webhooks.handle(deliveryOf(envelopeSent(), { signature: null }))
    }
    expect(lines.map(({ fields }) => fields['suppressedCount'])).toEqual([undefined, 2])
  })

  it('are, for a dispatched event, those of a delivery without a status', async () => {
    const { lines, logger } = openLog()
    await openFailing({ logger }).webhooks.dispatch(envelopeSent() as never, { source: 'poll' })
    expect(lines[0]?.fields).toMatchObject({ kind: 'dispatch', source: 'poll', ...SUBJECT })
    expect(lines[0]?.fields).not.toHaveProperty('status')
  })

  it.each<[string, (opened: Opened) => unknown, LogFields]>([
    [
      'an event without any handler',
      (opened) => opened.deliver(envelopeSent()),
      { code: 'no-handler', eventType: 'red_envelope.sent' },
    ],
    [
      'an event without a handler of its own',
      (opened) => {
        opened.webhooks.on('charge.succeeded', () => {})
        return opened.deliver(envelopeSent())
      },
      { code: 'no-handler', eventType: 'red_envelope.sent' },
    ],
    [
      'a handler for a misspelt type',
      (opened) => opened.webhooks.on('red_envelope.snet' as never, () => {}),
      { code: 'unknown-type', eventType: 'red_envelope.snet' },
    ],
    [
      'a host that keeps no request alive',
      (opened) => {
        opened.webhooks.on('*', () => {})
        const waitUntil = (): never => {
          throw new TypeError('Illegal invocation')
        }
        return opened.webhooks.handle({ ...deliveryOf(envelopeSent()), waitUntil })
      },
      {
        code: 'wait-until-failed',
        errorName: 'TypeError',
        errorPlace: expect.any(String) as string,
      },
    ],
  ])('name %s by a code', async (_, act, fields) => {
    const { lines, logger } = openLog()
    await act(openReceiver({ logger }))
    expect(lines.map((each) => each.fields)).toEqual([fields])
  })

  it('are, for a warning of an inbox, its code, its key and the cause', () => {
    const { lines, logger } = openLog()
    const storeError = inboxErrors({ 'store-full': 'The store is full.' })
    const warn = readWarn({ logger })
    warn(storeError('store-full'), 'app:live:evt_1')
    warn(storeError('store-full', { cause: failure() }))
    expect(lines.map(({ fields }) => fields)).toEqual([
      { code: 'store-full', key: 'app:live:evt_1' },
      expect.objectContaining({
        code: 'store-full',
        errorName: 'RangeError',
        errorCode: 'ECONNREFUSED',
      }),
    ])
  })
})

describe('a logger', () => {
  it('with `bindings`, as pino has, gets the fields first', async () => {
    const calls: unknown[][] = []
    const logger = {
      warn() {},
      error: (...args: unknown[]) => void calls.push(args),
      bindings() {},
    }
    await openFailing({ logger }).deliver(envelopeSent())
    expect(calls).toEqual([
      [
        expect.objectContaining({ code: 'handler-failed', ...SUBJECT }),
        expect.stringContaining('[hongbao] handler-failed'),
      ],
    ])
  })

  it('that is `console` gets only the line, which fits into one of a terminal’s log', async () => {
    const error = vi.spyOn(console, 'error').mockReturnValue()
    await openFailing({ logger: undefined }).deliver(envelopeSent())
    await openFailing({ logger: console }).deliver(envelopeSent())
    const line = [expect.stringMatching(/^\[hongbao] handler-failed [^\n]*$/)]
    expect(error.mock.calls).toEqual([line, line])
  })

  it('of the request gets the lines of its delivery if the receiver has none', async () => {
    const { lines, logger } = openLog()
    const error = vi.spyOn(console, 'error').mockReturnValue()
    const opened = openFailing({ logger: undefined })
    await opened.webhooks.handle({ ...deliveryOf(envelopeSent()), logger })
    const unheard = openReceiver({ logger: undefined })
    await unheard.webhooks.handle({ ...deliveryOf(envelopeSent()), logger })
    expect(lines.map(({ fields }) => fields.code)).toEqual(['handler-failed', 'no-handler'])
    expect(error).not.toHaveBeenCalled()
  })

  it.each<[string, Logger | false]>([
    ['a logger', openLog().logger],
    ['false', false],
  ])('of the request gets nothing if the option `logger` is %s', async (_, own) => {
    const { lines, logger } = openLog()
    await openFailing({ logger: own }).webhooks.handle({ ...deliveryOf(envelopeSent()), logger })
    expect(lines).toEqual([])
  })

  it('of the request that throws changes no answer [F15]', async () => {
    const opened = openFailing({ logger: undefined })
    const delivery = { ...deliveryOf(envelopeSent()), logger: {} as never }
    expect(await opened.webhooks.handle(delivery)).toMatchObject({ code: 'handler-failed' })
  })
})

describe('the hint about NODE_ENV', () => {
  it('is logged once, if NODE_ENV is not set, with an error whose text is left out', async () => {
    vi.stubEnv('NODE_ENV', '')
    vi.resetModules()
    const { createLog } = await import('../src/receive/log.ts')
    const { createFailure } = await import('../src/reply/errors.ts')
    const { lines, logger } = openLog()
    const log = createLog(
      () => logger,
      () => NOW_MS,
    )
    log(createFailure('handler-failed', undefined, { cause: failure() }))
    log(createFailure('handler-failed', undefined, { cause: failure() }))
    const [first, second] = lines.map(({ line }) => line)
    expect(first).toMatch(/log-fields\.test\.ts:\d+:\d+\)?] \(The text of the error is left out/)
    expect(second).toMatch(/log-fields\.test\.ts:\d+:\d+\)?]$/)
  })
})

function failure(): Error {
  const cause = Object.assign(new Error('secret'), { code: '57014' })
  return Object.assign(new RangeError('declined', { cause }), { code: 'ECONNREFUSED' })
}

function openFailing(options: Partial<WebhooksOptions>): Opened {
  const opened = openReceiver(options)
  opened.webhooks.on('*', () => Promise.reject(failure()))
  return opened
}

interface Logged {
  readonly level: 'warn' | 'error'
  readonly line: string
  readonly fields: LogFields
}

function openLog(): { readonly lines: Logged[]; readonly logger: Logger } {
  const lines: Logged[] = []
  const logger: Logger = {
    warn: (line, fields) => void lines.push({ level: 'warn', line, fields }),
    error: (line, fields) => void lines.push({ level: 'error', line, fields }),
  }
  return { lines, logger }
}
