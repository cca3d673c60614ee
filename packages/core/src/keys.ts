import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import base64 from 'tweetnacl-util'
import { OptionError } from './errors.ts'

/**
 * A Ping++ public key: PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`) in any layout that survives an
 * environment variable, bare base64, DER or PEM bytes, a `KeyObject`, or the path of a file.
 */
export type PublicKeyInput = string | Uint8Array | KeyObject | { readonly path: string }

/** A key that passed every check, ready to verify with. */
export interface VerificationKey {
  readonly publicKey: KeyObject
  /** SHA-256 of the key's SPKI DER, in hexadecimal: which key of a rotation this is. */
  readonly fingerprint: string
  /** Length of the modulus, and so of every signature, in bytes. */
  readonly modulusBytes: number
}

const MIN_MODULUS_BITS = 2048
const MAX_KEY_FILE_BYTES = 64 * 1024

/** Keys that everybody has: fingerprint → whose they are. Both ship in Ping++'s SDKs as examples. */
const PUBLISHED_KEYS: Readonly<Record<string, string>> = {
  '5d0cc5174b1912c376f3cba5fe3f2c2071db3d32d67c3a264153bd50aaabe683':
    "the example pingpp_rsa_public_key.pem of Ping++'s SDKs, and the event it signed is public",
  f5fb3a905038004d0e97f972e75ae7bba5a1083bc19dabef74f14c1442f6e5a9:
    "the example your_rsa_public_key.pem of Ping++'s SDKs, and its private key is public",
}

/**
 * Reads the keys that may have signed a delivery. Whatever could not be a Ping++ key is refused
 * here, at start-up, and not on the first delivery.
 *
 * @throws OptionError with a code `key-…`; its message never contains key material
 */
export function readPublicKeys(
  input: PublicKeyInput | readonly PublicKeyInput[] | undefined,
  allowPublishedKeys = false,
): readonly VerificationKey[] {
  const inputs = isList(input) ? input : [input]
  if (inputs.length === 0) throw missing('`publicKey` is an empty list')
  return inputs.map((each) => checkKey(readKey(each), allowPublishedKeys))
}

// `Array.isArray` alone does not narrow a readonly list.
function isList(input: unknown): input is readonly PublicKeyInput[] {
  return Array.isArray(input)
}

function readKey(input: PublicKeyInput | undefined): KeyObject {
  if (input === undefined || input === null) {
    throw missing('`publicKey` is missing: is the environment variable set?')
  }
  if (typeof input === 'string') return readText(input)
  if (input instanceof Uint8Array) return readBytes(input)
  if (typeof input === 'object') {
    if (isKeyObject(input)) return input
    if (typeof input.path === 'string') return readBytes(readFile(input.path))
  }
  throw missing('`publicKey` is none of: a string, bytes, a KeyObject, { path }')
}

function readBytes(bytes: Uint8Array): KeyObject {
  const DER_SEQUENCE = 0x30
  if (bytes[0] === DER_SEQUENCE) return readDer(bytes)
  return readText(new TextDecoder().decode(bytes))
}

function readText(text: string): KeyObject {
  const plain = text.replaceAll(/\\r|\\n/g, '\n').replaceAll(/^[\s"'\uFEFF]+|[\s"']+$/g, '')
  if (plain === '') throw missing('`publicKey` is empty: is the environment variable set?')
  const blocks = [...plain.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g)]
  if (blocks.length > 1) {
    throw new OptionError(
      'key-ambiguous',
      '`publicKey` holds several PEM blocks in one string. Pass a list with one key each.',
    )
  }
  const [block] = blocks
  if (block === undefined) return readBase64(plain)
  refuseLabel(String(block[1]))
  return readBase64(String(block[2]))
}

function refuseLabel(label: string): void {
  if (label.includes('PRIVATE KEY')) throw privateKey()
  if (label.includes('CERTIFICATE')) {
    throw unreadable('it is a certificate. Pass the public key: openssl x509 -pubkey -noout')
  }
  if (!label.endsWith('PUBLIC KEY')) throw unreadable(`it is a PEM block of type ${label}`)
}

function readBase64(text: string): KeyObject {
  return readDer(decodeBase64(text.replaceAll(/\s+/g, '')))
}

function decodeBase64(text: string): Uint8Array {
  try {
    return base64.decodeBase64(text)
  } catch {
    throw unreadable('it is neither PEM nor base64, or a part is missing')
  }
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
  throw unreadable('its bytes are not an RSA public key, or they were cut off when copied')
}

// PKCS#1 and PKCS#8 private keys both start as SEQUENCE { INTEGER 0 or 1, … }, and no public key does.
function holdsPrivateKey(der: Uint8Array): boolean {
  const lengthByte = der[1] ?? 0
  const start = lengthByte < 0x80 ? 2 : 2 + (lengthByte & 0x7f)
  return der[0] === 0x30 && der[start] === 0x02 && der[start + 1] === 0x01
}

// oxlint-disable-next-line eslint/complexity -- a flat list of checks, one refusal each
function checkKey(key: KeyObject, allowPublishedKeys: boolean): VerificationKey {
  if (key.type === 'private') throw privateKey()
  // Node verifies with EC and RSA-PSS keys too when asked for RSA-SHA256, so the type is checked here.
  if (key.type !== 'public' || key.asymmetricKeyType !== 'rsa') {
    const found = key.type === 'public' ? `${key.asymmetricKeyType} key` : `${key.type} key`
    throw new OptionError(
      'key-not-rsa',
      `\`publicKey\` must be an RSA public key; this is a ${found}.`,
    )
  }
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < MIN_MODULUS_BITS) {
    throw new OptionError(
      'key-too-small',
      `\`publicKey\` has ${modulusLength} bits; Ping++ keys have ${MIN_MODULUS_BITS} or more.`,
    )
  }
  if (publicExponent < 3n || publicExponent % 2n === 0n) {
    throw new OptionError(
      'key-weak-exponent',
      '`publicKey` has an RSA exponent that protects nothing.',
    )
  }
  const fingerprint = fingerprintOf(key)
  const published = PUBLISHED_KEYS[fingerprint]
  if (published !== undefined && !allowPublishedKeys) {
    throw new OptionError(
      'key-published',
      `\`publicKey\` is ${published}. Yours is in the Ping++ dashboard: company name, developer information, Ping++ public key.`,
    )
  }
  return { publicKey: key, fingerprint, modulusBytes: Math.ceil(modulusLength / 8) }
}

function fingerprintOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

// `process.getBuiltinModule` keeps `node:fs` out of the import graph, for runtimes without files.
function readFile(path: string): Uint8Array {
  try {
    const { readFileSync, statSync } = process.getBuiltinModule('node:fs')
    const { size } = statSync(path)
    if (size > MAX_KEY_FILE_BYTES)
      throw new RangeError(`it has ${size} bytes; a key has under 2,000`)
    return readFileSync(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'it could not be read'
    throw new OptionError('key-unreadable', `\`publicKey\` file ${path}: ${reason}.`, { cause })
  }
}

function isKeyObject(input: object): input is KeyObject {
  return 'type' in input && 'export' in input
}

function missing(message: string): OptionError {
  return new OptionError(
    'key-missing',
    `${message} (expected the Ping++ public key of this account)`,
  )
}

function privateKey(): OptionError {
  return new OptionError(
    'key-private',
    '`publicKey` is a private key. Webhooks are verified with the Ping++ public key from the dashboard; keep your private key out of here.',
  )
}

function unreadable(reason: string): OptionError {
  return new OptionError('key-unreadable', `\`publicKey\` cannot be read: ${reason}.`)
}
