import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TSC = join(ROOT, 'node_modules/.bin/tsc')
const PACKAGES = ['client', 'core', 'express', 'hono', 'postgres', 'redis']
const THEIRS = ['express', 'hono', 'ioredis', 'pg', 'postgres', '@types/express', '@types/pg']

/**
 * Installs the types of the packages into a folder, as a user has them: `.d.ts` only, and the entries of
 * `publishConfig`. The compiler emits them from the sources in about 2 s; a build takes 30.
 */
export async function installTypes(folder: string): Promise<void> {
  const emitted = join(folder, 'emitted')
  await emit(folder, emitted)
  for (const name of PACKAGES) {
    const target = join(folder, 'node_modules/@hongbao', name)
    await mkdir(target, { recursive: true })
    await rename(join(emitted, name, 'src'), join(target, 'dist'))
    await importJs(join(target, 'dist'))
    await writeFile(join(target, 'package.json'), await manifestOf(name))
  }
  for (const name of THEIRS) await link(join(ROOT, 'test/node_modules', name), folder, name)
  await link(join(ROOT, 'node_modules/@types/node'), folder, '@types/node')
  await cp(join(ROOT, 'test/types/projects'), join(folder, 'projects'), { recursive: true })
}

async function emit(folder: string, outDir: string): Promise<void> {
  const project = {
    extends: join(ROOT, 'tsconfig.base.json'),
    compilerOptions: {
      noEmit: false,
      emitDeclarationOnly: true,
      outDir,
      rootDir: join(ROOT, 'packages'),
      typeRoots: [join(ROOT, 'node_modules/@types')],
    },
    include: PACKAGES.map((name) => join(ROOT, 'packages', name, 'src')),
  }
  await writeFile(join(folder, 'tsconfig.emit.json'), JSON.stringify(project))
  await run(TSC, ['-p', join(folder, 'tsconfig.emit.json')])
}

/** `./x.ts` of a source is `./x.js` of a package. */
async function importJs(folder: string): Promise<void> {
  const files = await readdir(folder, { recursive: true })
  for (const file of files.filter((name) => name.endsWith('.d.ts'))) {
    const path = join(folder, file)
    const text = await readFile(path, 'utf8')
    await writeFile(
      path,
      text.replaceAll(/((?:from|import\()\s*['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'),
    )
  }
}

async function manifestOf(name: string): Promise<string> {
  const text = await readFile(join(ROOT, 'packages', name, 'package.json'), 'utf8')
  const { publishConfig } = JSON.parse(text) as { publishConfig: { exports: object } }
  return JSON.stringify({
    name: `@hongbao/${name}`,
    type: 'module',
    exports: publishConfig.exports,
  })
}

async function link(from: string, folder: string, name: string): Promise<void> {
  const to = join(folder, 'node_modules', name)
  await mkdir(dirname(to), { recursive: true })
  await symlink(from, to)
}
