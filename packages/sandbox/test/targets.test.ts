import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  createServer as createHttpServer,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Engine } from '../src/engine/engine.ts'
import type { Attempt } from '../src/events/sandbox-event.ts'
import type { Target } from '../src/delivery/target.ts'
import { createClock } from '../src/clock/timer-clock.ts'
import { createLookup } from '../src/delivery/target-address.ts'
import { freePort, httpApp, isGenuine, openEngine } from './open-engine.ts'

const servers: Server[] = []
const sockets = new Set<Socket>()
afterEach(async () => {
  const closed = servers.splice(0).map((server) => once(server.close(), 'close'))
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  await Promise.all(closed)
})

describe('a target with a URL', () => {
  it('gets a POST with the body, its length, the signature, and the URL as it is written', async () => {
    const seen: Record<string, unknown>[] = []
    const port = await serve((request, response) => {
      const { method, url, headers } = request
      const chunks: Buffer[] = []
      request
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => {
          seen.push({ method, url, headers, body: Buffer.concat(chunks) })
          response.end()
        })
    })
    const engine = openEngine({ target: `http://127.0.0.1:${port}/a%2Fb?shop=1&x=%20` })
    const { bytes, signature } = engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    expect(seen).toEqual([
      {
        method: 'POST',
        url: '/a%2Fb?shop=1&x=%20',
        body: bytes,
        headers: {
          host: `127.0.0.1:${port}`,
          'content-type': 'application/json;charset=UTF-8',
          'content-length': String(bytes.length),
          'x-pingplusplus-signature': signature,
          'user-agent': 'hongbao-sandbox',
          connection: 'close',
        },
      },
    ])
  })

  it('is asked on a connection of its own each time', async () => {
    const connections = new Set<Socket>()
    const port = await serve((request, response) => {
      connections.add(request.socket)
      request.resume().on('end', () => response.writeHead(500).end())
    })
    const engine = openEngine({ target: `http://127.0.0.1:${port}/` })
    engine.trigger('charge.succeeded')
    await engine.clock.drain()
    expect(connections.size).toBe(11)
  })

  it('gets 200 notifications of one moment, not all on connections at a time', async () => {
    let open = 0
    let most = 0
    const port = await serve((request, response) => {
      open += 1
      most = Math.max(most, open)
      request.resume().on('end', () => setImmediate(() => response.end()))
      response.on('finish', () => (open -= 1))
    })
    const engine = openEngine({
      clock: createClock({ speed: 1 }),
      target: `http://127.0.0.1:${port}/`,
      responseTimeoutMs: 10_000,
    })
    for (let each = 0; each < 200; each += 1) engine.trigger('charge.succeeded')
    await engine.clock.settled()
    expect(engine.events().filter(({ status }) => status === 'delivered')).toHaveLength(200)
    expect(most).toBeLessThanOrEqual(64)
    await engine.close()
  })

  it('is not connected to by notifications that waited for their turn when the sandbox was reset', async () => {
    const port = await serve((request, response) => {
      if (request.method === 'GET') response.end()
    })
    const target = `http://127.0.0.1:${port}/`
    const engine = openEngine({ clock: createClock({ speed: 1 }), target })
    for (let each = 0; each < 100; each += 1) engine.trigger('charge.succeeded')
    await expect.poll(() => sockets.size).toBe(64)
    await engine.reset()
    // Connections are accepted in their order.
    await fetch(target)
    expect(sockets.size).toBe(65)
    await engine.close()
  })

  it('gets nothing more after a reset, not even what waits for a connection', async () => {
    let received = 0
    const port = await serve((request) => {
      request.resume().on('end', () => (received += 1))
    })
    const engine = openEngine({
      clock: createClock({ speed: 1 }),
      target: `http://127.0.0.1:${port}/`,
    })
    for (let each = 0; each < 200; each += 1) engine.trigger('charge.succeeded')
    await expect.poll(() => received).toBe(64)
    await engine.reset()
    await engine.clock.settled()
    expect(received).toBe(64)
    expect(engine.events()).toEqual([])
    await engine.close()
  })

  it.each<[string, RequestListener]>([
    ['does not reply in time', () => {}],
    ['sends a reply without an end', (_, response) => endless(response)],
    ['stops in the middle of its reply', (_, response) => void response.write('{')],
  ])('loses its connection when it %s', async (_, listener) => {
    const port = await serve(listener)
    await deliverTo(`http://127.0.0.1:${port}/`, 200)
    await expect.poll(() => [...sockets].map((socket) => socket.destroyed)).toEqual([true])
  })

  it.each(['127.0.0.1', '::1'])('called localhost may listen on %s', async (host) => {
    const port = await serve(
      (request, response) => request.resume().on('end', () => response.end()),
      host,
    )
    const attempt = await deliverTo(`http://localhost:${port}/`)
    expect(attempt).toMatchObject({ ok: true, response: { status: 200 } })
  })

  it('does not have its redirects followed', async () => {
    const asked: (string | undefined)[] = []
    const port = await serve((request, response) => {
      asked.push(request.url)
      response.writeHead(302, { location: '/elsewhere' }).end()
    })
    const attempt = await deliverTo(`http://127.0.0.1:${port}/`)
    expect(attempt).toMatchObject({
      ok: false,
      response: { status: 302, headers: { location: '/elsewhere' } },
    })
    expect(asked).toEqual(['/'])
  })

  it('has 64 KB of its answer kept, and the rest cut off', async () => {
    const port = await serve((_, response) => void response.end('x'.repeat(1_000_000)))
    const { response } = await deliverTo(`http://127.0.0.1:${port}/`)
    expect(response?.status).toBe(200)
    expect(response?.body).toEqual(Buffer.alloc(65_536, 'x'))
    expect(response?.truncated).toBe(true)
  })

  it('has exactly 64 KB kept whole', async () => {
    const port = await serve((_, response) => void response.end('x'.repeat(65_536)))
    const { response } = await deliverTo(`http://127.0.0.1:${port}/`)
    expect(response).toMatchObject({ truncated: false })
    expect(response?.body).toHaveLength(65_536)
  })

  it('counts as soon as its status is there, whatever becomes of the rest', async () => {
    const port = await serve((_, response) => {
      response.write('half of it')
      setImmediate(() => response.destroy())
    })
    const attempt = await deliverTo(`http://127.0.0.1:${port}/`)
    expect(attempt).toMatchObject({ ok: true, response: { status: 200, truncated: true } })
    expect(attempt.response?.body.toString()).toBe('half of it')
  })

  it('counts, too, where the rest does not come in time', async () => {
    const port = await serve((_, response) => void response.write('half of it'))
    const attempt = await deliverTo(`http://127.0.0.1:${port}/`, 500)
    expect(attempt).toMatchObject({ ok: true, response: { status: 200, truncated: true } })
  })

  it('may answer before it has the whole body', async () => {
    const port = await serve((_, response) => void response.writeHead(413).end('too large'))
    const attempt = await deliverTo(`http://127.0.0.1:${port}/`)
    expect(attempt).toMatchObject({ ok: false, response: { status: 413 } })
  })
})

