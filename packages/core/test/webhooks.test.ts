import { createHash, generateKeyPairSync } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  createWebhooks,
  memoryInbox,
  WebhookError,
  type WebhookErrorCode,
  type HandlerContext,
  type WebhookEvent,
  type WebhooksOptions,
} from '../src/index.ts'
import type { Delivery } from '../src/receive/delivery.ts'
import { parseEvent } from '../src/events/parse-event.ts'
import {
  asEvent,
  bytesOf,
  chargeSucceeded,
  CREATED,
  deliveryOf,
  envelopeSent,
  isFrozenThroughout,
  NOW_MS,
  openListener,
  openReceiver,
  PINGPP,
  signatureOf,
  type Content,
  errorOf,
  nameOf,
} from './signed.ts'

const KEY = 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD'
const HOUR = 60 * 60
const FINGERPRINT = createHash('sha256')
  .update(PINGPP.publicKey.export({ type: 'spki', format: 'der' }))
  .digest('hex')

describe('a delivery', () => {
  it('is verified, applied once and answered 200', async () => {
    const opened = openListener()
    const reply = await opened.deliver(envelopeSent())
    expect(reply).toEqual({
      outcome: 'handled',
      status: 200,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'content-length': '21',
        'cache-control': 'no-store',
      },
      body: '{"outcome":"handled"}',
    })
    expect(opened.seen).toStrictEqual([envelopeSent()])
    expect(opened.applied).toEqual([KEY])
  })

  it('passes handlers its time, its source and the key that verified it', async () => {
    const opened = openReceiver()
    const contexts: HandlerContext[] = []
    opened.webhooks.on('*', (_, context) => void contexts.push(context))
    await opened.deliver(envelopeSent())
    const [context] = contexts
    expect(context?.receivedAt).toEqual(new Date(NOW_MS))
    expect(context?.source).toBe('webhook')
    expect(context?.keyFingerprint).toBe(FINGERPRINT)
    expect(Buffer.from(context?.rawBody ?? [])).toStrictEqual(bytesOf(envelopeSent()))
    expect(context?.signal.aborted).toBe(false)
  })

  it('of an event without a handler is accepted, and not recorded', async () => {
    const opened = openReceiver()
    opened.webhooks.on('charge.succeeded', () => {})
    expect(await opened.deliver(envelopeSent())).toMatchObject({
      outcome: 'unhandled',
      status: 200,
    })
    expect(opened.admitted).toEqual([])
    opened.webhooks.on('red_envelope.sent', (event) => void opened.seen.push(event))
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
  })

  it('of an event without a handler is answered 500 if `unhandled` is `fail`', async () => {
    const opened = openReceiver({ unhandled: 'fail' })
    const reply = await opened.deliver(envelopeSent())
    expect(reply).toMatchObject({
      outcome: 'failed',
      code: 'no-handler',
      status: 500,
      body: '{"outcome":"failed","code":"no-handler"}',
    })
    expect(opened.reports).toMatchObject([{ outcome: 'failed', status: 500, code: 'no-handler' }])
    expect(opened.lines).toMatchObject([expect.stringMatching(/^error \[hongbao\] no-handler /)])
  })
})

