import { execFile, execFileSync } from 'node:child_process'
import { existsSync, globSync, readdirSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../packaging/steps.ts'

const PACKAGES = resolve(import.meta.dirname, '../../../packages')
const JEST = join(import.meta.dirname, 'node_modules/jest/bin/jest.js')

/** This Node, and those of the 22 line that npm has for this machine. */
const NODES = [
  process.execPath,
  ...['node-22', 'node-22.12']
    .map((name) => join(import.meta.dirname, 'node_modules', name, 'bin/node'))
    .filter((path) => existsSync(path)),
].map((path) => [execFileSync(path, ['--version'], { encoding: 'utf8' }).trim(), path] as const)

/** The set-ups with which the manuals of these transformers begin. */
const TRANSFORMERS = {
  'ts-jest': { preset: 'ts-jest' },
  '@swc/jest': { transform: { '^.+\\.ts$': '@swc/jest' } },
  'babel-jest': {},
}

let project: string
const entries: string[] = []

beforeAll(async () => {
  // Below this folder, from where Jest and its transformers resolve.
  project = await mkdtemp(join(import.meta.dirname, '.project-'))
  // NestJS 12 is ES modules only, which Jest cannot `require`.
  const names = readdirSync(PACKAGES).filter((name) => name !== 'nest')
  for (const name of names) await install(join(PACKAGES, name))
  for (const name of ['webhooks', 'packages']) {
    await cp(join(import.meta.dirname, `app/${name}-test.ts`), join(project, `${name}.test.ts`))
  }
  await writeJson('entries.json', entries)
  await writeJson('package.json', { private: true })
  await writeJson('tsconfig.json', {
    compilerOptions: {
      module: 'node16',
      resolveJsonModule: true,
      esModuleInterop: true,
      isolatedModules: true,
      strict: true,
    },
  })
  await writeJson('babel.config.json', {
    presets: [['@babel/preset-env', { targets: { node: 'current' } }], '@babel/preset-typescript'],
  })
})

afterAll(() => rm(project, { recursive: true, force: true }))

describe.each(NODES)('Jest 30 on Node %s', (_version, node) => {
  it.each(Object.entries(TRANSFORMERS))(
    'loads every package and runs a test of an app through %s, without a flag and a setting for hongbao [G20]',
    async (_name, config) => {
      const args = [JEST, '--json', '--runInBand', '--config', JSON.stringify(config)]
      const { NODE_OPTIONS: _without, ...env } = process.env
      const { stdout } = await promisify(execFile)(node, args, { cwd: project, env })
      expect(JSON.parse(stdout)).toMatchObject({
        numPassedTests: entries.length + 1,
        numTotalTests: entries.length + 1,
      })
    },
  )
})

interface Manifest {
  readonly name: string
  readonly publishConfig: { readonly exports: Readonly<Record<string, string | object>> }
}

/** Installs a package as npm would: its build, the manifest of its publication, its dependencies. */
async function install(source: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as Manifest
  const folder = join(project, 'node_modules', manifest.name)
  await run('tsup', ['--out-dir', join(folder, 'dist')], { cwd: source })
  await writeJson(join('node_modules', manifest.name, 'package.json'), {
    ...manifest,
    ...manifest.publishConfig,
  })
  for (const [path, target] of Object.entries(manifest.publishConfig.exports)) {
    if (typeof target === 'object') entries.push(join(manifest.name, path))
  }
  const dependencies = join(source, 'node_modules')
  for (const name of globSync(['[!@.]*', '@!(hongbao)/*'], { cwd: dependencies })) {
    const link = join(project, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    if (!existsSync(link)) await symlink(join(dependencies, name), link)
  }
}

async function writeJson(path: string, content: object): Promise<void> {
  await writeFile(join(project, path), JSON.stringify(content))
}
