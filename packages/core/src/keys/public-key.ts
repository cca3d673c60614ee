import type { KeyObject } from 'node:crypto'
import { readKey, type KeyKind, type KeyObjectLike } from './pem.ts'

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

const WHERE = 'The right one is in the Ping++ dashboard: company name, 开发信息, Ping++ 公钥.'

const PUBLIC: KeyKind = {
  option: 'publicKey',
  half: 'public',
  otherHalf: `is a private key; a public one verifies. ${WHERE}`,
  missing: WHERE,
  several: 'Pass a list of them.',
  unreadable: WHERE,
  unusable: [],
  replace: WHERE,
}

/**
 * Reads the keys that may have signed a delivery. A key that cannot be Ping++'s is refused here, at start-up.
 * @throws OptionError with a code `key-…`; its message never contains key material
 */
export function readPublicKeys(
  input: PublicKeys | undefined,
  allowPublishedKeys = false,
): readonly VerificationKey[] {
  const inputs: readonly unknown[] = Array.isArray(input) && input.length > 0 ? input : [input]
  return inputs.map((each) => {
    const { key, fingerprint, modulusBits } = readKey(each, PUBLIC, allowPublishedKeys)
    return { publicKey: key, fingerprint, modulusBytes: Math.ceil(modulusBits / 8) }
  })
}