describe('why no answer came', () => {
  it('nothing listens', async () => {
    const port = await freePort()
    expect(await deliverTo(`http://127.0.0.1:${port}/`)).toMatchObject({
      ok: false,
      response: undefined,
      errorCode: 'connection-refused',
      error: expect.stringContaining(`Nothing listens on 127.0.0.1:${port}.`) as string,
    })
    expect(await deliverTo(`http://localhost:${port}/`)).toMatchObject({
      errorCode: 'connection-refused',
    })
  })

  it('the app does not answer in time', async () => {
    const port = await serve(() => {})
    expect(await deliverTo(`http://127.0.0.1:${port}/`, 30)).toMatchObject({
      errorCode: 'timeout',
      error: 'The app did not reply within 30 ms.',
    })
  })

  it('the app resets the connection', async () => {
    const port = await serve((request) => void request.socket.resetAndDestroy())
    expect(await deliverTo(`http://127.0.0.1:${port}/`)).toMatchObject({
      errorCode: 'connection-reset',
    })
  })

  it('the app closes the connection without an answer', async () => {
    const port = await serve((request) => void request.socket.destroy())
    expect(await deliverTo(`http://127.0.0.1:${port}/`)).toMatchObject({
      errorCode: 'connection-reset',
    })
  })

  it('what answers is not HTTP', async () => {
    const port = await listenOn(
      createServer((socket) => void socket.end('SSH-2.0-OpenSSH_9.9\r\n')),
    )
    expect(await deliverTo(`http://127.0.0.1:${port}/`)).toMatchObject({ errorCode: 'failed' })
  })

  it('https is spoken to what is not', async () => {
    const port = await serve((_, response) => void response.end())
    expect(await deliverTo(`https://127.0.0.1:${port}/`)).toMatchObject({ errorCode: 'tls' })
  })

  it('nobody vouches for its certificate', async () => {
    const [key, cert] = selfSigned()
    const server = createTlsServer({ key, cert }, (_, response) => void response.end())
    const port = await listenOn(server)
    expect(await deliverTo(`https://localhost:${port}/`)).toMatchObject({
      errorCode: 'tls',
      error: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string,
    })
  })

  it('its name does not resolve', async () => {
    // A label of 64 letters: refused by the resolver of the machine, which asks nobody for it.
    const attempt = await deliverTo(`http://${'a'.repeat(64)}.invalid/`, 5000)
    expect(attempt.errorCode).toBe('dns')
  })

  it('tells the journal', async () => {
    const engine = openEngine({ target: `http://127.0.0.1:${await freePort()}/` })
    engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    const finished = engine.journal.since(0).find(({ type }) => type === 'attempt.finished')
    expect(finished).toMatchObject({ ok: false, error: expect.stringContaining('Nothing listens') })
    expect(finished).not.toHaveProperty('status', expect.anything())
  })
})

