import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { SNIPPETS } from '../../docs/snippets.ts'
import { PATIENCE_MS } from '../../patience.ts'
import { installBuilt } from '../built-package.ts'

const NEXT = join(import.meta.dirname, 'node_modules/next/dist/bin/next')
const keys = createTestKeys()

let app: string
let server: Served

beforeAll(async () => {
  // Below this folder, from where Next.js and React resolve.
  app = await mkdtemp(join(import.meta.dirname, '.app-'))
  await installBuilt(['core'], app)
  await cp(join(import.meta.dirname, 'app/orders.ts'), join(app, 'orders.ts'))
  // The alias of create-next-app. Next.js adds the rest.
  await write(
    'tsconfig.json',
    '{ "compilerOptions": { "paths": { "@/*": ["./*"] }, "strict": true } }',
  )
  await write('next-webhooks.ts', snippet('next-webhooks.ts'))
  await write('app/webhooks/route.ts', snippet('route.ts'))
  await write('app/after/route.ts', withAfter(snippet('route.ts')))
  await write('pages/api/webhooks.ts', snippet('pages-api.ts'))
  await write(
    'pages/api/parsed.ts',
    snippet('pages-api.ts').replace(/^export const config.+$/m, ''),
  )
  await build()
  server = await start({ PINGPP_PUBLIC_KEY: keys.publicKey })
})

afterAll(async () => {
  await server?.stop()
  await rm(app, { recursive: true, force: true })
})

describe('the snippets of docs/mounting.md in Next.js 16, built without a public key', () => {
  it.each([
    ['App Router', '/webhooks'],
    ['Pages Router', '/api/webhooks'],
  ])('apply a signed event once, and refuse a forgery: %s [C29]', async (router, path) => {
    const object = { order_no: `${router} 红包` }
    const event = eventFixture('red_envelope.sent', { object })
    const signed = signDelivery(event, keys)
    expect(await server.post(path, signed.init())).toEqual([200, '{"outcome":"handled"}'])
    expect(await server.post(path, signed.init())).toEqual([200, '{"outcome":"duplicate"}'])
    const sent = [object.order_no, event.data.object.transaction_no]
    expect(server.output().split(`sent ${JSON.stringify(sent)}\n`)).toHaveLength(2)

    const forged = signDelivery(event, createTestKeys())
    expect(await server.post(path, forged.init())).toEqual([
      401,
      '{"outcome":"rejected","code":"signature-mismatch"}',
    ])
  })

  it('remember applied events in a memory for each router, so both need a shared inbox', async () => {
    const init = signDelivery(eventFixture('red_envelope.sent'), keys).init()
    expect(await server.post('/webhooks', init)).toEqual([200, '{"outcome":"handled"}'])
    expect(await server.post('/api/webhooks', init)).toEqual([200, '{"outcome":"handled"}'])
  })

  it.each(['/webhooks', '/api/webhooks'])('answer 405 to a GET of %s', async (path) => {
    expect((await fetch(`${server.url}${path}`)).status).toBe(405)
  })

  it('take `after` of next/server as `waitUntil` [F26]', async () => {
    const init = signDelivery(eventFixture('red_envelope.sent'), keys).init()
    expect(await server.post('/after', init)).toEqual([200, '{"outcome":"handled"}'])
    expect(server.output()).not.toContain('`waitUntil` threw')
  })

  it('need `bodyParser: false` in the Pages Router, and the log says so [G1]', async () => {
    const signed = signDelivery(eventFixture('red_envelope.sent'), keys)
    expect(await server.post('/api/parsed', signed.init())).toEqual([
      500,
      '{"outcome":"failed","code":"body-consumed"}',
    ])
    await expect.poll(server.output).toMatch(/body-consumed.+bodyParser: false/)
  })

  it('answer 500, never 401, while the key is not set [C27]', async () => {
    const keyless = await start({})
    try {
      const signed = signDelivery(eventFixture('red_envelope.sent'), keys)
      expect(await keyless.post('/webhooks', signed.init())).toEqual([
        500,
        '{"outcome":"failed","code":"key-unavailable"}',
      ])
    } finally {
      await keyless.stop()
    }
  })
})

/** A snippet of the guide, with the imports that it names for a Next.js project. */
function snippet(name: string): string {
  const found = SNIPPETS.find((each) => each.name === name)
  if (found === undefined) throw new Error(`docs/mounting.md has no snippet ${name}.`)
  return found.code.replaceAll(/from '\.\/([\w-]+)\.ts'/g, "from '@/$1'")
}

/** The option that the guide names for handlers past their deadline. */
function withAfter(route: string): string {
  const mount = 'fetchWebhooks(webhooks, { waitUntil: after })'
  return `import { after } from 'next/server'\n${route.replace('fetchWebhooks(webhooks)', mount)}`
}

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(app, path)), { recursive: true })
  await writeFile(join(app, path), content)
}

/** Without a key, and without a word to the makers of Next.js. */
function environment(): NodeJS.ProcessEnv {
  const { PINGPP_PUBLIC_KEY: _without, ...env } = process.env
  return { ...env, NEXT_TELEMETRY_DISABLED: '1' }
}

async function build(): Promise<void> {
  const building = spawnNext(['build'], environment())
  const [status] = await once(building.child, 'exit')
  if (status !== 0) throw new Error(`next build failed:\n${building.output()}`)
}

const READY = /(http:\/\/127\.0\.0\.1:\d+)[^]*Ready in/

/** An app that runs, and what it has written. */
interface Served {
  readonly url: string
  readonly output: () => string
  post(path: string, init: RequestInit): Promise<[status: number, body: string]>
  stop(): Promise<void>
}

async function start(variables: Record<string, string>): Promise<Served> {
  const env = { ...environment(), ...variables }
  const { child, output } = spawnNext(['start', '--port', '0', '--hostname', '127.0.0.1'], env)
  const url = await vi.waitUntil(() => {
    if (child.exitCode !== null) throw new Error(`next start failed:\n${output()}`)
    return READY.exec(output())?.[1]
  }, PATIENCE_MS)
  return {
    url,
    output,
    async post(path, init) {
      const response = await fetch(`${url}${path}`, init)
      return [response.status, await response.text()]
    },
    async stop() {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

function spawnNext(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, [NEXT, ...args], { cwd: app, env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  return { child, output: () => output }
}
