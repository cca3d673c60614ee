import { sqlSchema } from '@hongbao/sql'
import { prismaInbox } from '@hongbao/sql/prisma'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import type { QueryInterface, Sequelize } from 'sequelize'
import { afterAll, describe, expect, it } from 'vitest'
import { codeBlocks } from '../../docs/markdown.ts'
import { fileOf, readDocument, SNIPPETS } from '../../docs/snippets.ts'
import { run } from '../../packaging/steps.ts'
import { startMariadb } from '../../servers/mariadb.ts'
import { startDatabase } from '../../servers/sql.ts'
import { createFolder } from './folders.ts'
import { generateClient } from './prisma-client.ts'

const mariadb = await startMariadb()
afterAll(() => mariadb.close())

const PRISMA = codeBlocks(readDocument('docs/orm-prisma.md'))
const [MYSQL_MODEL = '', POSTGRES_MODEL = ''] = textsOf('prisma')
const [MYSQL_TABLE = '', POSTGRES_TABLE = ''] = textsOf('sql')

function textsOf(language: string): string[] {
  return PRISMA.filter((block) => block.language === language).map(({ text }) => text)
}

/** The tables of a reader, in a database of its own, which the documented modules connect to. */
async function useDatabase(...tables: readonly string[]): Promise<void> {
  const url = await mariadb.createDatabase()
  const connection = await createConnection(url)
  for (const table of [ORDERS, ...tables]) await connection.query(table)
  await connection.end()
  process.env['DATABASE_URL'] = url
}

const ORDERS = 'create table orders (order_no varchar(64) primary key, status varchar(20) not null)'

/** The reader's own modules of an ORM, and the documented ones beside them. */
function writeApp(orm: string, names: readonly string[]): string {
  const folder = createFolder()
  cpSync(join(import.meta.dirname, 'app', orm), folder, { recursive: true })
  for (const name of names) {
    const snippet = SNIPPETS.find((each) => each.name === name)
    writeFileSync(join(folder, fileOf(name)), String(snippet?.code))
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG))
  return folder
}

// What a reader's project need not have: declarations of its own, and `env['NAME']`.
const TSCONFIG = {
  extends: '../../../../tsconfig.base.json',
  compilerOptions: {
    declaration: false,
    isolatedDeclarations: false,
    noPropertyAccessFromIndexSignature: false,
  },
  include: ['./*.ts'],
}

function itHasRightTypes(folder: string): void {
  it('has the right types, and `tx` has that of the ORM', async () => {
    await expect(run('tsc', ['-p', folder])).resolves.toBe('')
  })
}

describe('docs/orm-prisma.md', async () => {
  const folder = writeApp('prisma', ['prisma-webhooks.ts', 'prisma-webhooks.test.ts'])
  const { PrismaClient } = await generateClient(folder, 'mysql', MYSQL_MODEL)
  const generated = await generateClient(createFolder(), 'postgresql', POSTGRES_MODEL)
  await useDatabase(MYSQL_TABLE)
  const url = String(process.env['DATABASE_URL'])
  // It registers its test, and its key, before the app reads it.
  await import(join(folder, fileOf('prisma-webhooks.test.ts')))
  itHasRightTypes(folder)

  it('has a model of the table on MySQL', async () => {
    const prisma = new PrismaClient({ adapter: new PrismaMariaDb(url) })
    const applied = { id: expect.stringMatching(/^[0-9a-f]{64}$/), appliedAt: expect.any(Date) }
    expect(await prisma.hongbaoInbox.findMany()).toContainEqual(expect.objectContaining(applied))
    await prisma.$disconnect()
  })

  it('has a model of the table on Postgres', async () => {
    const database = await startDatabase('postgres')
    await database.query(POSTGRES_TABLE)
    const adapter = new PrismaPg({ connectionString: database.url })
    const prisma = new generated.PrismaClient({ adapter })
    const inbox = prismaInbox({ prisma, dialect: 'postgres', consumer: 'orders' })
    await inbox.admit('1', async () => {})
    expect(await prisma.hongbaoInbox.findMany()).toEqual([
      expect.objectContaining({ appliedAt: expect.any(Date) as Date }),
    ])
    await prisma.$disconnect()
    await database.close()
  })

  it('shows the actual tables', () => {
    expect(MYSQL_TABLE).toBe(sqlSchema({ dialect: 'mysql' }))
    expect(POSTGRES_TABLE).toBe(sqlSchema({ dialect: 'postgres' }))
  })
})

describe('docs/orm-typeorm.md', async () => {
  const names = ['typeorm-webhooks.ts', 'hongbao-inbox.migration.ts', 'typeorm-webhooks.test.ts']
  const folder = writeApp('typeorm', names)
  await useDatabase()
  await import(join(folder, fileOf('typeorm-webhooks.test.ts')))
  itHasRightTypes(folder)

  it('has a migration that can be undone', async () => {
    const { dataSource } = (await import(join(folder, 'typeorm-webhooks.ts'))) as {
      readonly dataSource: {
        undoLastMigration(): Promise<void>
        query(sql: string): Promise<object>
      }
    }
    await dataSource.undoLastMigration()
    expect(await dataSource.query("show tables like 'hongbao_inbox'")).toEqual([])
  })
})

describe('docs/orm-sequelize.md', async () => {
  const names = [
    'sequelize-webhooks.ts',
    'hongbao-inbox.sequelize.ts',
    'sequelize-webhooks.test.ts',
  ]
  const folder = writeApp('sequelize', names)
  await useDatabase()
  const { sequelize } = (await import(join(folder, 'models.ts'))) as {
    readonly sequelize: Sequelize
  }
  const migration = (await import(join(folder, 'hongbao-inbox.sequelize.ts'))) as Record<
    'up' | 'down',
    (queryInterface: QueryInterface) => Promise<void>
  >
  await migration.up(sequelize.getQueryInterface())
  await import(join(folder, fileOf('sequelize-webhooks.test.ts')))
  itHasRightTypes(folder)

  it('has a migration that can be undone', async () => {
    await migration.down(sequelize.getQueryInterface())
    expect(await sequelize.getQueryInterface().tableExists('hongbao_inbox')).toBe(false)
  })
})
