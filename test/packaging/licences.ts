import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Manifest, Packed } from './packages.ts'
import type { Project } from './project.ts'
import { check, expectNone } from './steps.ts'

/** Licences that ask for nothing but their own text, or not even that. */
const PERMISSIVE: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'Unlicense',
])

/** Checks the licence of everything that comes with a package, other than the hosts that people bring. */
export async function checkLicences(
  packages: readonly Packed[],
  { folder }: Project,
): Promise<void> {
  for (const { name } of packages) {
    await check(
      `${name}: only permissive licences, with its dependencies`,
      'Find another dependency, or allow the licence in test/packaging/licences.ts on purpose.',
      async () => expectNone(await licenceFlaws(folder, name)),
    )
  }
}

/** The dependencies of an installed package, at any depth, whose licences are not permissive. */
export async function licenceFlaws(
  folder: string,
  name: string,
  seen: Set<string> = new Set(),
): Promise<string[]> {
  const place = placeOf(folder, name)
  if (place === undefined) return [`${name} is not installed`]
  if (seen.has(place)) return []
  seen.add(place)
  const manifest = JSON.parse(await readFile(join(place, 'package.json'), 'utf8')) as Manifest
  const flaws: string[] = []
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    flaws.push(...(await licenceFlaws(place, dependency, seen)))
  }
  // Those of another platform are not installed.
  for (const dependency of Object.keys(manifest.optionalDependencies ?? {})) {
    if (placeOf(place, dependency) === undefined) continue
    flaws.push(...(await licenceFlaws(place, dependency, seen)))
  }
  const { license = 'no licence' } = manifest
  return isPermissive(license) ? flaws : [`${name} ${manifest.version}: ${license}`, ...flaws]
}

/** Where Node finds a package for the modules of a folder. */
function placeOf(folder: string, name: string): string | undefined {
  const place = join(folder, 'node_modules', name)
  if (existsSync(place)) return place
  return dirname(folder) === folder ? undefined : placeOf(dirname(folder), name)
}

/** Reads an SPDX expression without nested parentheses. */
function isPermissive(license: string): boolean {
  return license
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((id) => PERMISSIVE.has(id)))
}
