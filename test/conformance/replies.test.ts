import { eventFixture, signDelivery } from '@hongbao/core/testing'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createGate } from './gate.ts'
import { hosts } from './hosts.ts'
import { head, openConnection } from './raw-http.ts'
import { expectAnswer, expectStillNew, keys, notification, open, signed } from './reception.ts'

describe.each(hosts)('replies in $name', (host) => {
  it('answers 200 when the handler has applied the event', async () => {
    const reception = await open(host)
    const event = eventFixture('red_envelope.sent')
    expectAnswer(await reception.deliver(signDelivery(event, keys)), 200, 'handled')
    expect(reception.handled).toEqual([event])
  })

  it('answers 200 without running the handler when the event was applied before [B26]', async () => {
    const reception = await open(host)
    const genuine = notification()
    expectAnswer(await reception.deliver(genuine), 200, 'handled')
    expectAnswer(await reception.deliver(genuine), 200, 'duplicate')
    expect(reception.handled).toHaveLength(1)
  })

  it('answers 200 if the event has no handler [A35]', async () => {
    const reception = await open(host)
    const unheard = signDelivery(eventFixture('charge.succeeded'), keys)
    expectAnswer(await reception.deliver(unheard), 200, 'unhandled')
    expect(reception.handled).toEqual([])
  })

  it('answers 500 to an event without a handler if `unhandled` is `fail`, until one is added', async () => {
    const reception = await open(host, { unhandled: 'fail' })
    const unheard = signDelivery(eventFixture('charge.succeeded'), keys)
    expectAnswer(await reception.deliver(unheard), 500, 'no-handler')
    reception.webhooks.on('charge.succeeded', () => {})
    expectAnswer(await reception.deliver(unheard), 200, 'handled')
  })

  it('answers 500 when the handler fails, and runs it again for the next delivery [F1, F2]', async () => {
    let isBroken = true
    const reception = await open(host, {
      async handle() {
        if (isBroken) throw new Error('out of order')
      },
    })
    const genuine = notification()
    expectAnswer(await reception.deliver(genuine), 500, 'handler-failed')
    isBroken = false
    expectAnswer(await reception.deliver(genuine), 200, 'handled')
    expect(reception.handled).toHaveLength(2)
  })

  it('answers 500 when the handler throws an error with a status of its own [F14]', async () => {
    const reception = await open(host, {
      handle() {
        throw Object.assign(new Error('fine'), { status: 200, statusCode: 204, expose: true })
      },
    })
    expectAnswer(await reception.deliver(notification()), 500, 'handler-failed')
  })

  it.each([undefined, null, false, 0, '', Symbol('no')])(
    'answers 500 when the handler throws %s [F3]',
    async (thrown) => {
      const reception = await open(host, {
        handle() {
          // Anything can be thrown, and some handler will.
          // oxlint-disable-next-line typescript/only-throw-error
          throw thrown
        },
      })
      expectAnswer(await reception.deliver(notification()), 500, 'handler-failed')
    },
  )

  it('answers 500 when the handler takes too long, and 200 after its late result [F4, F5]', async () => {
    const gate = createGate()
    const reception = await open(host, { handlerTimeoutMs: 50, handle: () => gate.opened })
    const genuine = notification()
    expectAnswer(await reception.deliver(genuine), 500, 'handler-timed-out')
    expectAnswer(await reception.deliver(genuine), 500, 'handler-timed-out')
    gate.open()
    await reception.report(({ kind, outcome }) => kind === 'late' && outcome === 'handled')
    expectAnswer(await reception.deliver(genuine), 200, 'duplicate')
    expect(reception.handled).toHaveLength(1)
  })

  it('answers 500 while another process applies the event [F12]', async () => {
    const reception = await open(host, {
      inbox: { retentionSeconds: 172_800, admit: async () => 'busy' },
    })
    expectAnswer(await reception.deliver(notification()), 500, 'inbox-busy')
    expect(reception.handled).toEqual([])
  })

  it('answers 500 when the inbox is down [E6]', async () => {
    const reception = await open(host, {
      inbox: {
        retentionSeconds: 172_800,
        admit: () => Promise.reject(new Error('connect ECONNREFUSED')),
      },
    })
    expectAnswer(await reception.deliver(notification()), 500, 'inbox-unavailable')
    expect(reception.handled).toEqual([])
  })

  it.each([
    ['one brace [A2]', 'event-not-json', '{'],
    ['truncated JSON [A3]', 'event-not-json', notification().text.slice(0, -20)],
    ['nothing at all [A1]', 'event-not-json', ''],
    ['null [A32]', 'event-invalid', 'null'],
    ['an array [A32]', 'event-invalid', '[]'],
    ['invalid UTF-8 [A7]', 'event-not-utf8', Buffer.from('{"type":"\xff"}', 'latin1')],
    ['UTF-16 [A9]', 'event-not-utf8', Buffer.from(notification().text, 'utf16le')],
    [
      'an event without data [A34]',
      'event-invalid',
      '{"type":"red_envelope.sent","created":1,"livemode":true}',
    ],
  ] as const)('answers 400 to a valid signature over %s', async (_name, code, content) => {
    const reception = await open(host)
    expectAnswer(await reception.deliver(signed(content)), 400, code)
    await expectStillNew(reception, notification())
  })

  it('answers 401 when there is no signature, to an empty body too [B1, A1]', async () => {
    const reception = await open(host)
    const genuine = notification()
    expectAnswer(await reception.send({ body: genuine.bytes }), 401, 'signature-missing')
    expectAnswer(await reception.send({ body: Buffer.alloc(0) }), 401, 'signature-missing')
    await expectStillNew(reception, genuine)
  })

  it('answers 401 when the signature covers other bytes [B19, S3]', async () => {
    const reception = await open(host)
    const genuine = notification()
    const { headers } = notification()
    expectAnswer(await reception.send({ headers, body: genuine.bytes }), 401, 'signature-mismatch')
    await expectStillNew(reception, genuine)
  })

  it('answers 403 to an event of another app [B24]', async () => {
    const reception = await open(host, { app: 'app_somebody_else' })
    expectAnswer(await reception.deliver(notification()), 403, 'app-mismatch')
    expect(reception.handled).toEqual([])
  })

  it('answers 403 to a test event if live ones are expected [B25]', async () => {
    const reception = await open(host, { livemode: true })
    const event = eventFixture('red_envelope.sent')
    const inTestMode = signDelivery({ ...event, livemode: false }, keys)
    expectAnswer(await reception.deliver(inTestMode), 403, 'mode-mismatch')
    await expectStillNew(reception, signDelivery(event, keys))
  })

  it('answers 403 to an event that is older than the retention of the inbox [B27]', async () => {
    const reception = await open(host)
    const created = Math.floor(Date.now() / 1000) - 3 * 24 * 60 * 60
    const event = eventFixture('red_envelope.sent')
    expectAnswer(
      await reception.deliver(signDelivery({ ...event, created }, keys)),
      403,
      'event-too-old',
    )
    await expectStillNew(reception, signDelivery(event, keys))
  })

  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'answers 405 to a %s with a verified notification in it [D1, D3, S14]',
    async (method) => {
      const reception = await open(host)
      const genuine = notification()
      const { headers, bytes } = genuine
      const response = await reception.send({ method, headers, body: bytes })
      expectAnswer(response, 405, 'method-not-allowed')
      expect(response.headers['allow']).toBe('POST')
      await expectStillNew(reception, genuine)
    },
  )

  it('answers 405 to a HEAD, without a body [D2]', async () => {
    const reception = await open(host)
    const connection = await openConnection(reception.port)
    await connection.write(head({ method: 'HEAD' }))
    const response = await connection.answer({ toHead: true })
    expect(response).toMatchObject({ status: 405, headers: { allow: 'POST' } })
    // Were there a body, it would stand before the next answer.
    const { headers, bytes } = notification()
    await connection.write(head({ headers }, { 'Content-Length': String(bytes.length) }), bytes)
    expectAnswer(await connection.answer(), 200, 'handled')
    connection.reset()
  })

  it('sends no CORS header to a preflight [D3]', async () => {
    const reception = await open(host)
    const headers = { Origin: 'https://example.com', 'Access-Control-Request-Method': 'POST' }
    const response = await reception.send({ method: 'OPTIONS', headers })
    expectAnswer(response, 405, 'method-not-allowed')
    expect(Object.keys(response.headers).join()).not.toContain('access-control')
  })

  it('answers 405 to a GET with a method override to POST [D16]', async () => {
    const reception = await open(host)
    const genuine = notification()
    const headers = { ...genuine.headers, 'X-HTTP-Method-Override': 'POST' }
    const response = await reception.send({ method: 'GET', headers, body: genuine.bytes })
    expectAnswer(response, 405, 'method-not-allowed')
    await expectStillNew(reception, genuine)
  })

  it('answers 408 and closes when the body stops half-way [D10, S10]', async () => {
    const reception = await open(host, { bodyTimeoutMs: 50 })
    const genuine = notification()
    const { headers, bytes } = genuine
    const connection = await openConnection(reception.port)
    const framing = { 'Content-Length': String(bytes.length) }
    await connection.write(head({ headers }, framing), bytes.subarray(0, 100))
    const response = await connection.answer()
    expectAnswer(response, 408, 'body-too-slow')
    expect(response.headers['connection']).toBe('close')
    await connection.closed
    await expectStillNew(reception, genuine)
  })

  it('answers 408 and closes when a chunked body stops half-way [D10, S10]', async () => {
    const reception = await open(host, { bodyTimeoutMs: 50 })
    const genuine = notification()
    const connection = await openConnection(reception.port)
    await connection.write(head(genuine, { 'Transfer-Encoding': 'chunked' }), '3\r\n{"i\r\n')
    expectAnswer(await connection.answer(), 408, 'body-too-slow')
    await connection.closed
    await expectStillNew(reception, genuine)
  })

  it('answers 413 when the body is over the limit [A11]', async () => {
    const reception = await open(host, { maxBodyBytes: 1024 })
    expectAnswer(await reception.deliver(signed('7'.repeat(1025))), 413, 'body-too-large')
    expect(reception.handled).toEqual([])
  })

  it.each([
    ['gzip [A16]', 'gzip', gzipSync],
    ['deflate [A16]', 'deflate', deflateSync],
    ['br [A16]', 'br', brotliCompressSync],
    ['gzip, gzip [A18]', 'gzip, gzip', (bytes: Buffer) => gzipSync(gzipSync(bytes))],
    ['bogus [A18]', 'bogus', (bytes: Buffer) => bytes],
  ])(
    'answers 415 to Content-Encoding %s, whichever bytes are signed',
    async (_name, encoding, encode) => {
      const reception = await open(host)
      const genuine = notification()
      const encoded = encode(Buffer.from(genuine.bytes))
      for (const { headers } of [genuine, signed(encoded)]) {
        const request = { headers: { ...headers, 'Content-Encoding': encoding }, body: encoded }
        expectAnswer(await reception.send(request), 415, 'body-encoded')
      }
      await expectStillNew(reception, genuine)
    },
  )

  it('answers 415 to a compression bomb before it is decompressed [A17]', async () => {
    const reception = await open(host)
    const genuine = notification()
    const headers = { ...genuine.headers, 'Content-Encoding': 'gzip' }
    const body = gzipSync(Buffer.alloc(20 * 1024 * 1024, '7'))
    expectAnswer(await reception.send({ headers, body }), 415, 'body-encoded')
    await expectStillNew(reception, genuine)
  })

  it.each([
    ['identity [A19]', 'identity'],
    ['UTF-8, which is a charset [A46]', 'UTF-8'],
    ['identity, twice [A47]', 'identity, identity'],
  ])('answers 200 to Content-Encoding %s', async (_name, encoding) => {
    const reception = await open(host)
    const { headers, bytes } = notification()
    const encoded = { ...headers, 'Content-Encoding': encoding }
    expectAnswer(await reception.send({ headers: encoded, body: bytes }), 200, 'handled')
    expect(reception.handled).toHaveLength(1)
  })
})
