import {
  WebhookError,
  readPublicKeys,
  readSignature,
  readStrictJson,
  type VerificationKey,
} from '@hongbao/core/internal'
import { constants, hash, publicDecrypt, type KeyObject } from 'node:crypto'
import { escapeUnicode, escapeUnit } from '../../events/altered-text.ts'
import type { CauseName, ProblemDetails } from './api-error.ts'

/** The parts of a request that a signature covers, in this order. */
export interface SignedParts {
  readonly body: Buffer
  /** Path and query as they were sent. */
  readonly target: string
  readonly timestamp: string | undefined
}

/** What a request's signature covers (guide, step 2). */
export function join({ body, target, timestamp = '' }: SignedParts): Buffer {
  return Buffer.concat([body, Buffer.from(target + timestamp)])
}

/** Body mistakes: the JSON was serialised again for signing, or its bytes were changed. */
export const BODY_MISTAKES: readonly {
  readonly cause: CauseName
  readonly signed: (body: Buffer) => Buffer | string | undefined
}[] = [
  { cause: 'json-serialised-again', signed: (body) => reserialise(body, JSON.stringify) },
  { cause: 'json-spaced', signed: (body) => reserialise(body, toSpacedJson) },
  { cause: 'json-escaped', signed: (body) => escapeUnicode(body.toString()) },
  {
    cause: 'json-of-php',
    signed: (body) => escapeUnicode(body.toString()).replaceAll('/', '\\/'),
  },
  { cause: 'json-of-go', signed: (body) => body.toString().replaceAll(/[<>&]/g, escapeUnit) },
  { cause: 'body-line-break', signed: (body) => Buffer.concat([body, Buffer.from('\n')]) },
  { cause: 'body-latin1', signed: (body) => Buffer.from(body.toString(), 'latin1') },
]

/** Mistakes in what a request's signature covers: other parts than were sent; undefined if it is not possible here. */
const REQUEST_MISTAKES: readonly {
  readonly cause: CauseName
  readonly signed: (sent: SignedParts) => Partial<SignedParts> | undefined
}[] = [
  {
    cause: 'timestamp-missing',
    signed: ({ timestamp }) => (timestamp === undefined ? {} : undefined),
  },
  { cause: 'only-body', signed: () => ({ target: '', timestamp: '' }) },
  { cause: 'no-path', signed: () => ({ target: '' }) },
  { cause: 'no-timestamp', signed: () => ({ timestamp: '' }) },
  {
    cause: 'timestamp-signed-as-ms',
    signed: ({ timestamp }) => ({ timestamp: `${timestamp}000` }),
  },
  { cause: 'no-query', signed: ({ target }) => ({ target: target.replace(/\?.*$/s, '') }) },
  { cause: 'query-decoded', signed: ({ target }) => ({ target: decode(target) }) },
  { cause: 'empty-object', signed: () => ({ body: Buffer.from('{}') }) },
  {
    cause: 'order',
    signed: ({ body, target }) => ({
      body: Buffer.concat([Buffer.from(target), body]),
      target: '',
    }),
  },
]

/**
 * The likely cause of a signature that does not verify.
 *
 * The signature is decrypted with each known public key. The right one shows the hash of what was
 * signed, which is compared with the hash of each common mistake.
 *
 * @param pingppKey the key that signs webhooks in Ping++'s place
 */
export function diagnoseSignature(
  sent: SignedParts,
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
  const decrypt = (keys: readonly KeyObject[]) => keys.flatMap((key) => digestInfo(signature, key))
  const [signed] = decrypt(merchantKeys.map(({ publicKey }) => publicKey))
  if (signed === undefined) {
    if (decrypt([pingppKey]).length > 0) return { cause: 'webhook-key' }
    const examples = readPublicKeys(EXAMPLE_KEY, true).map(({ publicKey }) => publicKey)
    if (decrypt(examples).length > 0) return { cause: 'example-key' }
    const known = merchantKeys.map(({ fingerprint }) => fingerprint.slice(0, 16)).join(', ')
    return { cause: 'other-key', about: { known } }
  }
  if (signed.length !== DIGEST_INFO_BYTES) return { cause: 'other-hash' }
  return { cause: findMistake(sent, signed.subarray(-32)) ?? 'other-content' }
}

function findMistake(sent: SignedParts, sha256: Buffer): CauseName | undefined {
  function isSigned(changes: Partial<SignedParts> | undefined): boolean {
    if (changes === undefined) return false
    return sha256.equals(hash('sha256', join({ ...sent, ...changes }), 'buffer'))
  }
  const mistake =
    REQUEST_MISTAKES.find(({ signed }) => isSigned(signed(sent))) ??
    BODY_MISTAKES.find(({ signed }) => {
      const body = signed(sent.body)
      return body !== undefined && isSigned({ body: Buffer.from(body) })
    })
  return mistake?.cause
}

/** The name of SHA-256 and a hash (RFC 8017, section 9.2, note 1). */
const DIGEST_INFO_BYTES = 19 + 32

/** What was signed: the name of a hash algorithm and a hash; nothing if the key is another. */
function digestInfo(signature: Uint8Array, key: KeyObject): Buffer[] {
  try {
    return [publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature)]
  } catch {
    return []
  }
}

function reserialise(body: Buffer, write: (value: unknown) => string): string | undefined {
  const json = readStrictJson(body)
  return json.ok ? write(json.value) : undefined
}

/** With `", "` and `": "`. What `JSON.stringify` indents has line breaks only between members. */
function toSpacedJson(value: unknown): string {
  return JSON.stringify(value, null, 1)
    .replaceAll(/,\n\s*/g, ', ')
    .replaceAll(/\n\s*/g, '')
}

function decode(target: string): string {
  try {
    return decodeURIComponent(target)
  } catch {
    return target
  }
}

// Public half of the pair that all seven SDKs ship as example/your_rsa_private_key.pem.
const EXAMPLE_KEY =
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAx2MktxcKBEqdYRi2IgYcupPQIN5cxgiB' +
  'L5udCCBJBNBbXPaquOE1qspfhB1KUzHXATnCONiSzubLcBTnwi2tz0ErRCeJZSERRCpbKx4eu6b1' +
  'neUTWkga7xpZxWONEvkmZo5Nlhf4fXRPUYnO/bdGCNGpQ/HSJfWLtzmhCqO1aJwVhcDmDMYz4bTk' +
  'ZavhFBdVyXf/8n7UKylk03eymlKJ1swQpeFcxaKfzsk1mJU7mc93mCWjaR+VWkNbw4AQHDyHgbzH' +
  '+zYARzCluiy5hXdixGEP+iO4ZBk48rEs1hKTvGz1k+jhLCdkdpBRjq0pK/htjA3Ce8pF2AJs+fgN' +
  '6ZUumQIDAQAB'
