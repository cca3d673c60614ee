import { drizzleInbox } from '@hongbao/sql/drizzle'
import { mysqlTable, varchar } from 'drizzle-orm/mysql-core'
import { drizzle as drizzleMysql } from 'drizzle-orm/mysql2'
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres'
import { pgTable, text } from 'drizzle-orm/pg-core'
import { drizzle as drizzleJs } from 'drizzle-orm/postgres-js'
import { createConnection, createPool } from 'mysql2/promise'
import { Client, Pool } from 'pg'
import postgres from 'postgres'
import { expect, it } from 'vitest'
import { startDatabase } from '../../servers/sql.ts'
import { describeControl, describeOrm, type Opened, type Orm } from './suite.ts'

const mysqlEffects = mysqlTable('effects', { id: varchar({ length: 100 }).notNull() })
const pgEffects = pgTable('effects', { id: text().notNull() })

/** What Drizzle passes to the callback of `transaction`. */
type TxOf<Db extends { transaction: (run: never) => unknown }> = Parameters<
  Parameters<Db['transaction']>[0]
>[0]

const mysql2: Orm<TxOf<ReturnType<typeof openMysql>>> = {
  name: 'drizzleInbox on mysql2',
  dialect: 'mysql',
  connect(uri, connectionLimit) {
    const db = openMysql(uri, connectionLimit)
    return {
      open: (options) => drizzleInbox({ ...options, db, dialect: 'mysql' }),
      run: async (tx, statement) => (await tx.execute(statement))[0],
      write: async (tx, id) => tx.insert(mysqlEffects).values({ id }),
      undo: (tx, id) =>
        tx.transaction(async (savepoint) => {
          await savepoint.insert(mysqlEffects).values({ id })
          throw new Error('undone')
        }),
      writeOutside: async (id) => db.insert(mysqlEffects).values({ id }),
      close: () => db.$client.end(),
    }
  },
}

const pg: Orm<TxOf<ReturnType<typeof openPg>>> = {
  name: 'drizzleInbox on pg',
  dialect: 'postgres',
  connect(url, max) {
    const db = openPg(url, max)
    return {
      open: (options) => drizzleInbox({ ...options, db, dialect: 'postgres' }),
      run: async (tx, statement) => (await tx.execute(statement)).rows,
      write: async (tx, id) => tx.insert(pgEffects).values({ id }),
      undo: (tx, id) =>
        tx.transaction(async (savepoint) => {
          await savepoint.insert(pgEffects).values({ id })
          throw new Error('undone')
        }),
      writeOutside: async (id) => db.insert(pgEffects).values({ id }),
      close: () => db.$client.end(),
    }
  },
}

function openMysql(uri: string, connectionLimit: number) {
  const client = createPool({ uri, connectionLimit })
  return drizzleMysql({ client, schema: { effects: mysqlEffects }, mode: 'default' })
}

function openPg(connectionString: string, max: number) {
  const client = new Pool({ connectionString, max })
  client.on('error', () => {})
  // One that is lost while it is lent.
  client.on('connect', (lent) => lent.on('error', () => {}))
  return drizzlePg({ client, schema: { effects: pgEffects } })
}

/** What the transactions have in common. */
interface DrizzleTx {
  rollback(): never
}

describeOrm(mysql2, (open) => {
  testDrizzle(open)
  describeControl('mysql', open)

  it('refuses a prepared statement, a query and a savepoint after the end', async () => {
    const { inbox, countEffects } = await open(1)
    const late: (() => Promise<unknown>)[] = []
    await inbox.admit('kept', async ({ tx }) => {
      const insert = tx.insert(mysqlEffects).values({ id: 'prepared' })
      const prepared = insert.prepare()
      const find = tx.select().from(mysqlEffects).prepare()
      await tx.transaction(async (savepoint) => {
        late.push(async () => savepoint.insert(mysqlEffects).values({ id: 'prepared' }))
      })
      late.push(
        () => prepared.execute(),
        async () => insert,
        () => find.execute(),
        async () => find.iterator().next(),
        () => tx.query.effects.findMany(),
        () => tx.transaction(async () => {}),
        async () => tx.execute('commit'),
      )
    })
    await inbox.admit('other', async () => {
      for (const send of late) {
        await expect(send()).rejects.toMatchObject({ code: 'sql-transaction-over' })
      }
    })
    expect(await countEffects('prepared')).toBe(0)
  })
})

