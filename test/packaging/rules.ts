import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, posix } from 'node:path'
import type { Packed } from './packages.ts'
import { peersOf } from './peers.ts'
import { check, expectNone, root } from './steps.ts'

/** Something that must hold for every package that is published. */
export interface Rule {
  readonly title: string
  /** What to do about its flaws. */
  readonly advice: string
  readonly flaws: (packed: Packed) => readonly string[] | Promise<readonly string[]>
}

/** Checks what a tarball holds, and what its manifest promises. */
export async function checkRules(packed: Packed): Promise<void> {
  for (const { title, advice, flaws } of RULES) {
    await check(`${packed.name}: ${title}`, advice, async () => expectNone(await flaws(packed)))
  }
}

/** Checks that all packages have one version. They depend on each other's internals. */
export async function checkOneVersion(packages: readonly Packed[]): Promise<void> {
  await check('all packages: one version', 'See `fixed` in .changeset/config.json.', () =>
    expectNone(versionFlaws(packages)),
  )
}

export function versionFlaws(packages: readonly Packed[]): string[] {
  const first = packages[0]?.manifest.version
  return packages
    .filter(({ manifest }) => manifest.version !== first)
    .map(({ name, manifest }) => `${name} is ${manifest.version}, and not ${first}`)
}

export const RULES: readonly Rule[] = [
  {
    title: 'ships what it should',
    advice: 'See `files` in its package.json.',
    flaws: fileFlaws,
  },
  {
    title: 'manifest tells npm what to show',
    advice: 'Compare with packages/core/package.json.',
    flaws: descriptionFlaws,
  },
  {
    title: 'manifest lets provenance be checked',
    advice: 'npm compares `repository` with where the release was built.',
    flaws: provenanceFlaws,
  },
  {
    title: 'manifest stands alone',
    advice: 'Pack and publish with pnpm, never with npm.',
    flaws: referenceFlaws,
  },
  {
    title: 'runs nothing when it is installed',
    advice: 'Take the script out: many people install with `--ignore-scripts`.',
    flaws: ({ manifest }) =>
      Object.keys(manifest.scripts ?? {}).filter((name) => /^(pre|post)?install$/.test(name)),
  },
  {
    title: 'starts its commands with Node',
    advice: 'See `bin`, and the first line of the file that it names.',
    flaws: commandFlaws,
  },
  {
    title: 'README links to what npm can show',
    advice: 'Write the whole URL: on npm, the files of the repository are not beside the README.',
    flaws: relativeLinks,
  },
  {
    title: 'README says which versions of its peers',
    advice: 'Say it in its last paragraph, as in `Hono 4.9+`.',
    flaws: unsaidPeers,
  },
  {
    title: 'changelog describes its version',
    advice: 'Run `pnpm changeset version`, as CONTRIBUTING.md says.',
    flaws: changelogFlaws,
  },
  {
    title: 'source maps lead to sources',
    advice: 'See `sourcemap` in tsup.library.ts.',
    flaws: async (packed) =>
      (await Promise.all(packed.files.map((file) => mapFlaws(packed, file)))).flat(),
  },
  {
    title: 'has the licenses of what is bundled',
    advice: 'See `writeLicenses` in tsup.library.ts.',
    flaws: bundledFlaws,
  },
  {
    title: 'holds nothing of this machine, and no secret',
    advice: 'Take it out. A key that has been published must be replaced, too.',
    flaws: async ({ folder, files }) =>
      (await Promise.all(files.map((file) => leaksIn(folder, file)))).flat(),
  },
]

/** Tools for development: their maps, and the sources that these lead to, would be most of what is installed. */
const WITHOUT_MAPS: ReadonlySet<string> = new Set(['@hongbao/sandbox'])

const EXPECTED = /^(LICENSE|README\.md|CHANGELOG\.md|package\.json|src\/.+\.(?:ts|json)|dist\/.+)$/
const TEST = /(?:^|\/)(?:tests?|__tests__)\/|\.(?:test|spec|test-d)\.\w+$/

