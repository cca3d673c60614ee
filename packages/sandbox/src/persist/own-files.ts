import * as fs from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../error-code.ts'
import { Refusal } from '../errors.ts'

/** How a file is opened that may not be a symbolic link. Windows has no such flag. */
export const READ_NO_LINK: number = fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0)

/** A link that comes with a repository could lead anywhere. */
export function refuseLink(path: string): void {
  if (fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return
  throw new Refusal('link', { path })
}

/** Makes a file; leaves what is there already, also a link that leads nowhere. */
export function ifNew(make: () => void): void {
  try {
    make()
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

/** Keeps a folder out of git. */
export function ignoreInGit(directory: string): void {
  ifNew(() => fs.writeFileSync(join(directory, '.gitignore'), '*\n', { flag: 'wx' }))
}
