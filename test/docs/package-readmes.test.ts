import type { PingppClient, RedEnvelopeCreateParams } from '@hongbao/client'
import { createPingppClient, PingppError, type Reconciler } from '@hongbao/client'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { startSandbox, type Sandbox } from '@hongbao/sandbox'
import type { Express } from 'express'
import type { FastifyInstance } from 'fastify'
import type { Hono } from 'hono'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { codeBlocks, links, section } from './markdown.ts'
import {
  createWorkspace,
  readDocument,
  removeWorkspaces,
  ROOT,
  type Workspace,
} from './snippets.ts'
import { PATIENCE_MS } from '../patience.ts'

const keys = createTestKeys()
const merchant = createTestKeys()
const stops: (() => unknown)[] = []

beforeEach(() => {
  vi.stubEnv('PINGPP_PUBLIC_KEY', keys.publicKey)
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  vi.spyOn(console, 'error').mockImplementation(() => {})
})

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

afterAll(removeWorkspaces)

type Send = (init: RequestInit) => Response | Promise<Response>

const ADAPTERS: [name: string, exported: string, open: (module: never) => Send | Promise<Send>][] =
  [
    ['express', 'app', async ({ app }: { app: Express }) => overHttp(app.listen(0))],
    ['koa', 'server', ({ server }: { server: Server }) => overHttp(server)],
    ['fastify', 'app', ({ app }: { app: FastifyInstance }) => overFastify(app)],
    [
      'hono',
      'app',
      ({ app }: { app: Hono }) =>
        (init) =>
          app.request('/webhooks', init),
    ],
    ['core', 'server', ({ server }: { server: Server }) => overHttp(server)],
  ]

describe.each(ADAPTERS)('the snippet of packages/%s/README.md', (name, exported, open) => {
  it('answers a webhook 200 and a forged one 401', async () => {
    vi.spyOn(console, 'log').mockImplementation(() => {})
    const before = process.listeners('SIGTERM')
    const code = snippetsOf(name)[0] ?? ''
    const module = await load(
      code
        .replace('new Koa()', 'const server = new Koa()')
        .replace('.listen(3000)', '.listen(0)')
        .concat(`\nexport { ${exported} }\n`),
    )
    const send = await open(module as never)
    const event = eventFixture('red_envelope.sent')
    const genuine = await send(signDelivery(event, keys).init())
    expect([genuine.status, await genuine.json()]).toEqual([200, { outcome: 'handled' }])
    expect((await send(signDelivery(event, createTestKeys()).init())).status).toBe(401)

    const added = process.listeners('SIGTERM').filter((each) => !before.includes(each))
    expect(added).toHaveLength(name === 'core' ? 1 : 0)
    for (const shutDown of added) {
      const { server } = module as { readonly server: Server }
      const closed = once(server, 'close')
      shutDown('SIGTERM')
      await closed
      process.removeListener('SIGTERM', shutDown)
      process.removeListener('SIGINT', shutDown)
    }
  })
})

