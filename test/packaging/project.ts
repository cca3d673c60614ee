import { copyFile, cp, readFile, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { entriesOf, type Packed } from './packages.ts'
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
  const types = await readFile(join(root, 'node_modules/@types/node/package.json'), 'utf8')
  const manifest = {
    private: true,
    type: 'module',
    dependencies: {
      ...dependencies,
      '@types/node': (JSON.parse(types) as { readonly version: string }).version,
      ...Object.fromEntries(tarballs),
    },
  }
  await cp(join(root, 'test/packaging/consumer'), folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest, null, 2))
  await writeFile(join(folder, 'entries.ts'), importsOf(packages))
  return check(
    `${name}: npm install of the tarballs`,
    'A dependency or a peer range in the manifests does not fit.',
    () => run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: folder }),
  )
}

/** Loads every entry of every package, by `import` and by `require`. */
export async function checkEntries(
  { name, folder }: Project,
  packages: readonly Packed[],
): Promise<void> {
  await check(
    `${name}: every entry can be imported and required, and exports the same`,
    'Correct `publishConfig.exports` of the package, or what its entry imports.',
    () =>
      run(process.execPath, ['import-entries.mjs', ...packages.flatMap(entriesOf)], {
        cwd: folder,
      }),
  )
}

/** Starts every command, as npm installs it. */
export async function checkCommands(
  { name, folder }: Project,
  packages: readonly Packed[],
): Promise<void> {
  for (const packed of packages.filter(({ manifest }) => manifest.bin !== undefined)) {
    await check(
      `${name}: the commands of ${packed.name} start, and print its version`,
      'Build after `pnpm changeset version`: the build contains the version.',
      async () => expectNone(await commandVersionFlaws(folder, packed)),
    )
  }
}

/** The commands of an installed package that print another version than that of the package. */
export async function commandVersionFlaws(folder: string, { manifest }: Packed): Promise<string[]> {
  const flaws = Object.keys(manifest.bin ?? {}).map(async (command) => {
    const file = join(folder, 'node_modules/.bin', command)
    const printed = (await run(file, ['--version'], { cwd: folder })).trim()
    return printed === manifest.version ? [] : [`${command} prints ${printed}`]
  })
  return (await Promise.all(flaws)).flat()
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

/** Imports the types of every entry. */
function importsOf(packages: readonly Packed[]): string {
  const entries = packages.flatMap(entriesOf)
  const imports = entries.map((entry, at) => `import * as entry${at} from '${entry}'`)
  return [
    ...imports,
    `export const entries = [${entries.map((_entry, at) => `entry${at}`).join(', ')}]`,
  ].join('\n')
}

/** Compiles the type consumer, and the types of every entry, as an ES module or as CommonJS by the ending of `file`. */
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
      const files = [file, `entries${extname(file)}`]
      await copyFile(join(folder, 'mount.ts'), join(folder, file))
      await copyFile(join(folder, 'entries.ts'), join(folder, `entries${extname(file)}`))
      await writeFile(
        join(folder, 'tsconfig.json'),
        JSON.stringify(tsconfigOf(files, module, moduleResolution)),
      )
      await compile(folder)
    },
  )
}

function tsconfigOf(files: readonly string[], module: string, moduleResolution: string): object {
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
    files,
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
