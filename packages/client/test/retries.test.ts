import { createServer } from 'node:http'
import { verify, generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createPingppClientWith } from '../src/client.ts'
import type { PingppError } from '../src/errors.ts'
import { waitByTimer } from '../src/http/retries.ts'
import {
  API_KEY,
  close,
  cutOff,
  envelope,
  errorOf,
  GUIDE,
  listen,
  NOW_MS,
  page,
  refusal,
  reset,
  startPingpp,
  type Step,
} from './pingpp.ts'

const MERCHANT = generateKeyPairSync('rsa', { modulusLength: 2048 })
const OK: Step = { json: envelope() }
const busy = refusal(402, { type: 'channel_error', code: 'red_system_busy', message: '系统繁忙' })

describe('a request is retried', () => {
  it.each<[string, Step]>([
    ['after a connection that was dropped', reset],
    ['after an answer that was cut off', cutOff],
    ['after a 502', { status: 502, body: '<html>' }],
    ['after a 503', refusal(503, { type: 'api_error', message: 'x' })],
    ['after a 504', { status: 504 }],
    ['after a 429', refusal(429, { message: 'x' })],
    ['after red_system_busy', busy],
    ['after red_system_busy with a 200', { ...busy, status: 200 }],
  ])('%s', async (_, step) => {
    const { client, seen } = await startPingpp({ steps: [step, step, OK] })
    expect(await client.redEnvelopes.create(GUIDE)).toEqual(envelope())
    expect(seen.length).toBe(3)
  })

  it('after a timeout', async () => {
    // In the process: an answer that must come within the time comes before any timer.
    let count = 0
    const fetch = (): Promise<Response> => {
      count += 1
      return count < 3 ? new Promise(() => {}) : Promise.resolve(Response.json(envelope()))
    }
    const seams = { random: () => 0, wait: () => Promise.resolve() }
    const client = createPingppClientWith({ apiKey: API_KEY, timeoutMs: 5, fetch }, seams)
    expect(await client.redEnvelopes.create(GUIDE)).toEqual(envelope())
    expect(count).toBe(3)
  })

  it('after a connection that was refused', async () => {
    const server = createServer((_, response) => void response.end(JSON.stringify(envelope())))
    const baseUrl = await listen(server)
    await close(server)
    const port = Number(new URL(baseUrl).port)
    const client = createPingppClientWith(
      { apiKey: API_KEY, baseUrl },
      {
        random: () => 0,
        wait: () => new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve())),
      },
    )
    expect(await client.redEnvelopes.create(GUIDE)).toEqual(envelope())
    await close(server)
  })

  it.each<[string, Step]>([
    ['a 400', refusal(400, { message: 'x' })],
    ['a 401', refusal(401, { message: 'x' })],
    ['a 402', refusal(402, { message: 'x' })],
    ['a 403', refusal(403, { message: 'x' })],
    ['a 404', refusal(404, { message: 'x' })],
    ['a 500', refusal(500, { message: 'x' })],
    ['a redirect', { status: 302 }],
    ['an answer that is none', { body: '<html>' }],
    ['an envelope of another order', { json: envelope({ order_no: '5' }) }],
  ])('but not after %s', async (_, step) => {
    const { client, seen, waits } = await startPingpp({ steps: [step, OK] })
    expect(await errorOf(client.redEnvelopes.create(GUIDE))).toMatchObject({ attempts: 1 })
    expect(seen.length).toBe(1)
    expect(waits).toEqual([])
  })

  it('twice by default, and the error has the number', async () => {
    const { client, seen } = await startPingpp({ steps: [busy] })
    const error = await errorOf(client.redEnvelopes.create(GUIDE))
    expect(error).toMatchObject({ code: 'channel-busy', attempts: 3, notCreated: false })
    expect(String(error)).toContain(
      'It was tried 3 times. Whether the envelope was created is unknown',
    )
    expect(seen.length).toBe(3)
  })

  it.each([0, 1, 5])('as often as `retries` allows: %d', async (retries) => {
    const ofClient = await startPingpp({ steps: [reset], options: { retries } })
    expect(await errorOf(ofClient.client.redEnvelopes.retrieve('red_1'))).toMatchObject({
      attempts: retries + 1,
    })
    const ofCall = await startPingpp({ steps: [reset] })
    const call = ofCall.client.redEnvelopes.retrieve('red_1', { retries })
    expect(await errorOf(call)).toMatchObject({ attempts: retries + 1 })
    expect([ofClient.seen.length, ofCall.seen.length]).toEqual([retries + 1, retries + 1])
  })

  it('with the same body and order number, and a time and a signature of its own [H12]', async () => {
    let nowMs = NOW_MS
    const { client, seen } = await startPingpp({
      steps: [reset, { status: 502 }, OK],
      options: { privateKey: MERCHANT.privateKey, now: () => nowMs },
      onWait: () => void (nowMs += 7000),
    })
    await client.redEnvelopes.create(GUIDE)

    const [first, second, third] = seen
    expect(second?.body).toEqual(first?.body)
    expect(third?.body).toEqual(first?.body)
    expect(JSON.parse(String(third?.body))).toMatchObject({ order_no: '123456789' })
    expect(seen.map(({ headers }) => headers['pingplusplus-request-timestamp'])).toEqual([
      '1707532800',
      '1707532807',
      '1707532814',
    ])
    for (const { body, target, headers } of seen) {
      const time = String(headers['pingplusplus-request-timestamp'])
      const signed = Buffer.concat([body, Buffer.from(target + time)])
      const signature = Buffer.from(String(headers['pingplusplus-signature']), 'base64')
      expect(verify('RSA-SHA256', signed, MERCHANT.publicKey, signature)).toBe(true)
    }
  })
})

