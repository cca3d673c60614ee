import { existsSync, globSync } from 'node:fs'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { run } from '../packaging/steps.ts'

/** Installs a package into an app as npm would: its build, the manifest of its publication, its dependencies. */
export async function installBuilt(name: string, app: string): Promise<void> {
  const source = resolve(import.meta.dirname, '../../packages', name)
  const folder = join(app, 'node_modules/@hongbao', name)
  await run('tsup', ['--out-dir', join(folder, 'dist')], { cwd: source })
  const manifest = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'))
  const published = JSON.stringify({ ...manifest, ...manifest.publishConfig })
  await writeFile(join(folder, 'package.json'), published)
  const dependencies = join(source, 'node_modules')
  // Those of this repository are installed by their own names.
  for (const dependency of globSync('[!@.]*', { cwd: dependencies })) {
    const link = join(app, 'node_modules', dependency)
    if (!existsSync(link)) await symlink(join(dependencies, dependency), link)
  }
}