describe('a request that is refused before its body', () => {
  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'post', ''])(
    'has the method %j: 405 with the allowed one [D1] [S14]',
    async (method) => {
      const { delivery, body } = unread({ method })
      const opened = openListener()
      const reply = await opened.webhooks.handle(delivery)
      expect(reply).toMatchObject({
        outcome: 'rejected',
        code: 'method-not-allowed',
        status: 405,
        headers: { allow: 'POST' },
      })
      expect(body).not.toHaveBeenCalled()
      expect(opened.reports).toMatchObject([{ code: 'method-not-allowed' }])
      expect(opened.admitted).toEqual([])
    },
  )

  it('has the method GET, whatever another header says [D16]', async () => {
    const { delivery } = unread({ method: 'GET', headers: { 'x-http-method-override': 'POST' } })
    expect((await openListener().webhooks.handle(delivery)).status).toBe(405)
  })

  it.each<[string, string | readonly string[]]>([
    ['gzip [A16]', 'gzip'],
    ['br [A16]', 'br'],
    ['deflate [A16]', 'deflate'],
    ['bogus [A18]', 'bogus'],
    ['a list [A18]', 'gzip, gzip'],
    ['a list with identity in it [A18]', 'identity, gzip'],
    ['twice [A18]', ['gzip', 'gzip']],
    ['with a charset [A46]', 'gzip, utf-8'],
    ['after none [A47]', 'none, gzip'],
    ['between plain ones [A47]', 'identity, br, UTF-8'],
    ['compress [A46]', 'compress'],
    ['x-gzip [A46]', 'x-gzip'],
    ['zstd [A46]', 'zstd'],
    ['dcb [A46]', 'dcb'],
    ['exi [A46]', 'exi'],
    ['pack200-gzip [A46]', 'pack200-gzip'],
    ['aes128gcm [A46]', 'aes128gcm'],
  ])('has a compressed body: %s', async (_, encoding) => {
    const { delivery, body } = unread({ headers: { 'content-encoding': encoding } })
    const opened = openListener()
    expect(await opened.webhooks.handle(delivery)).toMatchObject({
      outcome: 'rejected',
      code: 'body-encoded',
      status: 415,
    })
    expect(body).not.toHaveBeenCalled()
    expect(opened.admitted).toEqual([])
  })

  it.each([
    'identity',
    'Identity',
    'IDENTITY',
    '',
    'UTF-8',
    'utf8',
    'ISO-8859-1',
    'GBK',
    'none',
    'None',
    'identity, identity',
    'none,identity , UTF-8',
  ])('is not one with the encoding %j, which changes nothing [A19, A46, A47]', async (encoding) => {
    const opened = openListener()
    const reply = await opened.deliver(envelopeSent(), {
      headers: { 'content-encoding': encoding },
    })
    expect(reply.outcome).toBe('handled')
  })

  it('is not one with the same encoding twice: identity [A47]', async () => {
    const headers = { 'content-encoding': ['identity', 'identity'] }
    expect((await openListener().deliver(envelopeSent(), { headers })).outcome).toBe('handled')
  })
})

describe('a body', () => {
  it('may have `maxBodyBytes` bytes, and not one more [A11] [A14]', async () => {
    const content = bytesOf(envelopeSent())
    const exact = openListener({ maxBodyBytes: content.byteLength })
    expect((await exact.deliver(content)).outcome).toBe('handled')
    const short = openListener({ maxBodyBytes: content.byteLength - 1 })
    expect(await short.deliver(content)).toMatchObject({
      outcome: 'rejected',
      code: 'body-too-large',
      status: 413,
    })
    expect(short.admitted).toEqual([])
  })

  it('may have 262,144 bytes by default [A14]', async () => {
    const spare = 262_144 - bytesOf(envelopeSent({ spare: '' })).byteLength
    const content = envelopeSent({ spare: 'x'.repeat(spare) })
    expect(bytesOf(content).byteLength).toBe(262_144)
    expect((await openListener().deliver(content)).outcome).toBe('handled')
    expect(await openListener().deliver(`${JSON.stringify(content)} `)).toMatchObject({
      outcome: 'rejected',
      code: 'body-too-large',
    })
  })

  it('with 1,000,000 members is refused for its size [A38]', async () => {
    const members = Array.from({ length: 1_000_000 }, (_, number) => `"m${number}":1`)
    const opened = openListener()
    expect(await opened.deliver(`{${members.join(',')}}`)).toMatchObject({
      outcome: 'rejected',
      code: 'body-too-large',
    })
    expect(opened.admitted).toEqual([])
  })

  it('is read under the limits of the options', async () => {
    const body = vi.fn<Delivery['body']>(() => Promise.resolve(bytesOf(envelopeSent())))
    const { webhooks } = openListener({ maxBodyBytes: 5000, bodyTimeoutMs: 77 })
    await webhooks.handle({ ...deliveryOf(envelopeSent()), body })
    expect(body.mock.calls).toEqual([[{ maxBytes: 5000, timeoutMs: 77 }]])
    body.mockClear()
    await openListener().webhooks.handle({ ...deliveryOf(envelopeSent()), body })
    expect(body.mock.calls).toEqual([[{ maxBytes: 262_144, timeoutMs: 10_000 }]])
  })

  it.each<[WebhookErrorCode, string, number]>([
    ['body-too-large', 'rejected', 413],
    ['body-too-slow', 'rejected', 408],
    ['body-aborted', 'rejected', 400],
    ['body-consumed', 'failed', 500],
  ])('that fails with %s is %s: %d', async (code, outcome, status) => {
    const cause = new Error('ECONNRESET')
    const opened = openListener()
    const reply = await opened.webhooks.handle({
      ...deliveryOf(envelopeSent()),
      body: () => Promise.reject(new WebhookError(code, 'Move it.', { cause })),
    })
    expect(reply).toMatchObject({
      outcome,
      code,
      status,
      body: `{"outcome":"${outcome}","code":"${code}"}`,
    })
    expect(opened.reports).toMatchObject([{ code, error: { code, detail: 'Move it.', cause } }])
    expect(opened.admitted).toEqual([])
  })

  it('that fails with an error of another copy of hongbao keeps its code', async () => {
    const mark = Symbol.for('hongbao.error.WebhookError')
    const facts = { code: 'body-too-slow', detail: undefined, [mark]: true }
    const foreign = Object.assign(new Error('x'), facts)
    const opened = openListener()
    const reply = await opened.webhooks.handle({
      ...deliveryOf(envelopeSent()),
      body: () => Promise.reject(foreign),
    })
    expect(reply).toMatchObject({ outcome: 'rejected', code: 'body-too-slow' })
  })
})

