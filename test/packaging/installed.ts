import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Packed } from './packages.ts'
import { check, expectNone, root, run } from './steps.ts'

/** Installs the tarballs in an empty project, as people do, and uses them from there. */
export async function installConsumer(
  packages: readonly Packed[],
  consumer: string,
): Promise<void> {
  await cp(join(root, 'test/packaging/consumer'), consumer, { recursive: true })
  const installed = await check(
    'consumer: npm install of the tarballs',
    'A dependency or a peer range in the manifests does not fit.',
    () => install(packages, consumer),
  )
  if (!installed) return
  await checkDeliveries(consumer)
  await checkTypes(consumer)
}

async function install(packages: readonly Packed[], consumer: string): Promise<void> {
  const hosts = await catalogued([
    'express',
    'koa',
    'fastify',
    'hono',
    '@types/express',
    '@types/koa',
    '@types/node',
  ])
  const tarballs = packages.map(({ name, tarball }) => [name, `file:${tarball}`])
  const manifest = {
    private: true,
    type: 'module',
    dependencies: { ...hosts, ...Object.fromEntries(tarballs) },
  }
  await writeFile(join(consumer, 'package.json'), JSON.stringify(manifest, null, 2))
  await run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], consumer)
}

/** The versions that the workspace's catalog names. */
async function catalogued(names: readonly string[]): Promise<Record<string, string>> {
  const workspace = await readFile(join(root, 'pnpm-workspace.yaml'), 'utf8')
  return Object.fromEntries(
    names.map((name) => {
      const version = new RegExp(`^  '?${name}'?: (\\S+)$`, 'm').exec(workspace)?.[1]
      if (version === undefined) throw new Error(`The catalog has no ${name}.`)
      return [name, version]
    }),
  )
}

async function checkDeliveries(consumer: string): Promise<void> {
  const advice =
    'Reproduce with `node test/packaging/consumer/deliver.mjs`, in a project with the tarballs.'
  const systems = [
    ['import', 'import'],
    ['require', 'require'],
    ['import', 'require'],
    ['require', 'import'],
  ] as const
  for (const [core, adapters] of systems) {
    const title = core === adapters ? `all by ${core}` : `core by ${core}, adapters by ${adapters}`
    await check(`consumer: deliveries on Node ${process.version}, ${title}`, advice, () =>
      run(process.execPath, ['deliver.mjs', core, adapters], consumer),
    )
  }
}

/** One source, compiled as an ES module and as CommonJS, the way each kind of project would. */
async function checkTypes(consumer: string): Promise<void> {
  const source = await readFile(join(consumer, 'mount.ts'), 'utf8')
  await writeFile(join(consumer, 'mount.mts'), source)
  await writeFile(join(consumer, 'mount.cts'), source)
  const projects = [
    ['nodenext', 'nodenext', 'mount.mts'],
    ['nodenext', 'nodenext', 'mount.cts'],
    ['node16', 'node16', 'mount.mts'],
    ['node16', 'node16', 'mount.cts'],
    ['preserve', 'bundler', 'mount.ts'],
  ] as const
  for (const [module, moduleResolution, file] of projects) {
    await check(
      `consumer: compiles ${file} under ${moduleResolution}`,
      'Correct the types of the package that the compiler names.',
      () => compile(consumer, file, module, moduleResolution),
    )
  }
}

async function compile(
  consumer: string,
  file: string,
  module: string,
  moduleResolution: string,
): Promise<void> {
  const tsconfig = {
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
  await writeFile(join(consumer, 'tsconfig.json'), JSON.stringify(tsconfig, null, 2))
  await run('tsc', ['-p', 'tsconfig.json', '--pretty', 'false'], consumer).catch((error: Error) => {
    const errors = error.message.split('\n').filter((line) => line.includes('error TS'))
    if (errors.length === 0) throw error
    expectNone(errors.filter((line) => !THEIR_ERROR.test(line)))
  })
}

/** An error in the declarations of somebody else: `@types/koa` 3.0.3 has one. */
const THEIR_ERROR = /^node_modules\/(?!@hongbao\/)/
