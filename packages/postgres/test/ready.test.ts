import { Client, Pool } from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgresInbox, postgresJsPool, schemaSql, type PostgresPool } from '../src/index.ts'
import { openPostgres, type Opened } from './opened.ts'

let opened: Opened

beforeAll(async () => {
  opened = await openPostgres()
})

afterAll(() => opened.close())

describe('ready', () => {
  it('resolves when the inbox can apply events, and writes nothing [E43]', async () => {
    const { inbox } = opened.open()
    await inbox.ready()
    await inbox.ready()
    expect(await opened.query('select from hongbao_inbox')).toEqual([])
  })

  const KEY = 'key uuid primary key'
  const APPLIED_AT = 'applied_at timestamptz not null default clock_timestamp()'
  it.each<[string, string | undefined, string]>([
    ['missing', undefined, 'table-missing'],
    ['without a column', `create table $ (${KEY})`, 'postgres-table-unfit'],
    [
      'without a primary key',
      `create table $ (key uuid not null, ${APPLIED_AT})`,
      'postgres-table-unfit',
    ],
    [
      'with a primary key on more than the key',
      `create table $ (key uuid, ${APPLIED_AT}, primary key (key, applied_at))`,
      'postgres-table-unfit',
    ],
    [
      'with a key that is a text',
      `create table $ (key text primary key, ${APPLIED_AT})`,
      'postgres-table-unfit',
    ],
    [
      'with a key that is a number',
      `create table $ (key bigint primary key, ${APPLIED_AT})`,
      'postgres-table-unfit',
    ],
    [
      'without a default',
      `create table $ (${KEY}, applied_at timestamptz not null)`,
      'postgres-table-unfit',
    ],
    [
      'with a deferrable primary key',
      `create table $ (${KEY} deferrable, ${APPLIED_AT})`,
      'postgres-table-unfit',
    ],
    [
      'with a second unique index that is deferrable',
      `create table $ (${KEY}, ${APPLIED_AT}, unique (key) deferrable)`,
      'postgres-table-unfit',
    ],
    [
      'with a further column that has no default',
      `create table $ (${KEY}, ${APPLIED_AT}, note text not null)`,
      'postgres-table-unfit',
    ],
    [
      'with a further column whose domain is not null',
      `create domain required as text not null; create table $ (${KEY}, ${APPLIED_AT}, note required)`,
      'postgres-table-unfit',
    ],
    [
      'that a crash empties',
      `create unlogged table $ (${KEY}, ${APPLIED_AT})`,
      'postgres-table-unfit',
    ],
  ])('rejects with what to do about a table %s [E43, E68]', async (name, create, code) => {
    const table = name.replaceAll(' ', '_')
    if (create !== undefined) await opened.query(create.replace('$', table))
    const { inbox, pool } = opened.open({ table }, { max: 1 })
    await expect(inbox.ready()).rejects.toMatchObject({
      name: 'PostgresInboxError',
      code,
      message: expect.stringContaining('schemaSql()') as string,
    })
    // The connection is in no transaction.
    expect((await pool.query('select now() = statement_timestamp() as alone')).rows).toEqual([
      { alone: true },
    ])
  })

  it.each([
    ['with a unique key that is nullable', `key uuid unique, ${APPLIED_AT}`],
    ['with a time that is nullable', `${KEY}, applied_at timestamptz default clock_timestamp()`],
    ['with a further column that is nullable', `${KEY}, ${APPLIED_AT}, note text`],
    [
      'with further columns that have defaults',
      `${KEY}, ${APPLIED_AT}, note text not null default '', at bigint generated always as identity`,
    ],
    ['with another deferrable key', `${KEY}, ${APPLIED_AT}, note text unique deferrable`],
    ['with a deferrable key on more', `${KEY}, ${APPLIED_AT}, unique (key, applied_at) deferrable`],
  ])(
    'resolves for a table %s, as the inbox applies events with it [E68]',
    async (name, columns) => {
      const table = name.replaceAll(' ', '_')
      await opened.query(`create table ${table} (${columns})`)
      const { inbox } = opened.open({ table })
      await inbox.ready()
      expect(await inbox.admit('applied', async () => {})).toBe('applied')
      expect(await inbox.admit('applied', async () => {})).toBe('duplicate')
      expect(await inbox.cleanUp()).toBe(0)
    },
  )

  it.each([
    ['deferrable_key', `${KEY} deferrable, ${APPLIED_AT}`],
    ['further_column', `${KEY}, ${APPLIED_AT}, note text not null`],
  ])(
    'rejects for the same reason as a claim on a table with a %s [E68]',
    async (table, columns) => {
      await opened.query(`create table ${table} (${columns})`)
      const { inbox } = opened.open({ table })
      const unfit = { code: 'postgres-table-unfit' }
      await expect(inbox.ready()).rejects.toMatchObject(unfit)
      await expect(inbox.admit('refused', async () => {})).rejects.toMatchObject(unfit)
    },
  )

  it('rejects when this user may not delete old keys [E43]', async () => {
    await opened.query('create role writer login; grant select, insert on hongbao_inbox to writer')
    const { inbox } = opened.open({}, { connectionString: urlOf({ username: 'writer' }) })
    await expect(inbox.ready()).rejects.toMatchObject({ code: 'postgres-forbidden' })
  })

  it('rejects while the table is locked [E43]', async () => {
    const { inbox, pool } = opened.open()
    const migration = await pool.connect()
    await migration.query('begin; lock table hongbao_inbox in access exclusive mode')
    await expect(inbox.ready()).rejects.toMatchObject({ code: 'lock-timed-out' })
    await migration.query('rollback')
    migration.release()
    await inbox.ready()
  })

  it('rejects while Postgres is down, and resolves when it is back [E43]', async () => {
    const { inbox } = opened.open()
    await inbox.ready()
    await opened.server.stop()
    await expect(inbox.ready()).rejects.toMatchObject({ code: 'postgres-unreachable' })
    await opened.server.start()
    await inbox.ready()
  })
})

