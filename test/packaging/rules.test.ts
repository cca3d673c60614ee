import { createTestKeys } from '@hongbao/core/testing'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { entryFlaws, undeclaredImports } from './import-graph.ts'
import { licenceFlaws } from './licences.ts'
import { readPackage, type Manifest, type Packed } from './packages.ts'
import { developedWith } from './peers.ts'
import { commandVersionFlaws } from './project.ts'
import { RULES, versionFlaws } from './rules.ts'
import { root } from './steps.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const MANIFEST = {
  name: '@hongbao/good',
  version: '1.2.3',
  description: 'A package in which every rule holds',
  keywords: ['hongbao', 'ping++', 'pingpp', 'webhook', 'wechat', '微信', '红包'],
  homepage: 'https://github.com/hongbao-js/hongbao/tree/main/packages/good#readme',
  bugs: 'https://github.com/hongbao-js/hongbao/issues',
  license: 'MIT',
  repository: {
    type: 'git',
    url: 'git+https://github.com/hongbao-js/hongbao.git',
    directory: 'packages/good',
  },
  type: 'module',
  sideEffects: false,
  exports: { '.': { import: './dist/index.js', require: './dist/index.cjs' } },
  publishConfig: { access: 'public', provenance: true },
  engines: { node: '>=22.12' },
  scripts: { build: 'tsup' },
  dependencies: { '@hongbao/core': '1.2.3' },
  peerDependencies: { host: '^4.2.0 || ^5.0.0' },
  devDependencies: { host: '5.0.1', '@types/host': '5.0.0', tool: '1.0.0' },
} as const satisfies Manifest

const MAP = JSON.stringify({ sources: ['../src/index.ts'] })
const FILES = {
  LICENSE: 'MIT',
  'README.md': 'For Host 4.2+.',
  'CHANGELOG.md': '# @hongbao/good\n\n## 1.2.3\n\n- A change.\n',
  'src/index.ts': 'export const one = 1\n',
  'dist/index.js': 'export const one = 1\n//# sourceMappingURL=index.js.map\n',
  'dist/index.js.map': MAP,
  'dist/index.cjs': 'exports.one = 1\n//# sourceMappingURL=index.cjs.map\n',
  'dist/index.cjs.map': MAP,
} as const

type Files = Readonly<Record<string, string | undefined>>

/** What makes a good package bad, and what its rule says of it. */
interface Fault {
  readonly manifest?: object
  readonly files?: Files
  readonly says: string
}

