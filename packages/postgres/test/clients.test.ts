import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { drizzle as drizzleJs } from 'drizzle-orm/postgres-js'
import { sql as raw } from 'drizzle-orm'
import { Kysely, PostgresDialect, sql as kyselySql } from 'kysely'
import { Pool } from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgresInbox } from '../src/index.ts'
import { postgresJsPool } from '../src/postgres-js.ts'
import { openPostgres, type Opened } from './opened.ts'

// People's own tables, with their own query builder, in the transaction of the event.

let opened: Opened

beforeAll(async () => {
  opened = await openPostgres()
  await opened.query('create table orders (no text primary key, paid integer not null)')
})

afterAll(() => opened.close())

const orders = pgTable('orders', { no: text().primaryKey(), paid: integer().notNull() })

interface Database {
  readonly orders: { readonly no: string; readonly paid: number }
}

/** A handler that marks an order as paid, and then runs the given step. */
type Handler = (no: string, then: () => Promise<void>) => Promise<unknown>

interface Way {
  readonly name: string
  readonly open: () => { readonly admit: Handler; readonly close: () => Promise<void> }
}

const WAYS: readonly Way[] = [
  {
    name: 'pg',
    open() {
      const pool = new Pool({ connectionString: opened.server.url })
      const inbox = postgresInbox({ pool, consumer: 'orders' })
      return {
        admit: (no, then) =>
          inbox.admit(no, async ({ tx }) => {
            await tx.query('insert into orders (no, paid) values ($1, $2)', [no, 100])
            await then()
          }),
        close: () => pool.end(),
      }
    },
  },
  {
    name: 'Drizzle on pg',
    open() {
      const pool = new Pool({ connectionString: opened.server.url })
      const inbox = postgresInbox({ pool, consumer: 'orders' })
      return {
        admit: (no, then) =>
          inbox.admit(no, async ({ tx }) => {
            const db = drizzlePg(tx)
            await db.insert(orders).values({ no, paid: 100 })
            expect(
              await db
                .select()
                .from(orders)
                .where(raw`no = ${no}`),
            ).toEqual([{ no, paid: 100 }])
            await then()
          }),
        close: () => pool.end(),
      }
    },
  },
  {
    name: 'Kysely on pg',
    open() {
      const pool = new Pool({ connectionString: opened.server.url })
      const inbox = postgresInbox({ pool, consumer: 'orders' })
      return {
        admit: (no, then) =>
          inbox.admit(no, async ({ tx }) => {
            const lent = {
              options: {},
              connect: () => Promise.resolve(tx),
              end: () => Promise.resolve(),
            }
            const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: lent }) })
            await db.insertInto('orders').values({ no, paid: 100 }).execute()
            const found = db.selectFrom('orders').selectAll().where('no', '=', no)
            expect(await found.execute()).toEqual([{ no, paid: 100 }])
            await kyselySql`select 1`.execute(db)
            await then()
          }),
        close: () => pool.end(),
      }
    },
  },
  {
    name: 'postgres',
    open() {
      const pool = postgresJsPool(() => postgres(opened.server.url, { max: 1, fetch_types: false }))
      const inbox = postgresInbox({ pool, consumer: 'orders' })
      return {
        admit: (no, then) =>
          inbox.admit(no, async ({ tx }) => {
            await tx`insert into orders ${tx({ no, paid: 100 })}`
            expect([...(await tx`select * from orders where no = ${no}`)]).toEqual([
              { no, paid: 100 },
            ])
            await tx.unsafe('select 1')
            await then()
          }),
        close: () => pool.end(),
      }
    },
  },
  {
    name: 'Drizzle on postgres',
    open() {
      const pool = postgresJsPool(() => postgres(opened.server.url, { max: 1, fetch_types: false }))
      const inbox = postgresInbox({ pool, consumer: 'orders' })
      return {
        admit: (no, then) =>
          inbox.admit(no, async ({ tx }) => {
            const db = drizzleJs(tx)
            await db.insert(orders).values({ no, paid: 100 })
            expect(
              await db
                .select()
                .from(orders)
                .where(raw`no = ${no}`),
            ).toEqual([{ no, paid: 100 }])
            await then()
          }),
        close: () => pool.end(),
      }
    },
  },
]

describe.each(WAYS)('the writes of handlers with $name', ({ name, open }) => {
  const isPaid = async (no: string): Promise<boolean> =>
    (await opened.query('select 1 from orders where no = $1', [no])).length === 1

  it('are committed with the key', async () => {
    const way = open()
    const no = `${name}: 红包`
    const admission = way.admit(no, async () => {
      expect(await isPaid(no)).toBe(false)
    })
    expect(await admission).toBe('applied')
    expect(await isPaid(no)).toBe(true)
    expect(await way.admit(no, async () => {})).toBe('duplicate')
    await way.close()
  })

  it('are rolled back with it', async () => {
    const way = open()
    const no = `${name}: declined`
    const error = new Error('declined')
    await expect(way.admit(no, () => Promise.reject(error))).rejects.toBe(error)
    expect(await isPaid(no)).toBe(false)
    expect(await way.admit(no, async () => {})).toBe('applied')
    await way.close()
  })

  it('are lost with the connection, and so are later ones', async () => {
    const way = open()
    const no = `${name}: lost`
    const admission = way.admit(no, async () => {
      await opened.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'`,
      )
      await opened.waitFor(
        `select 1 where not exists (select 1 from pg_stat_activity where state = 'idle in transaction')`,
      )
    })
    await expect(admission).rejects.toMatchObject({ code: 'postgres-unreachable' })
    expect(await isPaid(no)).toBe(false)
    expect(await way.admit(no, async () => {})).toBe('applied')
    await way.close()
  })
})

describe('a transaction that a query builder begins inside the one of the inbox', () => {
  it('is refused, and nothing is lost: Drizzle', async () => {
    const { inbox } = opened.open()
    const admission = inbox.admit('drizzle', ({ tx }) =>
      drizzlePg(tx).transaction(async (nested) => {
        await nested.insert(orders).values({ no: 'drizzle', paid: 1 })
      }),
    )
    await expect(admission).rejects.toMatchObject({
      cause: { code: 'postgres-transaction-control' },
    })
    expect(await opened.query(`select 1 from orders where no = 'drizzle'`)).toEqual([])
  })
})
