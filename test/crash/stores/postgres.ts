import type { Inbox, WebhookHandler } from '@hongbao/core'
import {
  postgresInbox,
  type PostgresInbox,
  type PostgresPool,
  type PgContext,
} from '@hongbao/postgres'
import { postgresJsPool } from '@hongbao/postgres/postgres-js'
import { Pool } from 'pg'
import postgres from 'postgres'
import type { Failpoints } from '../failpoints.ts'
import { createReceiver, EFFECT, effectHandler, failsNow, watch, type Fixture } from '../fixture.ts'
import type { Store } from '../store.ts'

export const postgresStore: Store = {
  prepare: ({ postgresUrl }) => createInboxTable(postgresUrl),
  async open(fixture) {
    const inbox = openInbox(fixture)
    return createReceiver(fixture, { inbox }).on('*', effectInTransaction(fixture))
  },
}

export async function createInboxTable(postgresUrl: string): Promise<void> {
  const pool = new Pool({ connectionString: postgresUrl })
  await postgresInbox({ pool, consumer: 'orders' }).ensureSchema()
  await pool.end()
}

/** Every other process uses `postgres` (porsager) in place of `pg`. */
export function openInbox(fixture: Fixture): Inbox<PgContext> {
  const { process, postgresUrl } = fixture.setup
  const pool = process % 2 === 0 ? openPg(postgresUrl) : openPostgresJs(postgresUrl)
  const inbox: PostgresInbox = postgresInbox({
    pool: withCommitPoints(pool, fixture.points),
    consumer: 'orders',
    // Short enough that a process which halts loses its transaction to another one.
    transactionTimeoutMs: 1500,
    cleanUpEverySeconds: 1,
  })
  return watch(inbox, fixture)
}

/** Writes the effect with the key of the event, in one transaction. */
export function effectInTransaction(fixture: Fixture): WebhookHandler<'*', PgContext> {
  const { random } = fixture
  return effectHandler<PgContext>(fixture, async function write({ tx }, [key, process]) {
    await tx.query(EFFECT, [key, String(process)])
    // What it has written is undone: it is in the transaction of the event.
    if (failsNow(random)) throw new Error('The handler failed behind its effect, on purpose.')
  })
}

function openPg(connectionString: string): PostgresPool {
  return new Pool({ connectionString, max: 10 })
}

function openPostgresJs(url: string): PostgresPool {
  return postgresJsPool(() => postgres(url, { max: 1, fetch_types: false, onnotice() {} }))
}

/** A pool whose connections pass the points around COMMIT. */
function withCommitPoints(pool: PostgresPool, points: Failpoints): PostgresPool {
  return override(pool, 'connect', async function connect() {
    const client = await pool.connect()
    return override(client, 'query', async function query(text: string, values?: unknown[]) {
      const isCommit = /\bcommit$/.test(text)
      if (isCommit) points.pass('before-commit')
      // It is on its way to Postgres when this has returned.
      const result = client.query(text, values)
      if (isCommit) points.pass('during-commit')
      const settled = await result
      if (isCommit) points.pass('after-commit')
      return settled
    })
  })
}

/** The same thing, but for one method. */
export function override<Thing extends object>(
  thing: Thing,
  name: keyof Thing,
  method: unknown,
): Thing {
  return new Proxy(thing, {
    get(target, asked) {
      if (asked === name) return method
      const value: unknown = Reflect.get(target, asked, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
