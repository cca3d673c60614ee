import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { fingerprintOf, publishedAs, readPublicDer } from './public-key.ts'
import { OptionError } from '../options/errors.ts'
import { checkRsa, readDer, readKey, type KeyInput, type KeyReader, type Refuse } from './pem.ts'

/**
 * An RSA private key: PEM (`PRIVATE KEY` or `RSA PRIVATE KEY`) in any layout that survives an
 * environment variable, bare base64, DER or PEM bytes, a `KeyObject`, or the path of a file.
 */
export type PrivateKeyInput = KeyInput

/** A private key that passed every check, ready to sign with. */
export interface SigningKey {
  readonly privateKey: KeyObject
  /** SHA-256 of the public half's SPKI DER, in hexadecimal: the same that a verifier reports. */
  readonly fingerprint: string
}

/**
 * Reads the private key that signs requests to Ping++ (guide, step 2).
 *
 * @param option the option's name, for the messages
 * @param allowPublishedKeys accepts the example key of Ping++'s SDKs, with which anyone can sign
 * @throws OptionError with a code `key-…`; its message never contains key material
 */
export function readPrivateKey(
  input: PrivateKeyInput | undefined,
  option = 'privateKey',
  allowPublishedKeys = false,
): SigningKey {
  const reader = createReader(option)
  const { refuse } = reader
  const privateKey = readKey(input, reader)
  if (privateKey.type === 'public') throw refuse('key-public', IS_PUBLIC)
  checkRsa(privateKey, 'private', reader)
  const fingerprint = fingerprintOf(createPublicKey(privateKey))
  const published = publishedAs(fingerprint)
  if (published !== undefined && !allowPublishedKeys) {
    throw refuse(
      'key-published',
      `is the private half of ${published} in Ping++'s SDKs: anyone can sign with it. ${MAKE_ONE}`,
    )
  }
  return { privateKey, fingerprint }
}

function createReader(option: string): KeyReader {
  const refuse: Refuse = (code, problem, options) =>
    new OptionError(code, `\`${option}\` ${problem}`, options)

  return {
    several: 'Pass only your private key.',
    expected: 'RSA is expected',
    larger: `2048 or more are expected. ${MAKE_ONE}`,
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
    fromDer(key) {
      const found = readDer(['pkcs8', 'pkcs1'] as const, (type) =>
        createPrivateKey({ key, format: 'der', type }),
      )
      if (found !== undefined) return found
      if (readPublicDer(key) !== undefined) throw refuse('key-public', IS_PUBLIC)
      throw refuse('key-unreadable', `is no private key, or a part of it is missing. ${PLAIN}`)
    },
  }
}

const MAKE_ONE = 'Make your own: openssl genrsa -out rsa_private_key.pem 2048'
const PLAIN = 'An encrypted key must be decrypted first: openssl rsa -in key.pem -out plain.pem'
const OPENSSH =
  'is in the format of OpenSSH; PEM is expected. On a copy of it: ssh-keygen -p -m PEM -f copy'
const ENCRYPTED = `is encrypted. ${PLAIN}`
const IS_PUBLIC =
  'is a public key; the private half signs. It is in the file that you made, whose public half is in the Ping++ dashboard as 商户 RSA 公钥.'