const FAULTS: Readonly<Record<string, readonly Fault[]>> = {
  'ships what it should': [
    { files: { LICENSE: undefined }, says: 'no LICENSE' },
    { files: { 'README.md': undefined }, says: 'no README.md' },
    { files: { 'dist/index.cjs': undefined }, says: 'no dist/index.cjs' },
    { files: { 'src/index.ts': undefined }, says: 'no src/index.ts' },
    { files: { 'tsup.config.ts': '' }, says: 'stray tsup.config.ts' },
    { files: { 'src/index.test.ts': '' }, says: 'stray src/index.test.ts' },
    { files: { 'dist/test/index.d.ts': '' }, says: 'stray dist/test/index.d.ts' },
  ],
  'manifest tells npm what to show': [
    { manifest: { description: 'Short' }, says: 'description is missing' },
    { manifest: { keywords: ['hongbao'] }, says: 'keywords is missing' },
    { manifest: { homepage: 'https://example.com' }, says: 'homepage is missing' },
    { manifest: { bugs: undefined }, says: 'bugs is missing' },
    { manifest: { license: 'GPL-3.0-only' }, says: 'license is missing' },
    { manifest: { engines: {} }, says: 'engines.node is missing' },
    { manifest: { type: 'commonjs' }, says: 'type is missing' },
    { manifest: { sideEffects: true }, says: 'sideEffects is missing' },
  ],
  'manifest lets provenance be checked': [
    { manifest: { repository: undefined }, says: 'repository.type is not git' },
    {
      manifest: { repository: { ...MANIFEST.repository, url: 'git+https://example.com/a.git' } },
      says: 'repository.url is git+https://example.com/a.git',
    },
    {
      manifest: { repository: { ...MANIFEST.repository, directory: 'packages/core' } },
      says: 'repository.directory is packages/core, and not packages/good',
    },
    { manifest: { publishConfig: { provenance: true } }, says: 'access is not public' },
    { manifest: { publishConfig: { access: 'public' } }, says: 'provenance is not true' },
  ],
  'manifest stands alone': [
    {
      manifest: { dependencies: { '@hongbao/core': 'workspace:*' } },
      says: 'still has "workspace:',
    },
    { manifest: { dependencies: { hono: 'catalog:' } }, says: 'still has "catalog:' },
    {
      manifest: { dependencies: { '@hongbao/core': '^1.2.3' } },
      says: 'depends on @hongbao/core ^1.2.3, and not on 1.2.3 exactly',
    },
    {
      manifest: { exports: { '.': './dist/other.js' } },
      says: 'exports dist/other.js, which is not there',
    },
    { manifest: { exports: { '.': './src/index.ts' } }, says: 'exports its source' },
  ],
  'runs nothing when it is installed': [
    { manifest: { scripts: { postinstall: 'node dist/index.js' } }, says: 'postinstall' },
  ],
  'starts its commands with Node': [
    { manifest: { bin: { good: './dist/cli.cjs' } }, says: 'dist/cli.cjs is not there' },
    {
      manifest: { bin: { good: './dist/cli.cjs' } },
      files: { 'dist/cli.cjs': "'use strict'\n//# sourceMappingURL=index.cjs.map\n" },
      says: "dist/cli.cjs begins with 'use strict'",
    },
  ],
  'README links to what npm can show': [
    { files: { 'README.md': 'Host 4.2 [manual](../../README.md)' }, says: '../../README.md' },
  ],
  'README says which versions of its peers': [
    { files: { 'README.md': 'For Host 4.' }, says: 'no host 4.2' },
  ],
  'changelog describes its version': [
    { files: { 'CHANGELOG.md': undefined }, says: 'no CHANGELOG.md' },
    { files: { 'CHANGELOG.md': '## 1.2.30\n' }, says: 'CHANGELOG.md begins with 1.2.30' },
    { files: { 'CHANGELOG.md': '## 1.2.4\n\n## 1.2.3\n' }, says: 'begins with 1.2.4' },
    { files: { 'CHANGELOG.md': '# Good\n\n## 1.2.3\n' }, says: 'has no text for 1.2.3' },
  ],
  'source maps lead to sources': [
    { files: { 'dist/index.js': 'export {}' }, says: 'dist/index.js has no source map' },
    { files: { 'dist/index.js.map': undefined }, says: 'dist/index.js.map is not there' },
    {
      files: { 'dist/index.js.map': JSON.stringify({ sources: ['../src/gone.ts'] }) },
      says: 'dist/index.js maps to src/gone.ts, which is not there',
    },
    {
      files: { 'dist/index.js.map': JSON.stringify({ sources: [], sourcesContent: ['x'] }) },
      says: 'dist/index.js.map repeats the sources',
    },
  ],
  'has the licenses of what is bundled': [
    {
      files: {
        'dist/index.js.map': JSON.stringify({ sources: ['../node_modules/@of/part/index.js'] }),
      },
      says: 'no license of @of/part',
    },
    {
      files: {
        'dist/index.js.map': JSON.stringify({ sources: ['../node_modules/part/index.js'] }),
        'dist/third-party-licenses.txt': 'other\n',
      },
      says: 'no license of part',
    },
    { manifest: { name: '@hongbao/sandbox' }, says: 'no dist/third-party-licenses.txt' },
  ],
  'holds nothing of this machine, and no secret': [
    { files: { 'src/index.ts': `// ${root}packages` }, says: `src/index.ts names ${root}` },
    { files: { 'src/index.ts': `'${homedir()}/.npmrc'` }, says: `names ${homedir()}/` },
    { files: { 'src/index.ts': "'/home/me/app'" }, says: 'holds a folder of a machine' },
    { files: { 'src/index.ts': String.raw`'C:\Users\me'` }, says: 'holds a folder of a machine' },
    { files: { 'README.md': `Host 4.2 ${createTestKeys().privateKey}` }, says: 'holds a key' },
    {
      files: { 'src/index.ts': JSON.stringify(createTestKeys().publicKey) },
      says: 'src/index.ts holds a key',
    },
    { files: { 'src/index.ts': ['sk', 'live', '12345678'].join('_') }, says: 'holds an API key' },
    { files: { 'src/index.ts': `'npm_${'a'.repeat(36)}'` }, says: 'holds a token' },
    { files: { 'src/index.ts': ['registry', 'npmjs', 'org'].join('.') }, says: 'a download host' },
  ],
}

