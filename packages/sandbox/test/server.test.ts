import { Hono } from 'hono'
import { once } from 'node:events'
import { request, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { listen, type Listening, type ListenOptions } from '../src/http/server.ts'

const opened: Listening[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()))
})

describe('a server', () => {
  it('takes a free port and says where it is', async () => {
    const server = await open()
    expect(server.port).toBeGreaterThan(0)
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
    // `fetch` of Node 22 leaves out an empty query.
    expect(await send(server, {}, '/path?')).toMatchObject({ body: { target: '/path?' } })
  })

  it('listens on ::1 too', async () => {
    const server = await open({ host: '::1' })
    expect(server.url).toBe(`http://[::1]:${server.port}`)
    expect((await fetch(server.url)).status).toBe(200)
  })

  it('names an address to connect to when it listens on all', async () => {
    const server = await open({ host: '0.0.0.0', allowRemote: true })
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
    expect((await fetch(server.url)).status).toBe(200)
  })

  it('leaves the global Request and Response alone', async () => {
    const { Request: before, Response: beforeToo } = globalThis
    await open()
    expect(globalThis.Request).toBe(before)
    expect(globalThis.Response).toBe(beforeToo)
  })

  it.each(['0.0.0.0', '::', '192.0.2.7', 'example.com', '127.0.0.1.example.com'])(
    'does not listen on %s without allowRemote',
    async (host) => {
      await expect(open({ host })).rejects.toMatchObject({
        name: 'SandboxError',
        code: 'host-remote',
        message: expect.stringContaining('--allow-remote'),
      })
    },
  )

  it('says when a port is taken', async () => {
    const { port } = await open()
    await expect(open({ port })).rejects.toMatchObject({
      name: 'SandboxError',
      code: 'port-taken',
      message: expect.stringContaining(`127.0.0.1:${port} is taken`),
    })
  })

  it('says when the address is not of this machine', async () => {
    await expect(open({ host: '192.0.2.7', allowRemote: true })).rejects.toMatchObject({
      code: 'option-invalid',
      message: expect.stringContaining('is not an address of this machine'),
    })
  })

  it('closes at once, though a stream, a request without an answer and an idle socket are open', async () => {
    const server = await open()
    const stream = await fetch(`${server.url}/stream`)
    const reader = stream.body?.getReader()
    await reader?.read()
    const isCut = (): string => 'cut'
    const hung = fetch(`${server.url}/hang`).then(() => 'answered', isCut)
    const idle = connect(server.port, '127.0.0.1').on('error', isCut)
    await once(idle, 'connect')
    const closed = new Promise((resolve) => void idle.once('close', resolve))

    await server.close()
    await closed
    expect(await hung).toBe('cut')
    expect(await reader?.read().then(() => 'more', isCut)).toBe('cut')
    expect(await fetch(server.url).then(() => 'answered', isCut)).toBe('cut')
    await server.close()
  })
})

describe('the Host header', () => {
  it.each([
    'localhost',
    'localhost:9',
    'LOCALHOST.:4141',
    'app.localhost',
    '127.0.0.1',
    '127.8.8.8:80',
    '[::1]:4141',
    'host.docker.internal:4141',
    'host.containers.internal',
  ])('may be %s', async (host) => {
    const server = await open()
    expect((await send(server, { host })).status).toBe(200)
  })

  it.each([
    'evil.example',
    'evil.example:4141',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    'evil.example#localhost',
    'notlocalhost',
    '192.168.1.7:4141',
    '[2001:db8::1]',
    '[::1',
    '::1',
    'localhost:4141:80',
    'localhost, evil.example',
  ])('must not be "%s"', async (host) => {
    const server = await open()
    const { status, body } = await send(server, { host })
    expect(status).toBe(403)
    expect(body).toMatchObject({ error: { code: 'host-foreign' } })
  })

  it('may be what the server was told to listen on', async () => {
    const server = await open({ host: '0.0.0.0', allowRemote: true })
    expect((await send(server, { host: '0.0.0.0' })).status).toBe(200)
  })

  it.each(['192.168.1.7:4141', '[2001:db8::1]:4141', 'sandbox:4141', 'laptop.local'])(
    'may be %s with allowRemote',
    async (host) => {
      const server = await open({ allowRemote: true })
      expect((await send(server, { host })).status).toBe(200)
    },
  )

  it('must not be a public name even with allowRemote', async () => {
    const server = await open({ allowRemote: true })
    const { status, body } = await send(server, { host: 'evil.example:4141' })
    expect(status).toBe(403)
    expect(body.error.message).toContain('Start the sandbox with that name')
  })

  it('cannot be replaced by an absolute request target', async () => {
    const server = await open()
    const { status } = await send(server, { host: 'localhost' }, 'http://evil.example/')
    expect(status).toBe(400)
  })
})

async function open(options: Partial<ListenOptions> = {}): Promise<Listening> {
  const app = new Hono<{ Bindings: { incoming: { url: string } } }>()
  app.get('/hang', () => new Promise<Response>(() => {}))
  app.get('/stream', () => {
    const body = new ReadableStream({ start: (controller) => controller.enqueue('x') })
    return new Response(body.pipeThrough(new TextEncoderStream()))
  })
  app.get('*', (c) => c.json({ target: c.env.incoming.url }))
  const server = await listen(app.fetch, {
    host: '127.0.0.1',
    port: 0,
    allowRemote: false,
    ...options,
  })
  opened.push(server)
  return server
}

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: { readonly error: { readonly code: string; readonly message: string } }
}

/** With `node:http`, because `fetch` sets the Host header itself. */
async function send(
  { port }: Listening,
  headers: Record<string, string>,
  path = '/',
): Promise<Answer> {
  const sent = request({ host: '127.0.0.1', port, path, headers, agent: false }).end()
  const [response] = await once(sent, 'response')
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode, headers: response.headers, body: JSON.parse(text) }
}
