import { existsSync, lstatSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { isAlive } from '../process-id.ts'
import type { StateView } from '../http/control/types.ts'
import { CliError, EXIT } from './exit.ts'

export const DEFAULT_URL = 'http://127.0.0.1:4141'

/** Where a command finds the sandbox, and which one it must be: any, if the user gave the URL. */
export interface Place {
  readonly url: string
  /** `file`: the `sandbox.json` that names it. */
  readonly expected?: Partial<RunningSandbox> & { readonly file?: string }
  /** What its control API demands. */
  readonly controlToken?: string | undefined
  /** The keys' folder that has neither a sandbox nor keys, so that the sandbox may be any project's. */
  readonly unusedFolder?: string
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
export function findDirectory(start = '.'): string {
  const own = resolve(start, FOLDER)
  let nearest: string | undefined
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    if (existsSync(join(folder, FOLDER))) nearest ??= join(folder, FOLDER)
    if (existsSync(join(folder, '.git'))) return nearest ?? own
    if (folder === dirname(folder)) return own
  }
}

/** The sandbox of a folder: where its `sandbox.json` says, or else at the default address. */
export function findPlace(directory: string): Place {
  const [running] = readPlaces(directory)
  if (running !== undefined) {
    const { url, controlToken } = running
    return { url, controlToken, expected: { ...running, file: join(directory, PLACE_FILE) } }
  }
  const keyFingerprint = fingerprintOf(directory)
  if (keyFingerprint === undefined) return { url: DEFAULT_URL, unusedFolder: directory }
  return { url: DEFAULT_URL, expected: { keyFingerprint } }
}

/** The sandbox of an address; its token is known if it runs for the folder. */
export function placeAt(url: string, directory: string): Place {
  const known = readPlaces(directory).find((each) => each.url === url)
  return { url, controlToken: known?.controlToken }
}

/** The page of a sandbox. The token is in the fragment, which a browser sends to no server. */
export function inspectorUrl({ url, controlToken }: Pick<Place, 'url' | 'controlToken'>): string {
  return controlToken === undefined ? `${url}/` : `${url}/#token=${controlToken}`
}

/** @throws CliError if the project has no sandbox and none was named: another project's must not change */
export function checkChange({ url, unusedFolder: directory }: Place): void {
  if (directory === undefined) return
  throw new CliError(EXIT.unreachable, 'sandbox-foreign', 'notChanged', { url, directory })
}

/** @throws CliError if the sandbox is another project's */
export function checkSandbox({ url, expected }: Place, state: StateView): void {
  if (expected === undefined) return
  const { keyFingerprint, boot = state.boot, file = '' } = expected
  if (state.keyFingerprint === keyFingerprint && state.boot === boot) return
  const text = file === '' ? 'foreignDefault' : 'foreign'
  throw new CliError(EXIT.unreachable, 'sandbox-foreign', text, { url, file })
}

/** A better error than that nothing answers, if it is known which process should. */
export function explainSilence({ url, expected: { pid } = {} }: Place, error: unknown): unknown {
  const isSilent = error instanceof CliError && error.code === 'unreachable'
  if (pid === undefined || !isSilent) return error
  const text = isAlive(pid) ? 'silent' : 'ended'
  return new CliError(EXIT.unreachable, 'unreachable', text, { url, pid })
}

/**
 * The sandboxes of a folder by its `sandbox.json`, the latest first; none if there is no such file, or if it
 * is not this user's own.
 */
export function readPlaces(directory: string): readonly RunningSandbox[] {
  const path = join(directory, PLACE_FILE)
  try {
    const isOwn = process.platform === 'win32' || lstatSync(path).uid === process.getuid?.()
    const latest: unknown = isOwn ? JSON.parse(readFileSync(path, 'utf8')) : undefined
    return isPlace(latest) ? [latest, ...[latest.before ?? []].flat().filter(isPlace)] : []
  } catch {
    return []
  }
}

function isPlace(json: unknown): json is RunningSandbox {
  const given: Partial<Record<keyof RunningSandbox, unknown>> = Object(json)
  const { url, pid, keyFingerprint, boot, controlToken = '' } = given
  const texts = [url, keyFingerprint, boot, controlToken]
  const areTexts = texts.every((each) => typeof each === 'string')
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

/** Takes a sandbox out of the file; the latest that still runs is then the one that commands find. */
export async function removePlace(directory: string, boot: string): Promise<void> {
  const places = readPlaces(directory)
  const others = places.filter((each) => each.boot !== boot)
  if (others.length === places.length) return
  const [latest, ...before] = others.filter(({ pid }) => isAlive(pid))
  if (latest !== undefined) await writePlace(directory, { ...latest, before })
  else rmSync(join(directory, PLACE_FILE), { force: true })
}

/**
 * Fingerprint of a folder's webhook key: SHA-256 of the public key's DER, as everywhere in hongbao;
 * without loading what reads keys.
 */
export function fingerprintOf(directory: string): string | undefined {
  const path = join(directory, 'webhook-public.pem')
  if (!existsSync(path)) return undefined
  const base64 = readFileSync(path, 'utf8').replaceAll(/-----[^-]+-----|\s/g, '')
  const { createHash } = process.getBuiltinModule('node:crypto')
  return createHash('sha256').update(Buffer.from(base64, 'base64')).digest('hex')
}
