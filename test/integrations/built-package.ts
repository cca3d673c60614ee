import { existsSync, mkdtempSync } from 'node:fs'
import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { run } from '../packaging/steps.ts'

const PACKAGES = resolve(import.meta.dirname, '../../packages')

/** Where a run keeps its builds. */
const BUILDS_VARIABLE = 'HONGBAO_TEST_BUILDS'

/** Gives a run a folder for the builds of packages, and removes it when the run is over. */
export function setup(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'hongbao-builds-'))
  process.env[BUILDS_VARIABLE] = folder
  return () => rm(folder, { recursive: true, force: true })
}

/** The manifest of a package, as it is published. */
export interface PublishedManifest {
  readonly name: string
  readonly exports: Readonly<Record<string, string | object>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Options of {@link installBuilt}. */
export interface InstallOptions {
  /** Whether the app reads the declarations, whose build takes four times as long as the rest. Default: true. */
  readonly types?: boolean
}

/**
 * Installs packages into an app as npm would: their builds, the manifests of their publication, and what
 * they depend on, if neither the app nor the folder around it has it. Returns the manifests.
 */
export async function installBuilt(
  names: readonly string[],
  app: string,
  { types = true }: InstallOptions = {},
): Promise<readonly PublishedManifest[]> {
  const manifests: PublishedManifest[] = []
  for (const name of names) {
    const manifest = await readManifest(name)
    const folder = join(app, 'node_modules', manifest.name)
    await cp(await buildOnce(name, types), join(folder, 'dist'), { recursive: true })
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
    await linkDependencies(manifest, join(PACKAGES, name), app)
    manifests.push(manifest)
  }
  return manifests
}

async function readManifest(name: string): Promise<PublishedManifest> {
  const manifest = JSON.parse(await readFile(join(PACKAGES, name, 'package.json'), 'utf8'))
  return { ...manifest, ...manifest.publishConfig }
}

/** Builds a package, if no test of this run has done so. Returns the folder of the build. */
async function buildOnce(name: string, types: boolean): Promise<string> {
  const builds = String(process.env[BUILDS_VARIABLE])
  const kept = join(builds, types ? name : `${name}-without-types`)
  if (existsSync(kept)) return kept
  const own = `${kept}-${process.pid}`
  const args = ['--out-dir', own, ...(types ? [] : ['--no-dts'])]
  await run('tsup', args, { cwd: join(PACKAGES, name) })
  // Two tests may build it at a time; what both have built is the same.
  await rename(own, kept).catch(() => {})
  return kept
}

async function linkDependencies(
  { dependencies, peerDependencies }: PublishedManifest,
  source: string,
  app: string,
): Promise<void> {
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
    const path = join('node_modules', name)
    const isHere = [app, dirname(app)].some((folder) => existsSync(join(folder, path)))
    // Those of this repository are installed by their own names; a peer may be optional.
    if (name.startsWith('@hongbao/') || isHere || !existsSync(join(source, path))) continue
    await mkdir(dirname(join(app, path)), { recursive: true })
    await symlink(join(source, path), join(app, path))
  }
}
