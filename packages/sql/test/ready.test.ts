import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasMariadb } from '../../../test/servers/mariadb.ts'
import { sqlSchema, type SqlDialect } from '../src/index.ts'
import { openSql, type Opened, type Orm } from './opened.ts'

const DIALECTS: readonly SqlDialect[] = hasMariadb ? ['mysql', 'postgres'] : ['postgres']

describe.each(DIALECTS)('ready() of sqlInbox on %s', (dialect) => {
  let opened: Opened

  beforeAll(async () => {
    opened = await openSql(dialect)
  })

  afterAll(() => opened.close())

  it('resolves again and again, from many processes at once, and applies nothing', async () => {
    const inbox = opened.open()
    await Promise.all(Array.from({ length: 20 }, () => inbox.ready()))
    await inbox.ready()
    const rows = await opened.database.query('select applied_at from hongbao_inbox')
    expect(rows).toEqual([{ applied_at: null }])
  })

  it('rejects if the table is missing', async () => {
    await expect(opened.open({ table: 'missing' }).ready()).rejects.toMatchObject({
      name: 'InboxError',
      code: 'sql-table-missing',
      message: expect.stringContaining('ensureSchema()'),
    })
  })

  it('rejects if the table is that of another inbox [E43]', async () => {
    await opened.database.query('create table other (id char(64) primary key, applied_at date)')
    await expect(opened.open({ table: 'other' }).ready()).rejects.toMatchObject({
      code: 'sql-table-unfit',
    })
  })

  it('rejects if the ORM does not roll back [E77]', async () => {
    const transaction: Orm['transaction'] = (run) =>
      opened.orm.transaction((tx) => run(tx).catch(() => {}))
    const inbox = opened.open({ transaction, consumer: 'commits' })
    await expect(inbox.ready()).rejects.toMatchObject({ code: 'sql-rollback-missing' })
    await expect(inbox.ready()).rejects.toMatchObject({ code: 'sql-rollback-missing' })
  })

  it('rejects if `query` leaves out the transaction', async () => {
    const query: Orm['query'] = (sql, values) => opened.orm.query(sql, values)
    const inbox = opened.open({ query, consumer: 'without-tx' })
    await expect(inbox.ready()).rejects.toMatchObject({ name: 'InboxError' })
  })

  it('rejects if nothing answers at the address', async () => {
    const query: Orm['query'] = () =>
      createConnection('mysql://root@127.0.0.1:1/test').then(() => [])
    await expect(opened.open({ query }).ready()).rejects.toMatchObject({ code: 'sql-unreachable' })
  })
})

describe.skipIf(!hasMariadb)('ready() of sqlInbox on a MariaDB', () => {
  let opened: Opened

  beforeAll(async () => {
    opened = await openSql('mysql')
  })

  afterAll(() => opened.close())

  /** As a user with these rights on the table; what it writes is committed statement by statement. */
  async function readyAs(name: string, rights: string): Promise<void> {
    await opened.database.query(`create user ${name}@'%'`)
    await opened.database.query(`grant ${rights} on test.hongbao_inbox to ${name}@'%'`)
    const connection = await createConnection(opened.database.url.replace('root@', `${name}@`))
    try {
      const run = async (sql: string, values?: string[]) => (await connection.query(sql, values))[0]
      await opened
        .open({
          query: (sql, values) => run(sql, values),
          async transaction(work) {
            await connection.beginTransaction()
            try {
              await work({ run })
            } finally {
              await connection.rollback()
            }
          },
        })
        .ready()
    } finally {
      await connection.end()
    }
  }

  it.each(['select', 'insert', 'update', 'delete'])('needs the right to %s', async (right) => {
    const rights = ['select', 'insert', 'update', 'delete'].filter((each) => each !== right)
    await expect(readyAs(`no_${right}`, rights.join(', '))).rejects.toMatchObject({
      code: 'sql-forbidden',
    })
  })

  it('rejects if the server is read-only', async () => {
    await opened.database.query('set global read_only = 1')
    try {
      await expect(readyAs('reader', 'select, insert, update, delete')).rejects.toMatchObject({
        code: 'sql-read-only',
      })
    } finally {
      await opened.database.query('set global read_only = 0')
    }
    await readyAs('writer', 'select, insert, update, delete')
  })

  it('rejects if the table has no transactions', async () => {
    const schema = sqlSchema({ dialect: 'mysql', table: 'old' }).replace('InnoDB', 'MyISAM')
    await opened.database.query(schema)
    await expect(opened.open({ table: 'old' }).ready()).rejects.toMatchObject({
      code: 'sql-rollback-missing',
    })
  })
})