// It is the page on npm: a reader has nothing else.
describe.each(readdirSync(join(ROOT, 'packages')))('packages/%s/README.md', (name) => {
  const markdown = readDocument(`packages/${name}/README.md`)

  it('names its package, how to install it and how to use it', () => {
    expect(markdown).toMatch(new RegExp(`^# @hongbao/${name}\n\n\\S`))
    expect(markdown).toMatch(new RegExp(`^npm install .*@hongbao/${name}\\b`, 'm'))
    expect(snippetsOf(name)).not.toEqual([])
  })

  it('links to addresses that npm can open', () => {
    expect(links(markdown).filter((target) => !/^(?:https:|#)/.test(target))).toEqual([])
  })

  it('has a section in Chinese, with links to guides in Chinese', () => {
    const chinese = section(markdown, '## 中文')
    expect(chinese.match(/\p{Script=Han}/gu)?.length).toBeGreaterThan(150)
    expect(links(chinese).filter((target) => target.includes('.zh-CN.md'))).not.toHaveLength(0)
  })
})

describe('the snippets of packages/client/README.md', () => {
  it('are four', () => {
    expect(snippetsOf('client')).toHaveLength(4)
  })

  it('create, retrieve and list envelopes', async () => {
    const sandbox = await openSandbox()
    const logged = vi.spyOn(console, 'log').mockImplementation(() => {})
    await load(withSandbox(snippetsOf('client')[0]))
    const envelope = sandbox.envelope('20240210000001')
    expect(envelope).toMatchObject({ amount: 100, subject: '新年红包' })
    expect(logged.mock.calls).toEqual([
      [envelope?.id, expect.stringMatching(/^sen(?:ding|t)$/)],
      ['20240210000001', 100],
    ])
  })

  it('send an undocumented parameter only through `extraParams`', async () => {
    const { pingpp, bodies } = clientOf(await openSandbox())
    const { sendWithNickName } = await load<{
      sendWithNickName: (pingpp: PingppClient, params: RedEnvelopeCreateParams) => Promise<unknown>
    }>(snippetsOf('client')[1] ?? '')
    await sendWithNickName(pingpp, PARAMS)
    expect(bodies.map((body) => JSON.parse(body))).toMatchObject([
      { extra: { send_name: '红包商店', nick_name: '红包商店' } },
    ])
  })

  it('report that nothing was sent only if it is certain', async () => {
    const sandbox = await openSandbox()
    const { pingpp } = clientOf(sandbox)
    const { send } = await load<{
      send: (pingpp: PingppClient, params: RedEnvelopeCreateParams) => Promise<string>
    }>(snippetsOf('client')[2] ?? '')
    expect(await send(pingpp, PARAMS)).toBe(sandbox.envelope(PARAMS.order_no)?.id)
    await expect(send(pingpp, { ...PARAMS, amount: 0 })).rejects.toThrow(
      'not sent: parameter-invalid',
    )
    sandbox.faults.add('api-reset')
    const lost = await send(pingpp, { ...PARAMS, order_no: '2' }).catch((error: unknown) => error)
    expect(lost).toBeInstanceOf(PingppError)
    expect(lost).toMatchObject({ notCreated: false })
  })

  it('log an envelope that was refunded', async () => {
    const sandbox = await openSandbox()
    const logged = vi.spyOn(console, 'log').mockImplementation(() => {})
    await clientOf(sandbox).pingpp.redEnvelopes.create(PARAMS)
    for (const status of ['sent', 'refunding', 'refund'] as const) {
      sandbox.move(PARAMS.order_no, status)
    }
    const { reconciler } = await load<{ reconciler: Reconciler }>(
      `${withSandbox(snippetsOf('client')[3])}\nexport { reconciler }\n`,
    )
    stops.push(() => reconciler.close())
    await vi.waitFor(
      () => expect(logged).toHaveBeenCalledWith(PARAMS.order_no, 'is back'),
      PATIENCE_MS,
    )
  })
})

const PARAMS: RedEnvelopeCreateParams = {
  order_no: '20240210000002',
  app: { id: 'app_1Gqj58ynP0mHeX1q' },
  channel: 'wx_pub',
  amount: 100,
  currency: 'cny',
  recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
  subject: '新年红包',
  body: '恭喜发财',
  description: '春节活动',
  extra: { send_name: '红包商店' },
}

function snippetsOf(name: string): string[] {
  return codeBlocks(readDocument(`packages/${name}/README.md`))
    .filter(({ language }) => language === 'ts')
    .map(({ text }) => text)
}

/** A sandbox in Ping++'s place, and what the snippets read of the environment. */
async function openSandbox(): Promise<Sandbox> {
  const sandbox = await startSandbox({ sendWebhooks: 'by-hand' })
  stops.push(() => sandbox.close())
  for (const [name, value] of Object.entries(sandbox.env)) vi.stubEnv(name, value)
  vi.stubEnv('PINGPP_PRIVATE_KEY', merchant.privateKey)
  return sandbox
}

/** The snippet with one line more, which points the client at the sandbox. */
function withSandbox(snippet = ''): string {
  return snippet.replace(
    'apiKey: process.env.PINGPP_API_KEY',
    'baseUrl: process.env.PINGPP_BASE_URL, apiKey: process.env.PINGPP_API_KEY',
  )
}

function clientOf(sandbox: Sandbox): { pingpp: PingppClient; bodies: string[] } {
  const bodies: string[] = []
  const pingpp = createPingppClient({
    baseUrl: sandbox.url,
    apiKey: sandbox.apiKey,
    privateKey: merchant.privateKey,
    publicKey: sandbox.publicKey,
    retries: 0,
    fetch(url, init) {
      if (init?.body !== undefined && init.body !== null) {
        bodies.push(Buffer.from(init.body as Uint8Array).toString())
      }
      return fetch(url, init)
    },
  })
  return { pingpp, bodies }
}

let workspace: Workspace | undefined
let count = 0

/** Runs a snippet as a module of its own. */
function load<Module>(code: string): Promise<Module> {
  workspace ??= createWorkspace()
  count += 1
  const name = `package-readme-${count}.ts`
  writeFileSync(join(workspace.directory, name), code)
  return workspace.import<Module>(name)
}

async function overHttp(server: Server): Promise<Send> {
  stops.push(() => server.close())
  if (!server.listening) await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return (init) => fetch(`http://127.0.0.1:${port}/webhooks`, init)
}

async function overFastify(app: FastifyInstance): Promise<Send> {
  stops.push(() => app.close())
  const url = await app.listen({ port: 0 })
  return (init) => fetch(`${url}/webhooks`, init)
}
