import { readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import type { Packed } from './packages.ts'
import { peersOf } from './peers.ts'
import { check, expectNone } from './steps.ts'

/** Checks what a tarball holds, and what its manifest promises. */
export async function checkContents(packed: Packed): Promise<void> {
  const { name, files } = packed
  await check(`${name}: ships what it should`, 'See `files` in its package.json.', () => {
    const built = ['LICENSE', 'README.md', 'dist/index.js', 'dist/index.cjs']
    const wanted = WITHOUT_MAPS.has(name) ? built : [...built, 'src/index.ts']
    const missing = wanted.filter((file) => !files.includes(file)).map((file) => `no ${file}`)
    const strays = files.filter((file) => !EXPECTED.test(file)).map((file) => `stray ${file}`)
    expectNone([...missing, ...strays])
  })
  await check(`${name}: manifest stands alone`, 'Pack and publish with pnpm, never with npm.', () =>
    expectNone(flawsOf(packed)),
  )
  await check(
    `${name}: README says which versions of its peers`,
    'Say it in its last paragraph, as in `Hono 4.9+`.',
    async () =>
      expectNone(unsaid(packed, await readFile(join(packed.folder, 'README.md'), 'utf8'))),
  )
  await check(
    `${name}: source maps lead to sources`,
    'See `sourcemap` in tsup.library.ts.',
    async () => expectNone((await Promise.all(files.map((file) => mapFlaws(packed, file)))).flat()),
  )
  await check(
    `${name}: has the licenses of what is bundled`,
    'See `thirdPartyLicenses` in packages/core/tsup.config.ts.',
    async () => expectNone(await unlicensed(packed)),
  )
  await check(
    `${name}: names no download host`,
    'Take the address out: packages come from whatever registry people have set.',
    async () => {
      const found = await Promise.all(files.map((file) => hostsIn(join(packed.folder, file))))
      expectNone(found.flat())
    },
  )
}

/** Tools for development: their maps, and the sources that these lead to, would be most of what is installed. */
const WITHOUT_MAPS: ReadonlySet<string> = new Set(['@hongbao/sandbox'])

const EXPECTED = /^(LICENSE|README\.md|CHANGELOG\.md|package\.json|src\/.+\.(?:ts|json)|dist\/.+)$/

function flawsOf({ files, manifest }: Packed): string[] {
  const protocols = /"(?:workspace|catalog|link|file):/g
  const left = JSON.stringify(manifest).match(protocols) ?? []
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

/** The peers whose lowest version is not stated, in as few digits as it takes. */
function unsaid({ manifest }: Packed, readme: string): string[] {
  return peersOf(manifest)
    .map(({ name, lowest }) => `${name} ${lowest.replace(/(\.0)+$/, '')}`)
    .filter((claim) => !readme.toLowerCase().includes(claim))
    .map((claim) => `no ${claim}`)
}

async function mapFlaws({ name, folder, files }: Packed, file: string): Promise<string[]> {
  if (WITHOUT_MAPS.has(name)) return file.endsWith('.map') ? [`${file} is a source map`] : []
  if (!/^dist\/.+\.c?js$/.test(file)) return []
  const code = await readFile(join(folder, file), 'utf8')
  const map = /^\/\/# sourceMappingURL=(.+)$/m.exec(code)?.[1]
  if (map === undefined) return [`${file} has no source map`]
  return (await sourcesOf(join(folder, 'dist', map)))
    .map((source) => normalize(join(dirname(file), source)))
    .filter((source) => !files.includes(source) && !BUNDLED.test(source))
    .map((source) => `${file} maps to ${source}, which is not there`)
}

/** The path of a bundled file, with the name of its package. */
const BUNDLED = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//

async function sourcesOf(map: string): Promise<readonly string[]> {
  return (JSON.parse(await readFile(map, 'utf8')) as { readonly sources: readonly string[] })
    .sources
}

/** The bundled packages whose license is not in the tarball. */
async function unlicensed({ folder, files }: Packed): Promise<string[]> {
  const maps = files.filter((file) => file.endsWith('.map')).map((file) => join(folder, file))
  const bundled = (await Promise.all(maps.map(sourcesOf)))
    .flat()
    .flatMap((source) => BUNDLED.exec(source)?.[1] ?? [])
  if (bundled.length === 0) return []
  const licenses = await readFile(join(folder, 'dist/third-party-licenses.txt'), 'utf8')
  return [...new Set(bundled)]
    .filter((name) => !licenses.split('\n').includes(name))
    .map((name) => `no license of ${name}`)
}

async function hostsIn(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8')
  const hosts = text.match(
    /\b(?:registry|codeload|objects|raw|npm|cdn)\.[\w-]+\.(?:org|com|io|net|cn)\b/g,
  )
  return (hosts ?? []).map((host) => `${path} names ${host}`)
}
