import {
  WebhookError,
  readPublicKeys,
  readSignature,
  type VerificationKey,
} from '@hongbao/core/internal'
import { constants, createHash, publicDecrypt, type KeyObject } from 'node:crypto'
import type { ProblemDetails } from './api-error.ts'
import { REQUEST_MISTAKES, type SignedParts } from './signature-mistakes.ts'

/**
 * The likely cause of a signature that does not verify.
 *
 * The signature is decrypted with each known public key. The right one shows the hash of what was
 * signed, which is compared with the hash of each common mistake.
 *
 * @param pingppKey the key that signs webhooks in Ping++'s place
 */
export function diagnoseSignature(
  parts: SignedParts,
  header: string,
  merchantKeys: readonly VerificationKey[],
  pingppKey: KeyObject,
): Pick<ProblemDetails, 'cause' | 'about'> {
  const signature = readSignature(header, merchantKeys)
  if (signature instanceof WebhookError) {
    if (/^[\da-f]{256,}$/i.test(header)) return { cause: 'hexadecimal' }
    const { length } = Buffer.from(header, 'base64')
    return { cause: 'not-base64', about: { length: String(length) } }
  }
  const [exampleKey] = readPublicKeys(EXAMPLE_KEY, true)
  const signed = merchantKeys
    .map(({ publicKey }) => decrypt(signature, publicKey))
    .find((digestInfo) => digestInfo !== undefined)
  if (signed === undefined) {
    if (decrypt(signature, pingppKey) !== undefined) return { cause: 'webhook-key' }
    const isExample = exampleKey && decrypt(signature, exampleKey.publicKey) !== undefined
    if (isExample) return { cause: 'example-key' }
    const known = merchantKeys.map(({ fingerprint }) => fingerprint.slice(0, 16)).join(', ')
    return { cause: 'other-key', about: { known } }
  }
  if (signed.length !== DIGEST_INFO_BYTES) return { cause: 'other-hash' }
  const mistake = REQUEST_MISTAKES.find((each) => {
    const bytes = each.signed(parts)
    return bytes !== undefined && signed.subarray(-32).equals(sha256(bytes))
  })
  return { cause: mistake?.cause ?? 'other-content' }
}

/** The name of SHA-256 and a hash (RFC 8017, section 9.2, note 1). */
const DIGEST_INFO_BYTES = 19 + 32

/** What was signed: the name of a hash algorithm and a hash; undefined for another key. */
function decrypt(signature: Uint8Array, key: KeyObject): Buffer | undefined {
  try {
    return publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature)
  } catch {
    return undefined
  }
}

function sha256(bytes: Buffer | string): Buffer {
  return createHash('sha256').update(bytes).digest()
}

// Public half of the pair that all seven SDKs ship as example/your_rsa_private_key.pem.
const EXAMPLE_KEY =
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAx2MktxcKBEqdYRi2IgYcupPQIN5cxgiB' +
  'L5udCCBJBNBbXPaquOE1qspfhB1KUzHXATnCONiSzubLcBTnwi2tz0ErRCeJZSERRCpbKx4eu6b1' +
  'neUTWkga7xpZxWONEvkmZo5Nlhf4fXRPUYnO/bdGCNGpQ/HSJfWLtzmhCqO1aJwVhcDmDMYz4bTk' +
  'ZavhFBdVyXf/8n7UKylk03eymlKJ1swQpeFcxaKfzsk1mJU7mc93mCWjaR+VWkNbw4AQHDyHgbzH' +
  '+zYARzCluiy5hXdixGEP+iO4ZBk48rEs1hKTvGz1k+jhLCdkdpBRjq0pK/htjA3Ce8pF2AJs+fgN' +
  '6ZUumQIDAQAB'
