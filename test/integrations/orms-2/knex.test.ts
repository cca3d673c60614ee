import { knexInbox } from '@hongbao/sql/knex'
import knexOf, { type Knex } from 'knex'
import { expect, it } from 'vitest'
import { PATIENCE_MS } from '../../patience.ts'
import { describeControl, describeOrm, type Opened, type Orm } from './suite.ts'

describeOrm(knexOn('mysql2'), testKnex('mysql2'))
describeOrm(knexOn('pg'), testKnex('pg'))

/** Connections that are cut. */
const log = { error() {}, warn() {} }

type Client = 'mysql2' | 'pg'

function knexOn(client: Client): Orm<Knex.Transaction> {
  return {
    name: `knexInbox on ${client}`,
    dialect: client === 'pg' ? 'postgres' : 'mysql',
    connect(connection, connections) {
      const knex = knexOf({
        client,
        connection,
        pool: { min: 0, max: connections },
        // A hundred events wait for ten connections, on a busy machine.
        acquireConnectionTimeout: PATIENCE_MS,
        log,
      })
      return {
        open: (options) => knexInbox({ ...options, knex }),
        run: async (tx, sql) => {
          const result = await tx.raw(sql)
          return client === 'pg' ? result.rows : result[0]
        },
        write: async (tx, id) => tx('effects').insert({ id }),
        undo: (tx, id) =>
          tx.transaction(async (savepoint) => {
            await savepoint('effects').insert({ id })
            throw new Error('undone')
          }),
        writeOutside: async (id) => knex('effects').insert({ id }),
        close: () => knex.destroy(),
      }
    },
  }
}

function testKnex(client: Client) {
  return (open: () => Promise<Opened<Knex.Transaction>>): void => {
    it('fails an event for which the pool has no connection in time, and goes on with the next', async () => {
      const { database, countEffects } = await open()
      const knex = knexOf({
        client,
        connection: database.url,
        pool: { min: 0, max: 1 },
        acquireConnectionTimeout: 3000,
        log,
      })
      try {
        const inbox = knexInbox({ knex, consumer: 'orders' })
        const held = await knex.transaction()
        const refusal = await inbox.admit('pool', async () => {}).catch((error: unknown) => error)
        await held.rollback()
        expect(refusal).toMatchObject({
          name: 'InboxError',
          code: 'sql-refused',
          cause: { name: 'KnexTimeoutError' },
        })
        // The outer client waits for the connection that the handler has.
        const trapped = inbox.admit('pool', async ({ tx }) => {
          await tx('effects').insert({ id: 'pool' })
          await knex('effects').insert({ id: 'pool' })
        })
        await expect(trapped).rejects.toMatchObject({ name: 'KnexTimeoutError' })
        expect(await countEffects('pool')).toBe(0)
        await inbox.admit('pool', async ({ tx }) => {
          await tx('effects').insert({ id: 'pool' })
        })
        expect(await countEffects('pool')).toBe(1)
      } finally {
        await knex.destroy()
      }
    })

    describeControl(client === 'pg' ? 'postgres' : 'mysql', open)

    it('refuses tx.commit() of a handler, and commits what it wrote after it, too, or nothing [E82]', async () => {
      const { inbox, write, countEffects } = await open()
      const commits = async (tx: Knex.Transaction): Promise<void> => {
        await write(tx, 'commit')
        await expect(tx.commit()).rejects.toMatchObject({ code: 'sql-transaction-control' })
      }
      const failing = inbox.admit('commit', async ({ tx }) => {
        await commits(tx)
        throw new Error('declined')
      })
      await expect(failing).rejects.toThrow('declined')
      expect(await countEffects('commit')).toBe(0)
      expect(await inbox.admit('commit', ({ tx }) => commits(tx))).toBe('applied')
      expect(await countEffects('commit')).toBe(1)
    })

    it('does not apply an event whose handler calls tx.rollback()', async () => {
      const { inbox } = await open()
      const admission = inbox.admit('rollback', async ({ tx }) => void (await tx.rollback()))
      await expect(admission).rejects.toMatchObject({ code: 'sql-transaction-left' })
    })

    it('reads its own rows where the app changes those of its queries', async () => {
      const { database } = await open()
      const knex = knexOf({
        client,
        connection: database.url,
        // What many apps have for raw queries of pg, and for names in camel case.
        postProcessResponse: (result) => result.rows ?? result,
        wrapIdentifier: (name, wrap) => wrap(name.toLowerCase()),
      })
      try {
        const inbox = knexInbox({ knex, consumer: 'orders' })
        await inbox.ready()
        expect(await inbox.admit('processed', async () => {})).toBe('applied')
        expect(await inbox.admit('processed', async () => {})).toBe('duplicate')
      } finally {
        await knex.destroy()
      }
    })
  }
}

it('knexInbox refuses a Knex for another database, and what is no Knex', () => {
  const sqlite = { client: { dialect: 'sqlite3' }, raw() {}, transaction() {} }
  expect(() => knexInbox({ knex: sqlite as never, consumer: 'orders' })).toThrow(
    'connected to MySQL, MariaDB or Postgres',
  )
  expect(() => knexInbox({ knex: {} as never, consumer: 'orders' })).toThrow('an instance of Knex')
})
