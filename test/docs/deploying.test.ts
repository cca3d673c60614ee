import type { Reconciler } from '@hongbao/client'
import { createWebhooks } from '@hongbao/core'
import { nodeWebhooks } from '@hongbao/core/node'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { startSandbox } from '@hongbao/sandbox'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { PATIENCE_MS } from '../patience.ts'
import { hasNginx, startNginx } from '../servers/nginx.ts'
import { startPostgres } from '../servers/postgres.ts'
import { findFreePort } from '../servers/server.ts'
import type { orders } from './host/orders.ts'
import { codeBlocks } from './markdown.ts'
import { findTwoPorts, install, writeBlock } from './project.ts'
import { createWorkspace, readDocument, removeWorkspaces } from './snippets.ts'

const BLOCKS = codeBlocks(readDocument('docs/deploying.md'))
const START = codeBlocks(readDocument('docs/start.md'))
const blockOf = (language: string) =>
  BLOCKS.find((block) => block.language === language)?.text ?? ''

const keys = createTestKeys()
const merchant = createTestKeys()
const stops: (() => unknown)[] = []

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  vi.spyOn(console, 'warn').mockImplementation(() => {})
})
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
  removeWorkspaces()
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

describe.skipIf(!hasNginx)('the nginx of docs/deploying.md', () => {
  it('passes a large body that a parser would change, and its signature', async () => {
    const app = await listen(receiver())
    const url = await openNginx(app, await findFreePort())
    const event = eventFixture('red_envelope.sent', { object: { body: '红/包'.repeat(25_000) } })
    const text = JSON.stringify(event, null, 1).replaceAll('/', String.raw`\/`)
    const reply = await fetch(url, signDelivery(text, keys).init())
    expect([reply.status, await reply.text()]).toEqual([200, '{"outcome":"handled"}'])
  })

  it('takes the other instance if one does not accept the connection', async () => {
    const url = await openNginx(await findFreePort(), await listen(receiver()))
    for (const orderNo of ['1', '2', '3', '4']) {
      const event = eventFixture('red_envelope.sent', { object: { order_no: orderNo } })
      expect((await fetch(url, signDelivery(event, keys).init())).status).toBe(200)
    }
  })

  it('sends an event that an instance has received to no other', async () => {
    const bodies: string[] = []
    async function readAndDie(request: IncomingMessage): Promise<void> {
      bodies.push(Buffer.concat(await request.toArray()).toString())
      request.socket.destroy()
    }
    const dying: RequestListener = (request) => void readAndDie(request)
    const url = await openNginx(await listen(dying), await listen(dying))
    const { text, init } = signed()
    expect((await fetch(url, init())).status).toBe(502)
    expect(bodies).toEqual([text])
  })

  it('refuses a body that is over the limit of hongbao', async () => {
    const url = await openNginx(await listen(receiver()), await findFreePort())
    const event = eventFixture('red_envelope.sent', { object: { body: 'x'.repeat(262_144) } })
    expect((await fetch(url, signDelivery(event, keys).init())).status).toBe(413)
  })

  async function openNginx(first: number, second: number): Promise<string> {
    const nginx = await startNginx((port) =>
      blockOf('nginx')
        .replace('127.0.0.1:3000', `127.0.0.1:${first}`)
        .replace('127.0.0.1:3010', `127.0.0.1:${second}`)
        .replace('listen 8080', `listen 127.0.0.1:${port}`),
    )
    stops.push(() => nginx.close())
    return `http://127.0.0.1:${nginx.port}/webhooks`
  }
})

describe('the Dockerfile of docs/deploying.md', () => {
  it('starts the app without its development packages, and SIGTERM ends it', async () => {
    const postgres = await startPostgres()
    stops.push(() => postgres.close())
    const project = buildProject()
    const image = join(project, 'image')
    mkdirSync(image)
    for (const [, pattern = ''] of blockOf('dockerfile').matchAll(/^COPY (.+) \.\/$/gm)) {
      for (const name of globSync(pattern.split(' '), { cwd: project })) {
        cpSync(join(project, name), join(image, name))
      }
    }
    const installs = START.flatMap(
      ({ text }) => text.match(/^npm install (?!--save-dev).+$/gm) ?? [],
    )
    for (const line of installs) install(image, line.split(' ').slice(2))

    const env = {
      PATH: dirname(process.execPath),
      DATABASE_URL: await postgres.createDatabase(),
      PINGPP_API_KEY: 'sk_test_1',
      PINGPP_BASE_URL: `http://127.0.0.1:${await findFreePort()}`,
      PINGPP_PRIVATE_KEY: merchant.privateKey,
      PINGPP_PUBLIC_KEY: keys.publicKey,
    }
    const run = (command: string, args: readonly string[], port = 0) => {
      const ownEnv = { ...env, PORT: String(port) }
      const child = spawn(command, args, { cwd: image, env: ownEnv, stdio: 'ignore' })
      stops.push(() => child.kill('SIGKILL'))
      return child
    }
    expect(await once(run('node', ['migrate.ts']), 'exit')).toEqual([0, null])
    const [command = '', ...args] = JSON.parse(
      /^CMD (.+)$/m.exec(blockOf('dockerfile'))?.[1] ?? '',
    ) as string[]
    const statusOf = async (port: number, path: string) =>
      (await fetch(`http://127.0.0.1:${port}${path}`)).status
    // Another process may take a port before the app does, which ends then.
    async function startApp(tries: number): Promise<{ app: ChildProcess; port: number }> {
      const port = await findTwoPorts()
      const app = run(command, args, port)
      const isReady = await Promise.race([
        once(app, 'exit').then(() => false),
        vi.waitFor(async () => expect(await statusOf(port, '/ready')).toBe(200), PATIENCE_MS),
      ])
      if (isReady !== false) return { app, port }
      if (tries === 1) throw new Error('The app ended before it was ready.')
      return startApp(tries - 1)
    }
    const { app, port } = await startApp(5)
    const status = (path: string) => statusOf(port, path)
    expect(await status('/live')).toBe(200)

    // Ready no more, and still alive: a restart would not bring the database back.
    await postgres.stop()
    expect([await status('/ready'), await status('/live')]).toEqual([503, 200])
    const ended = once(app, 'exit')
    app.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })
})

