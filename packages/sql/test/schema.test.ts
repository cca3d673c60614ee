import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasMariadb } from '../../../test/servers/mariadb.ts'
import { sqlSchema, type SqlDialect } from '../src/index.ts'
import { openSql, type Opened } from './opened.ts'

const DIALECTS: readonly SqlDialect[] = hasMariadb ? ['mysql', 'postgres'] : ['postgres']

describe.each(DIALECTS)('the schema on %s', (dialect) => {
  let opened: Opened

  beforeAll(async () => {
    opened = await openSql(dialect)
  })

  afterAll(() => opened.close())

  it('is created by any number of processes at once, and again', async () => {
    const inboxes = Array.from({ length: 15 }, () => opened.open({ table: 'at_once' }))
    await Promise.all(inboxes.map((inbox) => inbox.ensureSchema()))
    await Promise.all(inboxes.map((inbox) => inbox.ensureSchema()))
    await expect(opened.open({ table: 'at_once' }).ready()).resolves.toBeUndefined()
  })

  it('is that of sqlSchema(), for migrations', async () => {
    for (const statement of sqlSchema({ dialect, table: 'migrated' }).split(';\n').slice(0, -1)) {
      await opened.database.query(statement)
    }
    await expect(opened.open({ table: 'migrated' }).ready()).resolves.toBeUndefined()
  })

  it('needs no right to create tables if the table is there', async () => {
    const refused = opened.open({
      query: (sql, ...rest) =>
        /^(create|do)/.test(sql)
          ? Promise.reject(Object.assign(new Error('denied'), { errno: 1142, code: '42501' }))
          : opened.orm.query(sql, ...rest),
    })
    await expect(refused.ensureSchema()).resolves.toBeUndefined()
  })

  it('is found by its indexes', async () => {
    await opened.open().admit('explained', async () => {})
    const explained = JSON.stringify(
      await opened.database.query(
        dialect === 'mysql'
          ? `explain format=traditional select pk from hongbao_inbox where id = sha2('orders:explained', 256)`
          : `explain select id from hongbao_inbox where id = 'a'::text`,
      ),
    )
    expect(explained).toMatch(/"type":"const".*"key":"id"|hongbao_inbox_pkey/)
  })

  it.each(['', 'a.b.c', 'in box', 'x`y', 'x"y', "x'y", '7up', 'x'.repeat(53)])(
    'has no table named %j',
    (table) => {
      expect(() => sqlSchema({ dialect, table })).toThrow(
        expect.objectContaining({ name: 'OptionError' }),
      )
    },
  )
})

describe.skipIf(!hasMariadb)('the schema on a MariaDB', () => {
  it.each(['latin1', 'utf8mb3', 'ucs2'])(
    'does not depend on the encoding of the database: %s',
    async (encoding) => {
      const opened = await openSql('mysql')
      try {
        await opened.database.query(`create database other character set ${encoding}`)
        const inbox = opened.open({ table: 'other.hongbao_inbox' })
        await inbox.ensureSchema()
        await inbox.ready()
        const key = '红包 🧧'.repeat(1000)
        expect(await inbox.admit(key, async () => {})).toBe('applied')
        expect(await inbox.admit(key, async () => {})).toBe('duplicate')
        // As the README queries an event.
        const connection = await createConnection({ uri: opened.database.url, charset: 'utf8mb4' })
        const sql = 'select 1 from other.hongbao_inbox where id = sha2(?, 256)'
        expect((await connection.query(sql, [`orders:${key}`]))[0]).toHaveLength(1)
        await connection.end()
      } finally {
        await opened.close()
      }
    },
  )
})