describe('a package that is published', () => {
  it('passes every rule if nothing is wrong with it', async () => {
    expect(await flawsOf({})).toEqual([])
  })

  it('is tried against every rule', () => {
    expect(Object.keys(FAULTS)).toEqual(RULES.map(({ title }) => title))
  })

  const cases = Object.entries(FAULTS).flatMap(([title, faults]) =>
    faults.map((fault) => ({ title, ...fault })),
  )
  it.each(cases)('is refused, by “$title”, where $says', async ({ title, ...fault }) => {
    expect(await flawsOf(fault)).toContainEqual([title, expect.stringContaining(fault.says)])
  })
})

describe('packages that are published together', () => {
  it('are refused if their versions differ', async () => {
    const one = await createPackage({})
    const other = await createPackage({ manifest: { name: '@hongbao/other', version: '1.2.4' } })
    expect(versionFlaws([one, one])).toEqual([])
    expect(versionFlaws([one, other])).toEqual(['@hongbao/other is 1.2.4, and not 1.2.3'])
  })

  it('are installed with the versions of their peers, and of types, that they are developed with', async () => {
    const packed = await createPackage({})
    expect(developedWith([packed])).toEqual({ host: '5.0.1', '@types/host': '5.0.0' })
    const unknown = await createPackage({ manifest: { devDependencies: {} } })
    expect(() => developedWith([unknown])).toThrow('@hongbao/good has the peer host')
  })
})

describe('the imports of a package', () => {
  const CORE = { code: ['@hongbao/core'], types: ['@hongbao/core'] }
  const built = (code: string): Files => ({
    'dist/index.js': "import '@hongbao/core'",
    'dist/index.cjs': "require('./chunk.cjs')",
    'dist/chunk.cjs': code,
    'dist/index.d.ts': "import { One } from '@hongbao/core'",
    'dist/index.d.cts': '',
  })

  it('pass if they are allowed and declared', async () => {
    const code = "require('@hongbao/core'), `\\nimport tool from 'tool'\\n`"
    const packed = await createPackage({ files: built(code) })
    expect(await entryFlaws(packed, '.', CORE)).toEqual([])
    expect(await undeclaredImports(packed)).toEqual([])
  })

  it('are refused if an entry may not reach them, in code or in types', async () => {
    const packed = await createPackage({ files: built("require('node:fs')") })
    expect(await entryFlaws(packed, '.', CORE)).toEqual(['chunk.cjs imports node:fs'])
    expect(await entryFlaws(packed, '.', { ...CORE, types: [] })).toContain(
      'index.d.ts imports @hongbao/core',
    )
  })

  it('are refused if the manifest does not declare them', async () => {
    const code =
      "require('node:fs'), require('host/part'), require('tool'), require('@of/part/deep')"
    const packed = await createPackage({ files: built(code) })
    expect(await undeclaredImports(packed)).toEqual([
      'chunk.cjs imports tool',
      'chunk.cjs imports @of/part/deep',
    ])
  })
})

