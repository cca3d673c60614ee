import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { isBytes } from './bytes.ts'
import { OptionError, type OptionErrorCode } from '../options/errors.ts'
import { fingerprintOf, publishedAs } from './public-key.ts'
import type { KeyObjectLike } from './key-input.ts'
import { isKeyObject, readKeySource, toKeyObject, type KeyReader, type KeySource } from './pem.ts'

/**
 * An RSA private key: PEM (`PRIVATE KEY` or `RSA PRIVATE KEY`) in any layout that survives an
 * environment variable, bare base64, DER or PEM bytes, a `KeyObject`, or the path of a file.
 */
export type PrivateKeyInput = KeySource | KeyObjectLike

/** A private key that passed every check, ready to sign with. */
export interface SigningKey {
  readonly privateKey: KeyObject
  /** SHA-256 of the public half's SPKI DER, in hexadecimal: the same that a verifier reports. */
  readonly fingerprint: string
}

// NIST SP 800-131A, section 3: RSA signatures with a shorter modulus are disallowed.
const MIN_MODULUS_BITS = 2048

/**
 * Reads the private key with which requests to Ping++ are signed (guide, step 2).
 *
 * @param option the option's name, for the messages
 * @param allowPublishedKeys takes the example key of Ping++'s SDKs, with which anybody can sign
 * @throws OptionError with a code `key-…`; its message never contains key material
 */
export function readPrivateKey(
  input: PrivateKeyInput | undefined,
  option = 'privateKey',
  allowPublishedKeys = false,
): SigningKey {
  const reader = createReader(option)
  return checkKey(readKey(input, reader), reader, allowPublishedKeys)
}

function readKey(input: PrivateKeyInput | undefined, reader: KeyReader): KeyObject {
  if (typeof input === 'string' || isBytes(input)) return readKeySource(input, reader)
  if (typeof input !== 'object' || input === null) {
    throw reader.refuse('key-missing', 'is empty or not set.')
  }
  if (isKeyObject(input)) return toKeyObject(input)
  if (typeof input.path !== 'string') throw reader.refuse('key-missing', 'has no `path`.')
  return readKeySource(input, reader)
}

function createReader(option: string): KeyReader {
  function refuse(code: OptionErrorCode, problem: string, options?: ErrorOptions): OptionError {
    return new OptionError(code, `\`${option}\` ${problem}`, options)
  }

  return {
    several: 'Pass your private key alone.',
    refuse,
    checkLabel(label) {
      if (label.includes('ENCRYPTED')) throw refuse('key-unreadable', ENCRYPTED)
      if (label.includes('PUBLIC')) throw refuse('key-public', IS_PUBLIC)
      if (label === 'OPENSSH PRIVATE KEY') throw refuse('key-unreadable', OPENSSH)
      if (label === 'EC PRIVATE KEY' || label === 'DSA PRIVATE KEY') {
        throw refuse('key-not-rsa', `is of type ${label}; RSA is expected.`)
      }
      if (!label.endsWith('PRIVATE KEY')) {
        throw refuse('key-unreadable', `is a ${label}, not a private key.`)
      }
    },
    fromDer(der) {
      const key = Buffer.from(der)
      for (const type of ['pkcs8', 'pkcs1'] as const) {
        try {
          return createPrivateKey({ key, format: 'der', type })
        } catch {
          // Not this layout; the next one, or what follows, decides.
        }
      }
      if (isPublicDer(key)) throw refuse('key-public', IS_PUBLIC)
      throw refuse('key-unreadable', `is no private key, or a part of it is missing. ${PLAIN}`)
    },
  }
}

function isPublicDer(key: Buffer): boolean {
  return (['spki', 'pkcs1'] as const).some((type) => {
    try {
      return createPublicKey({ key, format: 'der', type }).type === 'public'
    } catch {
      return false
    }
  })
}

function checkKey(
  privateKey: KeyObject,
  { refuse }: KeyReader,
  allowPublishedKeys: boolean,
): SigningKey {
  const { type, asymmetricKeyType, asymmetricKeyDetails } = privateKey
  if (type === 'public') throw refuse('key-public', IS_PUBLIC)
  if (type !== 'private' || asymmetricKeyType !== 'rsa') {
    throw refuse('key-not-rsa', `is of type ${asymmetricKeyType ?? type}; RSA is expected.`)
  }
  const { modulusLength = 0 } = asymmetricKeyDetails ?? {}
  if (modulusLength < MIN_MODULUS_BITS) {
    throw refuse(
      'key-too-small',
      `has ${modulusLength} bits; 2048 or more are expected. Make one: openssl genrsa -out rsa_private_key.pem 2048`,
    )
  }
  const fingerprint = fingerprintOf(createPublicKey(privateKey))
  const published = publishedAs(fingerprint)
  if (published !== undefined && !allowPublishedKeys) {
    throw refuse(
      'key-published',
      `is the private half of ${published} in Ping++'s SDKs: anybody can sign with it. Make your own: openssl genrsa -out rsa_private_key.pem 2048`,
    )
  }
  return { privateKey, fingerprint }
}

const PLAIN = 'An encrypted key must be decrypted first: openssl rsa -in key.pem -out plain.pem'
const OPENSSH =
  'is in the format of OpenSSH; PEM is expected. On a copy of it: ssh-keygen -p -m PEM -f copy'
const ENCRYPTED = `is encrypted. ${PLAIN}`
const IS_PUBLIC =
  'is a public key; the private half signs. It is the file that you made yourself, and whose public half is in the Ping++ dashboard as 商户 RSA 公钥.'