describe('an adapter in JavaScript', () => {
  it('may return the bytes of a body instead of a promise', async () => {
    const opened = openListener()
    const bytes = bytesOf(envelopeSent())
    const delivery = { ...deliveryOf(envelopeSent()), body: () => bytes as never }
    expect(await opened.webhooks.handle(delivery)).toMatchObject({ outcome: 'handled' })
  })

  it('may throw the error of a body instead of rejecting with it', async () => {
    const opened = openListener()
    const body = (): never => {
      throw new WebhookError('body-aborted')
    }
    const reply = await opened.webhooks.handle({ ...deliveryOf(envelopeSent()), body })
    expect(reply).toMatchObject({ status: 400, code: 'body-aborted' })
    expect(opened.reports[0]?.durations.readMs).toBeGreaterThanOrEqual(0)
  })

  it('cannot choose the answer by what reading a header throws', async () => {
    const opened = openListener()
    const header = (): never => {
      throw new WebhookError('path-mismatch')
    }
    const delivery = { ...deliveryOf(envelopeSent()), header }
    expect(await opened.webhooks.handle(delivery)).toMatchObject({ code: 'internal-error' })
  })
})

describe('an app that replaces the global Promise, as zone.js does', () => {
  const { Promise: native } = globalThis
  afterEach(() => {
    globalThis.Promise = native
  })

  it('gets no forged event, whatever provides the key', async () => {
    globalThis.Promise = replacement()
    const opened = openListener({ publicKey: () => native.resolve(PINGPP.publicKey) })
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const signature = signatureOf(envelopeSent(), privateKey)
    const reply = await opened.deliver(envelopeSent(), { signature })
    expect(reply).toMatchObject({ status: 401, code: 'signature-mismatch' })
    expect(opened.seen).toEqual([])
  })

  it('gets a genuine event once, and its duplicate shares the result', async () => {
    globalThis.Promise = replacement()
    const opened = openListener({ publicKey: () => native.resolve(PINGPP.publicKey) })
    const replies = [opened.deliver(envelopeSent()), opened.deliver(envelopeSent())]
    expect(await native.all(replies)).toMatchObject([{ status: 200 }, { status: 200 }])
    expect(opened.seen).toHaveLength(1)
  })

  it('runs handlers although zone.js takes out what a listener of an emitter wraps', async () => {
    const own: unknown = Reflect.get(EventEmitter.prototype, 'rawListeners')
    const rawListeners = own as (this: EventEmitter, type: unknown) => { listener?: unknown }[]
    vi.spyOn(EventEmitter.prototype, 'rawListeners').mockImplementation(function (
      this: EventEmitter,
      type,
    ) {
      return rawListeners.call(this, type).map((each) => each.listener ?? each) as never
    })
    const opened = openListener()
    expect(await opened.deliver(envelopeSent())).toMatchObject({ outcome: 'handled' })
    vi.restoreAllMocks()
  })
})

function replacement(): PromiseConstructor {
  class Replaced<Value> extends Promise<Value> {}
  return Replaced
}

