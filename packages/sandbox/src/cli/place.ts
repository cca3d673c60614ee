import { lstat, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { isRecord } from '../is-record.ts'
import { isAlive } from '../process-id.ts'
import type { StateView } from '../http/control/types.ts'
import { CliError, EXIT } from './exit.ts'

export const DEFAULT_URL = 'http://127.0.0.1:4141'

/** Where a command finds the sandbox, and which one it must be: any, if the user gave the URL. */
export interface Place {
  readonly url: string
  readonly expected?: ExpectedSandbox | undefined
  /** What its control API demands. */
  readonly controlToken?: string | undefined
  /** The keys' folder that has neither a sandbox nor keys, so that the sandbox may be any project's. */
  readonly unusedFolder?: string | undefined
}

interface ExpectedSandbox extends Partial<RunningSandbox> {
  readonly keyFingerprint: string
  /** The `sandbox.json` that names it. */
  readonly file?: string
}

/** `sandbox.json`: the sandbox that runs for a folder. */
interface RunningSandbox {
  readonly url: string
  readonly pid: number
  readonly keyFingerprint: string
  /** Changes at each start. */
  readonly boot: string
  /** What its control API demands; absent if nothing. */
  readonly controlToken?: string | undefined
  /** Those that were started here before and still run, the latest first. */
  readonly before?: readonly RunningSandbox[]
}

const PLACE_FILE = 'sandbox.json'

const FOLDER = '.hongbao'

/**
 * The keys' folder of a project: `.hongbao` in the current folder, or in the nearest one above it, up to
 * the one with `.git`. Without a `.git` no folder above is looked at: it may be anyone's.
 */
export async function findDirectory(start = '.'): Promise<string> {
  const own = resolve(start, FOLDER)
  const found: string[] = []
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    /* oxlint-disable no-await-in-loop -- one folder after another */
    if (await exists(join(folder, FOLDER))) found.push(join(folder, FOLDER))
    if (await exists(join(folder, '.git'))) return found[0] ?? own
    /* oxlint-enable no-await-in-loop */
    if (folder === dirname(folder)) return own
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** The sandbox of a folder: where its `sandbox.json` says, or else at the default address. */
export async function findPlace(directory: string): Promise<Place> {
  const running = await readPlace(directory)
  if (running !== undefined) {
    const { url, controlToken } = running
    return { url, controlToken, expected: { ...running, file: join(directory, PLACE_FILE) } }
  }
  const keyFingerprint = await fingerprintOf(directory)
  if (keyFingerprint === undefined) return { url: DEFAULT_URL, unusedFolder: directory }
  return { url: DEFAULT_URL, expected: { keyFingerprint } }
}

/** The sandbox of an address; its token is known if it runs for the folder. */
export async function placeAt(url: string, directory: string): Promise<Place> {
  const known = (await readPlaces(directory)).find((each) => each.url === url)
  return { url, controlToken: known?.controlToken }
}

/** The page of a sandbox. The token is in the fragment, which a browser sends to no server. */
export function inspectorUrl(url: string, controlToken: string | undefined): string {
  return controlToken === undefined ? `${url}/` : `${url}/#token=${controlToken}`
}

/** @throws CliError if the project has no sandbox and none was named: another project's must not change */
export function checkChange({ url, unusedFolder }: Place): void {
  if (unusedFolder === undefined) return
  throw new CliError(EXIT.unreachable, 'sandbox-foreign', (t) =>
    t('notChanged', { url, directory: unusedFolder }),
  )
}

/** @throws CliError if the sandbox is another project's */
export function checkSandbox({ url, expected }: Place, state: StateView): void {
  if (expected === undefined) return
  const { keyFingerprint, boot = state.boot, file } = expected
  if (state.keyFingerprint === keyFingerprint && state.boot === boot) return
  throw new CliError(EXIT.unreachable, 'sandbox-foreign', (t) =>
    file === undefined ? t('foreignDefault', { url }) : t('foreign', { url, file }),
  )
}

/** A better error than that nothing answers, if it is known which process should. */
export function explainSilence({ url, expected }: Place, error: unknown): unknown {
  const { pid } = expected ?? {}
  const isSilent = error instanceof CliError && error.code === 'unreachable'
  if (pid === undefined || !isSilent) return error
  const name = isAlive(pid) ? 'silent' : 'ended'
  return new CliError(EXIT.unreachable, 'unreachable', (t) => t(name, { url, pid }))
}

/** The content of `sandbox.json`; undefined if there is none, or if it is not this user's own file. */
export async function readPlace(directory: string): Promise<RunningSandbox | undefined> {
  const path = join(directory, PLACE_FILE)
  try {
    const { uid } = process.platform === 'win32' ? { uid: undefined } : await lstat(path)
    if (uid !== process.getuid?.()) return undefined
    const json: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isPlace(json) ? json : undefined
  } catch {
    return undefined
  }
}

function isPlace(json: unknown): json is RunningSandbox {
  if (!isRecord(json)) return false
  const { url, pid, keyFingerprint, boot, controlToken = '' } = json
  const areTexts = [url, keyFingerprint, boot, controlToken].every(
    (each) => typeof each === 'string',
  )
  // To `kill`, 0 and less mean groups of processes.
  const isProcess = Number.isSafeInteger(pid) && Number(pid) > 0
  return areTexts && /^https?:\/\/[^/]+$/.test(String(url)) && isProcess
}

/** Writes the file at once, so that no command reads half of it; only this user can read it. */
export async function writePlace(directory: string, running: RunningSandbox): Promise<void> {
  const { replaceFile } = await import('../keys/keys-folder.ts')
  const text = `${JSON.stringify(running, null, 2)}\n`
  replaceFile({ directory, repairs: [] }, PLACE_FILE, text)
}

/** The sandboxes of a folder, the latest first. */
export async function readPlaces(directory: string): Promise<readonly RunningSandbox[]> {
  const latest = await readPlace(directory)
  return latest === undefined ? [] : [latest, ...[latest.before ?? []].flat().filter(isPlace)]
}

/** Takes a sandbox out of the file; the latest that still runs is then the one that commands find. */
export async function removePlace(directory: string, boot: string): Promise<void> {
  const places = await readPlaces(directory)
  const others = places.filter((each) => each.boot !== boot)
  if (others.length === places.length) return
  const [latest, ...before] = others.filter(({ pid }) => isAlive(pid))
  if (latest !== undefined) await writePlace(directory, { ...latest, before })
  else await rm(join(directory, PLACE_FILE), { force: true })
}

/**
 * Fingerprint of a folder's webhook key: SHA-256 of the public key's DER, as everywhere in hongbao;
 * without loading what reads keys.
 */
export async function fingerprintOf(directory: string): Promise<string | undefined> {
  const path = join(directory, 'webhook-public.pem')
  const pem = await readFile(path, 'utf8').catch(() => undefined)
  if (pem === undefined) return undefined
  const { createHash } = await import('node:crypto')
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  return createHash('sha256').update(der).digest('hex')
}
