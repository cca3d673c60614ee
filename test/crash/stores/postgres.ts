import type { Handler, HandlerContext, Inbox, WebhookEvent } from '@hongbao/core'
import {
  postgresInbox,
  postgresJsPool,
  type PostgresClient,
  type PostgresInbox,
  type PostgresPool,
  type TransactionContext,
} from '@hongbao/postgres'
import { Pool } from 'pg'
import postgres from 'postgres'
import type { Failpoints } from '../failpoints.ts'
import { createReceiver, EFFECT, effectHandler, watch, type Ground } from '../ground.ts'
import type { Store } from '../store.ts'

export const postgresStore: Store = {
  prepare: ({ postgresUrl }) => createInboxTable(postgresUrl),
  async open(ground) {
    const inbox = openInbox(ground)
    return createReceiver(ground, { inbox }).on('*', effectInTransaction(ground))
  },
}

export async function createInboxTable(postgresUrl: string): Promise<void> {
  const pool = new Pool({ connectionString: postgresUrl })
  await postgresInbox({ pool }).ensureSchema()
  await pool.end()
}

/** Every other process uses `postgres` (porsager) in place of `pg`. */
export function openInbox(ground: Ground): Inbox<TransactionContext<PostgresClient>> {
  const { process, postgresUrl } = ground.setup
  const pool = process % 2 === 0 ? openPg(postgresUrl) : openPostgresJs(postgresUrl)
  const inbox: PostgresInbox = postgresInbox({
    pool: withCommitPoints(pool, ground.points),
    // Short enough that a process which halts loses its transaction to another one.
    transactionTimeoutMs: 1500,
    cleanUpEverySeconds: 1,
  })
  return watch(inbox, ground)
}

/** Writes the effect with the key of the event, in one transaction. */
export function effectInTransaction(
  ground: Ground,
): Handler<WebhookEvent, HandlerContext & TransactionContext<PostgresClient>> {
  return effectHandler<TransactionContext<PostgresClient>>(ground, ({ tx }, [key, process]) =>
    tx.query(EFFECT, [key, String(process)]),
  )
}

function openPg(connectionString: string): PostgresPool {
  const pool = new Pool({ connectionString, max: 10 })
  pool.on('error', () => {})
  return pool
}

function openPostgresJs(url: string): PostgresPool {
  return postgresJsPool(() => postgres(url, { max: 1, fetch_types: false, onnotice() {} }))
}

/** A pool whose connections pass the points around COMMIT. */
function withCommitPoints(pool: PostgresPool, points: Failpoints): PostgresPool {
  return {
    async connect() {
      const client = await pool.connect()
      return new Proxy(client, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target)
          if (typeof value !== 'function') return value
          if (name !== 'query') return value.bind(target)
          return async function query(text: string, ...rest: unknown[]): Promise<unknown> {
            const isCommit = /\bcommit$/.test(text)
            if (isCommit) points.pass('before-commit')
            // It is on its way to Postgres when this has returned.
            const result: unknown = Reflect.apply(value, target, [text, ...rest])
            if (isCommit) points.pass('during-commit')
            const settled = await result
            if (isCommit) points.pass('after-commit')
            return settled
          }
        },
      })
    },
  }
}
