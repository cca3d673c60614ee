import type { KeyObject } from 'node:crypto'
import { readKey, type KeyKind } from './pem.ts'
import type { PublicKeyInput } from './public-key.ts'

/**
 * An RSA private key: PEM (`PRIVATE KEY` or `RSA PRIVATE KEY`) in any layout that survives an
 * environment variable, bare base64, DER or PEM bytes, a `KeyObject`, or the path of a file.
 */
export type PrivateKeyInput = PublicKeyInput

/** A private key that passed every check, ready to sign with. */
export interface SigningKey {
  readonly privateKey: KeyObject
  /** SHA-256 of the public half's SPKI DER, in hexadecimal: the same that a verifier reports. */
  readonly fingerprint: string
}

const WHERE =
  'It is in the file that you made, whose public half is in the Ping++ dashboard as 商户 RSA 公钥.'
const PLAIN = 'An encrypted key must be decrypted first: openssl rsa -in key.pem -out plain.pem'

const PRIVATE: Omit<KeyKind, 'option'> = {
  half: 'private',
  otherHalf: `is a public key; the private half signs. ${WHERE}`,
  missing: WHERE,
  several: 'Pass only your private key.',
  unreadable: PLAIN,
  unusable: [
    ['ENCRYPTED', `is encrypted. ${PLAIN}`],
    ['OPENSSH', 'is in the format of OpenSSH. On a copy of it: ssh-keygen -p -m PEM -f copy'],
  ],
  replace: 'Make your own: openssl genrsa -out rsa_private_key.pem 2048',
}

/**
 * Reads the private key that signs requests to Ping++ (guide, step 2). `option` is for the messages.
 * @throws OptionError with a code `key-…`; its message never contains key material
 */
export function readPrivateKey(
  input: PrivateKeyInput | undefined,
  option = 'privateKey',
  allowPublishedKeys = false,
): SigningKey {
  const { key, fingerprint } = readKey(input, { ...PRIVATE, option }, allowPublishedKeys)
  return { privateKey: key, fingerprint }
}