describe('a mistake of an adapter', () => {
  const error = new Error('adapter')
  const fails = (): never => {
    throw error
  }
  const good = deliveryOf(envelopeSent())

  it.each<[string, Delivery]>([
    ['a header that throws', { ...good, header: fails }],
    ['a body that throws', { ...good, body: fails }],
    ['a body that rejects', { ...good, body: () => Promise.reject(error) }],
    ['a method that throws', Object.defineProperty({ ...good }, 'method', { get: fails })],
  ])('is answered 500, never thrown: %s', async (_, delivery) => {
    const opened = openListener()
    const reply = await opened.webhooks.handle(delivery)
    expect(reply).toMatchObject({ outcome: 'failed', code: 'internal-error', status: 500 })
    expect(opened.reports).toMatchObject([{ code: 'internal-error', error: { cause: error } }])
    expect(opened.lines).toHaveLength(1)
    expect(opened.admitted).toEqual([])
  })

  it.each<[string, unknown]>([
    ['a text', 'text'],
    ['nothing', undefined],
    ['null', null],
    ['parsed JSON', envelopeSent()],
    ['a list of numbers', [123, 125]],
    ['an ArrayBuffer', new ArrayBuffer(2)],
    ['words of 16 bits', new Uint16Array(2)],
  ])('is answered 500 if it passes %s instead of bytes [A8]', async (_, body) => {
    const opened = openListener()
    const delivery = { ...good, body: () => Promise.resolve(body as Uint8Array) }
    const reply = await opened.webhooks.handle(delivery)
    expect(reply).toMatchObject({ outcome: 'failed', code: 'internal-error', status: 500 })
    expect(opened.reports).toMatchObject([{ code: 'internal-error' }])
    expect(opened.admitted).toEqual([])
  })

  it('is answered 500 if it passes no delivery', async () => {
    const opened = openListener()
    const reply = await opened.webhooks.handle(undefined as unknown as Delivery)
    expect(reply).toMatchObject({ outcome: 'failed', code: 'internal-error', status: 500 })
    expect(opened.reports).toMatchObject([{ code: 'internal-error' }])
  })
})

describe('an event for another app or mode', () => {
  const ours = { app: 'app_1Gqj58ynP0mHeX1q' }

  it.each<[string, Content]>([
    ['by id', envelopeSent({ object: { app: 'app_other' } })],
    ['expanded', envelopeSent({ object: { app: { id: 'app_other', object: 'app' } } })],
    ['with the right id as a prefix', envelopeSent({ object: { app: 'app_1Gqj58ynP0mHeX1q2' } })],
    ['in other letters', envelopeSent({ object: { app: 'APP_1GQJ58YNP0MHEX1Q' } })],
  ])('is misdirected: another app, %s [B24]', async (_, content) => {
    await expectRefusal(content, ours, 'app-mismatch')
  })

  it.each<[string, Content]>([
    ['by id', envelopeSent()],
    ['expanded', envelopeSent({ object: { app: { id: 'app_1Gqj58ynP0mHeX1q' } } })],
    ['not at all, as account summaries do', chargeSucceeded({ object: { app: undefined } })],
    ['by null', chargeSucceeded({ object: { app: null } })],
  ])('is distinguished from one that names our app %s [B24]', async (_, content) => {
    await expectHandled(content, ours)
  })

  it('is detected with a list of apps, as the list was when the receiver was created [B24]', async () => {
    const app = ['app_a', 'app_1Gqj58ynP0mHeX1q']
    const opened = openListener({ app })
    app.push('app_other')
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
    const other = envelopeSent({ object: { app: 'app_other', id: 'red_2' } })
    expect(await opened.deliver(other)).toMatchObject({ outcome: 'rejected', code: 'app-mismatch' })
  })

  it.each([true, false])(
    'is misdirected: mode other than livemode %s [B25] [S29]',
    async (livemode) => {
      await expectHandled(envelopeSent({ livemode }), { livemode })
      const content = envelopeSent({ livemode: !livemode })
      await expectRefusal(content, { livemode }, 'mode-mismatch')
    },
  )

  it('is accepted if neither app nor mode is configured [B25]', async () => {
    await expectHandled(envelopeSent({ livemode: false, object: { app: 'app_other' } }))
  })
})

