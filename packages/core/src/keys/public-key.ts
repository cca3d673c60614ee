import type { Buffer } from 'node:buffer'
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { OptionError } from '../options/errors.ts'
import {
  checkRsa,
  readDer,
  readKey,
  type KeyObjectLike,
  type KeyReader,
  type Refuse,
} from './pem.ts'

/**
 * A Ping++ public key: PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`) in any layout that survives an
 * environment variable, bare base64, DER or PEM bytes, a `KeyObject`, or the path of a file.
 */
export type PublicKeyInput = string | Uint8Array | KeyObjectLike | { readonly path: string }

/** One Ping++ public key, or several while keys are rotated. */
export type PublicKeys = PublicKeyInput | readonly PublicKeyInput[]

/** A function that returns the keys, for example from a secret manager. May be async. */
export type PublicKeyFunction = () => PublicKeys | Promise<PublicKeys>

/** A public key that passed every check, ready to verify with. */
export interface VerificationKey {
  readonly publicKey: KeyObject
  /** SHA-256 of the key's SPKI DER, in hexadecimal: which key of a rotation this is. */
  readonly fingerprint: string
  /** Length of the modulus, and so of every signature, in bytes. */
  readonly modulusBytes: number
}

/**
 * The public keys that are published, by the first 64 bits of their fingerprint: the examples in the
 * repositories of Ping++'s SDKs. The first four are examples of Ping++'s key. The last is the
 * merchant's; its private half is published too.
 */
const PUBLISHED_KEYS: Readonly<Record<string, string>> = {
  // Node, PHP, Go, Ruby and C#.
  '5d0cc5174b1912c3': 'pingpp_rsa_public_key.pem',
  // Python, and Java once, as pingpp_public_key.pem.
  '6a9dd79211117a56': 'pingpp_rsa_public_key.pem',
  // Python, in its history.
  a3f1d3ce530ef2ec: 'pingpp_rsa_public_key.pem',
  // Java.
  c6c8f348c553280f: 'pingpp_public_key.pem',
  // All of them.
  f5fb3a905038004d: 'your_rsa_public_key.pem',
}

/**
 * Reads the keys that may have signed a delivery. A key that cannot be Ping++'s is refused here, at
 * start-up, and not at the first delivery.
 *
 * @throws OptionError with a code `key-…`; its message never contains key material
 */
export function readPublicKeys(
  input: PublicKeys | undefined,
  allowPublishedKeys = false,
): readonly VerificationKey[] {
  const inputs = isList(input) ? input : [input]
  if (inputs.length === 0) throw refuse('key-missing', '')
  return inputs.map((each) => checkKey(readKey(each, PUBLIC), allowPublishedKeys))
}

// `Array.isArray` does not narrow a readonly list.
function isList(input: unknown): input is readonly PublicKeyInput[] {
  return Array.isArray(input)
}

const WHERE = 'The right one is in the Ping++ dashboard: company name, 开发信息, Ping++ 公钥.'
const IS_PRIVATE = `is a private key; a public one verifies. ${WHERE}`

const refuse: Refuse = (code, problem, options) => {
  const what = code === 'key-missing' ? `is empty or not set. ${WHERE}` : problem
  return new OptionError(code, `\`publicKey\` ${what}`, options)
}

const PUBLIC: KeyReader = {
  several: 'Pass a list of them.',
  expected: 'Ping++ signs with RSA',
  larger: '2048 or more are expected; a shorter key can be forged.',
  refuse,
  checkLabel(label) {
    if (label.includes('PRIVATE')) throw refuse('key-private', IS_PRIVATE)
    if (!label.endsWith('PUBLIC KEY')) {
      throw refuse('key-unreadable', `is a ${label}, not a public key.`)
    }
  },
  fromDer(der) {
    // Node would derive the public half without a warning.
    if (holdsPrivateKey(der)) throw refuse('key-private', IS_PRIVATE)
    const key = readPublicDer(der)
    if (key !== undefined) return key
    throw refuse('key-unreadable', 'is no public key, or a part of it is missing.')
  },
}

export function readPublicDer(key: Buffer): KeyObject | undefined {
  return readDer(['spki', 'pkcs1'] as const, (type) =>
    createPublicKey({ key, format: 'der', type }),
  )
}

/** PKCS#1 and PKCS#8 private keys both start as SEQUENCE { INTEGER 0 or 1, … }, and no public key does. */
function holdsPrivateKey(der: Uint8Array): boolean {
  const lengthByte = der[1] ?? 0
  const start = lengthByte < 0x80 ? 2 : 2 + (lengthByte & 0x7f)
  return der[start] === 0x02 && der[start + 1] === 0x01
}

function checkKey(publicKey: KeyObject, allowPublishedKeys: boolean): VerificationKey {
  if (publicKey.type === 'private') throw refuse('key-private', IS_PRIVATE)
  const modulusBits = checkRsa(publicKey, 'public', PUBLIC)
  const { publicExponent = 0n } = publicKey.asymmetricKeyDetails ?? {}
  if (publicExponent < 3n || publicExponent % 2n === 0n) {
    throw refuse('key-weak-exponent', 'has an RSA exponent that protects nothing.')
  }
  const fingerprint = fingerprintOf(publicKey)
  const published = publishedAs(fingerprint)
  if (published !== undefined && !allowPublishedKeys) {
    throw refuse(
      'key-published',
      `is the example ${published} of Ping++'s SDKs, which anyone can download. ${WHERE}`,
    )
  }
  return { publicKey, fingerprint, modulusBytes: Math.ceil(modulusBits / 8) }
}

/** Returns the name under which Ping++'s SDKs publish a key, if they do. */
export function publishedAs(fingerprint: string): string | undefined {
  return PUBLISHED_KEYS[fingerprint.slice(0, 16)]
}

/** Returns the SHA-256 of a public key's SPKI DER, in hexadecimal. */
export function fingerprintOf(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest('hex')
}
