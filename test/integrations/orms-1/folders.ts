import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** Makes a folder here, from where the packages resolve, until the tests of the file are over. */
export function createFolder(): string {
  const folder = mkdtempSync(join(import.meta.dirname, '.app-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
