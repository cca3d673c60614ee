import { nodeWebhooks } from '@hongbao/core/node'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { serve, type Host } from './host.ts'
import { hosts } from './hosts.ts'
import { fetchHost } from './hosts/fetch.ts'
import { chunk, head, LAST_CHUNK, openConnection, type RawRequest } from './raw-http.ts'
import { expectAnswer, notification, open, type AnswerName, type Reception } from './reception.ts'

const MEBIBYTE = 1024 * 1024
const CHUNKED = { 'Transfer-Encoding': 'chunked' }
const LONG = { 'Content-Length': String(1024 * MEBIBYTE) }

// What the kernel takes of the client and holds for the server, which does not read it; Linux lets it grow to this.
const BUFFERS_BYTES = 24 * MEBIBYTE

describe.each(hosts)('a body that $name leaves unread', (host) => {
  it.each([
    ['401 without a signature', 401, 'signature-missing', {}, CHUNKED],
    ['401 without a signature, of a known length', 401, 'signature-missing', {}, LONG],
    [
      '401 with half a signature',
      401,
      'signature-malformed',
      { headers: { 'x-pingplusplus-signature': 'AAAA' } },
      CHUNKED,
    ],
    ['405', 405, 'method-not-allowed', { method: 'PUT' }, CHUNKED],
    ['415', 415, 'body-encoded', { headers: { 'Content-Encoding': 'gzip' } }, CHUNKED],
    ['413 by its length', 413, 'body-too-large', { headers: notification().headers }, LONG],
    ['413 by counting', 413, 'body-too-large', { headers: notification().headers }, CHUNKED],
  ] as const)(
    'ends the connection after %s [D22]',
    async (_name, status, name, request, framing) => {
      const reception = await open(host)
      const { answer, sentBytes } = await sendForEver(reception, request, framing)
      expect(answer).toMatch(closing(status, name))
      expect(sentBytes).toBeLessThan(BUFFERS_BYTES)
    },
  )

  it.each(['HTTP/2.0', 'HTTP/0.9', 'HTTP/1.0'])(
    'is answered 413 and ends the connection although the request says %s [D25]',
    async (version) => {
      const reception = await open(host)
      const headers = { Host: 'localhost', ...notification().headers }
      const connection = await openConnection(reception.port)
      await connection.write(head({ version, headers }, LONG))
      expectAnswer(await connection.answer(), 413, 'body-too-large')
      await connection.closed
      expect(reception.log).toEqual([expect.stringContaining('body-too-large')])
    },
  )

  it('keeps the connection when the body is small and comes after the refusal [D22]', async () => {
    const reception = await open(host)
    const { headers, bytes } = notification()
    const connection = await openConnection(reception.port)
    const framing = { 'Content-Length': String(bytes.byteLength) }
    await connection.write(head({}, framing))
    expectAnswer(await connection.answer(), 401, 'signature-missing')
    await connection.write(bytes, head({ headers }, framing), bytes)
    expectAnswer(await connection.answer(), 200, 'handled')
    connection.reset()
  })

  it('closes the connection after 408, whatever the length [D10, D22]', async () => {
    const reception = await open(host, { bodyTimeoutMs: 20 })
    const connection = await openConnection(reception.port)
    await connection.write(head(notification(), { 'Content-Length': '9' }), '{')
    const answer = await connection.answer()
    expectAnswer(answer, 408, 'body-too-slow')
    expect(answer.headers).toMatchObject({ connection: 'close' })
    await connection.closed
  })
})

describe.each<Pick<Host, 'name' | 'start'>>([
  { name: 'node:http', start: (webhooks) => serve(nodeWebhooks(webhooks, { path: '/webhooks' })) },
  fetchHost,
])('a body for another path in $name', (host) => {
  it('ends the connection after 404 [D22]', async () => {
    const reception = await open(host)
    const { answer, sentBytes } = await sendForEver(reception, { target: '/other' }, CHUNKED)
    expect(answer).toMatch(closing(404, 'path-mismatch'))
    expect(sentBytes).toBeLessThan(BUFFERS_BYTES)
  })
})

// The others have no access to the connection: it is closed at once.
const lingering = hosts.filter(({ name }) => name !== 'hono' && name !== 'fetch')

describe.each(lingering)('a sender that $name refuses', (host) => {
  it('may end its body, and is not reset before it has read the answer [D22]', async () => {
    const reception = await open(host)
    const socket = connect({ port: reception.port, host: '127.0.0.1', allowHalfOpen: true })
    const hasAnswer = once(socket, 'data')
    const hasEnded = once(socket, 'end')
    const isClosed = once(socket, 'close')
    socket.write(head({}, CHUNKED))
    const [answer] = (await hasAnswer) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 /)
    await hasEnded
    for (let sent = 0; sent < 100; sent += 1) socket.write(chunk('7'.repeat(1000)))
    socket.end(LAST_CHUNK)
    const [hadError] = (await isClosed) as [boolean]
    expect(hadError).toBe(false)
  })
})

/** A whole answer, after which the connection is closed. */
function closing(status: number, name: AnswerName): RegExp {
  return new RegExp(`^HTTP/1\\.1 ${status} .*\r\nconnection: close\r\n.*"${name}"}$`, 'is')
}

/** Sends a body that does not end, up to 300 MiB, and stops only when the connection is gone. */
async function sendForEver(
  { port }: Reception,
  request: RawRequest,
  framing: Readonly<Record<string, string>>,
) {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const closed = new Promise<false>((resolve) => socket.once('close', () => resolve(false)))
  const received: Buffer[] = []
  socket.on('data', (data) => received.push(data)).on('error', () => {})
  const part = framing === CHUNKED ? chunk(Buffer.alloc(MEBIBYTE / 4)) : Buffer.alloc(MEBIBYTE / 4)
  let sentBytes = 0
  let isSent = await Promise.race([write(socket, head(request, framing)), closed])
  while (isSent && sentBytes < 300 * MEBIBYTE) {
    isSent = await Promise.race([write(socket, part), closed])
    sentBytes += part.byteLength
  }
  socket.destroy()
  await closed
  return { answer: Buffer.concat(received).toString(), sentBytes }
}

/** Tells whether the kernel took it. */
function write(socket: Socket, part: string | Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    socket.write(part, (error) => resolve(!(error instanceof Error)))
  })
}
