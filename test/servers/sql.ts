import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise'
import { Client } from 'pg'
import { startMariadb } from './mariadb.ts'
import { startPostgres } from './postgres.ts'

/** A database of either kind, as its administrator sees it. */
export interface Database {
  readonly dialect: 'mysql' | 'postgres'
  readonly url: string
  /** The statement that returns the `id` of a connection. */
  readonly connectionId: string
  query(sql: string): Promise<Record<string, unknown>[]>
  /** A user for one process, so that its connections can be told from others. */
  createUser(): Promise<DatabaseUser>
  /** Cuts all connections of a user, and lets it make no new one. */
  removeUser(user: DatabaseUser): Promise<void>
  /** Cuts a connection, and waits until the server has noticed. */
  cut(id: number): Promise<void>
  close(): Promise<void>
}

/** A user without a password. */
export interface DatabaseUser {
  readonly name: string
  readonly url: string
}

/** Starts a MariaDB or a Postgres with an empty database. */
export async function startDatabase(dialect: 'mysql' | 'postgres'): Promise<Database> {
  const server = dialect === 'mysql' ? await startMariadb() : await startPostgres(MANY)
  const admin = dialect === 'mysql' ? await mysqlAdmin(server.url) : await postgresAdmin(server.url)
  const { query } = admin
  const words = WORDS[dialect]
  let users = 0

  async function cutAll(condition: string): Promise<void> {
    const rows = await query(words.connections(condition))
    if (rows.length === 0) return
    // One that has just left is not there any more.
    await Promise.all(rows.map(({ id }) => query(words.cut(Number(id))).catch(() => [])))
    await cutAll(condition)
  }

  return {
    dialect,
    url: server.url,
    connectionId: words.connectionId,
    query,
    async createUser() {
      users += 1
      const name = `process_${users}`
      for (const sql of words.createUser(name)) await query(sql)
      return { name, url: server.url.replace(/\w+@/, `${name}@`) }
    },
    async removeUser({ name }) {
      await query(words.lockUser(name))
      await cutAll(words.ofUser(name))
    },
    cut: (id) => cutAll(words.ofId(id)),
    async close() {
      await admin.end()
      await server.close()
    },
  }
}

const MANY = { settings: { max_connections: 200 } }

const WORDS = {
  mysql: {
    connectionId: 'select connection_id() as id',
    connections: (where: string) => `select id from information_schema.processlist where ${where}`,
    ofUser: (name: string) => `user = '${name}'`,
    ofId: (id: number) => `id = ${id}`,
    cut: (id: number) => `kill ${id}`,
    createUser: (name: string) => [`create user ${name}@'%'`, `grant all on *.* to ${name}@'%'`],
    lockUser: (name: string) => `alter user ${name}@'%' account lock`,
  },
  postgres: {
    connectionId: 'select pg_backend_pid() as id',
    connections: (where: string) => `select pid as id from pg_stat_activity where ${where}`,
    ofUser: (name: string) => `usename = '${name}'`,
    ofId: (id: number) => `pid = ${id}`,
    cut: (id: number) => `select pg_terminate_backend(${id})`,
    createUser: (name: string) => [`create role ${name} superuser login`],
    lockUser: (name: string) => `alter role ${name} nologin`,
  },
}

interface Admin {
  readonly query: Database['query']
  end(): Promise<void>
}

async function mysqlAdmin(url: string): Promise<Admin> {
  const connection: Connection = await createConnection(url)
  // An update does not wait for locked rows that it would not change.
  await connection.query('set session transaction isolation level read committed')
  return {
    query: async (sql) => (await connection.query<RowDataPacket[]>(sql))[0],
    end: () => connection.end(),
  }
}

async function postgresAdmin(connectionString: string): Promise<Admin> {
  const client = new Client({ connectionString })
  await client.connect()
  return {
    query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
    end: () => client.end(),
  }
}
