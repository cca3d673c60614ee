import { Client, Pool, type PoolClient, type PoolConfig } from 'pg'
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts'
import { postgresInbox, type PostgresInbox, type PostgresInboxOptions } from '../src/index.ts'

/** A server with the table of an inbox, and one of effects **without** a unique key: doubles show. */
export interface Opened {
  readonly server: PostgresServer
  /** Looks at the database from outside. */
  query(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>
  /** An inbox with a pool of its own, as one process has it. */
  open(options?: InboxOptions, pool?: PoolConfig): OpenInbox
  /** The effects of a key that are committed. */
  countEffects(key: string): Promise<number>
  /** Resolves when the query finds something. */
  waitFor(text: string, values?: readonly unknown[]): Promise<void>
  close(): Promise<void>
}

export type InboxOptions = Partial<Omit<PostgresInboxOptions<PoolClient>, 'pool'>>

export interface OpenInbox {
  readonly inbox: PostgresInbox<PoolClient>
  readonly pool: Pool
}

export async function openPostgres(
  settings: Readonly<Record<string, string | number>> = {},
): Promise<Opened> {
  const server = await startPostgres({ settings })
  const pools: Pool[] = []
  const setup = open()
  await setup.inbox.ensureSchema()
  await setup.pool.query('create table effects (key text not null)')

  function open(options: InboxOptions = {}, config: PoolConfig = {}): OpenInbox {
    const pool = new Pool({ connectionString: server.url, ...config })
    pools.push(pool)
    return {
      pool,
      inbox: postgresInbox({ pool, consumer: 'orders', cleanUpEverySeconds: false, ...options }),
    }
  }

  /** By a connection of its own: the tests stop the server, and cut what is connected. */
  async function query(text: string, values: readonly unknown[] = []) {
    const client = new Client({ connectionString: server.url })
    await client.connect()
    try {
      const { rows } = await client.query<Record<string, unknown>>(text, [...values])
      return rows
    } finally {
      await client.end()
    }
  }

  return {
    server,
    query,
    open,
    async countEffects(key) {
      const found = await query('select count(*)::int as count from effects where key = $1', [key])
      return Number(found[0]?.['count'])
    },
    async waitFor(text, values) {
      while ((await query(text, values)).length === 0);
    },
    async close() {
      await Promise.all(pools.map((pool) => pool.end()))
      await server.close()
    },
  }
}

/** The work of a handler: it writes one effect through what it was lent. */
export function effectOf(key: string) {
  return async ({ tx }: { readonly tx: PoolClient }): Promise<void> => {
    await tx.query('insert into effects (key) values ($1)', [key])
  }
}