describe('the wait before a retry', () => {
  it('is a random part of a time that doubles, up to 8 seconds', async () => {
    const steps = [{ status: 502 }]
    const draws = [0, 0.25, 0.5, 0.75, 0.999, 1, 1]
    const { client, waits } = await startPingpp({
      steps,
      random: () => draws.shift() ?? 0,
      options: { retries: 7 },
    })
    await errorOf(client.redEnvelopes.retrieve('red_1'))
    // Of 0.5, 1, 2, 4, 8, 8 and 8 seconds.
    expect(waits).toEqual([0, 250, 1000, 3000, 7992, 8000, 8000])
  })

  it.each([
    ['0', 0],
    ['7', 7000],
    ['60', 60_000],
    ['Sat, 10 Feb 2024 02:40:09 GMT', 9000],
    ['Sat, 10 Feb 2024 02:39:00 GMT', 0],
    // No header of RFC 9110: as if there were none.
    ['1.5', 250],
    ['-1', 250],
    ['soon', 250],
    ['', 250],
    ['Sat, 99 Feb 2024 02:40:09 GMT', 250],
  ])('is what Ping++ asks for, within a minute: Retry-After: %s', async (header, ms) => {
    for (const status of [429, 503]) {
      const steps = [{ status, headers: { 'retry-after': header } }, OK]
      const { client, waits } = await startPingpp({ steps })
      await client.redEnvelopes.create(GUIDE)
      expect(waits).toEqual([ms])
    }
  })

  it.each([
    ['61', 61_000],
    ['600', 600_000],
    ['9'.repeat(400), Infinity],
    ['Sun, 11 Feb 2024 02:40:00 GMT', 86_400_000],
  ])('is left to the caller if it is over a minute: Retry-After: %s', async (header, ms) => {
    for (const status of [429, 503]) {
      const steps = [{ status, headers: { 'retry-after': header } }, OK]
      const { client, seen, waits } = await startPingpp({ steps })
      const error = await errorOf(client.redEnvelopes.create(GUIDE))
      expect(error).toMatchObject({ status, attempts: 1, retryAfterMs: ms })
      expect(String(error)).toContain(`Ping++ asks to wait for ${ms / 1000} s.`)
      expect([seen.length, waits]).toEqual([1, []])
    }
  })

  it('ends at once with the signal, by a real timer too', async () => {
    const controller = new AbortController()
    const { url, seen } = await startPingpp({
      steps: [{ status: 503, headers: { 'retry-after': '60' } }],
    })
    const client = createPingppClientWith(
      { apiKey: API_KEY, baseUrl: url },
      {
        random: Math.random,
        wait: (ms, signal) => {
          const waiting = waitByTimer(ms, signal)
          controller.abort()
          return waiting
        },
      },
    )
    const call = client.redEnvelopes.create(GUIDE, { signal: controller.signal })
    expect(await errorOf(call)).toMatchObject({
      code: 'request-aborted',
      attempts: 1,
      notCreated: false,
      cause: controller.signal.reason,
    })
    expect(seen.length).toBe(1)
  })

  it('by a real timer ends by itself, and at once if the signal has fired', async () => {
    await expect(waitByTimer(1, undefined)).resolves.toBeUndefined()
    await expect(waitByTimer(1, new AbortController().signal)).resolves.toBeUndefined()
    await expect(waitByTimer(2 ** 30, AbortSignal.abort())).resolves.toBeUndefined()
  })
})

const TOO_MANY = refusal(429, { type: 'api_error', message: 'x' })