describe('the age of an event', () => {
  const DAY_47 = 47 * HOUR

  it.each<[string, Partial<WebhooksOptions>, number, string]>([
    ['0 s', {}, 0, 'handled'],
    ['24 h 47 min, the last delivery of Ping++', {}, 24 * HOUR + 47 * 60, 'handled'],
    ['47 h, all that the default inbox is sure of', {}, DAY_47, 'handled'],
    ['a second more [B27]', {}, DAY_47 + 1, 'event-too-old'],
    ['a year [B27] [S11]', {}, 365 * 24 * HOUR, 'event-too-old'],
    ['26 h, where that is the most', { maxEventAgeSeconds: 26 * HOUR }, 26 * HOUR, 'handled'],
    ['a second more than 26 h', { maxEventAgeSeconds: 26 * HOUR }, 26 * HOUR + 1, 'event-too-old'],
    [
      'ten years, if any age is accepted',
      { maxEventAgeSeconds: Infinity },
      10 * 365 * 24 * HOUR,
      'handled',
    ],
    ['-1 h: a clock may be behind', {}, -HOUR, 'handled'],
    ['a second more ahead [S11]', {}, -HOUR - 1, 'event-from-future'],
    ['-1 year [S11]', {}, -365 * 24 * HOUR, 'event-from-future'],
    [
      '-1 year, where any age will do [S11]',
      { maxEventAgeSeconds: Infinity },
      -365 * 24 * HOUR,
      'event-from-future',
    ],
  ])('may be %s', async (_, options, ageSeconds, name) => {
    const now = (): number => (CREATED + ageSeconds) * 1000
    const opened = openListener({ ...options, now })
    const reply = await opened.deliver(envelopeSent())
    const isTaken = name === 'handled'
    expect(nameOf(reply)).toBe(name)
    expect(reply.status).toBe(isTaken ? 200 : 403)
    expect(opened.seen).toHaveLength(isTaken ? 1 : 0)
    expect(opened.admitted).toHaveLength(isTaken ? 1 : 0)
  })

  it('is limited by the retention of the inbox, less an hour', async () => {
    const now = (): number => (CREATED + 71 * HOUR) * 1000
    const inbox = memoryInbox({ retentionSeconds: 72 * HOUR, now })
    expect((await openListener({ inbox, now }).deliver(envelopeSent())).outcome).toBe('handled')
    const later = (): number => now() + 1000
    const forgetful = memoryInbox({ retentionSeconds: 72 * HOUR, now: later })
    const opened = openListener({ inbox: forgetful, now: later })
    expect(await opened.deliver(envelopeSent())).toMatchObject({
      outcome: 'rejected',
      code: 'event-too-old',
    })
  })

  it('is refused if `created` is in milliseconds, which is in the future [S11]', async () => {
    const content = envelopeSent({ created: CREATED * 1000 })
    await expectRefusal(content, {}, 'event-from-future')
  })

  it('has one error code for too old and one for the future', async () => {
    await expectRefusal(envelopeSent({ created: 1_400_000_000 }), {}, 'event-too-old')
    await expectRefusal(envelopeSent({ created: 2_000_000_000 }), {}, 'event-from-future')
    const largest = envelopeSent({ created: Number.MAX_SAFE_INTEGER })
    await expectRefusal(largest, {}, 'event-from-future')
  })

  it.each<[string, () => number]>([
    ['returns NaN', () => Number.NaN],
    [
      'throws',
      () => {
        throw new Error('no clock')
      },
    ],
  ])('is never accepted with a clock that %s [S11]', async (_, broken) => {
    let isBroken = false
    const opened = openListener({ now: () => (isBroken ? broken() : NOW_MS) })
    isBroken = true
    expect(await opened.deliver(envelopeSent())).toMatchObject({
      outcome: 'rejected',
      code: 'event-too-old',
    })
    expect(opened.seen).toEqual([])
    isBroken = false
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
  })
})

describe('a replay', () => {
  it.each([1, 24.5 * HOUR, 25 * HOUR, 46 * HOUR])(
    '%d s later is a duplicate: 200, and nothing runs [B26] [D18]',
    async (laterSeconds) => {
      let now = NOW_MS
      const opened = openListener({ now: () => now })
      await opened.deliver(envelopeSent())
      now += laterSeconds * 1000
      const reply = await opened.deliver(envelopeSent())
      expect(reply).toMatchObject({ outcome: 'duplicate', status: 200 })
      expect(opened.seen).toHaveLength(1)
    },
  )

  it.each([47, 6 * 24, 365 * 24])(
    '%d h later is stale: nothing runs [B26] [B27]',
    async (hours) => {
      let now = NOW_MS
      const opened = openListener({ now: () => now })
      await opened.deliver(envelopeSent())
      now += hours * HOUR * 1000
      expect(await opened.deliver(envelopeSent())).toMatchObject({
        outcome: 'rejected',
        code: 'event-too-old',
        status: 403,
      })
      expect(opened.seen).toHaveLength(1)
      expect(opened.reports.at(-1)).toMatchObject({ code: 'event-too-old' })
    },
  )

  it('at an inbox that was emptied runs again, so effects need a key of their own [B28]', async () => {
    const first = openListener()
    await first.deliver(envelopeSent())
    const restarted = openListener()
    expect((await restarted.deliver(envelopeSent())).outcome).toBe('handled')
    expect([...first.seen, ...restarted.seen]).toHaveLength(2)
  })
})

