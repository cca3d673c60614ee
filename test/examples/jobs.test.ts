import { createWebhooks, type EventType, type WebhookEvent } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { startSandbox } from '@hongbao/sandbox'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { markPaid, paid } from '../../examples/jobs/typed-handler.ts'
import { freePort } from '../free-port.ts'
import { openPool, startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { PATIENCE_MS } from '../patience.ts'

const keys = createTestKeys()
const OPENID = 'o9zpMs7Xk9e9aJbTXgufovuWGp7c'

describe('test a handler', async () => {
  await import('../../examples/jobs/handler.test.ts')
})

it('receive in Express: a signed notification runs the handler, a forged one does not', async () => {
  const app = await start('receive.ts')
  const event = sentEvent('101')

  expect(await post(app.url, event, createTestKeys())).toBe('401 rejected')
  expect(await post(app.url, event)).toBe('200 handled')
  expect(await post(app.url, event)).toBe('200 duplicate')
  await vi.waitFor(() => expect(app.output()).toBe('sent 101 888\n'), PATIENCE_MS)
})

it('typed handler in a file: a receiver takes it', async () => {
  const { publicKey } = keys
  const webhooks = createWebhooks({ publicKey, on: { 'charge.succeeded': markPaid } })
  const event = eventFixture('charge.succeeded', { object: { order_no: '102', amount: 5 } })

  const reply = await webhooks.handle(signDelivery(event, keys).delivery())

  expect(reply).toMatchObject({ outcome: 'handled' })
  expect(paid.get('102')).toBe(5)
})

it('two accounts: each path accepts only the key and the app of its account', async () => {
  const south = createTestKeys()
  const variables = { NORTH_PUBLIC_KEY: keys.publicKey, SOUTH_PUBLIC_KEY: south.publicKey }
  const { url, output } = await start('two-accounts.ts', variables)
  const [ofNorth, ofSouth] = [sentEvent('103', 'app_north'), sentEvent('104', 'app_south')]

  expect(await post(`${url}/north`, ofNorth)).toBe('200 handled')
  expect(await post(`${url}/south`, ofSouth, south)).toBe('200 handled')
  expect(await post(`${url}/south`, ofSouth)).toBe('401 rejected')
  expect(await post(`${url}/north`, ofSouth)).toBe('403 rejected')
  await vi.waitFor(() => expect(output()).toBe('sent 103 888\nsent 104 888\n'), PATIENCE_MS)
})

describe('with a Postgres', () => {
  let postgres: PostgresServer
  beforeAll(async () => {
    postgres = await startPostgres()
  })
  afterAll(() => postgres.close())

  it('Postgres: the write of a handler commits with the record, or not at all', async () => {
    const DATABASE_URL = await postgres.createDatabase()
    const pool = openPool({ connectionString: DATABASE_URL })
    onTestFinished(() => pool.end())
    const { url } = await start('postgres.ts', { DATABASE_URL })
    const object = { order_no: '105', amount: 888 }
    const event = eventFixture('red_envelope.received', { object })

    expect(await post(url, event)).toBe('500 failed') // its table is not there yet
    await pool.query('create table ledger (order_no text, amount integer)')
    expect(await post(url, event)).toBe('200 handled')
    expect(await post(url, event)).toBe('200 duplicate')
    const { rows } = await pool.query('select * from ledger')
    expect(rows).toEqual([object])
  })

  it('hand-off: 200 once the job is stored, and a worker applies it', async () => {
    const DATABASE_URL = await postgres.createDatabase()
    const { url, output } = await start('hand-off.ts', { DATABASE_URL })
    const event = sentEvent('106')

    expect(await post(url, event, createTestKeys())).toBe('401 rejected')
    expect(await post(url, event)).toBe('200 handled')
    await vi.waitFor(() => expect(output()).toBe('sent 106 888\n'), PATIENCE_MS)
  })
})

it('shutdown: a running handler ends, its reply arrives, and the process exits', async () => {
  const started = Promise.withResolvers<string | undefined>()
  const saved = Promise.withResolvers<void>()
  const ORDERS_URL = await listen(async ({ url }) => {
    started.resolve(url)
    await saved.promise
  })
  const { url, child } = await start('shutdown.ts', { ORDERS_URL })
  const exited = once(child, 'exit')
  const reply = post(url, sentEvent('107'))
  expect(await started.promise).toBe('/107')

  child.kill('SIGTERM')
  await vi.waitFor(() => expect(reach(url)).rejects.toThrow('fetch failed'), PATIENCE_MS)
  saved.resolve()

  expect(await reply).toBe('200 handled')
  expect(await exited).toEqual([0, null])
})

it('error tracking: the error of a handler arrives at the tracker, with its event', async () => {
  const reported = Promise.withResolvers<unknown>()
  const TRACKER_URL = await listen(async (request) => {
    reported.resolve(JSON.parse(await text(request)))
  })
  const { url } = await start('error-tracking.ts', { TRACKER_URL })
  const event = sentEvent('108')

  expect(await post(url, event)).toBe('500 failed')
  expect(await reported.promise).toEqual({
    error: expect.stringContaining('Order 108 is not saved yet.'),
    eventType: 'red_envelope.sent',
    eventId: event.id,
  })
})

it('send, and reconcile: an envelope that failed, for which no webhook arrives, is found', async () => {
  const sandbox = await startSandbox()
  onTestFinished(() => sandbox.close())
  const variables = {
    PINGPP_API_KEY: sandbox.apiKey,
    PINGPP_PRIVATE_KEY: keys.privateKey,
    PINGPP_PUBLIC_KEY: sandbox.publicKey,
    PINGPP_BASE_URL: sandbox.url,
  }

  expect(await finish('send.ts', variables, '109', OPENID)).toMatch(/^red_\w+ sending\n$/)
  expect(sandbox.envelope('109')).toMatchObject({ amount: 888, recipient: OPENID })
  const refused = await finish('send.ts', variables, 'not a number', OPENID)
  expect(refused).toBe('not created parameter-invalid\n')

  sandbox.move('109', 'failed')
  const { output } = run('reconcile.ts', variables)
  await vi.waitFor(() => expect(output()).toMatch(/^failed 109 .+\n$/), PATIENCE_MS)
})

it('develop against the sandbox: the app handles an event, and its lost reply is repeated', async () => {
  const { output } = run('develop.ts', { PORT: `${await freePort()}` })

  await vi.waitFor(() => expect(output()).toContain('{"outcome":"duplicate"}'), PATIENCE_MS)
  expect(output()).toMatch(/^sent \d+ 100\n\{"outcome":"handled"\} The app answered, .+ lost/)
})

describe('a custom inbox', () => {
  it('runs a failed event again, and no applied one, after a restart either', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hongbao-own-inbox-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    vi.stubEnv('INBOX_PATH', join(folder, 'inbox.db'))
    const sent = vi.fn<() => void>().mockImplementationOnce(() => {
      throw new Error('declined')
    })
    const event = sentEvent('110')
    // A module that is loaded anew has nothing but the file, as a new process has.
    const receive = await loadOwnInbox(sent)

    expect(await receive(event)).toMatchObject({ outcome: 'failed' })
    expect(await receive(event)).toMatchObject({ outcome: 'handled' })
    expect(await receive(event)).toMatchObject({ outcome: 'duplicate' })
    const receiveLater = await loadOwnInbox(sent)
    expect(await receiveLater(event)).toMatchObject({ outcome: 'duplicate' })
    expect(sent).toHaveBeenCalledTimes(2)
  })

  it('is busy with a key whose work is running, and with no other', async () => {
    vi.stubEnv('INBOX_PATH', ':memory:')
    vi.resetModules()
    const { inbox } = await import('../../examples/jobs/own-inbox.ts')
    const end = Promise.withResolvers<void>()

    const running = inbox.admit('a', () => end.promise)
    expect(await inbox.admit('a', () => Promise.reject(new Error('a ran twice')))).toBe('busy')
    expect(await inbox.admit('b', () => Promise.resolve())).toBe('applied')
    end.resolve()
    expect(await running).toBe('applied')
  })
})

