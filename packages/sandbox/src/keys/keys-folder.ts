import { randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { codeOf } from '../error-code.ts'
import { Refusal } from '../errors.ts'

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

const GITIGNORE = '.gitignore'
/** Files that a new keys' folder may contain. */
const HARMLESS = new Set([GITIGNORE, '.DS_Store', 'events.ndjson', 'events.ndjson.lock'])

/**
 * Opens the folder; creates it if there is none.
 *
 * @param files names of keys, by which a keys' folder is recognised
 * @throws SandboxError `option-invalid` if the folder has other content, which git would then ignore
 */
export async function openKeysFolder(
  directory: string,
  files: readonly string[],
): Promise<KeysFolder> {
  // Without a slash at its end, at which a link would be followed.
  await refuseLink(resolve(directory))
  await fs.mkdir(directory, { recursive: true, mode: 0o700 })
  const names = await fs.readdir(directory)
  // `startsWith`: also the temporary file of another process.
  const hasKeys = names.some((name) => files.some((file) => name.startsWith(file)))
  if (!hasKeys && !names.every((name) => HARMLESS.has(name))) {
    throw new Refusal('folder-foreign', { directory, own: join(directory, '.hongbao') })
  }
  const folder: KeysFolder = { directory, repairs: [] }
  const opened = {
    stat: () => fs.stat(directory),
    chmod: (mode: number) => fs.chmod(directory, mode),
  }
  await closeToOthers(folder, opened, directory, 0o700)
  await writeNew(join(directory, GITIGNORE), '*\n')
  return folder
}

/** The content of a file; undefined if there is none. @throws SandboxError for a symbolic link */
export async function readFile(folder: KeysFolder, name: string): Promise<string | undefined> {
  try {
    return await readOwn(folder, join(folder.directory, name))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The content of a file; creates it if there is none, once, even if several processes do so at a time. */
export async function readOrCreate(
  folder: KeysFolder,
  name: string,
  create: () => string | Promise<string>,
): Promise<string> {
  const found = await readFile(folder, name)
  if (found !== undefined) return found
  const path = join(folder.directory, name)
  const temporary = await writeTemporary(path, await create())
  try {
    await fs.link(temporary, path).catch(async (error: unknown) => {
      if (codeOf(error) === 'EEXIST') throw error
      // A file system without hard links.
      await fs.copyFile(temporary, path, constants.COPYFILE_EXCL)
    })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    await fs.rm(temporary, { force: true })
  }
  return readOwn(folder, path)
}

export async function replaceFile(folder: KeysFolder, name: string, text: string): Promise<void> {
  const path = join(folder.directory, name)
  await fs.rename(await writeTemporary(path, text), path)
}

/** Written elsewhere first, so that no process reads half a key. */
async function writeTemporary(path: string, text: string): Promise<string> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  await fs.writeFile(temporary, text, { mode: 0o600, flag: 'wx' })
  return temporary
}

/**
 * Reads a file and closes it to others. Symbolic links are not followed: one that comes with a
 * repository could make any file of the user a key, and change its mode.
 */
async function readOwn(folder: KeysFolder, path: string): Promise<string> {
  await refuseLink(path)
  // Windows has no such flag.
  const file = await fs.open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  try {
    await closeToOthers(folder, file, path, 0o600)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

async function refuseLink(path: string): Promise<void> {
  const found = await fs.lstat(path).catch(() => undefined)
  if (found?.isSymbolicLink() !== true) return
  throw new Refusal('link', { path })
}

/** Leaves what is there already, also a link that leads nowhere. */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    await fs.writeFile(path, text, { flag: 'wx' })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

/** Removes the permissions of other users. Windows has none. */
async function closeToOthers(
  { repairs }: KeysFolder,
  opened: Pick<fs.FileHandle, 'chmod'> & { stat(): Promise<Stats> },
  path: string,
  mode: number,
): Promise<void> {
  const { mode: found } = await opened.stat()
  if (process.platform === 'win32' || (found & 0o077) === 0) return
  await opened.chmod(mode)
  repairs.push({ path, was: octal(found), is: octal(mode) })
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}
