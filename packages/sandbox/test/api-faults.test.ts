import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ENVELOPE, KEY, openApi, type OpenedApi } from './open-api.ts'

let api: OpenedApi

beforeEach(async () => {
  api = await openApi()
})

afterEach(async () => {
  await api.close()
})

describe('api-error', () => {
  it('answers 500 in the dialect of Ping++, and does nothing', async () => {
    api.engine.faults.add('api-error')
    const answer = await api.post(ENVELOPE, { 'accept-language': 'en' })
    expect([answer.status, answer.json]).toEqual([
      500,
      {
        error: {
          type: 'api_error',
          message: 'Error of the Ping++ server (fault fault_1 of the sandbox).',
        },
      },
    ])
    expect(made()).toBe(0)
    expect((await api.post(ENVELOPE)).status).toBe(200)
  })

  it.each([
    [503, 'api_error'],
    [502, 'api_error'],
    [429, 'api_error'],
    [403, 'api_error'],
    [402, 'channel_error'],
    [400, 'invalid_request_error'],
  ])('answers %i as %s, with a code and Retry-After if asked', async (status, type) => {
    api.engine.faults.add('api-error', { status, code: 'some_code', retryAfterSeconds: 3 })
    const answer = await api.get('/v1/red_envelopes')
    expect(answer).toMatchObject({ status, json: { error: { type, code: 'some_code' } } })
    expect(answer.headers.get('retry-after')).toBe('3')
  })

  it('keeps to the operation, the envelope and the order that it is for', async () => {
    const id = await createEnvelope()
    api.engine.faults.add('api-error', { match: { operation: 'list' } })
    api.engine.faults.add('api-error', { match: { envelope: id, operation: 'retrieve' } })
    api.engine.faults.add('api-error', { match: { orderNo: '2' } })
    expect((await api.get('/v1/red_envelopes/red_x')).status).toBe(404)
    expect((await api.post({ ...ENVELOPE, order_no: '3' })).status).toBe(200)
    expect((await api.get('/v1/red_envelopes')).status).toBe(500)
    expect((await api.get(`/v1/red_envelopes/${id}`)).status).toBe(500)
    expect((await api.post({ ...ENVELOPE, order_no: '2' })).status).toBe(500)
    expect((await api.get(`/v1/red_envelopes/${id}`)).status).toBe(200)
  })

  it('waits for a request that is good: a refused one does not use it up', async () => {
    api.engine.faults.add('api-error')
    expect((await api.post({ ...ENVELOPE, amount: 1 })).status).toBe(400)
    expect((await api.post(ENVELOPE, { authorization: '' })).status).toBe(401)
    expect((await api.post(ENVELOPE)).status).toBe(500)
  })
})

describe('channel-failure', () => {
  it('answers 402 and makes nothing; the same order works afterwards', async () => {
    api.engine.faults.add('channel-failure')
    const answer = await api.post(ENVELOPE)
    expect([answer.status, answer.json]).toEqual([
      402,
      {
        error: {
          type: 'channel_error',
          message: '支付渠道系统繁忙,请用同一商户单号再次调用(只会发送一个红包)。',
          code: 'red_system_busy',
        },
      },
    ])
    expect(made()).toBe(0)
    expect((await api.post(ENVELOPE)).status).toBe(200)
  })

  it('may have made the envelope all the same, which the same order finds', async () => {
    api.engine.faults.add('channel-failure', { committed: true })
    expect((await api.post(ENVELOPE)).status).toBe(402)
    expect(made()).toBe(1)
    const again = await api.post(ENVELOPE)
    expect(again).toMatchObject({ status: 200, json: { order_no: '123456789' } })
    expect(made()).toBe(1)
  })

  it('has any code of the channel', async () => {
    api.engine.faults.add('channel-failure', { code: 'channel_connection_error' })
    expect(await api.post(ENVELOPE, { 'accept-language': 'en' })).toMatchObject({
      status: 402,
      json: {
        error: {
          type: 'channel_error',
          message:
            'The request to the payment channel failed. Its error: channel_connection_error.',
          code: 'channel_connection_error',
        },
      },
    })
  })
})

describe('api-latency', () => {
  it('answers late, and as ever', async () => {
    api.engine.faults.add('api-latency', { latencyMs: 50 })
    const startedMs = performance.now()
    expect((await api.post(ENVELOPE)).status).toBe(200)
    // Timers may fire a fraction of a millisecond early.
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(49)
  })

  it('is cut at a reset, and does nothing afterwards', async () => {
    api.engine.faults.add('api-latency', { latencyMs: 600_000 })
    const code = codeOf(api.post(ENVELOPE))
    await faultFired()
    await api.engine.reset()
    expect(await code).toBe('ECONNRESET')
    expect(made()).toBe(0)
  })

  it('can come before another fault', async () => {
    api.engine.faults.add('api-error', { status: 503 })
    api.engine.faults.add('api-latency', { latencyMs: 1 })
    expect((await api.post(ENVELOPE)).status).toBe(503)
    expect(api.requests()).toMatchObject([{ status: 503, faults: ['api-error', 'api-latency'] }])
  })
})

