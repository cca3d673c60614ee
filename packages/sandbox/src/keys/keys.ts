import { readPrivateKey, unquote } from '@hongbao/core/internal'
import { createPublicKey, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { SandboxError } from '../errors.ts'
import { newId } from '../engine/ids.ts'
import { openKeysFolder, type KeysFolder } from './keys-folder.ts'

/** The keys of a sandbox that stays the same from start to start. */
export interface Keys {
  readonly directory: string
  /** `sk_test_` and 24 characters, the length that the official Node SDK insists on. */
  readonly apiKey: string
  readonly apiKeyPath: string
  /** In Ping++'s place: signs notifications and answers. */
  readonly webhook: KeyPair
  /** For the client: signs requests. */
  readonly merchant: MerchantKeyPair
  /** What had to be set right about the files: sentences for people. */
  readonly repairs: readonly string[]
}

/** A key pair in two files. The private half is only ever named by its path. */
export interface KeyPair {
  readonly privatePath: string
  readonly publicPath: string
  /** PEM. */
  readonly publicKey: string
  readonly fingerprint: string
  /** The public half before the last rotation: PEM. */
  readonly previousPublicKey: string | undefined
}

/** The merchant's pair, as every official SDK can read it. */
export interface MerchantKeyPair extends KeyPair {
  /**
   * The private half as PKCS#1, the one form that the Go SDK reads (`rsaSignVerify.go`). The other
   * file is PKCS#8, the one form that the Java SDK reads since 2.4.0.
   */
  readonly pkcs1Path: string
}

export type KeyName = 'webhook' | 'merchant' | 'api-key'

export const KEY_NAMES: readonly KeyName[] = ['webhook', 'merchant', 'api-key']

/**
 * Opens the folder of the keys, and makes those that are missing. A private key may be replaced by
 * one's own, in any layout.
 *
 * @throws SandboxError `option-invalid`; OptionError `key-…` for a file that holds no private key
 */
export async function openKeys(directory: string): Promise<Keys> {
  return readKeys(await openKeysFolder(directory, FILES))
}

/** Replaces keys by new ones. The public half of the old one is kept, for a receiver that takes both. */
export async function rotateKeys(directory: string, names: readonly KeyName[]): Promise<Keys> {
  const folder = await openKeysFolder(directory, FILES)
  const { webhook, merchant } = await readKeys(folder)
  if (names.includes('webhook')) await rotatePair(folder, 'webhook', webhook)
  if (names.includes('merchant')) await rotatePair(folder, 'merchant', merchant)
  if (names.includes('api-key')) await folder.write(API_KEY_FILE, makeApiKey())
  return readKeys(folder)
}

const API_KEY_FILE = 'api-key.txt'
const PKCS1_FILE = 'merchant-private.pkcs1.pem'

function filesOf(name: 'webhook' | 'merchant'): {
  readonly privateHalf: string
  readonly publicHalf: string
  readonly previous: string
} {
  return {
    privateHalf: `${name}-private.pem`,
    publicHalf: `${name}-public.pem`,
    previous: `${name}-public.previous.pem`,
  }
}

const FILES = [filesOf('webhook'), filesOf('merchant')]
  .flatMap((files): readonly string[] => Object.values(files))
  .concat(API_KEY_FILE, PKCS1_FILE)

async function readKeys(folder: KeysFolder): Promise<Keys> {
  const [webhook, merchant, apiKey] = await Promise.all([
    readPair(folder, 'webhook'),
    readMerchantPair(folder),
    readApiKey(folder),
  ])
  const { directory, repairs } = folder
  return { directory, apiKey, apiKeyPath: folder.pathOf(API_KEY_FILE), webhook, merchant, repairs }
}

async function readPair(folder: KeysFolder, name: 'webhook' | 'merchant'): Promise<KeyPair> {
  const { privateHalf, publicHalf, previous } = filesOf(name)
  await folder.readOrMake(privateHalf, makePrivateKey)
  const privatePath = folder.pathOf(privateHalf)
  const { privateKey, fingerprint } = readPrivateKey({ path: privatePath }, `${name} key`)
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString()
  return {
    privatePath,
    publicPath: await derive(folder, publicHalf, publicKey),
    publicKey,
    fingerprint,
    previousPublicKey: await folder.read(previous),
  }
}

async function readMerchantPair(folder: KeysFolder): Promise<MerchantKeyPair> {
  const pair = await readPair(folder, 'merchant')
  const { privateKey } = readPrivateKey({ path: pair.privatePath }, 'merchant key')
  const pkcs1 = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  return { ...pair, pkcs1Path: await derive(folder, PKCS1_FILE, pkcs1) }
}

/** Keeps a file in step with the private key that it follows from, which somebody may have replaced. */
async function derive(folder: KeysFolder, name: string, text: string): Promise<string> {
  if ((await folder.read(name)) !== text) await folder.write(name, text)
  return folder.pathOf(name)
}

async function rotatePair(
  folder: KeysFolder,
  name: 'webhook' | 'merchant',
  { publicKey }: KeyPair,
): Promise<void> {
  const { privateHalf, previous } = filesOf(name)
  await folder.write(previous, publicKey)
  await folder.write(privateHalf, await makePrivateKey())
}

async function readApiKey(folder: KeysFolder): Promise<string> {
  const apiKey = unquote(await folder.readOrMake(API_KEY_FILE, makeApiKey))
  if (/^sk_test_[A-Za-z0-9]{24}$/.test(apiKey)) return apiKey
  throw new SandboxError(
    'option-invalid',
    `${folder.pathOf(API_KEY_FILE)} must hold "sk_test_" and 24 letters or digits. Delete it, and a new one is made.`,
  )
}

async function makePrivateKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function makeApiKey(): string {
  return `${newId('sk_test_')}\n`
}
