import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { check, root, run } from './steps.ts'

/** A package as it would be published. */
export interface Packed {
  readonly name: string
  readonly tarball: string
  /** Where the tarball is unpacked. */
  readonly folder: string
  /** Its files, relative to `folder`. */
  readonly files: readonly string[]
  readonly manifest: Manifest
}

/** What the checks read of a packed manifest. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Packs every package of the workspace with pnpm, as `pnpm publish` would. */
export async function packAll(workplace: string): Promise<Packed[]> {
  const packed: Packed[] = []
  for (const folder of await readdir(join(root, 'packages'))) {
    const advice = 'Run `pnpm build` first; then pack by hand with `pnpm pack` in the package.'
    await check(`packages/${folder}: pack`, advice, async () => {
      packed.push(await pack(join(root, 'packages', folder), join(workplace, folder)))
    })
  }
  return packed
}

async function pack(source: string, workplace: string): Promise<Packed> {
  await mkdir(workplace)
  const tarball = join(workplace, 'package.tgz')
  await run('pnpm', ['pack', '--out', tarball], { cwd: source })
  await run('tar', ['-xzf', tarball, '-C', workplace])
  const folder = join(workplace, 'package')
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
  return { name: manifest.name, tarball, folder, files: await filesIn(folder), manifest }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted()
}
