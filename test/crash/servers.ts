import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { Client } from 'pg'
import { setTimeout as wait } from 'node:timers/promises'
import { startMariadb } from '../servers/mariadb.ts'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'
import type { Addresses } from './addresses.ts'
import type { Effect, Restart } from './history.ts'
import type { ServerName, StorePlan } from './stores.ts'

/** The servers of a trial. Postgres always runs, because the effects stand in it unless there is a MariaDB. */
export interface Servers extends Addresses {
  restart(server: ServerName, how: Restart['how']): Promise<Restart>
  /** The effects of the handlers. */
  readEffects(): Promise<readonly Effect[]>
  close(): Promise<void>
}

export async function startServers({ needsRedis, needsMariadb }: Needs): Promise<Servers> {
  const postgres = await startPostgres({ settings: { max_connections: 300 } })
  // With `everysec`, a Redis that is killed can forget what it has answered two seconds before.
  const redis = needsRedis ? await startRedis({ settings: { appendfsync: 'always' } }) : undefined
  const mariadb = needsMariadb === true ? await startMariadb() : undefined
  const byName: Readonly<Record<ServerName, TestServer | undefined>> = { postgres, redis, mariadb }
  await query(postgres.url, TABLES)
  if (mariadb !== undefined) await queryMariadb(mariadb.url, MARIADB_TABLE)

  return {
    postgresUrl: postgres.url,
    redisPort: redis?.port ?? 0,
    mariadbUrl: mariadb?.url ?? '',
    async restart(name, how) {
      const server = byName[name]
      if (server === undefined) throw new Error(`There is no ${name} in this trial.`)
      const fromMs = Date.now()
      await (how === 'crash' ? server.kill() : server.stop())
      await startAgain(server)
      return { kind: 'restart', server: name, how, fromMs, toMs: Date.now() }
    },
    async readEffects() {
      const rows =
        mariadb === undefined
          ? await query(postgres.url, EFFECTS)
          : await queryMariadb(mariadb.url, 'select `key`, process from effects')
      return rows.map((row) => ({ key: String(row['key']), process: Number(row['process']) }))
    },
    async close() {
      await Promise.all([postgres.close(), redis?.close(), mariadb?.close()])
    },
  }
}

type Needs = Pick<StorePlan, 'needsRedis' | 'needsMariadb'>

const MARIADB_TABLE =
  'create table effects (`key` varchar(300) not null, process integer not null, key effect (`key`))'

const TABLES = `
create table effects (key text not null, process integer not null);
create index on effects (key);
create table effects_once (key text primary key, process integer not null)`

const EFFECTS = 'select key, process from effects union all select key, process from effects_once'

/** What a Postgres that was killed leaves running has to end first: it refuses to start beside it. */
async function startAgain(server: TestServer): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await server.start()
      return
    } catch (error) {
      if (attempt === MAX_STARTS) throw error
      await wait(100)
    }
  }
}

const MAX_STARTS = 50

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

async function queryMariadb(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const connection = await createConnection(url)
  try {
    return (await connection.query<RowDataPacket[]>(sql))[0]
  } finally {
    await connection.end()
  }
}
