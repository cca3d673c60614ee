import { readPrivateKey, unquote } from '@hongbao/core/internal'
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { newId } from '../events/ids.ts'
import { Refusal } from '../errors.ts'
import {
  createFile,
  openKeysFolder,
  readFile,
  replaceFile,
  type KeysFolder,
  type Repair,
} from './keys-folder.ts'

/** Keys in a folder, the same at every start. */
export interface Keys {
  readonly directory: string
  /** `sk_test_` and 24 characters, the length that the official Node SDK requires. */
  readonly apiKey: string
  readonly apiKeyPath: string
  /** Signs notifications and answers, in Ping++'s place. */
  readonly webhook: KeyPair
  /** Signs requests. */
  readonly merchant: MerchantKeyPair
  /** What had to be corrected about the files. */
  readonly repairs: readonly Repair[]
}

/** A key pair in two files. The private half is only named by its path. */
export interface KeyPair {
  readonly privatePath: string
  readonly publicPath: string
  readonly publicKey: string
  readonly fingerprint: string
  /** The public half before the last rotation: PEM. */
  readonly previousPublicKey: string | undefined
}

/** The merchant's pair, in the forms that official SDKs read. */
export interface MerchantKeyPair extends KeyPair {
  /**
   * The private half as PKCS#1, the only form that the Go SDK reads (`rsaSignVerify.go`). The other
   * file is PKCS#8, the only form that the Java SDK reads since 2.4.0.
   */
  readonly pkcs1Path: string
}

export type KeyName = PairName | 'api-key'
type PairName = 'webhook' | 'merchant'

export const KEY_NAMES: readonly KeyName[] = ['webhook', 'merchant', 'api-key']

const API_KEY_FILE = 'api-key.txt'
const PKCS1_FILE = 'merchant-private.pkcs1.pem'
const FILES = [API_KEY_FILE, 'webhook-', 'merchant-']

/**
 * Opens the folder of the keys, and creates those that are missing. A private key can be replaced by
 * one's own, in any layout.
 *
 * @throws SandboxError `option-invalid`; OptionError `key-…` for a file without a private key
 */
export async function openKeys(directory: string): Promise<Keys> {
  return readKeys(openKeysFolder(directory, FILES))
}

/** Replaces keys. The old public half is kept, for a receiver that accepts both. */
export async function rotateKeys(directory: string, names: readonly KeyName[]): Promise<Keys> {
  const folder = openKeysFolder(directory, FILES)
  const before = await readKeys(folder)
  for (const name of new Set(names)) {
    if (name === 'api-key') {
      replaceFile(folder, API_KEY_FILE, createApiKey())
    } else {
      replaceFile(folder, `${name}-public.previous.pem`, before[name].publicKey)
      // oxlint-disable-next-line no-await-in-loop -- two keys at most
      replaceFile(folder, `${name}-private.pem`, await createPrivateKey())
    }
  }
  return readKeys(folder)
}

async function readKeys(folder: KeysFolder): Promise<Keys> {
  const { directory, repairs } = folder
  const [webhook, merchant] = await Promise.all([
    readPair(folder, 'webhook'),
    readMerchantPair(folder),
  ])
  const apiKey = await readApiKey(folder)
  return {
    directory,
    apiKey,
    apiKeyPath: join(directory, API_KEY_FILE),
    webhook,
    merchant,
    repairs,
  }
}

async function readPair(folder: KeysFolder, name: PairName): Promise<KeyPair> {
  await readOrCreate(folder, `${name}-private.pem`, createPrivateKey)
  const privatePath = join(folder.directory, `${name}-private.pem`)
  const { privateKey, fingerprint } = readPrivateKey({ path: privatePath }, `${name} key`)
  const publicKey = publicPemOf(privateKey)
  const publicPath = derive(folder, `${name}-public.pem`, publicKey)
  const previousPublicKey = readFile(folder, `${name}-public.previous.pem`)
  return { privatePath, publicPath, publicKey, fingerprint, previousPublicKey }
}

async function readMerchantPair(folder: KeysFolder): Promise<MerchantKeyPair> {
  const pair = await readPair(folder, 'merchant')
  const { privateKey } = readPrivateKey({ path: pair.privatePath }, 'merchant key')
  const pkcs1 = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  return { ...pair, pkcs1Path: derive(folder, PKCS1_FILE, pkcs1) }
}

/** The content of a file, which is created if there is none. */
async function readOrCreate(
  folder: KeysFolder,
  name: string,
  create: () => string | Promise<string>,
): Promise<string> {
  const found = readFile(folder, name)
  if (found !== undefined) return found
  createFile(folder, name, await create())
  return readFile(folder, name) ?? ''
}

/** Updates a file that is derived from the private key, which the user may have replaced. */
function derive(folder: KeysFolder, name: string, text: string): string {
  if (readFile(folder, name) !== text) replaceFile(folder, name, text)
  return join(folder.directory, name)
}

async function readApiKey(folder: KeysFolder): Promise<string> {
  const apiKey = unquote(await readOrCreate(folder, API_KEY_FILE, createApiKey))
  if (/^sk_test_[A-Za-z0-9]{24}$/.test(apiKey)) return apiKey
  throw new Refusal('api-key-file', { path: join(folder.directory, API_KEY_FILE) })
}

export function publicPemOf(privateKey: KeyObject): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString()
}

export async function createPrivateKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function createApiKey(): string {
  return `${newId('sk_test_')}\n`
}
