import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Packed } from './packages.ts'
import { check, expectNone, run } from './steps.ts'

// `npx @hongbao/sandbox` waits for all of it, over whatever network there is.
const MAX_PACKAGES = 15
const MAX_BYTES = 5_000_000

/** Installs the sandbox by itself, as `npm install --omit=dev` does, and weighs what came with it. */
export async function checkSandboxWeight(
  packages: readonly Packed[],
  folder: string,
): Promise<void> {
  await check(
    `@hongbao/sandbox: at most ${MAX_PACKAGES} packages and ${MAX_BYTES / 1e6} MB to install`,
    'Look at its `dependencies`: what only a few lines of are used can be bundled.',
    async () => {
      await mkdir(folder)
      await writeFile(join(folder, 'package.json'), JSON.stringify(manifestOf(packages), null, 2))
      await run('npm', ['install', '--omit=dev', '--no-audit', '--no-fund'], { cwd: folder })
      const files = await filesIn(join(folder, 'node_modules'))
      const count = files.filter(({ path }) => isManifest(path)).length
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
      const own = files.filter(({ path }) => /@hongbao\/sandbox\/.+\.map$/.test(path))
      console.log(`      ${count} packages, ${(bytes / 1e6).toFixed(2)} MB`)
      expectNone([
        ...own.map(({ path }) => `${path} is a source map`),
        ...(count > MAX_PACKAGES ? [`${count} packages`] : []),
        ...(bytes > MAX_BYTES ? [`${bytes} bytes`] : []),
      ])
    },
  )
}

/** The tarballs that the sandbox needs of this repository stand in for those of the registry. */
function manifestOf(packages: readonly Packed[]): object {
  const sandbox = packages.find(({ name }) => name === '@hongbao/sandbox')
  const wanted = new Set(['@hongbao/sandbox', ...Object.keys(sandbox?.manifest.dependencies ?? {})])
  const own = packages.filter(({ name }) => wanted.has(name))
  const dependencies = own.map(({ name, tarball }) => [name, `file:${tarball}`])
  return { private: true, dependencies: Object.fromEntries(dependencies) }
}

interface File {
  readonly path: string
  readonly bytes: number
}

async function filesIn(folder: string): Promise<File[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return Promise.all(
    files.map(async (entry) => {
      const path = join(entry.parentPath, entry.name)
      return { path: path.replaceAll('\\', '/'), bytes: (await stat(path)).size }
    }),
  )
}

/** Whether a file is the manifest of an installed package, and not of a folder inside of one. */
function isManifest(path: string): boolean {
  return /\/node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(path)
}
