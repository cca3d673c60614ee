import { randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import {
  chmod,
  copyFile,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
  type FileHandle,
} from 'node:fs/promises'
import { join } from 'node:path'
import { SandboxError } from '../errors.ts'

/** A folder for secrets: closed to other users of the machine, and to git. */
export interface KeysFolder {
  readonly directory: string
  /** What had to be set right: sentences for people. */
  readonly repairs: readonly string[]
  pathOf(name: string): string
  /** The content of a file; makes it where there is none, once, whoever else does so at the same time. */
  readOrMake(name: string, make: () => string | Promise<string>): Promise<string>
  /** The content of a file, if there is one. @throws SandboxError for a symbolic link */
  read(name: string): Promise<string | undefined>
  /** Replaces a file as a whole. */
  write(name: string, text: string): Promise<void>
}

const GITIGNORE = '.gitignore'
/** Files that may be in a folder before it is one for keys. */
const HARMLESS = new Set([GITIGNORE, '.DS_Store'])

/**
 * Opens the folder, which is made where there is none.
 *
 * @param files the names of its files, by which it is told from any other folder
 * @throws SandboxError `option-invalid` for a folder that holds other things: it would be closed, and
 * all of it hidden from git
 */
export async function openKeysFolder(
  directory: string,
  files: readonly string[],
): Promise<KeysFolder> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const names = await readdir(directory)
  if (!names.some((name) => isOurs(name, files)) && !names.every((name) => HARMLESS.has(name))) {
    throw new SandboxError(
      'option-invalid',
      `${directory} holds other things than the sandbox's keys. Give a folder for them alone: ${join(directory, '.hongbao')}`,
    )
  }
  const repairs: string[] = []
  const folder = { stat: () => stat(directory), chmod: (mode: number) => chmod(directory, mode) }
  await closeToOthers(folder, directory, 0o700, repairs)
  if (!names.includes(GITIGNORE)) await writeFile(join(directory, GITIGNORE), '*\n')

  function pathOf(name: string): string {
    return join(directory, name)
  }

  async function read(name: string): Promise<string | undefined> {
    try {
      return await readOwn(pathOf(name), repairs)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async function readOrMake(name: string, make: () => string | Promise<string>): Promise<string> {
    const found = await read(name)
    if (found !== undefined) return found
    const made = await make()
    const isPlaced = await place(await writeAside(pathOf(name), made), pathOf(name))
    return isPlaced ? made : ((await read(name)) ?? made)
  }

  async function write(name: string, text: string): Promise<void> {
    await rename(await writeAside(pathOf(name), text), pathOf(name))
  }

  return { directory, repairs, pathOf, readOrMake, read, write }
}

/** Also what another process is about to put in its place. */
function isOurs(name: string, files: readonly string[]): boolean {
  return files.some((file) => name.startsWith(file))
}

/**
 * Reads a file and closes it to others. A symbolic link, which may come with a repository, is not
 * followed: it could name any file of the user, whose content would become a key and whose mode would change.
 */
async function readOwn(path: string, repairs: string[]): Promise<string> {
  if ((await lstat(path)).isSymbolicLink()) throw symbolicLink(path)
  // Windows has no such flag.
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  try {
    await closeToOthers(file, path, 0o600, repairs)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

function symbolicLink(path: string): SandboxError {
  return new SandboxError(
    'option-invalid',
    `${path} is a symbolic link, and the sandbox follows none among its keys. Put the file itself there, or delete the link.`,
  )
}

/** Takes what others may do with a file or folder from them. Windows has no such modes. */
async function closeToOthers(
  opened: Pick<FileHandle, 'chmod'> & { stat(): Promise<Stats> },
  path: string,
  mode: number,
  repairs: string[],
): Promise<void> {
  const { mode: found } = await opened.stat()
  if (process.platform === 'win32' || (found & 0o077) === 0) return
  await opened.chmod(mode)
  repairs.push(`${path} was open to other users (mode ${octal(found)}); it is ${octal(mode)} now.`)
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

/** Writes beside the place that is meant, so that nobody ever reads half a key there. */
async function writeAside(path: string, text: string): Promise<string> {
  const aside = `${path}.${randomBytes(6).toString('hex')}.tmp`
  await writeFile(aside, text, { mode: 0o600, flag: 'wx' })
  return aside
}

/** Puts a file in its place unless another process was faster; says whether it did. */
async function place(aside: string, path: string): Promise<boolean> {
  try {
    await link(aside, path).catch(async (error: unknown) => {
      if (codeOf(error) === 'EEXIST') throw error
      // A file system without hard links.
      await copyFile(aside, path, constants.COPYFILE_EXCL)
    })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(aside, { force: true })
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