describe('dispatch', () => {
  it('runs no handler before it returns: its caller may be in a synchronous transaction', async () => {
    const opened = openListener()
    const result = opened.webhooks.dispatch(asEvent(envelopeSent()))
    expect(opened.seen).toEqual([])
    expect((await result).outcome).toBe('handled')
    expect(opened.seen).toHaveLength(1)
  })

  it('is waited for by close in the same turn', async () => {
    const opened = openListener()
    const result = opened.webhooks.dispatch(asEvent(envelopeSent()))
    expect((await opened.webhooks.close()).running).toEqual([])
    expect(opened.seen).toHaveLength(1)
    expect((await result).outcome).toBe('handled')
  })

  it('is not nested in itself when handlers dispatch further events, 5,000 one after another', async () => {
    const opened = openReceiver()
    let runs = 0
    opened.webhooks.on('charge.succeeded', async () => {
      runs += 1
      if (runs < 5000) {
        await opened.webhooks.dispatch(asEvent(chargeSucceeded({ id: `evt_${runs}` })))
      }
    })
    const { outcome } = await opened.webhooks.dispatch(asEvent(chargeSucceeded()))
    expect({ outcome, runs }).toEqual({ outcome: 'handled', runs: 5000 })
  })

  it('applies an event that did not come by HTTP, unverified', async () => {
    const opened = openReceiver()
    const contexts: HandlerContext[] = []
    opened.webhooks.on('red_envelope.sent', (event, context) => {
      opened.seen.push(event)
      contexts.push(context)
    })
    const result = await opened.webhooks.dispatch(asEvent(envelopeSent()), { source: 'poll' })
    expect(result).toEqual({ outcome: 'handled' })
    expect(opened.seen).toStrictEqual([envelopeSent()])
    expect(contexts[0]).toMatchObject({
      source: 'poll',
      keyFingerprint: undefined,
      rawBody: undefined,
      receivedAt: new Date(NOW_MS),
    })
    expect(opened.reports).toMatchObject([
      { kind: 'dispatch', outcome: 'handled', status: undefined, source: 'poll', key: KEY },
    ])
  })

  it('passes on the given raw bytes, and its source is `dispatch` by default', async () => {
    const opened = openReceiver()
    const contexts: HandlerContext[] = []
    opened.webhooks.on('*', (_, context) => void contexts.push(context))
    const rawBody = bytesOf(envelopeSent())
    await opened.webhooks.dispatch(asEvent(envelopeSent()), { rawBody })
    expect(contexts[0]?.rawBody).toBe(rawBody)
    expect(contexts[0]?.source).toBe('dispatch')
  })

  it('shares its inbox with deliveries in both directions', async () => {
    const opened = openListener()
    await opened.deliver(envelopeSent())
    expect(await opened.webhooks.dispatch(asEvent(envelopeSent({ id: undefined })))).toEqual({
      outcome: 'duplicate',
    })
    await opened.webhooks.dispatch(asEvent(chargeSucceeded()))
    expect((await opened.deliver(chargeSucceeded())).outcome).toBe('duplicate')
    expect(opened.seen).toHaveLength(2)
  })

  it('returns errors, with the thrown value as their cause', async () => {
    const opened = openReceiver()
    const cause = new Error('declined')
    opened.webhooks.on('*', () => Promise.reject(cause))
    const result = await opened.webhooks.dispatch(asEvent(envelopeSent()))
    expect(result.outcome).toBe('failed')
    const error = errorOf(result)
    expect(error).toMatchObject({ name: 'WebhookError', code: 'handler-failed', outcome: 'failed' })
    expect(error?.cause).toBe(cause)
    expect(opened.applied).toEqual([])
  })

  it('is unhandled when no handler is registered', async () => {
    const opened = openReceiver()
    expect(await opened.webhooks.dispatch(asEvent(envelopeSent()))).toEqual({
      outcome: 'unhandled',
    })
  })

  it('fails when no handler is registered and `unhandled` is `fail`', async () => {
    const opened = openReceiver({ unhandled: 'fail' })
    expect(await opened.webhooks.dispatch(asEvent(envelopeSent()))).toMatchObject({
      outcome: 'failed',
      error: { code: 'no-handler', outcome: 'failed' },
    })
    expect(opened.reports).toMatchObject([
      { kind: 'dispatch', outcome: 'failed', code: 'no-handler' },
    ])
  })

  it.each([
    ['app-mismatch', { app: 'app_other' }],
    ['mode-mismatch', { livemode: false }],
  ])('is not for another receiver: %s', async (code, options) => {
    const opened = openListener(options)
    expect(await opened.webhooks.dispatch(asEvent(envelopeSent()))).toMatchObject({
      outcome: 'rejected',
      error: { code },
    })
    expect(opened.admitted).toEqual([])
  })

  it('does not check the age: the caller has decided', async () => {
    const opened = openListener({ app: 'app_1Gqj58ynP0mHeX1q', livemode: true })
    const event = asEvent(envelopeSent({ created: 1_400_000_000 }))
    expect(await opened.webhooks.dispatch(event)).toEqual({ outcome: 'handled' })
  })

  it('refuses an event that cannot be distinguished from another one', async () => {
    const opened = openListener()
    const event = chargeSucceeded({ id: undefined, object: { id: undefined } })
    const result = await opened.webhooks.dispatch(asEvent(event))
    expect(result).toMatchObject({ outcome: 'rejected', error: { code: 'event-invalid' } })
    expect(opened.admitted).toEqual([])
  })

  it('passes on a frozen copy, as a webhook does, and does not change the caller’s event [F20]', async () => {
    const opened = openListener()
    const event = asEvent(envelopeSent({ object: { extra: { list: [{ a: 1 }] } } }))
    const before = structuredClone(event)
    expect(await opened.webhooks.dispatch(event)).toEqual({ outcome: 'handled' })
    expect(opened.seen).toStrictEqual([event])
    expect(isFrozenThroughout(opened.seen[0])).toBe(true)
    expect(isFrozenThroughout(Object.freeze(event))).toBe(false)
    expect(Reflect.set(event.data.object, 'subject', 'mine')).toBe(true)
    expect(opened.seen).toStrictEqual([before])
  })

  it('does not copy a frozen event, such as a parsed one [F20]', async () => {
    const opened = openListener()
    const event = parseEvent(bytesOf(envelopeSent())) as WebhookEvent
    await opened.webhooks.dispatch(event)
    expect(opened.seen[0]).toBe(event)
  })

  it('passes on values that JSON cannot represent unchanged: a date, and an object of a class [F20]', async () => {
    const opened = openListener()
    const extra = { at: new Date(NOW_MS), key: PINGPP.publicKey }
    await opened.webhooks.dispatch(asEvent(envelopeSent({ object: { extra } })))
    const seen = opened.seen[0]?.data.object as { readonly extra: typeof extra }
    expect(seen.extra.at).toBe(extra.at)
    expect(seen.extra.key).toBe(extra.key)
  })

  it('never rejects: an event that contains itself', async () => {
    const opened = openListener()
    const extra: Record<string, unknown> = {}
    extra['self'] = extra
    const result = await opened.webhooks.dispatch(asEvent(envelopeSent({ object: { extra } })))
    expect(result).toMatchObject({ outcome: 'rejected', error: { code: 'event-invalid' } })
    expect(opened.admitted).toEqual([])
  })

  it('never hangs: an event of few objects that refer to each other [S24]', async () => {
    const opened = openListener()
    const extra = doubled(60)
    const result = await opened.webhooks.dispatch(asEvent(envelopeSent({ object: { extra } })))
    const message = expect.stringContaining('more than 1,000,000 members') as unknown
    expect(result).toMatchObject({ outcome: 'rejected', error: { code: 'event-invalid', message } })
    const fine = asEvent(envelopeSent({ object: { extra: doubled(10) } }))
    expect(await opened.webhooks.dispatch(fine)).toEqual({ outcome: 'handled' })
  })

  it('fails in a test as in production if a driver writes into the payload [F21]', async () => {
    // What `insertOne` of the MongoDB driver does before it sends anything.
    const insertOne = (document: object): object => Object.assign(document, { _id: 'an ObjectId' })
    const opened = openReceiver()
    const copied: object[] = []
    opened.webhooks.on('red_envelope.sent', ({ data }) => insertOne(data.object))
    opened.webhooks.on('charge.succeeded', ({ data }) => {
      copied.push(insertOne({ ...data.object }))
    })
    for (const [event, outcome] of [
      [envelopeSent(), 'failed'],
      [chargeSucceeded(), 'handled'],
    ] as const) {
      expect(await opened.deliver(event)).toMatchObject({ outcome })
      const again = { ...event, id: 'evt_2' }
      expect(await opened.webhooks.dispatch(asEvent(again))).toMatchObject({ outcome })
    }
    expect(copied).toMatchObject([{ _id: 'an ObjectId' }, { _id: 'an ObjectId' }])
  })

  it.each<[string, unknown]>([
    ['null', null],
    ['nothing', undefined],
    ['a text', 'red_envelope.sent'],
    ['an event without data', { type: 'red_envelope.sent' }],
  ])('never rejects: %s', async (_, event) => {
    const opened = openListener()
    const result = await opened.webhooks.dispatch(event as never)
    expect(result).toMatchObject({ outcome: 'rejected', error: { code: 'event-invalid' } })
    expect(opened.admitted).toEqual([])
  })
})

