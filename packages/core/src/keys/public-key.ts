import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { isBytes } from './bytes.ts'
import { OptionError, type OptionErrorCode } from '../options/errors.ts'
import type { PublicKeyInput } from './key-input.ts'
import { isKeyObject, readKeySource, toKeyObject, type KeyReader } from './pem.ts'

/** One Ping++ public key, or several while keys are rotated. */
export type PublicKeys = PublicKeyInput | readonly PublicKeyInput[]

/** A function that returns the keys, from a secret manager say. May be async. */
export type PublicKeyFunction = () => PublicKeys | Promise<PublicKeys>

/** A key that passed every check, ready to verify with. */
export interface VerificationKey {
  readonly publicKey: KeyObject
  /** SHA-256 of the key's SPKI DER, in hexadecimal: which key of a rotation this is. */
  readonly fingerprint: string
  /** Length of the modulus, and so of every signature, in bytes. */
  readonly modulusBytes: number
}

const MIN_MODULUS_BITS = 2048

/**
 * Public keys that everybody has, by fingerprint: the examples in the repositories of Ping++'s SDKs.
 * Four stand in the place of Ping++'s key. The last is the merchant's; its private half is public too.
 */
const PUBLISHED_KEYS: Readonly<Record<string, string>> = {
  // Node, PHP, Go, Ruby and C#.
  '5d0cc5174b1912c376f3cba5fe3f2c2071db3d32d67c3a264153bd50aaabe683': 'pingpp_rsa_public_key.pem',
  // Python, and Java once, as pingpp_public_key.pem.
  '6a9dd79211117a564ede24186cde4c7d834a21ebee8217e304c138add1e59704': 'pingpp_rsa_public_key.pem',
  // Python, in its history.
  a3f1d3ce530ef2ecda02cf9e21e5747661a0b68a3f4f47b332aca3e48b7d8d75: 'pingpp_rsa_public_key.pem',
  // Java.
  c6c8f348c553280f728500e1a5552c32df26b2d1a1e0abad710d220d2551a30b: 'pingpp_public_key.pem',
  // All of them.
  f5fb3a905038004d0e97f972e75ae7bba5a1083bc19dabef74f14c1442f6e5a9: 'your_rsa_public_key.pem',
}

/**
 * Reads the keys that may have signed a delivery. Whatever could not be a Ping++ key is refused
 * here, at start-up, and not on the first delivery.
 *
 * @throws OptionError with a code `key-…`; its message never contains key material
 */
export function readPublicKeys(
  input: PublicKeys | undefined,
  allowPublishedKeys = false,
): readonly VerificationKey[] {
  const inputs = isList(input) ? input : [input]
  if (inputs.length === 0) throw missing()
  return inputs.map((each) => checkKey(readKey(each), allowPublishedKeys))
}

// `Array.isArray` alone does not narrow a readonly list.
function isList(input: unknown): input is readonly PublicKeyInput[] {
  return Array.isArray(input)
}

function readKey(input: PublicKeyInput | undefined): KeyObject {
  if (typeof input === 'string' || isBytes(input)) return readKeySource(input, PUBLIC)
  if (typeof input !== 'object' || input === null) throw missing()
  if (isKeyObject(input)) return toKeyObject(input)
  if (typeof input.path !== 'string') throw missing()
  return readKeySource(input, PUBLIC)
}

const PUBLIC: KeyReader = {
  several: 'Pass a list of them.',
  refuse: (code, problem, options) =>
    code === 'key-missing' ? missing() : refuse(code, problem, options),
  checkLabel(label) {
    if (label.includes('PRIVATE')) throw privateKey()
    if (!label.endsWith('PUBLIC KEY')) throw unreadable(`is a ${label}, not a public key.`)
  },
  fromDer: readDer,
}

function readDer(der: Uint8Array): KeyObject {
  // Node would quietly derive the public half.
  if (holdsPrivateKey(der)) throw privateKey()
  const key = Buffer.from(der)
  for (const type of ['spki', 'pkcs1'] as const) {
    try {
      return createPublicKey({ key, format: 'der', type })
    } catch {
      // Not this layout; the next one, or the refusal below, decides.
    }
  }
  throw unreadable('is no public key, or a part of it is missing.')
}

/** PKCS#1 and PKCS#8 private keys both start as SEQUENCE { INTEGER 0 or 1, … }, and no public key does. */
function holdsPrivateKey(der: Uint8Array): boolean {
  const lengthByte = der[1] ?? 0
  const start = lengthByte < 0x80 ? 2 : 2 + (lengthByte & 0x7f)
  return der[start] === 0x02 && der[start + 1] === 0x01
}

// oxlint-disable-next-line eslint/complexity -- a flat list of checks, one refusal each
function checkKey(publicKey: KeyObject, allowPublishedKeys: boolean): VerificationKey {
  const { type, asymmetricKeyType, asymmetricKeyDetails } = publicKey
  if (type === 'private') throw privateKey()
  // Node verifies with EC and RSA-PSS keys too when asked for RSA-SHA256, so the type is checked here.
  if (type !== 'public' || asymmetricKeyType !== 'rsa') {
    throw refuse('key-not-rsa', `is of type ${asymmetricKeyType ?? type}; Ping++ signs with RSA.`)
  }
  const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {}
  if (modulusLength < MIN_MODULUS_BITS) {
    throw refuse('key-too-small', `has ${modulusLength} bits; Ping++ keys have 2048 or more.`)
  }
  if (publicExponent < 3n || publicExponent % 2n === 0n) {
    throw refuse('key-weak-exponent', 'has an RSA exponent that protects nothing.')
  }
  const fingerprint = fingerprintOf(publicKey)
  const published = publishedAs(fingerprint)
  if (published !== undefined && !allowPublishedKeys) {
    throw refuse(
      'key-published',
      `is the example ${published} of Ping++'s SDKs, which everybody has. ${WHERE}`,
    )
  }
  return { publicKey, fingerprint, modulusBytes: Math.ceil(modulusLength / 8) }
}

/** The name under which Ping++'s SDKs ship a key, if they do. */
export function publishedAs(fingerprint: string): string | undefined {
  return PUBLISHED_KEYS[fingerprint]
}

/** SHA-256 of a public key's SPKI DER, in hexadecimal. */
export function fingerprintOf(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest('hex')
}

const WHERE = 'The right one is in the Ping++ dashboard: company name, 开发信息, Ping++ 公钥.'

function missing(): OptionError {
  return refuse('key-missing', `is empty or not set. ${WHERE}`)
}

function privateKey(): OptionError {
  return refuse('key-private', `is a private key; a public one verifies. ${WHERE}`)
}

function unreadable(problem: string): OptionError {
  return refuse('key-unreadable', problem)
}

function refuse(code: OptionErrorCode, problem: string, options?: ErrorOptions): OptionError {
  return new OptionError(code, `\`publicKey\` ${problem}`, options)
}
