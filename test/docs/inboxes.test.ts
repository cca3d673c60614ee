import type { WebhookEvent, Webhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import type { Express } from 'express'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createPool } from 'mysql2/promise'
import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasMariadb, startMariadb } from '../servers/mariadb.ts'
import { startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { createWorkspace, removeWorkspaces } from './snippets.ts'

const keys = createTestKeys()
let postgres: PostgresServer
const pools: Pool[] = []

beforeAll(async () => {
  vi.stubEnv('PINGPP_PUBLIC_KEY', keys.publicKey)
  vi.spyOn(console, 'error').mockImplementation(() => {})
  postgres = await startPostgres()
})
afterAll(async () => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  await Promise.all(pools.map((pool) => pool.end()))
  await postgres.close()
  removeWorkspaces()
})

const TABLES = `
create table orders (order_no text primary key, status text not null);
create table ledger (key text primary key, amount integer)`

const sent = (orderNo: string) => eventFixture('red_envelope.sent', envelope(orderNo))
const received = (orderNo: string) => eventFixture('red_envelope.received', envelope(orderNo))
const refund = (orderNo: string) => eventFixture('red_envelope.refund', envelope(orderNo))

/** Every recipe that moves an order to `sent`, and the module that has its receiver. */
const RECIPES = [
  ['docs/retries.md, transitions.ts', 'transitions.ts', 'webhooks.ts'],
  ['docs/retries.md, shared-inbox.ts', 'shared-inbox.ts', 'shared-inbox.ts'],
  ['docs/inboxes.md, envelope-states.ts', 'envelope-states.ts', 'webhooks.ts'],
] as const

describe.each(RECIPES)('the recipe of %s, on Postgres', (_document, recipe, receiver) => {
  it('advances an order, and changes nothing when it runs again [H16]', async () => {
    const { insert, open, statuses } = await openShop()
    await insert('1')
    const processes = [await open(recipe, receiver), await open(recipe, receiver)]
    for (const { tell } of processes) expect(await tell(sent('1'))).not.toBe('failed')
    expect(await statuses()).toEqual([['1', 'sent']])
  })

  it.each(['received', 'refund', 'failed'])(
    'does not change %s if a sent comes late [H16]',
    async (status) => {
      const { insert, open, statuses } = await openShop()
      await insert('1', status)
      const { tell } = await open(recipe, receiver)
      expect(await tell(sent('1'))).toBe('handled')
      expect(await statuses()).toEqual([['1', status]])
    },
  )

  it('fails before the order is saved, so that Ping++ redelivers the event [H16]', async () => {
    const { insert, open, statuses } = await openShop()
    const { tell } = await open(recipe, receiver)
    const event = sent('1')
    expect(await tell(event)).toBe('failed')
    await insert('1')
    expect(await tell(event)).toBe('handled')
    expect(await statuses()).toEqual([['1', 'sent']])
  })

  it('advances once if two processes get the event at the same time [H16]', async () => {
    const { insert, open, statuses } = await openShop()
    await insert('1')
    const processes = [await open(recipe, receiver), await open(recipe, receiver)]
    const event = sent('1')
    const outcomes = await Promise.all(processes.map(({ tell }) => tell(event)))
    expect(outcomes).toContain('handled')
    expect(await statuses()).toEqual([['1', 'sent']])
  })
})

describe('the recipe of docs/retries.md, transitions.ts, on Postgres', () => {
  it('writes one row into the ledger, although two processes run it', async () => {
    const { insert, open, pool } = await openShop()
    await insert('1')
    for (const { tell } of [await open('transitions.ts'), await open('transitions.ts')]) {
      expect(await tell(sent('1'))).toBe('handled')
    }
    const { rows } = await pool.query('select * from ledger')
    expect(rows).toEqual([
      { key: expect.stringContaining(':red_envelope.sent:red_1') as string, amount: 888 },
    ])
  })

  it('writes nothing into the ledger for an order that is not saved', async () => {
    const { open, pool } = await openShop()
    const { tell } = await open('transitions.ts')
    expect(await tell(sent('1'))).toBe('failed')
    expect((await pool.query('select * from ledger')).rows).toEqual([])
  })
})

describe('the recipe of README.md, once.ts, on Postgres', () => {
  it('writes one row, although two processes get one step by a webhook and a query', async () => {
    const { open, pool } = await openShop()
    const event = received('1')
    const [byWebhook, byQuery] = [await open('once.ts'), await open('once.ts')]
    const delivery = signDelivery(event, keys).delivery()
    expect(await byWebhook.webhooks.handle(delivery)).toMatchObject({ outcome: 'handled' })
    const { id: _none, ...polled } = event
    expect(await byQuery.webhooks.dispatch(polled, { source: 'poll' })).toEqual({
      outcome: 'handled',
    })
    expect((await pool.query('select * from ledger')).rows).toEqual([
      { key: expect.stringContaining(':red_envelope.received:red_1') as string, amount: 888 },
    ])
  })
})

