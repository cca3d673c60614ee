import { once } from 'node:events'
import { createServer, IncomingMessage, request as httpRequest, ServerResponse } from 'node:http'
import { Socket, type AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { fetchWebhooks } from '../src/fetch.ts'
import { createWebhooks, OptionError } from '../src/index.ts'
import { nodeHeaders } from '../src/receive/node-delivery.ts'
import { createMount } from '../src/receive/mount.ts'
import { nodeDelivery } from '../src/receive/node-delivery.ts'
import { nodeWebhooks, type NodeListener } from '../src/node.ts'
import { replyTo } from '../src/reply/reply.ts'
import { createTestKeys, eventFixture, signDelivery } from '../src/testing.ts'

const KEYS = createTestKeys()
const receiver = createWebhooks({ publicKey: KEYS.publicKey, logger: false }).on('*', () => {})

describe('a mount', () => {
  it.each(['webhooks', '', '/webhooks?x=1', '/webhooks#top', 5, null])(
    'is refused at start-up if its path could never match: %j',
    (path) => {
      for (const mount of [nodeWebhooks, fetchWebhooks]) {
        expect(() => mount(receiver, { path: path as string })).toThrow(OptionError)
        expect(() => mount(receiver, { path: path as string })).toThrow(
          /`path` must start with "\/"/,
        )
      }
    },
  )

  it.each([
    ['/webhooks', true],
    ['/webhooks?from=pingpp', true],
    ['http://shop.example/webhooks', true],
    ['HTTPS://shop.example:8443/webhooks?x', true],
    ['/webhooks/', false],
    ['//webhooks', false],
    ['/webhooks2', false],
    ['/Webhooks', false],
    ['http://shop.example', false],
    [undefined, false],
  ])('at /webhooks answers %s: %s', (target, expected) => {
    expect(createMount('nodeWebhooks', receiver, { path: '/webhooks' })(target)).toBe(expected)
  })
})

describe('a request that a serverless platform constructs', () => {
  // As `serverless-http` makes it.
  it.each(['1', '2', undefined])(
    'with a version that is a string, %j, is refused as any other [D25]',
    (version) => {
      const request = Object.assign(new IncomingMessage(new Socket()), {
        httpVersionMajor: version,
        headers: { 'content-length': '300000' },
      })
      const headers = nodeHeaders(request, replyTo('signature-missing'))
      expect(headers).toMatchObject({ connection: 'close' })
    },
  )

  it.each(['1', '2', undefined])(
    'with a version that is a string, %j, may have a body that is too large [D25]',
    async (version) => {
      const request = Object.assign(new IncomingMessage(new Socket()), {
        httpVersionMajor: version,
        headers: { 'content-length': '300000' },
      })
      const reading = nodeDelivery(request, '').body({ maxBytes: 1000, timeoutMs: 1000 })
      await expect(reading).rejects.toMatchObject({ code: 'body-too-large' })
    },
  )
})

describe('a listener', () => {
  // Serverless hosts send the response then, and freeze the process.
  it('returns a promise that resolves when the delivery is answered', async () => {
    const applied: string[] = []
    const webhooks = createWebhooks({ publicKey: KEYS.publicKey, logger: false })
    webhooks.on('*', async ({ type }) => {
      await setTimeout(5)
      applied.push(type)
    })
    const { bytes, headers } = signDelivery(eventFixture('red_envelope.sent'), KEYS)
    const request = Object.assign(new IncomingMessage(new Socket()), { method: 'POST', headers })
    request.push(bytes)
    request.push(null)
    const response = new ServerResponse(request)
    const answered: unknown = nodeWebhooks(webhooks)(request, response)
    await answered
    expect({ applied, ended: response.writableEnded, status: response.statusCode }).toEqual({
      applied: ['red_envelope.sent'],
      ended: true,
      status: 200,
    })
  })
})

describe('a request that is passed on', () => {
  it('passes errors of the next middleware to its caller', () => {
    const listener = nodeWebhooks(receiver, { path: '/webhooks' })
    const request = Object.assign(new IncomingMessage(new Socket()), { url: '/orders' })
    const next = (): never => {
      throw new Error('The next middleware is broken.')
    }
    const pass = (): unknown => listener(request, new ServerResponse(request), next)
    expect(pass).toThrow('The next middleware is broken.')
  })
})

describe('a response that throws', () => {
  const servers: { close(): void }[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })

  async function start(listener: NodeListener): Promise<number> {
    const server = createServer(listener).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  it('ends only its connection', async () => {
    const listener = nodeWebhooks(receiver)
    let isBroken = true
    const port = await start((request, response) => {
      if (isBroken) breakHead(response)
      listener(request, response)
    })
    await expect(post(port)).rejects.toThrow(/socket hang up|ECONNRESET/)
    isBroken = false
    expect(await post(port)).toBe(200)
  })
})

function breakHead(response: ServerResponse): void {
  response.writeHead = () => {
    throw new Error('a wrapper of another library')
  }
}

async function post(port: number): Promise<number | undefined> {
  const signed = signDelivery(eventFixture('red_envelope.sent'), KEYS)
  const request = httpRequest({ port, method: 'POST', headers: signed.headers }).end(signed.bytes)
  const [response] = await once(request, 'response')
  response.resume()
  return response.statusCode
}