/** A receiver with the inbox over its file. */
async function loadOwnInbox(sent: () => void) {
  vi.resetModules()
  const { inbox } = await import('../../examples/jobs/own-inbox.ts')
  const { publicKey } = keys
  const on = { 'red_envelope.sent': sent }
  const webhooks = createWebhooks({ publicKey, inbox, on, logger: false })
  return (event: WebhookEvent) => webhooks.handle(signDelivery(event, keys).delivery())
}

function sentEvent(order_no: string, app?: string): WebhookEvent<'red_envelope.sent'> {
  const object = { order_no, amount: 888, ...(app === undefined ? {} : { app }) }
  return eventFixture('red_envelope.sent', { object })
}

/** What Ping++ receives: the status and the outcome. */
async function post(url: string, event: WebhookEvent<EventType>, signer = keys): Promise<string> {
  const response = await fetch(url, signDelivery(event, signer).init())
  const { outcome } = (await response.json()) as { outcome: string }
  return `${response.status} ${outcome}`
}

/** Starts a job that listens, and waits until it does. */
async function start(job: string, variables: Readonly<Record<string, string>> = {}) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/webhooks`
  const running = run(job, { PINGPP_PUBLIC_KEY: keys.publicKey, ...variables, PORT: `${port}` })
  await vi.waitFor(() => reach(url), PATIENCE_MS)
  return { url, ...running }
}

/** Runs a job that ends by itself, and returns its output. */
async function finish(job: string, variables: Readonly<Record<string, string>>, ...args: string[]) {
  const { child, output } = run(job, variables, ...args)
  expect(await once(child, 'close')).toEqual([0, null])
  return output()
}

/** Starts a job as the process that it is in production, until the test is over. */
function run(job: string, variables: Readonly<Record<string, string>>, ...args: string[]) {
  const program = fileURLToPath(new URL(`../../examples/jobs/${job}`, import.meta.url))
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
  })
  return { child, output: () => output }
}

/** Another server of the app, which answers 200 when `work` is done. Gives its address. */
async function listen(work: (request: IncomingMessage) => Promise<void>): Promise<string> {
  const server = createServer((request, response) => {
    void work(request).then(() => response.end())
  }).listen(0, '127.0.0.1')
  onTestFinished(() => server[Symbol.asyncDispose]())
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Over a connection of its own, which does not keep the server from closing. */
function reach(url: string): Promise<Response> {
  return fetch(url, { headers: { connection: 'close' } })
}
