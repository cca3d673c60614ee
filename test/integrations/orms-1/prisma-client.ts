import type { PrismaClientLike, PrismaQueries } from '@hongbao/sql/prisma'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** What the tests use of the client inside a transaction. */
export interface PrismaTx extends PrismaQueries, PrismaClientLike<PrismaTx> {
  readonly order: { create(args: { data: { orderNo: string; status: string } }): Promise<unknown> }
  $executeRaw(sql: TemplateStringsArray): PromiseLike<unknown>
  $queryRaw(sql: TemplateStringsArray): PromiseLike<unknown>
}

/** What the tests use of the generated client. */
export interface Prisma extends PrismaTx {
  readonly hongbaoInbox: {
    findMany(): Promise<{ readonly id: string; readonly appliedAt: Date | null }[]>
  }
  $disconnect(): Promise<void>
}

/** The module that Prisma generates. */
export interface PrismaModule {
  readonly PrismaClient: new (options: { readonly adapter: object }) => Prisma
}

/** Has Prisma generate the client of the app's schema, with more models, into a folder. */
export async function generateClient(
  folder: string,
  provider: 'mysql' | 'postgresql',
  models: string = '',
): Promise<PrismaModule> {
  const schema = readFileSync(join(import.meta.dirname, 'app/prisma/schema.prisma'), 'utf8')
  writeFileSync(join(folder, 'schema.prisma'), schema.replace('PROVIDER', provider) + models)
  await promisify(execFile)(process.execPath, [CLI, 'generate', '--schema', 'schema.prisma'], {
    cwd: folder,
    // Else it fetches an engine that it does not need here, and asks for news.
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: CLI, CHECKPOINT_DISABLE: '1' },
  })
  return await loadClient(folder)
}

/** Loads a client that was generated into the folder before. */
export async function loadClient(folder: string): Promise<PrismaModule> {
  return (await import(join(folder, 'generated/client.ts'))) as PrismaModule
}

const CLI = join(import.meta.dirname, 'node_modules/prisma/build/index.js')
