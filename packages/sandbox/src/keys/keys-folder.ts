import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join, resolve } from 'node:path'
import { codeOf } from '../error-code.ts'
import { Refusal } from '../errors.ts'
import { ifNew, ignoreInGit, READ_NO_LINK, refuseLink } from '../persist/own-files.ts'

/** A folder for keys: closed to other users of the machine, and ignored by git. */
export interface KeysFolder {
  readonly directory: string
  /** What had to be corrected. */
  readonly repairs: Repair[]
}

/** A file, or the folder, that was open to other users: its mode then and now. */
export interface Repair {
  readonly path: string
  readonly was: string
  readonly is: string
}

/** Files that a new keys' folder may contain. */
const HARMLESS = new Set(['.gitignore', '.DS_Store', 'events.ndjson', 'events.ndjson.lock'])

/**
 * Opens the folder; creates it if there is none.
 *
 * @param files names of keys, by which a keys' folder is recognised
 * @throws SandboxError `option-invalid` if the folder has other content, which git would then ignore
 */
export function openKeysFolder(directory: string, files: readonly string[]): KeysFolder {
  // Without a slash at its end, at which a link would be followed.
  refuseLink(resolve(directory))
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
  const names = fs.readdirSync(directory)
  // `startsWith`: also the temporary file of another process.
  const hasKeys = names.some((name) => files.some((file) => name.startsWith(file)))
  if (!hasKeys && !names.every((name) => HARMLESS.has(name))) {
    throw new Refusal('folder-foreign', { directory, own: join(directory, '.hongbao') })
  }
  const folder: KeysFolder = { directory, repairs: [] }
  closeToOthers(folder, directory, 0o700)
  ignoreInGit(directory)
  return folder
}

/** The content of a file, which is closed to others; undefined if there is none. @throws SandboxError for a symbolic link */
export function readFile(folder: KeysFolder, name: string): string | undefined {
  const path = join(folder.directory, name)
  refuseLink(path)
  if (!fs.existsSync(path)) return undefined
  closeToOthers(folder, path, 0o600)
  return fs.readFileSync(path, { encoding: 'utf8', flag: READ_NO_LINK })
}

/** Creates a file, once, even if several processes do so at a time. */
export function createFile({ directory }: KeysFolder, name: string, text: string): void {
  const path = join(directory, name)
  const temporary = writeTemporary(path, text)
  try {
    fs.linkSync(temporary, path)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    // A file system without hard links.
    ifNew(() => fs.copyFileSync(temporary, path, fs.constants.COPYFILE_EXCL))
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}

export function replaceFile({ directory }: KeysFolder, name: string, text: string): void {
  const path = join(directory, name)
  fs.renameSync(writeTemporary(path, text), path)
}

/** Written elsewhere first, so that no process reads half a key. */
function writeTemporary(path: string, text: string): string {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  fs.writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' })
  return temporary
}

/** Removes the permissions of other users. Windows has none. */
function closeToOthers({ repairs }: KeysFolder, path: string, mode: number): void {
  if (process.platform === 'win32') return
  const file = fs.openSync(path, READ_NO_LINK)
  try {
    const { mode: found } = fs.fstatSync(file)
    if ((found & 0o077) === 0) return
    fs.fchmodSync(file, mode)
    repairs.push({ path, was: octal(found), is: octal(mode) })
  } finally {
    fs.closeSync(file)
  }
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}
