import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installBuilt, type PublishedManifest } from '../built-package.ts'

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
let entries: readonly string[]

beforeAll(async () => {
  // Below this folder, from where Jest and its transformers resolve.
  project = await mkdtemp(join(import.meta.dirname, '.project-'))
  // NestJS 12 is ES modules only, which Jest cannot `require`.
  const names = readdirSync(PACKAGES).filter((name) => name !== 'nest')
  const manifests = await installBuilt(names, project, { types: false })
  entries = manifests.flatMap(entriesOf)
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

function entriesOf({ name, exports }: PublishedManifest): string[] {
  return Object.keys(exports)
    .filter((path) => typeof exports[path] === 'object')
    .map((path) => join(name, path))
}

async function writeJson(path: string, content: object): Promise<void> {
  await writeFile(join(project, path), JSON.stringify(content))
}