describeOrm(pg, (open) => {
  testDrizzle(open)
  describeControl('postgres', open)
  testPostgres(open)
})

function testDrizzle<Tx extends DrizzleTx>(open: () => Promise<Opened<Tx>>): void {
  it('fails an event whose handler calls tx.rollback(), and keeps nothing', async () => {
    const { inbox, write, countEffects } = await open()
    const admission = inbox.admit('rollback', async ({ tx }) => {
      await write(tx, 'rollback')
      tx.rollback()
    })
    await expect(admission).rejects.toThrow('Rollback')
    expect(await countEffects('rollback')).toBe(0)
    expect(await inbox.admit('rollback', ({ tx }) => write(tx, 'rollback').then(() => {}))).toBe(
      'applied',
    )
  })
}

function testPostgres(
  open: (connections?: number) => Promise<Opened<TxOf<ReturnType<typeof openPg>>>>,
): void {
  it('refuses a prepared statement, a query and a savepoint after the end', async () => {
    const { inbox, countEffects } = await open(1)
    const late: (() => Promise<unknown>)[] = []
    await inbox.admit('kept', async ({ tx }) => {
      const insert = tx.insert(pgEffects).values({ id: 'prepared' })
      const prepared = insert.prepare('late_insert')
      const find = tx.select().from(pgEffects).prepare('late_find')
      await tx.transaction(async (savepoint) => {
        late.push(async () => savepoint.insert(pgEffects).values({ id: 'prepared' }))
      })
      late.push(
        () => prepared.execute(),
        async () => insert,
        async () => find.execute(),
        async () => tx.query.effects.findMany(),
        () => tx.transaction(async () => {}),
        async () => tx.execute('commit'),
      )
    })
    await inbox.admit('other', async () => {
      for (const send of late) {
        await expect(send()).rejects.toMatchObject({ code: 'sql-transaction-over' })
      }
    })
    expect(await countEffects('prepared')).toBe(0)
  })
}

it('drizzleInbox refuses a database over a single connection, on which events would share a transaction [E84]', async () => {
  const database = await startDatabase('mysql')
  const connection = await createConnection(database.url)
  const refused = { name: 'OptionError', message: expect.stringContaining('a pool') as string }
  const consumer = 'orders'
  for (const db of [
    drizzleMysql({ client: connection }),
    drizzleMysql({ client: Reflect.get(connection, 'connection') as typeof connection }),
  ]) {
    expect(() => drizzleInbox({ db, dialect: 'mysql', consumer })).toThrow(
      expect.objectContaining(refused),
    )
  }
  const db = drizzlePg({ client: new Client() })
  expect(() => drizzleInbox({ db, dialect: 'postgres', consumer })).toThrow(
    expect.objectContaining(refused),
  )
  await connection.end()
  await database.close()
})

it('drizzleInbox refuses what is no database of Drizzle, one over postgres, and another dialect', () => {
  const db = openPg('postgres://', 1)
  const consumer = 'orders'
  const overPostgres = drizzleJs({ client: postgres('postgres://') })
  expect(() => drizzleInbox({ db: {} as never, dialect: 'mysql', consumer })).toThrow('`db`')
  expect(() => drizzleInbox({ db: overPostgres, dialect: 'postgres', consumer })).toThrow(
    'postgresJsPool',
  )
  expect(() => drizzleInbox({ db, dialect: 'sqlite' as never, consumer })).toThrow('`dialect`')
})
