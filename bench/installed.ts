import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * The packages as users have them. Inside the workspace `exports` points at `src/*.ts`, so even a
 * built adapter would run core's TypeScript. Here every package is packed by pnpm, which swaps in
 * `publishConfig.exports`, and unpacked into the `node_modules` of a directory of its own.
 */
export interface Installation {
  remove(): void
}

const DIRECTORY = 'HONGBAO_BENCH_INSTALLED'
const PACKAGES = [
  'core',
  'express',
  'koa',
  'fastify',
  'hono',
  'client',
  'sandbox',
  'postgres',
  'redis',
  'sql',
] as const
const packages = fileURLToPath(new URL('../packages', import.meta.url))

/** Installs the built packages; {@link installed} finds them from here on, in child processes too. */
export function install(): Installation {
  const directory = mkdtempSync(join(tmpdir(), 'hongbao-bench-'))
  for (const name of PACKAGES) unpack(name, directory)
  process.env[DIRECTORY] = directory
  return { remove: () => rmSync(directory, { recursive: true, force: true }) }
}

interface Modules {
  readonly core: typeof import('@hongbao/core')
  readonly 'core/node': typeof import('@hongbao/core/node')
  readonly express: typeof import('@hongbao/express')
  readonly koa: typeof import('@hongbao/koa')
  readonly fastify: typeof import('@hongbao/fastify')
  readonly hono: typeof import('@hongbao/hono')
  readonly client: typeof import('@hongbao/client')
  readonly sandbox: typeof import('@hongbao/sandbox')
  readonly postgres: typeof import('../packages/postgres/src/index.ts')
  readonly redis: typeof import('../packages/redis/src/index.ts')
  readonly 'sql/mysql2': typeof import('../packages/sql/src/mysql2.ts')
}

/** Imports an installed package, or a subpath of one. */
export async function installed<Name extends keyof Modules>(name: Name): Promise<Modules[Name]> {
  return (await import(pathToFileURL(installedPath(name)).href)) as Modules[Name]
}

/** The file that `import '@hongbao/<name>'` loads. */
export function installedPath(name: keyof Modules): string {
  const [packageName = '', subpath = 'index'] = name.split('/')
  return join(installation(), 'node_modules/@hongbao', packageName, 'dist', `${subpath}.js`)
}

/** How many bytes a package is to download. */
export function tarballBytes(name: string): number {
  return statSync(join(installation(), `${name}.tgz`)).size
}

function installation(): string {
  const directory = process.env[DIRECTORY]
  if (directory === undefined) throw new Error('Nothing is installed: start bench/run.ts.')
  return directory
}

/** Packs a package, unpacks it, and links what it depends on. */
function unpack(name: string, directory: string): void {
  const source = join(packages, name)
  if (!existsSync(join(source, 'dist/index.js')))
    throw new Error(`${name} is not built: pnpm build`)
  const target = join(directory, 'node_modules/@hongbao', name)
  mkdirSync(target, { recursive: true })
  const tarball = join(directory, `${name}.tgz`)
  run('pnpm', ['pack', '--out', tarball], source)
  run('tar', ['-xzf', tarball, '-C', target, '--strip-components', '1'], source)
  for (const dependency of dependenciesOf(target)) {
    const link = join(directory, 'node_modules', dependency)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(realpathSync(join(source, 'node_modules', dependency)), link, 'junction')
  }
}

function dependenciesOf(directory: string): string[] {
  const manifest: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const { dependencies = {} } = manifest as { dependencies?: Record<string, string> }
  return Object.keys(dependencies).filter((name) => !name.startsWith('@hongbao/'))
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error ?? stderr}`)
}