describe('where notifications may go', () => {
  it.each([
    'http://127.0.0.1:3000/webhooks',
    'http://127.8.8.8/webhooks',
    'http://[::1]:3000/',
    'http://localhost:3000/',
    'http://shop.localhost/',
    'https://LOCALHOST./',
    new URL('http://localhost:3000/'),
  ])('to %s', (target) => {
    const engine = openEngine()
    engine.setTarget(target)
    expect(engine.target).toBe(new URL(target).href)
  })

  it.each([
    'http://192.168.1.2/',
    'http://8.8.8.8/',
    'http://[2001:db8::1]/',
    'http://3232235777/',
  ])('not to %s, unless it is allowed', (target) => {
    expect(() => openEngine({ target })).toThrow(
      expect.objectContaining({
        code: 'target-remote',
        message: expect.stringContaining('allowRemote'),
      }),
    )
    expect(openEngine({ target, allowRemote: true }).target).not.toBeNull()
  })

  it.each<[unknown, RegExp]>([
    ['127.0.0.1:3000', /http:/],
    ['ftp://127.0.0.1/', /http:/],
    ['', /http:/],
    [42, /http:/],
    [{}, /http:/],
    ['http://shop:secret@127.0.0.1/', /user name/],
    ['http://0.0.0.0:3000/', /127\.0\.0\.1/],
    ['http://[::]:3000/', /127\.0\.0\.1/],
  ])('not to %j, which is not a target', (target, message) => {
    const engine = openEngine()
    expect(() => engine.setTarget(target as Target)).toThrow(
      expect.objectContaining({ code: 'target-invalid', message: expect.stringMatching(message) }),
    )
    expect(() => engine.setTarget(target as Target)).not.toThrow(/secret/)
  })

  it.each<[string, string[], boolean, string]>([
    ['on this machine', ['127.0.0.1', '::1'], false, 'resolved'],
    ['elsewhere', ['10.0.0.7'], false, 'target-remote'],
    ['here and elsewhere', ['127.0.0.1', '2001:db8::1'], false, 'target-remote'],
    ['elsewhere, and that is allowed', ['10.0.0.7'], true, 'resolved'],
  ])('looks at a name when it is resolved: one that is %s', (_, addresses, isAllowed, expected) => {
    const lookup = createLookup(isAllowed, (_name, _options, callback) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      ),
    )
    const results: unknown[] = []
    lookup('shop.example', { all: true }, (error) => {
      results.push(error === null ? 'resolved' : error.code)
    })
    expect(results).toEqual([expected])
  })

  it('keeps the old target where the new one is refused', () => {
    const engine = openEngine({ target: 'http://127.0.0.1:3000/' })
    expect(() => engine.setTarget('http://192.168.1.2/')).toThrow('192.168.1.2')
    expect(engine.target).toBe('http://127.0.0.1:3000/')
  })
})

