import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgresInbox, schemaSql } from '../src/index.ts'
import { effectOf, openPostgres, type Opened } from './opened.ts'

let opened: Opened

beforeAll(async () => {
  opened = await openPostgres()
})

afterAll(() => opened.close())

describe('schemaSql', () => {
  it('is what a migration runs, and may run again', async () => {
    expect(schemaSql()).toBe(`create table if not exists "hongbao_inbox" (
  key uuid primary key,
  applied_at timestamptz not null default clock_timestamp()
);
create index if not exists "hongbao_inbox_applied_at" on "hongbao_inbox" (applied_at);
`)
    await opened.query(schemaSql('migrated'))
    await opened.query(schemaSql('migrated'))
    const { inbox } = opened.open({ table: 'migrated' })
    expect(await inbox.admit('migrated', effectOf('migrated'))).toBe('applied')
  })

  it.each(['app.inbox', 'App.Inbox', '收件箱', 'app.收件箱', '_$1'])(
    'names a table as it is written: %s',
    async (table) => {
      await opened.query('create schema if not exists app; create schema if not exists "App"')
      await opened.query(schemaSql(table))
      const { inbox } = opened.open({ table })
      expect(await inbox.admit(table, effectOf(table))).toBe('applied')
      expect(await inbox.admit(table, effectOf(table))).toBe('duplicate')
      await inbox.ensureSchema()
      await inbox.cleanUp()
    },
  )

  it('refuses an invalid table name', () => {
    expect(() => schemaSql('inbox (key text); --')).toThrow(
      expect.objectContaining({ code: 'option-invalid' }),
    )
  })
})

describe('ensureSchema', () => {
  it('creates the table once, however many processes call it at once', async () => {
    const processes = Array.from({ length: 20 }, () =>
      opened.open({ table: 'at_once' }, { max: 1 }),
    )
    await Promise.all(processes.map(({ inbox }) => inbox.ensureSchema()))
    const { inbox } = opened.open({ table: 'at_once' })
    await inbox.ensureSchema()
    expect(await inbox.admit('at once', effectOf('at once'))).toBe('applied')
  })

  it('needs no right to create if the table exists', async () => {
    await opened.query('create role app login')
    await opened.query('grant select, insert, delete on hongbao_inbox to app')
    await opened.query('grant insert on effects to app')
    await opened.query('revoke create on schema public from public')
    const { inbox } = opened.open({}, as('app'))
    await inbox.ensureSchema()
    expect(await inbox.admit('app', effectOf('app'))).toBe('applied')
    expect(await inbox.admit('app', effectOf('app'))).toBe('duplicate')
    expect(await inbox.cleanUp()).toBe(0)
    const another = opened.open({ table: 'another' }, as('app'))
    await expect(another.inbox.ensureSchema()).rejects.toMatchObject({ code: 'postgres-forbidden' })
  })

  it('is what the error for a missing table recommends', async () => {
    const { inbox } = opened.open({ table: 'missing' })
    await expect(inbox.admit('a', effectOf('a'))).rejects.toMatchObject({
      code: 'postgres-table-missing',
      message: expect.stringMatching(/schemaSql\(\).*ensureSchema\(\)/) as string,
    })
    await inbox.ensureSchema()
    expect(await inbox.admit('a', effectOf('a'))).toBe('applied')
  })

  it('rejects for a user who may not read the table', async () => {
    await opened.query('create role nobody_here login')
    const { inbox } = opened.open({}, as('nobody_here'))
    await expect(inbox.admit('b', effectOf('b'))).rejects.toMatchObject({
      code: 'postgres-forbidden',
    })
  })

  it('rejects on a server that is read-only', async () => {
    const { inbox } = opened.open({}, { options: '-c default_transaction_read_only=on' })
    await expect(inbox.admit('c', effectOf('c'))).rejects.toMatchObject({
      code: 'postgres-read-only',
    })
  })

  it('releases the connection, and rolls back what it could not finish', async () => {
    await opened.query('create schema closed')
    await opened.query('create role cramped login')
    const { pool } = opened.open({}, { ...as('cramped'), max: 1 })
    const inbox = postgresInbox({ pool, consumer: 'orders', table: 'closed.inbox' })
    await expect(inbox.ensureSchema()).rejects.toMatchObject({ code: 'postgres-forbidden' })
    const { rows } = await pool.query('select pg_current_xact_id_if_assigned() as xid')
    expect(rows).toEqual([{ xid: null }])
  })
})

function as(user: string) {
  return {
    connectionString: undefined,
    host: '127.0.0.1',
    port: opened.server.port,
    user,
    database: 'postgres',
  }
}
