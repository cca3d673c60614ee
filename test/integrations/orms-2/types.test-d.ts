// Checked by `pnpm typecheck`: `context.tx` is the app's own type, with its tables, without a cast.
import type { Inbox } from '@hongbao/core'
import type { SqlContext } from '@hongbao/sql'
import { drizzleInbox } from '@hongbao/sql/drizzle'
import { knexInbox } from '@hongbao/sql/knex'
import { kyselyInbox } from '@hongbao/sql/kysely'
import { mikroOrmInbox } from '@hongbao/sql/mikro-orm'
import { MikroORM as MysqlOrm } from '@mikro-orm/mysql'
import { MikroORM as PostgresOrm } from '@mikro-orm/postgresql'
import { mysqlTable, varchar } from 'drizzle-orm/mysql-core'
import { drizzle as drizzleMysql } from 'drizzle-orm/mysql2'
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres'
import { pgTable, text } from 'drizzle-orm/pg-core'
import knexOf, { type Knex } from 'knex'
import { Kysely, PostgresDialect, type Transaction } from 'kysely'
import { Pool } from 'pg'
import { describe, expectTypeOf, it } from 'vitest'

const consumer = 'orders'

/** What handlers get of an inbox. */
type TxOf<Given> = Given extends Inbox<SqlContext<infer Tx>> ? Tx : never

/** What the callback of a transaction gets. */
type CallbackTx<Db extends { transaction: (run: never) => unknown }> = Parameters<
  Parameters<Db['transaction']>[0]
>[0]

describe('context.tx', () => {
  it('is a Knex.Transaction', () => {
    const inbox = knexInbox({ knex: knexOf({ client: 'pg' }), consumer })
    expectTypeOf<TxOf<typeof inbox>>().toEqualTypeOf<Knex.Transaction>()
  })

  it('is a Transaction of Kysely with the tables of the app', async () => {
    interface Tables {
      readonly orders: { readonly order_no: string }
    }
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: new Pool() }) })
    const inbox = kyselyInbox({ db, dialect: 'postgres', consumer })
    expectTypeOf<TxOf<typeof inbox>>().toEqualTypeOf<Transaction<Tables>>()
    await inbox.admit('key', async ({ tx }) => {
      const orders = await tx.selectFrom('orders').selectAll().execute()
      expectTypeOf(orders).toEqualTypeOf<{ order_no: string }[]>()
      // @ts-expect-error -- no such table
      tx.selectFrom('order')
    })
  })

  it('is the transaction of Drizzle on mysql2 and pg, with the schema of the app', async () => {
    const pgOrders = pgTable('orders', { orderNo: text().notNull() })
    const mysqlOrders = mysqlTable('orders', { orderNo: varchar({ length: 64 }).notNull() })
    const mysql = drizzleMysql('mysql://', { schema: { orders: mysqlOrders }, mode: 'default' })
    const pg = drizzlePg('postgres://', { schema: { orders: pgOrders } })

    const onMysql = drizzleInbox({ db: mysql, dialect: 'mysql', consumer })
    const onPg = drizzleInbox({ db: pg, dialect: 'postgres', consumer })
    expectTypeOf<TxOf<typeof onMysql>>().toEqualTypeOf<CallbackTx<typeof mysql>>()
    expectTypeOf<TxOf<typeof onPg>>().toEqualTypeOf<CallbackTx<typeof pg>>()
    await onMysql.admit('key', async ({ tx }) => {
      const orders = await tx.query.orders.findMany()
      expectTypeOf(orders).toEqualTypeOf<{ orderNo: string }[]>()
      // @ts-expect-error -- no such table
      await tx.query.order?.findMany()
    })
  })

  it('is the EntityManager of MikroORM with its driver', () => {
    const mysql = new MysqlOrm({ clientUrl: 'mysql://' })
    const postgres = new PostgresOrm({ clientUrl: 'postgres://' })
    const onMysql = mikroOrmInbox({ orm: mysql, dialect: 'mysql', consumer })
    const onPostgres = mikroOrmInbox({ orm: postgres, dialect: 'postgres', consumer })
    expectTypeOf<TxOf<typeof onMysql>>().toEqualTypeOf<typeof mysql.em>()
    expectTypeOf<TxOf<typeof onPostgres>>().toEqualTypeOf<typeof postgres.em>()
  })
})

describe('the options', () => {
  it('are checked by the compiler', () => {
    const knex = knexOf({ client: 'pg' })
    // @ts-expect-error -- Knex knows its dialect
    knexInbox({ knex, consumer, dialect: 'postgres' })
    // @ts-expect-error -- no consumer
    knexInbox({ knex })
    // @ts-expect-error -- no Kysely
    kyselyInbox({ db: knex, dialect: 'postgres', consumer })
    // @ts-expect-error -- no dialect
    drizzleInbox({ db: drizzlePg('postgres://'), consumer })
    // @ts-expect-error -- an EntityManager
    mikroOrmInbox({ orm: new MysqlOrm({ clientUrl: 'mysql://' }).em, dialect: 'mysql', consumer })
  })
})
