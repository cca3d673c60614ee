import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { check, root, run } from './steps.ts'

/** A package as it would be published. */
export interface Packed {
  readonly name: string
  /** Its folder in the repository, as `packages/core`. */
  readonly source: string
  readonly tarball: string
  /** Where the tarball is unpacked. */
  readonly folder: string
  /** Its files, relative to `folder`, with `/` between folders. */
  readonly files: readonly string[]
  readonly manifest: Manifest
}

/** What the checks read of a packed manifest. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly description?: string
  readonly keywords?: readonly string[]
  readonly homepage?: string
  readonly bugs?: string
  readonly license?: string
  readonly repository?: {
    readonly type?: string
    readonly url?: string
    readonly directory?: string
  }
  readonly type?: string
  readonly sideEffects?: unknown
  readonly exports: Readonly<Record<string, unknown>>
  readonly bin?: Readonly<Record<string, string>>
  readonly publishConfig?: { readonly access?: string; readonly provenance?: boolean }
  readonly engines?: Readonly<Record<string, string>>
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Packs every package of the workspace with pnpm, as `pnpm publish` would. */
export async function packAll(workplace: string): Promise<Packed[]> {
  const packed: Packed[] = []
  for (const name of await readdir(join(root, 'packages'))) {
    const source = `packages/${name}`
    const advice = 'Run `pnpm build` first; then pack by hand with `pnpm pack` in the package.'
    await check(`${source}: pack`, advice, async () => {
      packed.push(await pack(source, join(workplace, name)))
    })
  }
  return packed
}

/** The entries of a package that can be imported. */
export function entriesOf({ name, manifest }: Packed): string[] {
  return Object.keys(manifest.exports)
    .filter((subpath) => subpath !== './package.json')
    .map((subpath) => name + subpath.slice(1))
}

async function pack(source: string, workplace: string): Promise<Packed> {
  await mkdir(workplace)
  const tarball = join(workplace, 'package.tgz')
  await run('pnpm', ['pack', '--out', tarball], { cwd: join(root, source) })
  await run('tar', ['-xzf', 'package.tgz'], { cwd: workplace })
  return { source, tarball, ...(await readPackage(join(workplace, 'package'))) }
}

/** Reads an unpacked tarball. */
export async function readPackage(
  folder: string,
): Promise<Pick<Packed, 'name' | 'folder' | 'files' | 'manifest'>> {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
  return { name: manifest.name, folder, files: await filesIn(folder), manifest }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .toSorted()
}