const WAYS: readonly [string, (url: string) => PostgresPool & { end(): Promise<void> }][] = [
  ['pg', (connectionString) => new Pool({ connectionString, max: 1 })],
  [
    'postgres',
    (url) => postgresJsPool(() => postgres(url, { max: 1, fetch_types: false }), { max: 1 }),
  ],
]

describe.each(WAYS)('over %s', (_, open) => {
  it('a refused login and a missing database have codes of their own [E44]', async () => {
    await opened.query(`drop role if exists asleep; create role asleep nologin`)
    const codes: unknown[] = []
    for (const url of [urlOf({ username: 'asleep' }), urlOf({ pathname: '/nowhere' })]) {
      const pool = open(url)
      const inbox = postgresInbox({ pool, consumer: 'orders' })
      for (const attempt of [inbox.ready(), inbox.admit('refused', async () => {})]) {
        codes.push(await attempt.catch((error: unknown) => Object(error).code))
      }
      await pool.end()
    }
    expect(codes).toEqual([
      'postgres-login-refused',
      'postgres-login-refused',
      'postgres-database-missing',
      'postgres-database-missing',
    ])
  })

  it('a connection to a server that is read-only is thrown away, by a claim and by `ready` [E42]', async () => {
    const url = await opened.server.createDatabase()
    const name = new URL(url).pathname.slice(1)
    await opened.query(`alter database ${name} set default_transaction_read_only = on`)
    const pool = open(url)
    const inbox = postgresInbox({ pool, consumer: 'orders' })
    const readOnly = { code: 'postgres-read-only' }
    await expect(inbox.ensureSchema()).rejects.toMatchObject(readOnly)
    const owner = new Client({ connectionString: url })
    await owner.connect()
    await owner.query('set default_transaction_read_only = off')
    await owner.query(schemaSql())
    await expect(inbox.ready()).rejects.toMatchObject(readOnly)
    await expect(inbox.admit('moved', async () => {})).rejects.toMatchObject(readOnly)
    // Only connections that are opened from now on may write.
    await owner.query(`alter database ${name} set default_transaction_read_only = off`)
    await owner.end()
    await inbox.ready()
    expect(await inbox.admit('moved', async () => {})).toBe('applied')
    await pool.end()
  })
})

function urlOf(changes: { readonly username?: string; readonly pathname?: string }): string {
  return Object.assign(new URL(opened.server.url), changes).href
}
