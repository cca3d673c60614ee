import { createConnection } from 'mysql2/promise'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { describeShop, EXAMPLES, runScript, startScripts } from '../../examples/shop.ts'
import { startMariadb, type MariadbServer } from '../../servers/mariadb.ts'
import { installBuilt } from '../built-package.ts'

const NAME = 'nest-prisma-mysql'
const GENERATED = new Set(['.env', '.hongbao', 'dist', 'generated', 'node_modules'])
const modules = join(import.meta.dirname, 'node_modules')
const prisma = join(modules, 'prisma/build/index.js')
const programs = { prisma, tsc: join(modules, 'typescript/bin/tsc') }
// Else Prisma fetches an engine that it does not need here, and asks for news.
const offline = { PRISMA_SCHEMA_ENGINE_BINARY: prisma, CHECKPOINT_DISABLE: '1' }

// Below this folder, from where Nest and Prisma resolve.
const folder = mkdtempSync(join(import.meta.dirname, '.app-'))
let mariadb: MariadbServer

beforeAll(async () => {
  const filter = (path: string): boolean => !GENERATED.has(basename(path))
  cpSync(join(EXAMPLES, NAME), folder, { recursive: true, filter })
  await installBuilt(['core', 'client', 'nest', 'sql'], folder)
  await runScript(NAME, 'generate', offline, { folder, programs })
  await runScript(NAME, 'build', offline, { folder, programs })
  mariadb = await startMariadb()
  await migrate()
})

afterAll(async () => {
  await mariadb?.close()
  rmSync(folder, { recursive: true, force: true })
})

describeShop({
  name: NAME,
  start: (variables) =>
    startScripts(NAME, ['start'], { ...variables, DATABASE_URL: mariadb.url }, { folder }),
  // Nest sends itself the signal again when all is closed.
  ends: [[null, 'SIGTERM']],
})

/** What `prisma migrate deploy` does, whose engine is not on npm. */
async function migrate(): Promise<void> {
  const connection = await createConnection({ uri: mariadb.url, multipleStatements: true })
  const migration = join(folder, 'prisma/migrations/20261201000000_shop/migration.sql')
  await connection.query(readFileSync(migration, 'utf8'))
  await connection.end()
}
