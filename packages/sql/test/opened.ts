import { createPool, type Pool as MysqlPool, type PoolConnection } from 'mysql2/promise'
import type { Pool as PgPool, PoolClient } from 'pg'
import { openPool } from '../../../test/servers/postgres.ts'
import { startDatabase, type Database } from '../../../test/servers/sql.ts'
import { sqlInbox, type SqlDialect, type SqlInbox, type SqlInboxOptions } from '../src/index.ts'

/** A transaction as an ORM has it: something that runs statements. */
export interface Tx {
  run(sql: string, values?: string[]): Promise<unknown>
}

/** The two functions of an ORM. */
export type Orm = Pick<SqlInboxOptions<Tx>, 'query' | 'transaction'>

/** A database with the table of an inbox, and one of effects without a unique key: doubles show. */
export interface Opened {
  readonly database: Database
  /** Two functions that do what is expected of them. */
  readonly orm: Orm
  open(options?: Partial<SqlInboxOptions<Tx>>): SqlInbox<Tx>
  countEffects(name: string): Promise<number>
  close(): Promise<void>
}

export async function openSql(dialect: SqlDialect): Promise<Opened> {
  const database = await startDatabase(dialect)
  await database.query('create table effects (name varchar(100) not null)')
  const pool =
    dialect === 'mysql'
      ? mysqlOrm(createPool({ uri: database.url, connectionLimit: 20 }))
      : pgOrm(openPool({ connectionString: database.url, max: 20 }))
  const { orm } = pool

  function open(options: Partial<SqlInboxOptions<Tx>> = {}): SqlInbox<Tx> {
    return sqlInbox({ consumer: 'orders', dialect, cleanUpEverySeconds: false, ...orm, ...options })
  }

  await open().ensureSchema()
  return {
    database,
    orm,
    open,
    async countEffects(name) {
      const [row] = await database.query(`select count(*) as n from effects where name = '${name}'`)
      return Number(row?.['n'])
    },
    async close() {
      await pool.end()
      await database.close()
    },
  }
}

/** The work of a handler: it writes one effect through what it was lent. */
export function effectOf(name: string) {
  return async ({ tx }: { readonly tx: Tx }): Promise<void> => {
    await tx.run(`insert into effects (name) values ('${name}')`)
  }
}

interface OpenOrm {
  readonly orm: Orm
  end(): Promise<void>
}

function mysqlOrm(pool: MysqlPool): OpenOrm {
  const txOf = (runner: MysqlPool | PoolConnection): Tx => ({
    run: async (sql, values) => (await runner.query(sql, values))[0],
  })
  return {
    orm: {
      query: (sql, values, tx = txOf(pool)) => tx.run(sql, values),
      async transaction(run) {
        const connection = await pool.getConnection()
        try {
          await connection.beginTransaction()
          await run(txOf(connection))
          await connection.commit()
        } catch (error) {
          await connection.rollback()
          throw error
        } finally {
          connection.release()
        }
      },
    },
    end: () => pool.end(),
  }
}

function pgOrm(pool: PgPool): OpenOrm {
  const txOf = (runner: PgPool | PoolClient): Tx => ({
    run: async (sql, values) => (await runner.query(sql, values)).rows,
  })
  return {
    orm: {
      query: (sql, values, tx = txOf(pool)) => tx.run(sql, values),
      async transaction(run) {
        const client = await pool.connect()
        try {
          await client.query('begin')
          await run(txOf(client))
          await client.query('commit')
        } catch (error) {
          await client.query('rollback')
          throw error
        } finally {
          client.release()
        }
      },
    },
    end: () => pool.end(),
  }
}