describe('a create of several attempts', () => {
  it.each<[string, readonly Step[], string, boolean]>([
    ['dropped, then refused', [reset, refusal(402, { message: 'x' })], 'channel-failed', false],
    [
      'dropped, then refused because the number was used',
      [reset, refusal(402, { code: 'charge_order_no_used', message: 'x' })],
      'order-number-used',
      false,
    ],
    [
      'a 502, then a 400',
      [{ status: 502 }, refusal(400, { message: 'x' })],
      'request-invalid',
      false,
    ],
    [
      'a 429, then a 400',
      [TOO_MANY, refusal(400, { type: 'invalid_request_error', message: 'x' })],
      'request-invalid',
      true,
    ],
    ['a 429, three times', [TOO_MANY], 'rate-limited', true],
    ['a 429 of a proxy, then one of Ping++', [{ status: 429 }, TOO_MANY], 'rate-limited', false],
  ])(
    'has certainly created nothing only if each of them has: %s [S26]',
    async (_, steps, code, notCreated) => {
      const { client } = await startPingpp({ steps })
      expect(await errorOf(client.redEnvelopes.create(GUIDE))).toMatchObject({ code, notCreated })
    },
  )

  it('is uncertain when the signal ends it between them', async () => {
    const controller = new AbortController()
    const { client } = await startPingpp({ steps: [reset], onWait: () => controller.abort() })
    const call = client.redEnvelopes.create(GUIDE, { signal: controller.signal })
    expect(await errorOf(call)).toMatchObject({
      code: 'request-aborted',
      attempts: 1,
      notCreated: false,
    })
  })

  it('is certain when the signal ends it after a refusal', async () => {
    const controller = new AbortController()
    const steps = [TOO_MANY]
    const { client } = await startPingpp({ steps, onWait: () => controller.abort() })
    const call = client.redEnvelopes.create(GUIDE, { signal: controller.signal })
    expect(await errorOf(call)).toMatchObject({ attempts: 1, notCreated: true })
  })
})

describe('`beforeAttempt`', () => {
  it('is awaited before every attempt', async () => {
    const log: string[] = []
    const steps: Step[] = [
      (response) => {
        log.push('502')
        response.writeHead(502).end()
      },
      (response) => {
        log.push('200')
        response.end(JSON.stringify(envelope()))
      },
    ]
    const { client } = await startPingpp({ steps })
    await client.redEnvelopes.create(GUIDE, {
      async beforeAttempt() {
        await new Promise((resolve) => setImmediate(resolve))
        log.push('may go')
      },
    })
    expect(log).toEqual(['may go', '502', 'may go', '200'])
  })

  it('is awaited before every page of a list', async () => {
    const steps = [{ json: page([4, 3], true) }, { json: page([2, 1], false) }]
    const { client } = await startPingpp({ steps })
    let count = 0
    const list = client.redEnvelopes.list({}, { beforeAttempt: () => (count += 1) })
    const ids: string[] = []
    for await (const { id } of list) ids.push(id)
    expect({ count, ids }).toEqual({ count: 2, ids: ['red_4', 'red_3', 'red_2', 'red_1'] })
  })

  it('ends the call if it fails, and earlier requests stay uncertain', async () => {
    const { client, seen } = await startPingpp({ steps: [reset] })
    const reason = new Error('no more today')
    let left = 0
    const beforeAttempt = (): void => {
      if (left === 0) throw reason
      left -= 1
    }
    const refused = await errorOf(client.redEnvelopes.create(GUIDE, { beforeAttempt }))
    expect(refused).toMatchObject({ code: 'request-aborted', attempts: 0, notCreated: true })
    expect((refused as PingppError).cause).toBe(reason)
    left = 1
    const open = await errorOf(client.redEnvelopes.create(GUIDE, { beforeAttempt }))
    expect(open).toMatchObject({ code: 'request-aborted', attempts: 1, notCreated: false })
    expect(seen.length).toBe(1)
  })

  it('may fail with a value that is not an Error', async () => {
    const { client } = await startPingpp({ steps: [OK] })
    const reason = { msBeforeNext: 5 }
    const beforeAttempt = (): Promise<never> => Promise.reject(reason)
    const error = await errorOf(client.redEnvelopes.retrieve('red_1', { beforeAttempt }))
    expect((error as PingppError).cause).toBe(reason)
  })

  it.each<[string, (abort: () => void) => unknown]>([
    ['while it waits', (abort) => Promise.resolve().then(abort)],
    ['and it never ends', (abort) => new Promise(() => setImmediate(abort))],
  ])('sends nothing if the signal fires %s', async (_, limit) => {
    const { client, seen } = await startPingpp({ steps: [OK] })
    const controller = new AbortController()
    const { signal } = controller
    const beforeAttempt = (): unknown => limit(() => controller.abort('the user left'))
    const error = await errorOf(client.redEnvelopes.create(GUIDE, { signal, beforeAttempt }))
    expect(error).toMatchObject({ code: 'request-aborted', attempts: 0, notCreated: true })
    expect((error as PingppError).cause).toBe('the user left')
    expect(seen).toEqual([])
  })
})