describe('a target that is a function', () => {
  it('gets a Request that verifies', async () => {
    const seen: unknown[] = []
    const attempt = await deliverTo(async (request) => {
      const body = Buffer.from(await request.arrayBuffer())
      const { method, url, headers } = request
      const signature = headers.get('x-pingplusplus-signature') ?? undefined
      seen.push([method, new URL(url).pathname, isGenuine({ body, signature })])
      return Response.json({ outcome: 'handled' }, { headers: { 'x-shop': '1' } })
    })
    expect(seen).toEqual([['POST', '/webhooks', true]])
    expect(attempt).toMatchObject({
      ok: true,
      response: { status: 200, headers: { 'x-shop': '1' } },
    })
  })

  it.each<[string, Target, string, string]>([
    ['throws', () => JSON.parse('{') as Response, 'app-threw', 'SyntaxError'],
    ['rejects', async () => JSON.parse('{') as Response, 'app-threw', 'SyntaxError'],
    ['rejects with a text', () => Promise.reject('no'), 'app-threw', 'a string'],
    ['answers nothing', () => undefined as unknown as Response, 'app-threw', 'type undefined'],
    ['answers null', () => null as unknown as Response, 'app-threw', 'null'],
    ['never answers', () => new Promise(() => {}), 'timeout', '30 ms'],
  ])('that %s has failed', async (_, target, errorCode, error) => {
    const attempt = await deliverTo(target, 30)
    expect(attempt).toMatchObject({ ok: false, errorCode, response: undefined })
    expect(attempt.error).toContain(error)
  })

  it('has an endless answer cut off, and no longer read', async () => {
    const { promise: cancelled, resolve } = Promise.withResolvers<string>()
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(16 * 1024)),
      cancel: () => resolve('cancelled'),
    })
    const attempt = await deliverTo(() => new Response(body))
    expect(attempt).toMatchObject({ ok: true, response: { status: 200, truncated: true } })
    expect(await cancelled).toBe('cancelled')
  })

  it('has 64 KB of its answer kept', async () => {
    const { response } = await deliverTo(() => new Response('x'.repeat(100_000)))
    expect(response).toMatchObject({ status: 200, truncated: true })
    expect(response?.body).toHaveLength(65_536)
  })

  it('counts as soon as its status is there', async () => {
    const never = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from('half')),
    })
    const late = await deliverTo(() => new Response(never, { status: 201 }), 300)
    expect(late).toMatchObject({ ok: true, response: { status: 201, truncated: true } })
    expect(late.response?.body.toString()).toBe('half')
    const broken = new ReadableStream({
      start(controller) {
        controller.error(new Error('broken'))
      },
    })
    expect(await deliverTo(() => new Response(broken))).toMatchObject({
      ok: true,
      response: { status: 200, truncated: true },
    })
  })

  it('is not heard any more after its time', async () => {
    const answer = Promise.withResolvers<Response>()
    const engine = openEngine({ target: () => answer.promise, responseTimeoutMs: 20 })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    answer.resolve(new Response())
    await answer.promise
    expect(engine.event(id)).toMatchObject({
      status: 'pending',
      attempts: [{ errorCode: 'timeout' }],
    })
  })
})

describe('an app that goes away and comes back', () => {
  it('is delivered to again on the same address', async () => {
    const first = await httpApp(500)
    const engine = openEngine({ target: first.target })
    const { id } = engine.trigger('charge.succeeded')
    await engine.clock.settled()
    await first.close()
    await engine.clock.next()
    const back = createHttpServer((request, response) =>
      request.resume().on('end', () => response.end()),
    )
    await listenOn(back, '127.0.0.1', first.port)
    await engine.clock.next()
    expect(
      engine.event(id)?.attempts.map(({ response, errorCode }) => response?.status ?? errorCode),
    ).toEqual([500, 'connection-refused', 200])
  })
})

/** The first attempt at a target. */
async function deliverTo(target: Target, responseTimeoutMs = 2000): Promise<Attempt> {
  const engine = openEngine({ target, responseTimeoutMs })
  engine.trigger('red_envelope.sent')
  await engine.clock.settled()
  return firstAttempt(engine)
}

function firstAttempt(engine: Engine): Attempt {
  const attempt = engine.events()[0]?.attempts[0]
  if (attempt === undefined) throw new Error('no attempt')
  return attempt
}

function endless(response: ServerResponse): void {
  while (response.write('x'.repeat(65_536)));
  response.once('drain', () => endless(response))
}

function serve(listener: RequestListener, host = '127.0.0.1'): Promise<number> {
  return listenOn(createHttpServer(listener), host)
}

async function listenOn(server: Server, host = '127.0.0.1', port = 0): Promise<number> {
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.listen(port, host)
  await once(server, 'listening')
  servers.push(server)
  return (server.address() as AddressInfo).port
}

/** A certificate that nobody vouches for; openssl is there for other tests too. */
function selfSigned(): [key: string, cert: string] {
  const pem = execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', '-', '-subj', '/CN=localhost'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  )
  return [pem, pem]
}
