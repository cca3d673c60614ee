import { kyselyInbox } from '@hongbao/sql/kysely'
import {
  CamelCasePlugin,
  Kysely,
  MysqlDialect,
  PostgresDialect,
  sql,
  type KyselyPlugin,
  type Transaction,
} from 'kysely'
import { createPool } from 'mysql2'
import { Pool } from 'pg'
import { expect, it } from 'vitest'
import { describeControl, describeOrm, type Opened, type Orm } from './suite.ts'

interface Tables {
  readonly effects: { readonly id: string }
}

type Tx = Transaction<Tables>

for (const dialect of ['mysql', 'postgres'] as const) {
  describeOrm(kyselyOn(dialect), (open) => {
    testKysely(open)
    describeControl(dialect, open)
  })
}

function dialectOf(dialect: 'mysql' | 'postgres', url: string, connections: number) {
  if (dialect === 'mysql') {
    return new MysqlDialect({ pool: createPool({ uri: url, connectionLimit: connections }) })
  }
  const pool = new Pool({ connectionString: url, max: connections })
  pool.on('error', () => {})
  // One that is lost while it is lent.
  pool.on('connect', (client) => client.on('error', () => {}))
  return new PostgresDialect({ pool })
}

/** Changes every name in a result. */
const upperCase: KyselyPlugin = {
  transformQuery: ({ node }) => node,
  transformResult: async ({ result }) => ({
    ...result,
    rows: result.rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toUpperCase(), value])),
    ),
  }),
}

/** With plugins that change names: in statements, in results. */
function kyselyOn(dialect: 'mysql' | 'postgres'): Orm<Tx> {
  return {
    name: `kyselyInbox on ${dialect === 'mysql' ? 'mysql2' : 'pg'}`,
    dialect,
    connect(url, connections) {
      const db = new Kysely<Tables>({
        dialect: dialectOf(dialect, url, connections),
        plugins: [new CamelCasePlugin(), upperCase],
      })
      return {
        open: (options) => kyselyInbox({ ...options, db, dialect }),
        run: async (tx, text) => (await sql.raw(text).execute(tx.withoutPlugins())).rows,
        write: (tx, id) => tx.insertInto('effects').values({ id }).execute(),
        // Only a ControlledTransaction of Kysely has methods for it.
        async undo(tx, id) {
          await sql`savepoint part`.execute(tx)
          await tx.insertInto('effects').values({ id }).execute()
          await sql`rollback to savepoint part`.execute(tx)
          throw new Error('undone')
        },
        writeOutside: (id) => db.insertInto('effects').values({ id }).execute(),
        close: () => db.destroy(),
      }
    },
  }
}

function testKysely(open: (connections?: number) => Promise<Opened<Tx>>): void {
  it('waits for statements that a handler left running, before it rolls back', async () => {
    const { inbox, write, countEffects } = await open(1)
    const left: Promise<unknown>[] = []
    const admission = inbox.admit('left', ({ tx }) => {
      left.push(...Array.from({ length: 20 }, () => write(tx, 'left')))
      return Promise.reject(new Error('declined'))
    })
    await expect(admission).rejects.toThrow('declined')
    await Promise.allSettled(left)
    expect(await countEffects('left')).toBe(0)
    expect(await inbox.admit('left', async () => {})).toBe('applied')
  })

  it('refuses statements of a tx with plugins after the end', async () => {
    const { inbox, countEffects } = await open()
    const kept: Tx[] = []
    await inbox.admit('derived', async ({ tx }) => {
      kept.push(tx.withPlugin(new CamelCasePlugin()), tx.withoutPlugins())
    })
    for (const tx of kept) {
      const late = tx.insertInto('effects').values({ id: 'derived' }).execute()
      await expect(late).rejects.toThrow('Transaction is already committed')
    }
    expect(await countEffects('derived')).toBe(0)
  })
}

it('kyselyInbox refuses what is no Kysely, and another dialect', () => {
  const db = new Kysely<Tables>({ dialect: dialectOf('mysql', 'mysql://', 1) })
  const consumer = 'orders'
  expect(() => kyselyInbox({ db: {} as never, dialect: 'mysql', consumer })).toThrow('`db`')
  expect(() => kyselyInbox({ db, dialect: 'sqlite' as never, consumer })).toThrow('`dialect`')
})
