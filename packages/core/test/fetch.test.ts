import { describe, expect, it } from 'vitest'
import { fetchDelivery, fetchHeaders } from '../src/receive/fetch-delivery.ts'
import { replyTo } from '../src/reply/reply.ts'

const LIMITS = { maxBytes: 1000, timeoutMs: 1000 }
const UNUSABLE = new TypeError('Body is unusable')

function requestWith(headers: Record<string, string>, init: RequestInit = {}): Request {
  return new Request('http://127.0.0.1/webhooks', { method: 'POST', body: '{}', headers, ...init })
}

describe('a body that a server refuses to read', () => {
  const broken = (): Promise<ArrayBuffer> => Promise.reject(UNUSABLE)

  // @hono/node-server 2.0 rejects so when the sender has left.
  it('is aborted if the sender disconnected [D23]', async () => {
    const request = requestWith({ 'content-length': '2' }, { signal: AbortSignal.abort() })
    const reading = fetchDelivery(request, broken).body(LIMITS)
    await expect(reading).rejects.toMatchObject({ code: 'body-aborted', cause: UNUSABLE })
  })

  it('is consumed if the sender is still connected [D23]', async () => {
    const reading = fetchDelivery(requestWith({ 'content-length': '2' }), broken).body(LIMITS)
    await expect(reading).rejects.toMatchObject({ code: 'body-consumed', cause: UNUSABLE })
  })

  it('is consumed if the request, such as one of a framework, has no signal [D25]', async () => {
    const { headers } = requestWith({ 'content-length': '2' })
    const request = { method: 'POST', headers, bodyUsed: false, body: null } as Request
    const reading = fetchDelivery(request, broken).body(LIMITS)
    await expect(reading).rejects.toMatchObject({ code: 'body-consumed', cause: UNUSABLE })
  })

  it('is consumed if it was read before the sender disconnected [D23]', async () => {
    const leaving = new AbortController()
    const request = requestWith({ 'content-length': '2' }, { signal: leaving.signal })
    await request.text()
    leaving.abort()
    const reading = fetchDelivery(request, broken).body(LIMITS)
    await expect(reading).rejects.toMatchObject({ code: 'body-consumed', cause: UNUSABLE })
  })
})

describe('a host that reads a whole body itself', () => {
  const whole = async (): Promise<ArrayBuffer> => new Uint8Array([7, 7]).buffer

  it('is used for a body of up to 4 KiB', async () => {
    const delivery = fetchDelivery(requestWith({ 'content-length': '4096' }), whole)
    expect(await delivery.body({ ...LIMITS, maxBytes: 5000 })).toEqual(new Uint8Array([7, 7]))
  })

  it('is not used for a longer one, whose chunks it would keep [A44]', async () => {
    const delivery = fetchDelivery(requestWith({ 'content-length': '4097' }), whole)
    const body = await delivery.body({ ...LIMITS, maxBytes: 5000 })
    expect(Buffer.from(body).toString()).toBe('{}')
  })
})

describe('the headers of a fetch answer', () => {
  const chunked = { 'transfer-encoding': 'chunked' }

  it.each([
    ['a body of unknown length is unread', chunked, 'signature-missing'],
    ['a long body is unread', { 'content-length': '262145' }, 'signature-missing'],
    ['a body came too slowly', { 'content-length': '9' }, 'body-too-slow'],
  ] as const)('close the connection when %s [D22]', (_name, headers, outcome) => {
    const request = requestWith({ host: 'localhost', ...headers })
    expect(fetchHeaders(request, replyTo(outcome))).toMatchObject({ connection: 'close' })
  })

  it.each([
    ['a short body is unread', { host: 'localhost', 'content-length': '262144' }],
    ['there is no body', { host: 'localhost' }],
    ['the request came by HTTP/2, which has no host', chunked],
  ])('keep the connection when %s [D22, D24]', (_name, headers) => {
    expect(fetchHeaders(requestWith(headers), replyTo('signature-missing'))).not.toHaveProperty(
      'connection',
    )
  })

  it('keep the connection when the body was read [D22]', async () => {
    const request = requestWith({ host: 'localhost', ...chunked })
    await request.text()
    expect(fetchHeaders(request, replyTo('signature-mismatch'))).not.toHaveProperty('connection')
  })
})
