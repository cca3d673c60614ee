import type { PrismaClientLike, PrismaQueries } from '@hongbao/sql/prisma'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** What the tests use of the client inside a transaction. */
export interface PrismaTx extends PrismaQueries, PrismaClientLike<PrismaTx> {
  readonly order: { create(args: { data: { orderNo: string; status: string } }): Promise<unknown> }
}

/** What the tests use of the generated client. */
export interface Prisma extends PrismaTx {
  $disconnect(): Promise<void>
}

/** A client that Prisma generated. */
export interface GeneratedClient {
  readonly folder: string
  readonly PrismaClient: new (options: { readonly adapter: object }) => Prisma
}

/** Has Prisma generate the client of a schema, in a new folder here by default. */
export async function generateClient(
  schema: string,
  folder: string = mkdtempSync(join(import.meta.dirname, '.app-')),
): Promise<GeneratedClient> {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'schema.prisma'), schema)
  await promisify(execFile)(process.execPath, [CLI, 'generate', '--schema', 'schema.prisma'], {
    cwd: folder,
    // Else it fetches an engine that it does not need here, and asks for news.
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: CLI, CHECKPOINT_DISABLE: '1' },
  })
  return loadClient(folder)
}

/** Loads a client that was generated before. */
export async function loadClient(folder: string): Promise<GeneratedClient> {
  const { PrismaClient } = (await import(join(folder, 'generated/client.ts'))) as GeneratedClient
  return { folder, PrismaClient }
}

const CLI = join(import.meta.dirname, 'node_modules/prisma/build/index.js')