describe('api-hang', () => {
  it('never answers, and is over when the client has left', async () => {
    api.engine.faults.add('api-hang')
    const socket = connect(api.port, '127.0.0.1')
    let received = 0
    socket.on('data', (chunk: Buffer) => (received += chunk.length))
    socket.write(
      `GET /v1/red_envelopes HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${KEY}\r\n\r\n`,
    )
    await faultFired()
    const over = recorded()
    socket.destroy()
    expect(await over).toMatchObject({ status: 0, faults: ['api-hang'] })
    expect(received).toBe(0)
  })

  it('ends with the server', async () => {
    api.engine.faults.add('api-hang')
    const failure = api.post(ENVELOPE).catch((error: unknown) => error)
    await faultFired()
    await api.close()
    expect(await failure).toMatchObject({ message: 'fetch failed' })
    api = await openApi()
  })

  it('ends with a reset, as a connection that is reset', async () => {
    api.engine.faults.add('api-hang')
    const code = codeOf(api.post(ENVELOPE))
    await faultFired()
    await api.engine.reset()
    expect(await code).toBe('ECONNRESET')
    expect(api.requests()).toMatchObject([
      { status: 0, faults: ['api-hang'], reason: 'The sandbox was reset or closed.' },
    ])
    expect((await api.post(ENVELOPE)).status).toBe(200)
  })

  it('without HTTP ends with the signal of the request', async () => {
    api.engine.faults.add('api-hang')
    const caller = new AbortController()
    const failure = api.fetch(listRequest(caller.signal)).catch((error: unknown) => error)
    await faultFired()
    caller.abort(new Error('enough'))
    expect(await failure).toMatchObject({ message: 'enough' })
  })
})

describe('a connection that is reset', () => {
  it('before anything is done: api-reset', async () => {
    api.engine.faults.add('api-reset')
    expect(await codeOf(api.post(ENVELOPE))).toBe('ECONNRESET')
    expect(made()).toBe(0)
    expect(api.requests()).toMatchObject([
      { status: 0, faults: ['api-reset'], reason: 'A fault reset the connection.' },
    ])
  })

  it('after everything is done: api-answer-lost, and the same order finds the envelope [H12]', async () => {
    api.engine.faults.add('api-answer-lost')
    expect(await codeOf(api.post(ENVELOPE))).toBe('ECONNRESET')
    expect(made()).toBe(1)
    expect((await api.post(ENVELOPE)).status).toBe(200)
    expect(made()).toBe(1)
    expect(api.requests()).toMatchObject([
      { status: 0, faults: ['api-answer-lost'], reason: 'A fault lost the answer.' },
      { status: 200 },
    ])
  })

  it('really is one, and not an end', async () => {
    api.engine.faults.add('api-reset')
    const socket = connect(api.port, '127.0.0.1')
    socket.write(
      `GET /v1/red_envelopes HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${KEY}\r\n\r\n`,
    )
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
  })

  it('without HTTP rejects as fetch does', async () => {
    api.engine.faults.add('api-reset')
    await expect(api.fetch(listRequest())).rejects.toMatchObject({
      name: 'TypeError',
      message: 'fetch failed',
      cause: { code: 'ECONNRESET' },
    })
  })
})

function listRequest(signal?: AbortSignal): Request {
  return new Request('http://sandbox.test/v1/red_envelopes', {
    headers: { authorization: `Bearer ${KEY}` },
    ...(signal === undefined ? {} : { signal }),
  })
}

async function createEnvelope(): Promise<string> {
  await api.post(ENVELOPE)
  return api.engine.find(ENVELOPE.order_no)?.id ?? ''
}

function made(): number {
  return api.engine.envelopes.list({ limit: 100 })?.data.length ?? 0
}

/** Resolves with the next record of a request. */
function recorded(): Promise<unknown> {
  return new Promise((resolve) => {
    const stop = api.engine.journal.listen((record) => {
      if (record.type !== 'api.request') return
      stop()
      resolve(record)
    })
  })
}

/** Resolves when the fault that was added has fired. */
async function faultFired(): Promise<void> {
  while (api.engine.faults.list()[0]?.fired !== 1) {
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function codeOf(answer: Promise<unknown>): Promise<unknown> {
  const error: unknown = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return error instanceof Error && error.cause instanceof Error && 'code' in error.cause
    ? error.cause.code
    : error
}
