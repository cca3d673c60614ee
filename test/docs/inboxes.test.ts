import type { WebhookEvent, Webhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import type { Express } from 'express'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startPostgres, type PostgresServer } from '../servers/postgres.ts'
import type { db } from './host/db.ts'
import { createWorkspace, removeWorkspaces } from './snippets.ts'

const keys = createTestKeys()

beforeAll(() => void vi.stubEnv('PINGPP_PUBLIC_KEY', keys.publicKey))
afterAll(() => {
  vi.unstubAllEnvs()
  removeWorkspaces()
})

describe('the snippets of docs/inboxes.md', () => {
  it('envelope-states.ts moves on, and neither back nor from one end to another [H1, H3, H7]', async () => {
    const { database, insert, tell } = await openStates()
    const complaints = vi.spyOn(console, 'error').mockImplementation(() => {})
    const sent = (id: string) => tell(eventFixture('red_envelope.sent', envelope(id)))
    const received = (id: string) => tell(eventFixture('red_envelope.received', envelope(id)))
    const refund = (id: string) => tell(eventFixture('red_envelope.refund', envelope(id)))
    await insert('1', '2', '3')

    // Out of order; a day late; a second end.
    expect(await received('1')).toBe('handled')
    expect(await sent('1')).toBe('handled')
    expect(await refund('2')).toBe('handled')
    expect(await sent('2')).toBe('handled')
    expect(complaints).not.toHaveBeenCalled()
    expect(await received('3')).toBe('handled')
    expect(await refund('3')).toBe('handled')

    expect(complaints.mock.calls).toEqual([['Order 3 is received, and Ping++ says refund.']])
    expect(database.all('select order_no, status from red_envelopes order by 1')).toEqual([
      { order_no: '1', status: 'received' },
      { order_no: '2', status: 'refund' },
      { order_no: '3', status: 'received' },
    ])
    complaints.mockRestore()
    database.close()
  })

  it('envelope-states.ts has an event sent again whose order is not there yet', async () => {
    const { database, insert, tell } = await openStates()
    const event = eventFixture('red_envelope.sent', envelope('4'))
    expect(await tell(event)).toBe('failed')
    await insert('4')
    expect(await tell(event)).toBe('handled')
    expect(database.all('select status from red_envelopes')).toEqual([{ status: 'sent' }])
    database.close()
  })

  it('shutdown.ts waits for what runs, and admits nothing more', async () => {
    const workspace = createWorkspace()
    const { webhooks } = await workspace.import<{ webhooks: Webhooks }>('webhooks.ts')
    const { shutDown } = await workspace.import<{ shutDown: (server: Server) => Promise<void> }>(
      'shutdown.ts',
    )
    const work = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    webhooks.on('charge.succeeded', () => {
      begun.resolve()
      return work.promise
    })
    const server = createServer((_request, response) => response.end())
    await once(server.listen(0, '127.0.0.1'), 'listening')

    const running = webhooks.dispatch(eventFixture('charge.succeeded'))
    await begun.promise
    let isDown = false
    const down = shutDown(server).then(() => {
      isDown = true
    })
    const late = signDelivery(eventFixture('charge.succeeded'), keys).delivery()
    expect(await webhooks.handle(late)).toMatchObject({ outcome: 'closing', status: 500 })
    expect(isDown).toBe(false)

    work.resolve()
    await down
    expect(await running).toEqual({ outcome: 'handled' })
    expect(server.listening).toBe(false)
  })

  it('shutdown.ts ends though a handler hangs, and says what still runs [F40]', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const complaints = vi.spyOn(console, 'error').mockImplementation(() => {})
    const workspace = createWorkspace()
    const { webhooks } = await workspace.import<{ webhooks: Webhooks }>('webhooks.ts')
    const { shutDown } = await workspace.import<{ shutDown: (server: Server) => Promise<void> }>(
      'shutdown.ts',
    )
    webhooks.on('charge.succeeded', () => new Promise(() => {}))
    const server = createServer((_request, response) => response.end())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const event = eventFixture('charge.succeeded')
    void webhooks.dispatch(event)
    const down = shutDown(server)
    await vi.advanceTimersByTimeAsync(5000)
    await down
    expect(complaints.mock.lastCall).toEqual([
      expect.stringMatching(
        new RegExp(`^charge.succeeded ${event.id} still waits for its handlers after \\d+ ms$`),
      ),
    ])
    complaints.mockRestore()
    vi.useRealTimers()
  })
})

describe("the README's health check", () => {
  it('health.ts answers 200, and 503 once the app shuts down [E41]', async () => {
    const complaints = vi.spyOn(console, 'error').mockImplementation(() => {})
    const workspace = createWorkspace()
    await workspace.import('health.ts')
    const { webhooks } = await workspace.import<{ webhooks: Webhooks }>('webhooks.ts')
    const { app } = await workspace.import<{ app: Express }>('express.ts')
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`
    expect(await statusOf(url)).toBe(200)

    await webhooks.close()
    expect(await statusOf(url)).toBe(503)
    expect(complaints.mock.lastCall).toMatchObject([{ code: 'shutting-down' }])
    complaints.mockRestore()
    server.close()
  })
})

async function statusOf(url: string): Promise<number> {
  return (await fetch(url, { headers: { connection: 'close' } })).status
}

function envelope(id: string) {
  return { object: { id: `red_${id}`, order_no: id } }
}

/** The snippet at work, on a table of its own. */
async function openStates() {
  const workspace = createWorkspace()
  await workspace.import('envelope-states.ts')
  const { webhooks } = await workspace.import<{ webhooks: Webhooks }>('webhooks.ts')
  const { db: database } = await workspace.import<{ db: typeof db }>('db.ts')

  async function insert(...ids: string[]): Promise<void> {
    await database.transaction(async (tx) => {
      for (const id of ids) await tx.run(`insert into red_envelopes values (?, 'sending')`, [id])
    })
  }

  async function tell(event: WebhookEvent): Promise<string> {
    return (await webhooks.dispatch(event)).outcome
  }

  return { database, insert, tell }
}

describe("the README's shared inbox", () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  }, 30_000)
  afterAll(() => server.close())

  it('shared-inbox.ts commits the key with what the handler wrote, and applies it once', async () => {
    const database = await server.createDatabase()
    vi.stubEnv('DATABASE_URL', database)
    const client = new Client({ connectionString: database })
    await client.connect()
    await client.query(`create table orders (order_no text primary key, status text)`)
    await client.query(`insert into orders values ('42', 'sending')`)
    const { webhooks } = await createWorkspace().import<{ webhooks: Webhooks }>('shared-inbox.ts')

    const event = eventFixture('red_envelope.sent', { object: { order_no: '42' } })
    const deliver = () => webhooks.handle(signDelivery(event, keys).delivery())
    expect(await deliver()).toMatchObject({ outcome: 'handled' })
    expect(await deliver()).toMatchObject({ outcome: 'duplicate' })
    expect((await client.query('select * from orders')).rows).toEqual([
      { order_no: '42', status: 'sent' },
    ])
    await client.end()
  })
})
