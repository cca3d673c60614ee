import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readPublishedSample } from '../../examples/tour/published-sample.ts'
import { PATIENCE_MS } from '../patience.ts'
import { findFreePort } from '../servers/server.ts'
import type { orders } from './host/orders.ts'
import { createWorkspace, removeWorkspaces } from './snippets.ts'

// What docs/moving.md says of Ping++'s npm package `pingpp`, and the receiver that replaces its sample.

const require = createRequire(import.meta.url)
const PACKAGE = dirname(require.resolve('pingpp/package.json'))
const SAMPLE = readFileSync(join(PACKAGE, 'example/webhooks_server.js'), 'utf8')

const keys = createTestKeys()
const stops: (() => unknown)[] = []

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  vi.spyOn(console, 'warn').mockImplementation(() => {})
})
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
  removeWorkspaces()
  vi.restoreAllMocks()
})

describe('the sample webhooks_server.js of pingpp', () => {
  it('answers 200 to a forged payment, and to one that it has had', async () => {
    const url = await startSample(SAMPLE)
    const forged = signDelivery(eventFixture('charge.succeeded'), createTestKeys())
    expect(await statusOf(url, forged.init())).toBe(200)
    expect(await statusOf(url, forged.init())).toBe(200)
  })

  it('answers 400 to a type that is not in its switch', async () => {
    const url = await startSample(SAMPLE)
    const event = eventFixture('red_envelope.sent')
    expect(await statusOf(url, signDelivery(event, keys).init())).toBe(400)
  })

  it('answers 400, as if the JSON were wrong, if the code of the app throws', async () => {
    const place = '// 开发者在此处加入对支付异步通知的处理代码'
    const url = await startSample(SAMPLE.replace(place, `throw new Error('the database is away')`))
    const reply = await fetch(url, signDelivery(eventFixture('charge.succeeded'), keys).init())
    expect([reply.status, await reply.text()]).toEqual([400, 'JSON 解析失败'])
  })

  async function startSample(code: string): Promise<string> {
    const port = await findFreePort()
    const program = code.replace('listen(8000', `listen(${port}`)
    const child = spawn(process.execPath, ['-e', program], { stdio: 'ignore' })
    stops.push(() => child.kill())
    const url = `http://127.0.0.1:${port}/webhooks`
    await vi.waitFor(() => fetch(url), PATIENCE_MS)
    return url
  }
})

describe('the receiver of docs/moving.md', () => {
  it('takes payments and refunds, each once, and no forged one', async () => {
    const { open, keyFile } = keyFolder()
    writeFileSync(keyFile, keys.publicKey)
    const { server, book } = await open()
    const url = await listen(server)
    await book.insert('20260217', { amount: 990 })
    const object = { order_no: '20260217', amount: 990 }
    const paid = signDelivery(eventFixture('charge.succeeded', { object }), keys)
    const refund = eventFixture('refund.succeeded', { object: { id: 're_1', amount: 330 } })

    expect(await bodyOf(url, paid.init())).toBe('{"outcome":"handled"}')
    expect(await bodyOf(url, paid.init())).toBe('{"outcome":"duplicate"}')
    expect(await bodyOf(url, signDelivery(refund, keys).init())).toBe('{"outcome":"handled"}')
    expect(book.find('20260217')).toEqual({ status: 'paid', detail: 990 })
    expect(book.notes).toEqual([['re_1', 330]])
    const forged = signDelivery(eventFixture('charge.succeeded'), createTestKeys())
    expect(await statusOf(url, forged.init())).toBe(401)
  })

  it('refuses the key that is beside the sample', async () => {
    const { open, keyFile } = keyFolder()
    writeFileSync(keyFile, readFileSync(readPublishedSample().publicKeyPath))
    await expect(open()).rejects.toMatchObject({ code: 'key-published' })
  })

  /** The modules of the page, whose key is a file of this test's own. */
  function keyFolder() {
    const folder = mkdtempSync(join(tmpdir(), 'hongbao-moving-'))
    stops.push(() => rmSync(folder, { recursive: true, force: true }))
    const keyFile = join(folder, 'pingpp_rsa_public_key.pem')
    const workspace = createWorkspace((code) =>
      code.replace(`'pingpp_rsa_public_key.pem'`, JSON.stringify(keyFile)),
    )
    async function open() {
      const { server } = await workspace.import<{ server: Server }>('moved-server.ts')
      const { orders: book } = await workspace.import<{ orders: typeof orders }>('orders.ts')
      return { server, book }
    }
    return { keyFile, open }
  }
})

describe('the SDK pingpp for Node', () => {
  it('has no types', () => {
    expect(globSync('**/*.d.ts', { cwd: PACKAGE })).toEqual([])
  })

  it('never sends a second request on a connection that was kept', async () => {
    const paths: (string | undefined)[] = []
    const server = createServer((request, response) => {
      paths.push(request.url)
      response.end('{"id":"evt_1"}')
    })
    const sdk = await connectSdk(server)
    expect(await sdk.events.retrieve('evt_1')).toEqual({ id: 'evt_1' })
    const second = sdk.events.retrieve('evt_2')
    // A request of the same process that is sent later, and arrives.
    const { port } = server.address() as AddressInfo
    await fetch(`http://127.0.0.1:${port}/fence`)
    expect(paths).toEqual(['/v1/events/evt_1?', '/fence'])
    server.closeAllConnections()
    await expect(second).rejects.toMatchObject({ type: 'PingppConnectionError' })
    expect(paths).toEqual(['/v1/events/evt_1?', '/fence'])
  })

  it('resolves with a response whose status is 500, if it has no `error`', async () => {
    const sdk = await connectSdk(
      createServer((_request, response) => {
        response.writeHead(500, { connection: 'close' }).end('{"id":"evt_1"}')
      }),
    )
    expect(await sdk.events.retrieve('evt_1')).toEqual({ id: 'evt_1' })
  })

  it('retries once, after a 502 that is not JSON', async () => {
    let requests = 0
    const refuse: RequestListener = (_request, response) => {
      requests += 1
      response.writeHead(502, { connection: 'close' }).end('Bad Gateway')
    }
    const sdk = await connectSdk(createServer(refuse))
    await expect(sdk.events.retrieve('evt_1')).rejects.toMatchObject({ type: 'PingppAPIError' })
    expect(requests).toBe(2)
  })

  async function connectSdk(server: Server): Promise<Sdk> {
    await listen(server)
    const sdk: Sdk = require('pingpp')('sk_test_1')
    sdk.setHost('127.0.0.1', (server.address() as AddressInfo).port, 'http')
    return sdk
  }
})

/** What is used of the SDK, which has no types. */
interface Sdk {
  setHost(host: string, port: number, protocol: string): void
  readonly events: { retrieve(id: string): Promise<unknown> }
}

async function listen(server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  stops.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`
}

async function statusOf(url: string, init: RequestInit): Promise<number> {
  return (await fetch(url, init)).status
}

async function bodyOf(url: string, init: RequestInit): Promise<string> {
  return (await fetch(url, init)).text()
}