function fileFlaws({ name, files }: Packed): string[] {
  const built = ['LICENSE', 'README.md', 'dist/index.js', 'dist/index.cjs']
  const wanted = WITHOUT_MAPS.has(name) ? built : [...built, 'src/index.ts']
  const strays = files.filter((file) => !EXPECTED.test(file) || TEST.test(file))
  return [
    ...wanted.filter((file) => !files.includes(file)).map((file) => `no ${file}`),
    ...strays.map((file) => `stray ${file}`),
  ]
}

const REPOSITORY = 'https://github.com/hongbao-js/hongbao'

function descriptionFlaws({ source, manifest }: Packed): string[] {
  const { description = '', keywords = [], engines = {} } = manifest
  const wanted: readonly (readonly [field: string, holds: boolean])[] = [
    ['description', description.length >= 20],
    ['keywords', KEYWORDS.every((word) => keywords.includes(word))],
    ['homepage', manifest.homepage === `${REPOSITORY}/tree/main/${source}#readme`],
    ['bugs', manifest.bugs === `${REPOSITORY}/issues`],
    ['license', manifest.license === 'MIT'],
    ['engines.node', engines['node'] === '>=22.12'],
    ['type', manifest.type === 'module'],
    ['sideEffects', manifest.sideEffects === false],
  ]
  return wanted.filter(([, holds]) => !holds).map(([field]) => `${field} is missing or different`)
}

/** What people search npm for. */
const KEYWORDS = ['hongbao', 'ping++', 'pingpp', 'webhook', 'wechat', '微信', '红包']

function provenanceFlaws({ source, manifest }: Packed): string[] {
  const { repository = {}, publishConfig = {} } = manifest
  return [
    ...(repository.type === 'git' ? [] : ['repository.type is not git']),
    ...(repository.url === `git+${REPOSITORY}.git` ? [] : [`repository.url is ${repository.url}`]),
    ...(repository.directory === source
      ? []
      : [`repository.directory is ${repository.directory}, and not ${source}`]),
    ...(publishConfig.access === 'public' ? [] : ['publishConfig.access is not public']),
    ...(publishConfig.provenance === true ? [] : ['publishConfig.provenance is not true']),
  ]
}