describe('the snippets of docs/inboxes.md', () => {
  it('envelope-states.ts moves forward, and neither back nor from one final status to another [H1, H3, H7]', async () => {
    const { insert, open, statuses } = await openShop()
    const { tell } = await open('envelope-states.ts')
    for (const orderNo of ['1', '2', '3']) await insert(orderNo)
    const complaints = vi.mocked(console.error).mockClear()

    // Out of order; a day late; a second end.
    expect(await tell(received('1'))).toBe('handled')
    expect(await tell(sent('1'))).toBe('handled')
    expect(await tell(refund('2'))).toBe('handled')
    expect(await tell(sent('2'))).toBe('handled')
    expect(complaints).not.toHaveBeenCalled()
    expect(await tell(received('3'))).toBe('handled')
    expect(await tell(refund('3'))).toBe('handled')

    expect(complaints.mock.calls).toEqual([['Order 3 is received, and Ping++ says refund.']])
    expect(await statuses()).toEqual([
      ['1', 'received'],
      ['2', 'refund'],
      ['3', 'received'],
    ])
  })

  it.skipIf(!hasMariadb)(
    'mysql-inbox.ts applies an event once, and advances an order only',
    async () => {
      const mariadb = await startMariadb()
      vi.stubEnv('MYSQL_URL', mariadb.url)
      const pool = createPool(mariadb.url)
      await pool.query('create table orders (order_no varchar(50), status text)')
      const open = async () =>
        (await createWorkspace().import<{ webhooks: Webhooks }>('mysql-inbox.ts')).webhooks
      const [first, second] = [await open(), await open()]
      expect(await first.dispatch(sent('1'))).toMatchObject({ outcome: 'failed' })
      await pool.query(`insert into orders values ('1', 'sending'), ('2', 'received')`)
      const event = sent('1')
      expect(await first.dispatch(event)).toMatchObject({ outcome: 'handled' })
      expect(await second.dispatch(event)).toMatchObject({ outcome: 'duplicate' })
      expect(await second.dispatch(sent('2'))).toMatchObject({ outcome: 'handled' })
      const [rows] = await pool.query('select status from orders order by order_no')
      expect(rows).toEqual([{ status: 'sent' }, { status: 'received' }])
      await pool.end()
      await mariadb.close()
    },
  )

  it('shutdown.ts waits for running handlers, and admits no more events', async () => {
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
    const host = createServer((_request, response) => response.end())
    await once(host.listen(0, '127.0.0.1'), 'listening')

    const running = webhooks.dispatch(eventFixture('charge.succeeded'))
    await begun.promise
    let isDown = false
    const down = shutDown(host).then(() => {
      isDown = true
    })
    const late = signDelivery(eventFixture('charge.succeeded'), keys).delivery()
    expect(await webhooks.handle(late)).toMatchObject({
      outcome: 'failed',
      code: 'shutting-down',
      status: 500,
    })
    expect(isDown).toBe(false)

    work.resolve()
    await down
    expect(await running).toEqual({ outcome: 'handled' })
    expect(host.listening).toBe(false)
  })

  it('shutdown.ts ends although a handler hangs, and logs what still runs [F24]', async () => {
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

describe('the health check of docs/observing.md', () => {
  it('health.ts answers 200, and 503 once the app shuts down [E58]', async () => {
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

describe('the shared inbox of docs/retries.md', () => {
  it('shared-inbox.ts commits the key with the handler’s writes, and applies it once', async () => {
    const { insert, open, statuses } = await openShop()
    await insert('1')
    const { webhooks } = await open('shared-inbox.ts', 'shared-inbox.ts')
    const event = sent('1')
    const deliver = () => webhooks.handle(signDelivery(event, keys).delivery())
    expect(await deliver()).toMatchObject({ outcome: 'handled' })
    expect(await deliver()).toMatchObject({ outcome: 'duplicate' })
    expect(await statuses()).toEqual([['1', 'sent']])
  })
})

function envelope(orderNo: string) {
  return { object: { id: `red_${orderNo}`, order_no: orderNo, amount: 888 } }
}

/** The receiver of docs/mounting.md without its own handlers: the recipe brings those. */
function withoutHandlers(code: string): string {
  const isReceiver = code.startsWith('// webhooks.ts\n')
  return isReceiver ? code.slice(0, code.indexOf('\nwebhooks.on(')) : code
}

/** A database of its own, in which processes of a shop run a recipe. */
async function openShop() {
  vi.stubEnv('DATABASE_URL', await postgres.createDatabase())
  const { pool } = await createWorkspace().import<{ pool: Pool }>('db.ts')
  pools.push(pool)
  await pool.query(TABLES)

  async function insert(orderNo: string, status = 'sending'): Promise<void> {
    await pool.query('insert into orders values ($1, $2)', [orderNo, status])
  }

  async function statuses(): Promise<[string, string][]> {
    const { rows } = await pool.query('select order_no, status from orders order by 1')
    return rows.map(({ order_no: orderNo, status }) => [orderNo, status])
  }

  /** The recipe in a process of its own, as far as its memory goes. */
  async function open(recipe: string, receiver = 'webhooks.ts') {
    const workspace = createWorkspace(withoutHandlers)
    await workspace.import(recipe)
    pools.push((await workspace.import<{ pool: Pool }>('db.ts')).pool)
    const { webhooks } = await workspace.import<{ webhooks: Webhooks }>(receiver)
    const tell = async (event: WebhookEvent) => (await webhooks.dispatch(event)).outcome
    return { webhooks, tell }
  }

  return { pool, insert, statuses, open }
}
