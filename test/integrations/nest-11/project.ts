import { execFile } from 'node:child_process'
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../../..')

/** A NestJS project as its command line makes one, compiled by `tsc`. */
export interface Project {
  readonly folder: string
  /** Writes a source. Its name is relative to `src`. */
  write(name: string, code: string): Promise<void>
  /** Compiles `src` and returns what the compiler prints. */
  compile(): Promise<readonly string[]>
  /** Loads a package of the project, or a module of its own by its path. */
  load(name: string): unknown
}

/**
 * Makes a project with the packages of an integration, hongbao as people install it, and the sources in
 * `app`, but for what does not compile.
 *
 * @param home the folder of the integration, with its `node_modules`
 * @param type CommonJS, as projects of NestJS 11 are, or ES modules, as those of NestJS 12
 */
export async function createProject(home: string, type: 'commonjs' | 'module'): Promise<Project> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'hongbao-nest-')))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type }))
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS }))
  await linkPackages(home, folder)
  await installHongbao(folder)
  await cp(join(import.meta.dirname, 'app'), join(folder, 'src'), {
    recursive: true,
    filter: (path) => !path.endsWith('refused.ts'),
  })
  const require = createRequire(join(folder, 'dist/main.js'))
  return {
    folder,
    async write(name, code) {
      await mkdir(dirname(join(folder, 'src', name)), { recursive: true })
      await writeFile(join(folder, 'src', name), code)
    },
    compile: () => compile(folder),
    load: (name) => require(name) as unknown,
  }
}

/** What `nest new` writes, without what is for editors and tests. */
const OPTIONS = {
  module: 'nodenext',
  moduleResolution: 'nodenext',
  esModuleInterop: true,
  isolatedModules: true,
  declaration: true,
  emitDecoratorMetadata: true,
  experimentalDecorators: true,
  target: 'ES2023',
  types: ['node'],
  rootDir: './src',
  outDir: './dist',
  skipLibCheck: true,
  strict: true,
  strictPropertyInitialization: false,
}

async function compile(folder: string): Promise<readonly string[]> {
  const compiler = join(folder, 'node_modules/typescript5/bin/tsc')
  const args = [compiler, '-p', join(folder, 'tsconfig.json'), '--pretty', 'false']
  const { stdout } = await run(process.execPath, args, { cwd: folder }).catch(
    (error: { readonly stdout: string }) => error,
  )
  return stdout.split('\n').filter((line) => line !== '')
}

/** Links the packages of an integration, but for ours, into a folder. */
export async function linkPackages(home: string, folder: string): Promise<void> {
  for (const name of await readdir(join(home, 'node_modules'))) {
    if (name.startsWith('.') || name === '@hongbao') continue
    await link(join(home, 'node_modules', name), folder, name)
  }
}

/** Compiles our packages from their sources into a folder; a build by tsup takes 30 s. */
export async function installHongbao(
  folder: string,
  names: readonly string[] = ['core', 'nest'],
): Promise<void> {
  const emitted = join(folder, 'node_modules/@hongbao')
  await mkdir(emitted)
  const project = {
    extends: join(ROOT, 'tsconfig.base.json'),
    compilerOptions: {
      noEmit: false,
      outDir: emitted,
      rootDir: join(ROOT, 'packages'),
      typeRoots: [join(ROOT, 'node_modules/@types')],
    },
    include: names.map((name) => join(ROOT, 'packages', name, 'src')),
  }
  await writeFile(join(folder, 'tsconfig.hongbao.json'), JSON.stringify(project))
  const compiler = join(ROOT, 'node_modules/@typescript/native/bin/tsc')
  await run(process.execPath, [compiler, '-p', join(folder, 'tsconfig.hongbao.json')])
  for (const name of names) await writeManifest(join(emitted, name), name)
  for (const name of ['raw-body', 'tweetnacl-util', 'typed-emitter']) {
    await link(join(ROOT, 'packages/core/node_modules', name), folder, name)
  }
}

/** The manifest of the package, with what the compiler emitted in place of `src/*.ts`. */
async function writeManifest(folder: string, name: string): Promise<void> {
  const manifest = await readFile(join(ROOT, 'packages', name, 'package.json'), 'utf8')
  await writeFile(
    join(folder, 'package.json'),
    manifest.replaceAll(
      /"\.\/src\/([\w-]+)\.ts"/g,
      '{ "types": "./src/$1.d.ts", "default": "./src/$1.js" }',
    ),
  )
}

async function link(from: string, folder: string, name: string): Promise<void> {
  const to = join(folder, 'node_modules', name)
  await mkdir(dirname(to), { recursive: true })
  await symlink(await realpath(from), to)
}
