import { nodeWebhooks } from '@hongbao/core/node'
import type { Webhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { sqlSchema } from '@hongbao/sql'
import { Migrator, type Migration } from '@mikro-orm/migrations'
import { MikroORM } from '@mikro-orm/mysql'
import { getTableConfig, type MySqlTable } from 'drizzle-orm/mysql-core'
import knexOf, { type Knex } from 'knex'
import { Kysely, MysqlDialect } from 'kysely'
import { createPool } from 'mysql2'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../../packaging/steps.ts'
import { startDatabase, type Database } from '../../servers/sql.ts'
import { listen, writeApp } from '../checks.ts'

const app = mkdtempSync(join(import.meta.dirname, '.app-'))
const keys = createTestKeys()
let database: Database

beforeAll(async () => {
  database = await startDatabase('mysql')
  process.env['DATABASE_URL'] = database.url
  process.env['PINGPP_PUBLIC_KEY'] = keys.publicKey
  const names = [
    'knex-webhooks.ts',
    'knex-migration.ts',
    'kysely-webhooks.ts',
    'kysely-migration.ts',
    'drizzle-webhooks.ts',
    'drizzle-schema.ts',
    'mikro-orm-webhooks.ts',
    'mikro-orm-migration.ts',
  ]
  writeApp(app, Object.fromEntries(names.map((name) => [name, name])))
})

beforeEach(async () => {
  await database.query('drop table if exists hongbao_inbox, orders')
  await database.query(
    'create table orders (order_no varchar(64) primary key, transaction_no varchar(64))',
  )
})

afterAll(async () => {
  await database.close()
  rmSync(app, { recursive: true, force: true })
})

it('the pages of Knex, Kysely, Drizzle and MikroORM have the right types', async () => {
  await expect(run('tsc', ['-p', app])).resolves.toBe('')
})

describe('the snippets of docs/orm-knex.md', () => {
  it('create the table, and store a transaction number once', async () => {
    const { up, down } = await load<KnexMigration>('knex-migration.ts')
    const knex = knexOf({ client: 'mysql2', connection: database.url })
    await up(knex)
    const { webhooks, db } = await load<App & { readonly db: Knex }>('knex-webhooks.ts')
    try {
      await checkWebhooks(webhooks)
      await down(knex)
      expect(await knex.schema.hasTable('hongbao_inbox')).toBe(false)
    } finally {
      await Promise.all([knex.destroy(), db.destroy()])
    }
  })
})

describe('the snippets of docs/orm-kysely.md', () => {
  it('create the table, and store a transaction number once', async () => {
    const { up, down } = await load<KyselyMigration>('kysely-migration.ts')
    const admin = new Kysely<unknown>({
      dialect: new MysqlDialect({ pool: createPool(database.url) }),
    })
    await up(admin)
    const { webhooks, db } = await load<App & { readonly db: Kysely<unknown> }>(
      'kysely-webhooks.ts',
    )
    try {
      await checkWebhooks(webhooks)
      await down(admin)
      expect((await admin.introspection.getTables()).map(({ name }) => name)).toEqual(['orders'])
    } finally {
      await Promise.all([admin.destroy(), db.destroy()])
    }
  })
})

describe('the snippets of docs/orm-drizzle.md', () => {
  it('store a transaction number once', async () => {
    await database.query(sqlSchema({ dialect: 'mysql' }))
    const { webhooks, db } = await load<App & DrizzleApp>('drizzle-webhooks.ts')
    try {
      await checkWebhooks(webhooks)
    } finally {
      await db.$client.end()
    }
  })

  it('describe the table as sqlSchema() creates it', async () => {
    await database.query(sqlSchema({ dialect: 'mysql' }))
    const { hongbaoInbox } = await load<{ readonly hongbaoInbox: MySqlTable }>('drizzle-schema.ts')
    const { name, columns, indexes, uniqueConstraints } = getTableConfig(hongbaoInbox)
    const created = await database.query(
      `select column_name as name, column_type as type, is_nullable as nullable
       from information_schema.columns where table_name = '${name}' order by ordinal_position`,
    )
    const described = columns.map((column) => ({
      name: column.name,
      // MariaDB shows the width of the display, which MySQL 8 leaves out.
      type: column.getSQLType(),
      nullable: column.notNull ? 'NO' : 'YES',
    }))
    expect(described).toEqual(
      created.map((row) => ({
        ...row,
        type: String(row['type']).replace(/^bigint\(\d+\)/, 'bigint'),
      })),
    )
    const keysOfTable = await database.query(
      `select distinct index_name as name from information_schema.statistics where table_name = '${name}'`,
    )
    const names = [
      'PRIMARY',
      ...indexes.map(({ config }) => config.name),
      ...uniqueConstraints.map((unique) => unique.name),
    ]
    expect(new Set(names)).toEqual(new Set(keysOfTable.map((row) => row['name'])))
  })
})

describe('the snippets of docs/orm-mikro-orm.md', () => {
  it('create the table, keep it in a schema update, and store a transaction number once', async () => {
    const { HongbaoInbox } = await load<MikroOrmMigration>('mikro-orm-migration.ts')
    const admin = new MikroORM({
      clientUrl: database.url,
      discovery: { warnWhenNoEntities: false },
      extensions: [Migrator],
      migrations: { migrationsList: [HongbaoInbox], snapshot: false },
    })
    await admin.migrator.up()
    const { webhooks, orm } = await load<App & { readonly orm: MikroORM }>('mikro-orm-webhooks.ts')
    try {
      await checkWebhooks(webhooks)
      expect(await orm.schema.getUpdateSchemaSQL()).not.toContain('hongbao_inbox')
      await admin.migrator.down()
      const left = await database.query(`show tables like 'hongbao_inbox'`)
      expect(left).toEqual([])
    } finally {
      await Promise.all([admin.close(), orm.close()])
    }
  })
})

interface App {
  readonly webhooks: Webhooks
}

interface KnexMigration {
  readonly up: (knex: Knex) => Promise<void>
  readonly down: (knex: Knex) => Promise<void>
}

interface KyselyMigration {
  readonly up: (db: Kysely<unknown>) => Promise<void>
  readonly down: (db: Kysely<unknown>) => Promise<void>
}

interface DrizzleApp {
  readonly db: { readonly $client: { end(): Promise<void> } }
}

interface MikroOrmMigration {
  readonly HongbaoInbox: new (...args: ConstructorParameters<typeof Migration>) => Migration
}

function load<Module>(name: string): Promise<Module> {
  return import(/* @vite-ignore */ join(app, name))
}

/** Sends an event before its order is there, and again after that, twice. */
async function checkWebhooks(webhooks: Webhooks): Promise<void> {
  const running = await listen(createServer(nodeWebhooks(webhooks)))
  const event = eventFixture('red_envelope.sent', { object: { order_no: 'order-1' } })
  const init = signDelivery(event, keys).init()
  const send = async (): Promise<[number, unknown]> => {
    const response = await fetch(running.url, init)
    return [response.status, await response.json()]
  }
  try {
    expect(await send()).toEqual([500, expect.objectContaining({ outcome: 'failed' })])
    await database.query(`insert into orders (order_no) values ('order-1')`)
    expect(await send()).toEqual([200, { outcome: 'handled' }])
    expect(await database.query('select * from orders')).toEqual([
      { order_no: 'order-1', transaction_no: event.data.object.transaction_no },
    ])
    await database.query('update orders set transaction_no = null')
    expect(await send()).toEqual([200, { outcome: 'duplicate' }])
    expect(await database.query('select transaction_no from orders')).toEqual([
      { transaction_no: null },
    ])
  } finally {
    await running.close()
  }
}