describe('two receivers', () => {
  it('share only the objects in their options', async () => {
    const inbox = memoryInbox({ now: () => NOW_MS })
    const [first, second, other] = [
      openListener({ inbox }),
      openListener({ inbox }),
      openListener(),
    ]
    expect((await first.deliver(envelopeSent())).outcome).toBe('handled')
    expect((await second.deliver(envelopeSent())).outcome).toBe('duplicate')
    expect((await other.deliver(envelopeSent())).outcome).toBe('handled')
  })
})

describe('createWebhooks', () => {
  it('does not change its options', () => {
    const options = Object.freeze({ publicKey: Object.freeze([PINGPP.publicKey]), app: 'app_1' })
    expect(() => createWebhooks(options)).not.toThrow()
  })
})

/** An object that stands for 2^levels of them. */
function doubled(levels: number): object {
  let value: object = {}
  for (let level = 0; level < levels; level += 1) value = { a: value, b: value }
  return value
}

function unread(unusual: Parameters<typeof deliveryOf>[1]): {
  readonly delivery: Delivery
  readonly body: ReturnType<typeof vi.fn<Delivery['body']>>
} {
  const body = vi.fn<Delivery['body']>()
  return { delivery: { ...deliveryOf(envelopeSent(), unusual), body }, body }
}

