import { chownSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CLUSTERS_VARIABLE, serverUser } from './postgres.ts'

/** Gives a run a folder for empty Postgres clusters, and removes it when the run is over. */
export function setup(): (() => Promise<void>) | undefined {
  // The projects of a run share it.
  if (process.env[CLUSTERS_VARIABLE] !== undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'hongbao-clusters-'))
  const user = serverUser()
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  process.env[CLUSTERS_VARIABLE] = folder
  return () => rm(folder, { recursive: true, force: true })
}
