import { readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { basename, dirname, join } from 'node:path'
import ts from 'typescript'
import type { Manifest, Packed } from './packages.ts'
import { check, expectNone } from './steps.ts'

/** What reads Node's streams: a dependency in ES modules; bundled in CommonJS, with what it imports. */
const RAW_BODY = ['raw-body', 'node:async_hooks', 'path', 'util']

const SQL = {
  code: ['@hongbao/core', '@hongbao/core/internal', 'node:crypto'],
  types: ['@hongbao/core'],
}

/**
 * What each built entry may reach, its chunks included. Only `./node` may know Node's streams
 * (`raw-body`): the rest runs on Bun, Deno and Workers, and the types name no internal package.
 */
const REACH: Readonly<Record<string, Reach>> = {
  '@hongbao/core': {
    code: ['node:buffer', 'node:crypto', 'node:events', 'tweetnacl-util'],
    types: ['node:crypto'],
  },
  '@hongbao/core/node': {
    code: ['node:buffer', 'node:stream', ...RAW_BODY],
    types: ['node:crypto', 'node:http'],
  },
  '@hongbao/core/fetch': { code: ['node:buffer'], types: ['node:crypto'] },
  '@hongbao/core/lambda': { code: ['node:buffer', 'node:http'], types: ['node:crypto'] },
  '@hongbao/core/adapter': {
    code: ['node:buffer', 'node:stream', ...RAW_BODY],
    types: ['node:crypto', 'node:http'],
  },
  '@hongbao/core/testing': {
    code: ['node:buffer', 'node:crypto', 'tweetnacl-util'],
    types: ['node:crypto'],
  },
  '@hongbao/core/internal': {
    code: ['node:buffer', 'node:crypto', 'tweetnacl-util'],
    types: ['node:crypto'],
  },
  '@hongbao/express': {
    code: ['@hongbao/core/adapter'],
    types: ['@hongbao/core', '@hongbao/core/adapter', 'node:http'],
  },
  '@hongbao/koa': {
    code: ['@hongbao/core/adapter'],
    types: ['@hongbao/core', '@hongbao/core/adapter', 'node:http'],
  },
  '@hongbao/fastify': { code: ['@hongbao/core/adapter'], types: ['@hongbao/core', 'fastify'] },
  '@hongbao/hono': {
    code: ['@hongbao/core/adapter'],
    types: ['@hongbao/core', '@hongbao/core/fetch'],
  },
  '@hongbao/nest': {
    code: [
      '@hongbao/core',
      '@hongbao/core/adapter',
      '@hongbao/core/internal',
      '@nestjs/common',
      '@nestjs/core',
    ],
    types: ['@hongbao/core', '@hongbao/core/internal', '@nestjs/common'],
  },
  // Runs on every runtime with `fetch` and `node:crypto`.
  '@hongbao/client': {
    code: ['@hongbao/core', '@hongbao/core/internal', 'node:buffer', 'node:crypto'],
    types: ['@hongbao/core', '@hongbao/core/internal'],
  },
  '@hongbao/client/internal': { code: ['@hongbao/core/internal', 'node:buffer'], types: [] },
  '@hongbao/sandbox': {
    code: [
      '@hongbao/client/internal',
      '@hongbao/core',
      '@hongbao/core/testing',
      '@hongbao/core/internal',
      '@hono/node-server',
      '@hono/node-server/utils/response',
      'hono',
      'hono/streaming',
      'hono/utils/accept',
      'node:buffer',
      'node:crypto',
      'node:dns',
      'node:events',
      // `persist` keeps events in a file.
      'node:fs',
      'node:http',
      'node:https',
      'node:net',
      'node:path',
      'node:timers/promises',
      'node:tls',
      'node:util',
    ],
    types: ['@hongbao/core', '@hongbao/core/internal', 'node:crypto', 'node:http'],
  },
  '@hongbao/postgres': {
    code: ['@hongbao/core', '@hongbao/core/internal', 'node:crypto'],
    types: ['@hongbao/core'],
  },
  '@hongbao/postgres/postgres-js': {
    code: ['@hongbao/core', '@hongbao/core/internal'],
    types: ['@hongbao/core'],
  },
  '@hongbao/redis': {
    code: ['@hongbao/core', '@hongbao/core/internal', 'node:crypto', 'node:timers/promises'],
    types: ['@hongbao/core'],
  },
  // The inboxes take what they are given: no entry loads an ORM or a driver.
  '@hongbao/sql': SQL,
  '@hongbao/sql/prisma': SQL,
  '@hongbao/sql/typeorm': SQL,
  '@hongbao/sql/sequelize': SQL,
  '@hongbao/sql/knex': SQL,
  '@hongbao/sql/kysely': SQL,
  '@hongbao/sql/drizzle': SQL,
  '@hongbao/sql/mikro-orm': SQL,
  '@hongbao/sql/mysql2': SQL,
  '@hongbao/hand-off': {
    code: ['@hongbao/core', '@hongbao/core/internal', 'node:buffer'],
    types: ['@hongbao/core', '@hongbao/core/internal'],
  },
  '@hongbao/hand-off/internal': {
    code: ['@hongbao/core', '@hongbao/core/internal', 'node:buffer'],
    types: ['@hongbao/core', '@hongbao/core/internal'],
  },
  '@hongbao/bullmq': {
    code: [
      '@hongbao/core',
      '@hongbao/core/internal',
      '@hongbao/hand-off',
      '@hongbao/hand-off/internal',
      'bullmq',
    ],
    types: ['@hongbao/hand-off', 'bullmq'],
  },
  '@hongbao/pg-boss': {
    code: [
      '@hongbao/core',
      '@hongbao/core/internal',
      '@hongbao/hand-off',
      '@hongbao/hand-off/internal',
      'node:crypto',
      'node:timers/promises',
    ],
    types: ['@hongbao/hand-off', 'pg-boss'],
  },
}

/** Follows the imports of every built entry, code and types, in both module systems, and of commands. */
export async function checkImportGraph(packages: readonly Packed[]): Promise<void> {
  for (const packed of packages) {
    for (const subpath of Object.keys(packed.manifest.exports)) {
      if (subpath === './package.json') continue
      const entry = packed.name + subpath.slice(1)
      const advice = 'Cut the import, or allow it in test/packaging/import-graph.ts on purpose.'
      await check(`${entry}: reaches only what it may`, advice, async () =>
        expectNone(await entryFlaws(packed, subpath, REACH[entry])),
      )
    }
    const advice = 'Add it to `dependencies` or `peerDependencies`, or bundle it.'
    await check(`${packed.name}: imports only what it declares`, advice, async () =>
      expectNone(await undeclaredImports(packed)),
    )
  }
}

/** What one entry of a package may reach. */
interface Reach {
  readonly code: readonly string[]
  readonly types: readonly string[]
}

/** What the built files of an entry reach, and may not. */
export async function entryFlaws(
  { folder }: Packed,
  subpath: string,
  { code, types }: Reach = { code: [], types: [] },
): Promise<string[]> {
  const file = join(folder, 'dist', subpath === '.' ? 'index' : basename(subpath))
  const flaws = [
    strangers(`${file}.js`, code),
    strangers(`${file}.cjs`, code),
    strangers(`${file}.d.ts`, types),
    strangers(`${file}.d.cts`, types),
  ]
  return (await Promise.all(flaws)).flat()
}

async function strangers(file: string, allowed: readonly string[]): Promise<string[]> {
  const reached = await reach(file, new Map())
  return [...reached]
    .filter(([specifier]) => !allowed.includes(specifier))
    .map(([specifier, from]) => `${from} imports ${specifier}`)
}

/** What built files import without a declaration. A project that has it by chance would hide that. */
export async function undeclaredImports({ folder, files, manifest }: Packed): Promise<string[]> {
  const built = files.filter((file) => /^dist\/.+(?:\.c?js|\.d\.c?ts)$/.test(file))
  const found = new Map<string, string>()
  for (const file of built) await reach(join(folder, file), found)
  return [...found]
    .filter(([specifier]) => !isBuiltin(specifier) && !isDeclared(specifier, manifest))
    .map(([specifier, from]) => `${from} imports ${specifier}`)
}

function isDeclared(
  specifier: string,
  { name, dependencies, peerDependencies }: Manifest,
): boolean {
  const [wanted = ''] = /^(?:@[^/]+\/)?[^/]+/.exec(specifier) ?? []
  return wanted === name || wanted in { ...dependencies, ...peerDependencies }
}

/** Package and built-in specifiers that a file reaches, and the file that names each. */
async function reach(
  file: string,
  found: Map<string, string>,
  seen: Set<string> = new Set(),
): Promise<Map<string, string>> {
  if (seen.has(file)) return found
  seen.add(file)
  for (const specifier of importsOf(await readFile(file, 'utf8'))) {
    if (specifier.startsWith('.'))
      await reach(join(dirname(file), fileOf(specifier, file)), found, seen)
    else found.set(specifier, basename(file))
  }
  return found
}

/** What code imports or requires; not what its texts, such as the snippets of the command line, do. */
function importsOf(code: string): string[] {
  return ts.preProcessFile(code, true, true).importedFiles.map(({ fileName }) => fileName)
}

/** Types name their chunks as if they were code: `./x.js` in a `.d.ts` is `./x.d.ts`. */
function fileOf(specifier: string, from: string): string {
  if (!/\.d\.c?ts$/.test(from)) return specifier
  return specifier.replace(/\.(c?)js$/, '.d.$1ts')
}