describe('the commands of a package', () => {
  it('are refused if they print another version than that of the package', async () => {
    const packed = await createPackage({ manifest: { bin: { good: './dist/index.js' } } })
    const flawsIf = (printed: string): Promise<string[]> =>
      commandVersionFlaws(createCommand('good', printed), packed)
    expect(await flawsIf('1.2.3')).toEqual([])
    expect(await flawsIf('1.2.2')).toEqual(['good prints 1.2.2'])
  })
})

describe('the licences of what a package installs', () => {
  it.each(['MIT', 'ISC', '(GPL-3.0-only OR MIT)', 'MIT AND Apache-2.0'])(
    'pass as %s',
    async (license) => {
      expect(await licenceFlaws(createInstalled(license), '@hongbao/good')).toEqual([])
    },
  )

  it.each(['GPL-3.0-only', 'MIT AND GPL-3.0-only', 'SEE LICENSE IN LICENSE.md', undefined])(
    'are refused as %s, at any depth',
    async (license) => {
      const flaws = await licenceFlaws(createInstalled(license), '@hongbao/good')
      expect(flaws).toEqual([`deep 2.0.0: ${license ?? 'no licence'}`])
    },
  )

  it('are refused for an optional dependency that is installed, and not asked for if it is not', async () => {
    const folder = createInstalled('GPL-3.0-only', 'optionalDependencies')
    expect(await licenceFlaws(folder, '@hongbao/good')).toEqual(['deep 2.0.0: GPL-3.0-only'])
    rmSync(join(folder, 'node_modules/deep'), { recursive: true })
    expect(await licenceFlaws(folder, '@hongbao/good')).toEqual([])
  })

  it('are unknown, and refused, if something is not installed', async () => {
    const folder = createInstalled('MIT')
    rmSync(join(folder, 'node_modules/deep'), { recursive: true })
    expect(await licenceFlaws(folder, '@hongbao/good')).toEqual(['deep is not installed'])
  })
})

/** What all rules say of a package, with the title of each. */
async function flawsOf(fault: Omit<Fault, 'says'>): Promise<(readonly [string, string])[]> {
  const packed = await createPackage(fault)
  const found = await Promise.all(
    RULES.map(async ({ title, flaws }) =>
      (await flaws(packed)).map((flaw) => [title, flaw] as const),
    ),
  )
  return found.flat()
}

async function createPackage({ manifest, files }: Omit<Fault, 'says'>): Promise<Packed> {
  const folder = createFolder({
    ...FILES,
    ...files,
    'package.json': JSON.stringify({ ...MANIFEST, ...manifest }),
  })
  return { source: 'packages/good', tarball: '', ...(await readPackage(folder)) }
}

/** A project with a package that has a dependency, which has another one of some licence. */
function createInstalled(
  license: string | undefined,
  field: 'dependencies' | 'optionalDependencies' = 'dependencies',
): string {
  return createFolder({
    'node_modules/@hongbao/good/package.json': manifestOf('good', 'MIT', { near: '1' }),
    'node_modules/@hongbao/good/node_modules/near/package.json': manifestOf(
      'near',
      'ISC',
      { deep: '2' },
      field,
    ),
    'node_modules/deep/package.json': manifestOf('deep', license, { deep: '2' }),
  })
}

/** A project with an installed command. */
function createCommand(name: string, printed: string): string {
  const path = `node_modules/.bin/${name}`
  const folder = createFolder({ [path]: `#!/bin/sh\necho ${printed}\n` })
  chmodSync(join(folder, path), 0o755)
  return folder
}

function manifestOf(
  name: string,
  license: string | undefined,
  dependencies: object,
  field = 'dependencies',
): string {
  return JSON.stringify({ name, version: '2.0.0', license, [field]: dependencies })
}

function createFolder(files: Files): string {
  const folder = mkdtempSync(join(tmpdir(), 'hongbao-rules-'))
  folders.push(folder)
  for (const [path, text] of Object.entries(files)) {
    if (text === undefined) continue
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}
