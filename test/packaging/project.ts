import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Packed } from './packages.ts'
import type { Stores } from './stores.ts'
import { check, expectNone, root, run } from './steps.ts'

/** A project with the programs of `test/packaging/consumer`, outside of the workspace. */
export interface Project {
  /** What the lines of its checks begin with. */
  readonly name: string
  readonly folder: string
}

/** What loads core, and what loads the rest. */
export type ModuleSystems = readonly [core: 'import' | 'require', rest: 'import' | 'require']

/** Installs the tarballs, and what they are used with, as people do. Says whether npm would. */
export async function installProject(
  { name, folder }: Project,
  packages: readonly Packed[],
  dependencies: Readonly<Record<string, string>>,
): Promise<boolean> {
  const tarballs = packages.map((each) => [each.name, `file:${each.tarball}`])
  const manifest = {
    private: true,
    type: 'module',
    dependencies: { ...dependencies, ...Object.fromEntries(tarballs) },
  }
  await cp(join(root, 'test/packaging/consumer'), folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest, null, 2))
  return check(
    `${name}: npm install of the tarballs`,
    'A dependency or a peer range in the manifests does not fit.',
    () => run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: folder }),
  )
}

/** The versions that the workspace's catalog names. */
export async function catalogued(names: readonly string[]): Promise<Record<string, string>> {
  const workspace = await readFile(join(root, 'pnpm-workspace.yaml'), 'utf8')
  return Object.fromEntries(
    names.map((name) => {
      const version = new RegExp(`^  '?${name}'?: (\\S+)$`, 'm').exec(workspace)?.[1]
      if (version === undefined) throw new Error(`The catalog has no ${name}.`)
      return [name, version]
    }),
  )
}

/** Runs the programs: what adapters answer, and what inboxes and hand-offs apply. */
export async function checkPrograms(
  { name, folder }: Project,
  [core, rest]: ModuleSystems,
  stores: Stores | undefined,
): Promise<void> {
  const how = core === rest ? `all by ${core}` : `core by ${core}, the rest by ${rest}`
  await check(
    `${name}: deliveries on Node ${process.version}, ${how}`,
    'Reproduce with `node test/packaging/consumer/deliver.mjs`, in a project with the tarballs.',
    () => run(process.execPath, ['deliver.mjs', core, rest], { cwd: folder, timeoutMs: 60_000 }),
  )
  if (stores === undefined) return
  await check(
    `${name}: applied once on ${stores.title}, ${how}`,
    'Reproduce with `node test/packaging/consumer/apply-once.mjs`, in a project with the tarballs.',
    async () => {
      const args = ['apply-once.mjs', core, rest, ...(await stores.createEmpty())]
      await run(process.execPath, args, { cwd: folder, timeoutMs: 60_000 })
    },
  )
}

/** Compiles the type consumer, as an ES module or as CommonJS by the ending of `file`. */
export async function checkTypes(
  { name, folder }: Project,
  file: 'mount.ts' | 'mount.mts' | 'mount.cts',
  module: string,
  moduleResolution: string,
): Promise<void> {
  await check(
    `${name}: compiles ${file} under ${moduleResolution}`,
    'Correct the types of the package that the compiler names.',
    async () => {
      await writeFile(join(folder, file), await readFile(join(folder, 'mount.ts')))
      await writeFile(
        join(folder, 'tsconfig.json'),
        JSON.stringify(tsconfigOf(file, module, moduleResolution)),
      )
      await compile(folder)
    },
  )
}

function tsconfigOf(file: string, module: string, moduleResolution: string): object {
  return {
    compilerOptions: {
      target: 'ES2023',
      lib: ['ES2023', 'DOM', 'DOM.Iterable'],
      types: ['node'],
      module,
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
    },
    files: [file],
  }
}

async function compile(folder: string): Promise<void> {
  const args = ['-p', 'tsconfig.json', '--pretty', 'false']
  await run('tsc', args, { cwd: folder }).catch((error: Error) => {
    const errors = error.message.split('\n').filter((line) => line.includes('error TS'))
    if (errors.length === 0) throw error
    expectNone(errors.filter((line) => !THEIR_ERROR.test(line)))
  })
}

/** An error in the declarations of another package: `@types/koa` 3.0.3 has one. */
const THEIR_ERROR = /^node_modules\/(?!@hongbao\/)/