function referenceFlaws({ files, manifest }: Packed): string[] {
  const left = JSON.stringify(manifest).match(/"(?:workspace|catalog|link|file):/g) ?? []
  const targets = [...JSON.stringify(manifest.exports).matchAll(/"\.\/([^"]+\.\w+)"/g)]
    .map((match) => String(match[1]))
    .filter((target) => !files.includes(target))
  const inexact = Object.entries({ ...manifest.dependencies, ...manifest.peerDependencies })
    .filter(([name, range]) => name.startsWith('@hongbao/') && range !== manifest.version)
    .map(([name, range]) => `depends on ${name} ${range}, and not on ${manifest.version} exactly`)
  const toSource = JSON.stringify(manifest.exports).includes('./src/')
  return [
    ...left.map((protocol) => `still has ${protocol}`),
    ...targets.map((target) => `exports ${target}, which is not there`),
    ...inexact,
    ...(toSource ? ['exports its source'] : []),
  ]
}

async function commandFlaws({ folder, files, manifest }: Packed): Promise<string[]> {
  const commands = Object.values(manifest.bin ?? {}).map((path) => posix.normalize(path))
  const flaws = commands.map(async (file) => {
    if (!files.includes(file)) return [`${file} is not there`]
    const [first = ''] = (await readFile(join(folder, file), 'utf8')).split('\n')
    return first === '#!/usr/bin/env node' ? [] : [`${file} begins with ${first}`]
  })
  return (await Promise.all(flaws)).flat()
}

async function relativeLinks({ folder, files }: Packed): Promise<string[]> {
  if (!files.includes('README.md')) return []
  const readme = await readFile(join(folder, 'README.md'), 'utf8')
  return [...readme.matchAll(/\]\(([^)]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^(?:https:|#)/.test(target))
}

/** The peers whose lowest version is not stated, in as few digits as it takes. */
async function unsaidPeers({ folder, files, manifest }: Packed): Promise<string[]> {
  if (!files.includes('README.md')) return []
  const readme = (await readFile(join(folder, 'README.md'), 'utf8')).toLowerCase()
  return peersOf(manifest)
    .map(({ name, lowest }) => `${name} ${lowest.replace(/(\.0)+$/, '')}`)
    .filter((claim) => !readme.includes(claim))
    .map((claim) => `no ${claim}`)
}

async function changelogFlaws({ folder, files, manifest }: Packed): Promise<string[]> {
  if (!files.includes('CHANGELOG.md')) return ['no CHANGELOG.md']
  const changelog = await readFile(join(folder, 'CHANGELOG.md'), 'utf8')
  const [, latest = ''] = changelog.split(/^## /m)
  const [version, ...text] = latest.split('\n')
  if (version !== manifest.version) return [`CHANGELOG.md begins with ${version}`]
  return text.some((line) => line !== '') ? [] : [`CHANGELOG.md has no text for ${version}`]
}

async function mapFlaws(packed: Packed, file: string): Promise<string[]> {
  const { folder, files } = packed
  if (WITHOUT_MAPS.has(packed.name)) return file.endsWith('.map') ? [`${file} is a source map`] : []
  if (!/^dist\/.+\.c?js$/.test(file)) return []
  const code = await readFile(join(folder, file), 'utf8')
  const name = /^\/\/# sourceMappingURL=(.+)$/m.exec(code)?.[1]
  if (name === undefined) return [`${file} has no source map`]
  const map = posix.join(posix.dirname(file), name)
  if (!files.includes(map)) return [`${map} is not there`]
  const { sources, sourcesContent } = JSON.parse(await readFile(join(folder, map), 'utf8')) as {
    readonly sources: readonly string[]
    readonly sourcesContent?: unknown
  }
  const lost = sources
    .map((source) => posix.join(posix.dirname(file), source))
    .filter((source) => !files.includes(source) && !BUNDLED.test(source))
    .map((source) => `${file} maps to ${source}, which is not there`)
  return sourcesContent === undefined ? lost : [...lost, `${map} repeats the sources`]
}

/** The path of a bundled file, with the name of its package. */
const BUNDLED = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//

/** The bundled packages whose license is not in the tarball. Without maps it must have some. */
async function bundledFlaws({ name: packageName, folder, files }: Packed): Promise<string[]> {
  const notices = 'dist/third-party-licenses.txt'
  const text = files.includes(notices) ? await readFile(join(folder, notices), 'utf8') : ''
  if (WITHOUT_MAPS.has(packageName)) return text === '' ? [`no ${notices}`] : []
  const maps = files.filter((file) => file.endsWith('.map')).map((file) => join(folder, file))
  const bundled = (await Promise.all(maps.map(sourcesOf)))
    .flat()
    .flatMap((source) => BUNDLED.exec(source)?.[1] ?? [])
  return [...new Set(bundled)]
    .filter((name) => !text.split('\n').includes(name))
    .map((name) => `no license of ${name}`)
}

async function sourcesOf(map: string): Promise<readonly string[]> {
  const { sources } = JSON.parse(await readFile(map, 'utf8')) as {
    readonly sources: readonly string[]
  }
  return sources
}

const LEAKS: Readonly<Record<string, RegExp>> = {
  // Packages come from whatever registry people have set.
  'a download host': /\b(?:registry|codeload|objects|raw|npm|cdn)\.[\w-]+\.(?:org|com|io|net|cn)\b/,
  'a folder of a machine': /\/(?:home|Users)\/[\w.-]+\/|\b[A-Z]:\\{1,2}Users\\/,
  'a key': /-----BEGIN [A-Z ]*KEY-----(?:\s|\\n)*[A-Za-z0-9+/]{40}/,
  'an API key': /\bsk_live_\w{8}/,
  'a token': /\b(?:npm_\w{36}|gh[opsu]_\w{36}|github_pat_\w{22})/,
}

async function leaksIn(folder: string, file: string): Promise<string[]> {
  const text = await readFile(join(folder, file), 'utf8')
  const here = [root, `${homedir()}/`].filter((path) => text.includes(path))
  return [
    ...here.map((path) => `${file} names ${path}`),
    ...Object.entries(LEAKS)
      .filter(([, pattern]) => pattern.test(text))
      .map(([what]) => `${file} holds ${what}`),
  ]
}
