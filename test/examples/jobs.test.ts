import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { createWebhooks, type EventType, type WebhookEvent } from '@hongbao/core'
import { startSandbox } from '@hongbao/sandbox'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { markPaid, paid } from '../../examples/jobs/typed-handler.ts'
import { startPostgres, type PostgresServer } from '../servers/postgres.ts'

// Every job is a program of its own. Most are imported here; what signals or never ends is started.

const keys = createTestKeys()
const log = vi.spyOn(console, 'log')
const errors = vi.spyOn(console, 'error')

beforeEach(() => {
  vi.resetModules()
  log.mockReset().mockImplementation(() => {})
  errors.mockReset().mockImplementation(() => {})
  vi.stubEnv('PINGPP_PUBLIC_KEY', keys.publicKey)
  vi.stubEnv('PORT', '0')
  onTestFinished(() => void vi.unstubAllEnvs())
})

describe('test a handler', async () => {
  await import('../../examples/jobs/handler.test.ts')
})

it('receive in Express: a signed notification runs the handler, a forged one does not', async () => {
  const { server } = await import('../../examples/jobs/receive.ts')
  const url = await webhooksOf(server)
  const event = sentEvent('101')

  expect(await post(url, event, createTestKeys())).toBe('401 rejected')
  expect(await post(url, event)).toBe('200 handled')
  expect(await post(url, event)).toBe('200 duplicate')
  expect(log.mock.calls).toEqual([['sent', '101', 888]])
})

it('typed handler in a file: a receiver takes it', async () => {
  const { publicKey } = keys
  const webhooks = createWebhooks({ publicKey, on: { 'charge.succeeded': markPaid } })
  const event = eventFixture('charge.succeeded', { object: { order_no: '102', amount: 5 } })

  const reply = await webhooks.handle(signDelivery(event, keys).delivery())

  expect(reply).toMatchObject({ outcome: 'handled' })
  expect(paid.get('102')).toBe(5)
})

it('two accounts: each path takes the key and the app of its account alone', async () => {
  const south = createTestKeys()
  vi.stubEnv('NORTH_PUBLIC_KEY', keys.publicKey)
  vi.stubEnv('SOUTH_PUBLIC_KEY', south.publicKey)
  const { server } = await import('../../examples/jobs/two-accounts.ts')
  const url = await webhooksOf(server)
  const [ofNorth, ofSouth] = [sentEvent('103', 'app_north'), sentEvent('104', 'app_south')]

  expect(await post(`${url}/north`, ofNorth)).toBe('200 handled')
  expect(await post(`${url}/south`, ofSouth, south)).toBe('200 handled')
  expect(await post(`${url}/south`, ofSouth)).toBe('401 rejected')
  expect(await post(`${url}/north`, ofSouth)).toBe('403 rejected')
  expect(log.mock.calls).toEqual([
    ['sent', '103', 888],
    ['sent', '104', 888],
  ])
})

describe('with a Postgres', () => {
  let postgres: PostgresServer
  beforeAll(async () => {
    postgres = await startPostgres()
  })
  afterAll(() => postgres.close())
  beforeEach(async () => vi.stubEnv('DATABASE_URL', await postgres.createDatabase()))

  it('Postgres: the write of a handler commits with the record, or not at all', async () => {
    const { server, pool } = await import('../../examples/jobs/postgres.ts')
    onTestFinished(() => pool.end())
    const url = await webhooksOf(server)
    const event = eventFixture('red_envelope.received', {
      object: { order_no: '105', amount: 888 },
    })

    expect(await post(url, event)).toBe('500 failed') // its table is not there yet
    await pool.query('create table ledger (order_no text, amount integer)')
    expect(await post(url, event)).toBe('200 handled')
    expect(await post(url, event)).toBe('200 duplicate')
    const { rows } = await pool.query('select * from ledger')
    expect(rows).toEqual([{ order_no: '105', amount: 888 }])
  })

  it('hand-off: 200 once the job is stored, and a worker applies it', async () => {
    const { server, stop } = await import('../../examples/jobs/hand-off.ts')
    onTestFinished(stop)
    const url = await webhooksOf(server)
    const event = sentEvent('106')

    expect(await post(url, event, createTestKeys())).toBe('401 rejected')
    expect(await post(url, event)).toBe('200 handled')
    await vi.waitFor(() => expect(log.mock.calls).toEqual([['sent', '106', 888]]), 20_000)
  })
})

it('shutdown: a running handler ends, its reply arrives, and the process exits', async () => {
  const started = Promise.withResolvers<string | undefined>()
  const saved = Promise.withResolvers<void>()
  const orders = await listen(async (request) => {
    started.resolve(request.url)
    await saved.promise
  })
  const port = await freePort()
  const app = run('shutdown.ts', { ORDERS_URL: orders, PORT: `${port}` })
  await untilReachable(port)
  const reply = post(`http://127.0.0.1:${port}/webhooks`, sentEvent('107'))
  expect(await started.promise).toBe('/107')

  app.kill('SIGTERM')
  const exited = once(app, 'exit')
  await vi.waitFor(() => expect(reach(port)).rejects.toThrow('fetch failed'), 20_000)
  saved.resolve()

  expect(await reply).toBe('200 handled')
  expect(await exited).toEqual([0, null])
})

