import { checkLicences } from './licences.ts'
import type { Packed } from './packages.ts'
import { developedWith, lowestPeers } from './peers.ts'
import {
  checkCommands,
  checkEntries,
  checkPrograms,
  checkTypes,
  installProject,
  type ModuleSystems,
  type Project,
} from './project.ts'
import type { Stores } from './stores.ts'

/** Uses the tarballs in an empty project, with the peers that the workspace is developed with. */
export async function checkInstalled(
  packages: readonly Packed[],
  folder: string,
  stores: Stores | undefined,
): Promise<void> {
  const project: Project = { name: 'consumer', folder }
  const dependencies = developedWith(packages)
  if (!(await installProject(project, packages, dependencies))) return
  await checkEntries(project, packages)
  await checkCommands(project, packages)
  await checkLicences(packages, project)
  for (const systems of MODULE_SYSTEMS) await checkPrograms(project, systems, stores)
  // One source, the way each kind of project would compile it.
  await checkTypes(project, 'mount.mts', 'nodenext', 'nodenext')
  await checkTypes(project, 'mount.cts', 'nodenext', 'nodenext')
  await checkTypes(project, 'mount.mts', 'node16', 'node16')
  await checkTypes(project, 'mount.cts', 'node16', 'node16')
  await checkTypes(project, 'mount.ts', 'preserve', 'bundler')
}

/** Does the same with the lowest version of every peer that the manifests allow. */
export async function checkLowestPeers(
  packages: readonly Packed[],
  folder: string,
  stores: Stores | undefined,
): Promise<void> {
  const project: Project = { name: 'lowest peers', folder }
  const dependencies = { ...developedWith(packages), ...lowestPeers(packages) }
  if (!(await installProject(project, packages, dependencies))) return
  await checkPrograms(project, ['import', 'require'], stores)
  await checkTypes(project, 'mount.mts', 'nodenext', 'nodenext')
}

const MODULE_SYSTEMS: readonly ModuleSystems[] = [
  ['import', 'import'],
  ['require', 'require'],
  ['import', 'require'],
  ['require', 'import'],
]
