import { sign, verify, type KeyObject } from 'node:crypto'
import base64 from 'tweetnacl-util'
import { Failure } from './failure.ts'
import type { VerificationKey } from './keys.ts'

/** The header that carries the signature of a webhook: base64 of RSA-SHA256 over the body (guide, step 5). */
export const SIGNATURE_HEADER = 'x-pingplusplus-signature'

const ALGORITHM = 'RSA-SHA256'

/**
 * Decodes the signature header, refusing whatever no signer writes before any RSA work is done:
 * a list of values, another length than a configured key makes, another alphabet, missing padding,
 * spare bits. One signature has one text.
 */
export function readSignature(
  header: string | readonly string[] | undefined,
  keys: readonly VerificationKey[],
): Uint8Array | Failure {
  if (header === undefined) return new Failure('signature-missing')
  if (typeof header !== 'string') return new Failure('signature-malformed')
  const text = header.trim()
  if (text === '') return new Failure('signature-missing')
  if (!keys.some((key) => text.length === base64Length(key.modulusBytes))) {
    return new Failure('signature-malformed')
  }
  return decodeStrictBase64(text) ?? new Failure('signature-malformed')
}

/** The key under which the signature covers exactly these bytes, if there is one. */
export function findSigner(
  body: Uint8Array,
  signature: Uint8Array,
  keys: readonly VerificationKey[],
): VerificationKey | undefined {
  return keys.find(
    (key) =>
      key.modulusBytes === signature.byteLength &&
      verify(ALGORITHM, body, key.publicKey, signature),
  )
}

/** Signs bytes as Ping++ signs a webhook; for the testing kit and for clients. */
export function signBytes(body: Uint8Array, privateKey: KeyObject): string {
  return base64.encodeBase64(sign(ALGORITHM, body, privateKey))
}

function decodeStrictBase64(text: string): Uint8Array | undefined {
  if (hasSpareBits(text)) return undefined
  try {
    return base64.decodeBase64(text)
  } catch {
    return undefined
  }
}

// Before padding, the last character carries two or four bits that belong to no byte. A decoder
// ignores them, so 4 or 16 texts would stand for one signature (RFC 4648, section 3.5).
function hasSpareBits(text: string): boolean {
  if (text.endsWith('==')) return !'AQgw'.includes(text.charAt(text.length - 3))
  if (text.endsWith('=')) return !'AEIMQUYcgkosw048'.includes(text.charAt(text.length - 2))
  return false
}

function base64Length(bytes: number): number {
  return 4 * Math.ceil(bytes / 3)
}