it('error tracking: what a handler threw arrives at the tracker, with its event', async () => {
  const reported = Promise.withResolvers<unknown>()
  const tracker = await listen(async (request) => {
    reported.resolve(JSON.parse(await text(request)))
  })
  vi.stubEnv('TRACKER_URL', tracker)
  const { server } = await import('../../examples/jobs/error-tracking.ts')
  const event = sentEvent('108')

  expect(await post(await webhooksOf(server), event)).toBe('500 failed')
  expect(await reported.promise).toEqual({
    error: expect.stringContaining('Order 108 is not saved yet.'),
    eventType: 'red_envelope.sent',
    eventId: event.id,
  })
})

it('send, and reconcile: an envelope that failed, of which no webhook tells, is found', async () => {
  const sandbox = await startSandbox()
  onTestFinished(() => sandbox.close())
  vi.stubEnv('PINGPP_API_KEY', sandbox.apiKey)
  vi.stubEnv('PINGPP_BASE_URL', sandbox.url)
  vi.stubEnv('PINGPP_PUBLIC_KEY', sandbox.publicKey)
  vi.stubEnv('PINGPP_PRIVATE_KEY', keys.privateKey)
  const { send } = await import('../../examples/jobs/send.ts')

  const openid = 'o9zpMs7Xk9e9aJbTXgufovuWGp7c'
  expect(await send('109', openid)).toMatchObject({ order_no: '109', status: 'sending' })
  await expect(send('not a number', openid)).rejects.toThrow('order_no')
  expect(errors.mock.calls).toEqual([['not created', 'not a number']])
  expect(sandbox.envelope('109')).toMatchObject({ amount: 888, recipient: openid })

  sandbox.move('109', 'failed')
  const { reconciler } = await import('../../examples/jobs/reconcile.ts')
  await vi.waitFor(() => expect(log).toHaveBeenCalledOnce(), 20_000)
  await reconciler.close()
  expect(log.mock.calls).toEqual([['failed', '109', expect.any(String)]])
})

it('develop against the sandbox: the app handles an event, and its lost reply is repeated', async () => {
  const app = run('develop.ts', { PORT: `${await freePort()}` })
  const output = collect(app)

  await vi.waitFor(() => expect(output()).toContain('{"outcome":"duplicate"}'), 20_000)
  expect(output()).toMatch(
    /^sent \d+ 100\n\{"outcome":"handled"\} The app answered, and a fault lost the answer.\n/,
  )
})

it('own inbox: what was applied is a duplicate after a restart too, and what failed is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hongbao-own-inbox-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  vi.stubEnv('INBOX_PATH', join(folder, 'inbox.db'))
  const event = sentEvent('110')
  const start = async () => webhooksOf((await import('../../examples/jobs/own-inbox.ts')).server)
  const url = await start()

  log.mockImplementationOnce(() => {
    throw new Error('declined')
  })
  expect(await post(url, event)).toBe('500 failed')
  expect(await post(url, event)).toBe('200 handled')
  expect(await post(url, event)).toBe('200 duplicate')
  vi.resetModules()
  expect(await post(await start(), event)).toBe('200 duplicate')
  expect(log).toHaveBeenCalledTimes(2)
})

function sentEvent(order_no: string, app?: string): WebhookEvent<'red_envelope.sent'> {
  const object = { order_no, amount: 888, ...(app === undefined ? {} : { app }) }
  return eventFixture('red_envelope.sent', { object })
}

/** What Ping++ is told: the status and the outcome. */
async function post(url: string, event: WebhookEvent<EventType>, signer = keys): Promise<string> {
  const response = await fetch(url, signDelivery(event, signer).init())
  const { outcome } = (await response.json()) as { outcome: string }
  return `${response.status} ${outcome}`
}

async function webhooksOf(server: Server): Promise<string> {
  return `${await urlOf(server)}/webhooks`
}

/** Where a server listens, until the test is over. */
async function urlOf(server: Server): Promise<string> {
  onTestFinished(() => server[Symbol.asyncDispose]())
  if (!server.listening) await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Another server of the app, which answers 200 when `work` is done. */
function listen(work: (request: IncomingMessage) => Promise<void>): Promise<string> {
  const server = createServer((request, response) => {
    void work(request).then(() => response.end())
  })
  return urlOf(server.listen(0))
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await server[Symbol.asyncDispose]()
  return port
}

/** Starts a job as the process that it is in production. */
function run(job: string, variables: Readonly<Record<string, string>>): ChildProcess {
  const program = fileURLToPath(new URL(`../../examples/jobs/${job}`, import.meta.url))
  const env = { ...process.env, ...variables }
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

function collect(child: ChildProcess): () => string {
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
  })
  return () => output
}

/** Over a connection of its own, which does not keep the server from closing. */
function reach(port: number): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })
}

function untilReachable(port: number): Promise<Response> {
  return vi.waitFor(() => reach(port), 20_000)
}