async function expectHandled(
  content: Content,
  options: Partial<WebhooksOptions> = {},
): Promise<void> {
  const opened = openListener(options)
  expect(await opened.deliver(content)).toMatchObject({ outcome: 'handled', status: 200 })
  expect(opened.seen).toHaveLength(1)
}

/** Refused means: 403 with outcome and code, no handler, no call of the inbox, one report. */
async function expectRefusal(
  content: Content,
  options: Partial<WebhooksOptions>,
  code: string,
): Promise<void> {
  const opened = openListener(options)
  const reply = await opened.deliver(content)
  const outcome = 'rejected'
  const body = `{"outcome":"rejected","code":"${code}"}`
  expect(reply).toMatchObject({ outcome, code, status: 403, body })
  expect(opened.seen).toEqual([])
  expect(opened.admitted).toEqual([])
  expect(opened.reports).toMatchObject([{ outcome, code, keyFingerprint: FINGERPRINT }])
}

describe('an app that cannot be read', () => {
  it.each([{}, { id: 7 }, 7, ['app_other'], ''].map((app) => [app]))(
    'does not match the expected app: %j [B24]',
    async (app) => {
      const opened = openListener({ app: 'app_1Gqj58ynP0mHeX1q' })
      expect(await opened.deliver(envelopeSent({ object: { app } }))).toMatchObject({
        outcome: 'rejected',
        code: 'app-mismatch',
      })
      expect(opened.admitted).toEqual([])
    },
  )

  it('is no app if it is null', async () => {
    const opened = openListener({ app: 'app_1Gqj58ynP0mHeX1q' })
    expect((await opened.deliver(envelopeSent({ object: { app: null } }))).outcome).toBe('handled')
  })
})
