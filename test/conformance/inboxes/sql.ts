import { sqlInbox, type SqlDialect, type SqlInbox, type SqlInboxCommonOptions } from '@hongbao/sql'
import { mysql2Inbox } from '@hongbao/sql/mysql2'
import { createPool, type PoolConnection } from 'mysql2/promise'
import type { PoolClient } from 'pg'
import { createHash } from 'node:crypto'
import { hasMariadb } from '../../servers/mariadb.ts'
import { openPool } from '../../servers/postgres.ts'
import { startDatabase, type Database } from '../../servers/sql.ts'
import type { InboxHost, InboxStore, OpenInbox } from '../inbox-host.ts'

/** How a library connects to a database, and opens an inbox on it. */
export interface SqlHost<Tx> {
  readonly name: string
  readonly dialect: SqlDialect
  /** Connects as one process does, with ten connections at the most. */
  connect(url: string): SqlProcess<Tx> | Promise<SqlProcess<Tx>>
}

/** A process that is connected by way of a library. */
export interface SqlProcess<Tx> {
  open(options: SqlInboxCommonOptions): SqlInbox<Tx>
  /** Runs a statement without values in the transaction. Resolves with the rows of a SELECT. */
  readonly run: (tx: Tx, sql: string) => Promise<unknown>
  /** Closes the connections. */
  close(): Promise<unknown>
}

export const mysql2Host: SqlHost<PoolConnection> = {
  name: 'mysql2Inbox on MariaDB',
  dialect: 'mysql',
  connect(uri) {
    const pool = createPool({ uri, connectionLimit: 10 })
    return {
      open: (options) => mysql2Inbox({ ...options, pool }),
      run: async (tx, sql) => (await tx.query(sql))[0],
      close: () => pool.end(),
    }
  },
}

export const pgHost: SqlHost<PoolClient> = {
  name: 'sqlInbox over pg',
  dialect: 'postgres',
  connect(connectionString) {
    const pool = openPool({ connectionString, max: 10 })
    // One that is lost while it is lent.
    pool.on('connect', (client) => client.on('error', () => {}))
    return {
      open: (options) =>
        sqlInbox({
          ...options,
          dialect: 'postgres',
          query: async (sql, values, tx?: PoolClient) =>
            (await (tx ?? pool).query(sql, values)).rows,
          async transaction(run) {
            const client = await pool.connect()
            try {
              await client.query('begin')
              await run(client)
              await client.query('commit')
              client.release()
            } catch (error) {
              await client.query('rollback').then(
                () => client.release(),
                () => client.release(true),
              )
              throw error
            }
          },
        }),
      run: async (tx, sql) => (await tx.query(sql)).rows,
      close: () => pool.end(),
    }
  },
}

/** The inbox over each driver. Effects are in the same database: they commit with the key or not at all. */
export const sqlHosts: readonly InboxHost[] = [
  ...(hasMariadb ? [hostOf(mysql2Host)] : []),
  hostOf(pgHost),
]

/** The host of a library, for the conformance suite. */
export function hostOf<Tx>(host: SqlHost<Tx>): InboxHost {
  return { name: host.name, hold: 'transaction', modelRuns: 60, start: () => startStore(host) }
}

async function startStore<Tx>(host: SqlHost<Tx>): Promise<InboxStore> {
  const database = await startDatabase(host.dialect)
  await database.query('create table effects (id char(64) not null)')
  const admin = await host.connect(database.url)
  const owner = admin.open({ consumer: 'orders' })
  await owner.ensureSchema()
  /** Which connection holds a key. */
  const holders = new Map<string, unknown>()

  async function open(): Promise<OpenInbox> {
    const user = await database.createUser()
    const process = await host.connect(user.url)
    const inbox = process.open({ consumer: 'orders', cleanUpEverySeconds: false })
    return {
      retentionSeconds: inbox.retentionSeconds,
      admit: (key, work) =>
        inbox.admit(key, async ({ tx }) => {
          const [row] = (await process.run(tx, database.connectionId)) as { readonly id: unknown }[]
          holders.set(key, row?.id)
          await work(async () => {
            await process.run(tx, `insert into effects (id) values ('${digestOf(key)}')`)
          })
        }),
      crash: () => database.removeUser(user),
      close: async () => void (await process.close()),
    }
  }

  return {
    open,
    takeAway: (key) => database.cut(Number(holders.get(key))),
    async countEffects(key) {
      const id = digestOf(key)
      const [row] = await database.query(`select count(*) as n from effects where id = '${id}'`)
      return Number(row?.['n'])
    },
    advance: (seconds) => advance(database, seconds),
    clean: async () => void (await owner.cleanUp()),
    async close() {
      await admin.close()
      await database.close()
    },
  }
}

/** Makes what was applied so much older. */
async function advance(database: Database, seconds: number): Promise<void> {
  const interval =
    database.dialect === 'mysql' ? `interval ${seconds} second` : `interval '${seconds} seconds'`
  await database.query(
    `update hongbao_inbox set created_at = created_at - ${interval}, applied_at = applied_at - ${interval} where applied_at is not null`,
  )
}

/** Keys differ in what a collation ignores. */
function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}