describe('the Deployment of docs/deploying.md', () => {
  it('probes what the app answers, and waits longer than the shutdown takes', () => {
    const { spec } = (parse(blockOf('yaml')) as Deployment).spec.template
    const [container] = spec.containers
    const app = START.find(({ text }) => text.startsWith('// app.ts\n'))?.text ?? ''
    for (const probe of [container.readinessProbe, container.livenessProbe]) {
      expect(app).toContain(`app.get('${probe.httpGet.path}'`)
    }
    // `ready()` answers within `handlerTimeoutMs`, and `close()` within twice as long.
    expect(container.readinessProbe.timeoutSeconds).toBeGreaterThan(5)
    const [, seconds] = container.lifecycle.preStop.exec.command
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(Number(seconds) + 10)
  })
})

describe('the settings of PM2 in docs/deploying.md', () => {
  it('start the app of the guide, and wait longer than the shutdown takes', () => {
    const { apps } = JSON.parse(blockOf('json')) as { apps: Record<string, unknown>[] }
    expect(apps).toMatchObject([{ script: 'app.ts', interpreter: 'node' }])
    expect(apps[0]?.['kill_timeout']).toBeGreaterThan(10_000)
  })
})

describe('the timer of docs/deploying.md', () => {
  it('timer.ts applies what a run finds, and fails if the run does', async () => {
    const sandbox = await startSandbox({ sendWebhooks: 'by-hand' })
    stops.push(() => sandbox.close())
    vi.stubEnv('PINGPP_API_KEY', sandbox.apiKey)
    vi.stubEnv('PINGPP_BASE_URL', sandbox.url)
    vi.stubEnv('PINGPP_PUBLIC_KEY', sandbox.publicKey)
    vi.stubEnv('PINGPP_PRIVATE_KEY', merchant.privateKey)
    const workspace = createWorkspace()
    const { sendRedEnvelope } = await workspace.import<{
      sendRedEnvelope: (orderNo: string, openid: string) => Promise<{ id: string }>
    }>('send.ts')
    const { orders: book } = await workspace.import<{ orders: typeof orders }>('orders.ts')
    const { handler } = await workspace.import<{ handler: () => Promise<void> }>('timer.ts')
    const { reconciler } = await workspace.import<{ reconciler: Reconciler }>('reconciler.ts')
    stops.push(() => reconciler.close())

    const { id } = await sendRedEnvelope('1', 'o9zpMs7Xk9e9aJbTXgufovuWGp7c')
    sandbox.move(id, 'sent')
    await handler()
    expect(book.find('1')).toMatchObject({ status: 'sent' })

    await sandbox.close()
    await expect(handler()).rejects.toThrow('the log of the reconciler')
  })
})

interface Probe {
  readonly httpGet: { readonly path: string }
  readonly timeoutSeconds?: number
}

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number
        readonly containers: readonly [
          {
            readonly readinessProbe: Probe
            readonly livenessProbe: Probe
            readonly lifecycle: {
              readonly preStop: { readonly exec: { readonly command: string[] } }
            }
          },
        ]
      }
    }
  }
}

function receiver(): RequestListener {
  const webhooks = createWebhooks({ publicKey: keys.publicKey })
  webhooks.on('red_envelope.sent', () => {})
  return nodeWebhooks(webhooks, { path: '/webhooks' })
}

function signed() {
  const delivery = signDelivery(eventFixture('red_envelope.sent'), keys)
  return { text: delivery.text, init: () => delivery.init() }
}

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  stops.push(() => server.close())
  return (server.address() as AddressInfo).port
}

/** The files of docs/start.md, as they are at its end, and a lock file. */
function buildProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hongbao-image-'))
  stops.push(() => rmSync(folder, { recursive: true, force: true }))
  for (const block of START) {
    if (['ts', 'json'].includes(block.language)) writeBlock(folder, block)
  }
  cpSync(join(folder, 'package.json'), join(folder, 'package-lock.json'))
  return folder
}
