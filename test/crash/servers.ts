import { Client } from 'pg'
import { setTimeout as wait } from 'node:timers/promises'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'
import type { Addresses } from './addresses.ts'
import type { Effect, Restart } from './history.ts'
import type { ServerName } from './stores.ts'

/** The servers of a trial. Postgres always runs, because the effects stand in it. */
export interface Servers extends Addresses {
  restart(server: ServerName, how: Restart['how']): Promise<Restart>
  /** The effects of the handlers. */
  readEffects(): Promise<readonly Effect[]>
  close(): Promise<void>
}

export async function startServers(withRedis: boolean): Promise<Servers> {
  const postgres = await startPostgres({ settings: { max_connections: 300 } })
  // With `everysec`, a Redis that is killed can forget what it has answered two seconds before.
  const redis = withRedis ? await startRedis({ settings: { appendfsync: 'always' } }) : undefined
  const byName: Readonly<Record<ServerName, TestServer | undefined>> = { postgres, redis }
  await query(postgres.url, TABLES)

  return {
    postgresUrl: postgres.url,
    redisPort: redis?.port ?? 0,
    async restart(name, how) {
      const server = byName[name]
      if (server === undefined) throw new Error(`There is no ${name} in this trial.`)
      const fromMs = Date.now()
      await (how === 'crash' ? server.kill() : server.stop())
      await startAgain(server)
      return { kind: 'restart', server: name, how, fromMs, toMs: Date.now() }
    },
    async readEffects() {
      const rows = await query(postgres.url, EFFECTS)
      return rows.map((row) => ({ key: String(row['key']), process: Number(row['process']) }))
    },
    async close() {
      await Promise.all([postgres.close(), redis?.close()])
    },
  }
}

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
