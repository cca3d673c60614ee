import { constants, createHash, publicDecrypt, verify } from 'node:crypto'
import type { VerificationKey } from '@hongbao/core/internal'
import { BODY_MISTAKES } from './body-mistakes.ts'
import type { Text } from './language.ts'
import {
  ENCODINGS,
  LAYOUTS,
  TARGET_MISTAKES,
  TIMESTAMP_MISTAKES,
  type Mistake,
} from './signature-mistakes.ts'

/** A public key whose other half may have signed. */
export interface KnownKey extends VerificationKey {
  /** What is told of a signature with it; absent for a key of the merchant. */
  readonly says?: Text
}

/** What a signature of a request covers. */
export interface SignedParts {
  readonly method: string
  readonly body: Buffer
  /** Path and query as they were sent. */
  readonly target: string
  /** `http://host:port` */
  readonly origin: string
  readonly timestamp: string | undefined
}

/**
 * Names the likeliest cause of a signature that does not verify.
 *
 * Instead of verifying again and again, the signature is opened: under the right key it shows the
 * hash of what was signed, which is then looked for among all that people sign by mistake.
 */
export function diagnoseSignature(
  parts: SignedParts,
  header: string,
  keys: readonly KnownKey[],
): Text {
  const { signature, says } = decode(header, keys)
  if (signature === undefined) return describeLength(header)
  const opened = open(signature, keys)
  if (opened === undefined) return enumerate([says, describeForeign(signature, parts, keys)])
  const missing = parts.timestamp === undefined ? NO_TIMESTAMP : undefined
  return enumerate([says, opened.key.says, opened.says, missing, ...findContent(parts, opened)])
}

interface Decoded {
  readonly signature: Buffer | undefined
  readonly says?: Text
}

/** The header as a signature, by the first decoder that makes as many bytes of it as a key does. */
function decode(header: string, keys: readonly KnownKey[]): Decoded {
  const decoded: Decoded[] = ENCODINGS.map(({ of, ...how }) => ({ signature: of(header), ...how }))
  const isSignature = ({ signature }: Decoded): boolean =>
    keys.some(({ modulusBytes }) => modulusBytes === signature?.length)
  return decoded.find(isSignature) ?? { signature: undefined }
}

interface Opened {
  readonly key: KnownKey
  readonly algorithm: string
  readonly digest: Buffer
  readonly says?: Text
}

/** The key under which the signature opens, and the hash that it holds. */
function open(signature: Buffer, keys: readonly KnownKey[]): Opened | undefined {
  for (const key of keys) {
    const wrapped = unwrap(signature, key)
    const found = DIGESTS.find(
      ({ prefix, bytes }) =>
        wrapped?.length === prefix.length + 2 * bytes && wrapped.startsWith(prefix),
    )
    if (wrapped !== undefined && found !== undefined) {
      return { ...found, key, digest: Buffer.from(wrapped.slice(found.prefix.length), 'hex') }
    }
  }
  return undefined
}

function unwrap(signature: Buffer, { publicKey }: KnownKey): string | undefined {
  const padding = constants.RSA_PKCS1_PADDING
  try {
    return publicDecrypt({ key: publicKey, padding }, signature).toString('hex')
  } catch {
    return undefined
  }
}

/** What stands before the hash in a signature, in hexadecimal: the name of its algorithm (RFC 8017, 9.2, note 1). */
const DIGESTS: readonly { algorithm: string; bytes: number; prefix: string; says?: Text }[] = [
  { algorithm: 'sha256', bytes: 32, prefix: '3031300d060960864801650304020105000420' },
  otherHash('sha1', 20, '3021300906052b0e03021a05000414'),
  otherHash('md5', 16, '3020300c06082a864886f70d020505000410'),
  otherHash('sha224', 28, '302d300d06096086480165030402040500041c'),
  otherHash('sha384', 48, '3041300d060960864801650304020205000430'),
  otherHash('sha512', 64, '3051300d060960864801650304020305000440'),
  {
    algorithm: 'sha256',
    bytes: 32,
    prefix: '',
    says: {
      zh: '签名是用私钥直接加密的哈希，应使用 RSA-SHA256 签名',
      en: 'it is a hash encrypted with the private key, and not an RSA-SHA256 signature',
    },
  },
]

function otherHash(
  algorithm: string,
  bytes: number,
  prefix: string,
): { algorithm: string; bytes: number; prefix: string; says: Text } {
  const name = algorithm.toUpperCase().replace('SHA', 'SHA-')
  const says = { zh: `用的是 ${name}，而不是 SHA-256`, en: `it was made with ${name}, not SHA-256` }
  return { algorithm, bytes, prefix, says }
}

// A search hashes some thousand texts; over this, that takes longer than anybody wants to wait.
const MAX_SEARCHED_BYTES = 16 * 1024

/** What was signed instead, in the fewest mistakes that explain the hash. */
function findContent(parts: SignedParts, { algorithm, digest }: Opened): readonly Text[] {
  if (parts.body.byteLength > MAX_SEARCHED_BYTES) return [OTHER_CONTENT]
  const found = candidates(parts)
    .toSorted((a, b) => a.says.length - b.says.length)
    .find(({ write }) => createHash(algorithm).update(write()).digest().equals(digest))
  return found?.says ?? [OTHER_CONTENT]
}

interface Candidate {
  readonly says: readonly Text[]
  readonly write: () => Buffer
}

/** Everything that may have been signed: up to three mistakes, or two where the layout is wrong too. */
function candidates({ method, body, target, origin, timestamp = '' }: SignedParts): Candidate[] {
  const bodies = variants(body, body, BODY_MISTAKES)
  const targets = variants(target, { target, origin }, TARGET_MISTAKES)
  const timestamps = variants(timestamp, timestamp, TIMESTAMP_MISTAKES)
  const all = bodies.flatMap((first) =>
    targets.flatMap((second) =>
      timestamps.flatMap((third) => {
        const says = [first, second, third].flatMap((variant) => variant.says ?? [])
        const pieces = [first.bytes, second.bytes, third.bytes] as const
        return LAYOUTS.map((layout) => ({
          says: layout.says === undefined ? says : [...says, layout.says],
          isLikely: layout.says === undefined || says.length <= 1,
          write: () => layout.of({ method, pieces }),
        }))
      }),
    ),
  )
  return all.filter(({ isLikely }) => isLikely)
}

interface Variant {
  readonly bytes: Buffer
  readonly says?: Text
}

/** What was sent, and what may have been signed instead where that differs. */
function variants<Sent, Signed extends string | Buffer>(
  asSent: Signed,
  sent: Sent,
  mistakes: readonly Mistake<Sent, Signed>[],
): readonly Variant[] {
  const found: Variant[] = [{ bytes: Buffer.from(asSent) }]
  for (const { of, says } of mistakes) {
    const signed = of(sent)
    const bytes = signed === undefined ? undefined : Buffer.from(signed)
    const isNew = bytes !== undefined && !found.some((known) => known.bytes.equals(bytes))
    if (isNew) found.push({ bytes, says })
  }
  return found
}

/** What can be told of a signature that no known key opens. */
function describeForeign(
  signature: Buffer,
  { body, target, timestamp = '' }: SignedParts,
  keys: readonly KnownKey[],
): Text {
  const content = Buffer.concat([body, Buffer.from(target + timestamp)])
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const isPss = keys.some(({ publicKey }) =>
    verify('sha256', content, { key: publicKey, padding }, signature),
  )
  if (isPss)
    return { zh: '用的是 RSA-PSS，而不是 PKCS#1 v1.5', en: 'it is RSA-PSS, not PKCS#1 v1.5' }
  const configured = keys
    .filter(({ says }) => says === undefined)
    .map(({ fingerprint }) => fingerprint.slice(0, 16))
    .join(', ')
  return {
    zh: `签名所用的私钥与沙箱中配置的商户公钥（${configured}）不成对，或签名本身被改动`,
    en: `it was made with another private key than that of the merchant's public key (${configured}), or was changed`,
  }
}

function describeLength(header: string): Text {
  const { length } = Buffer.from(header, 'base64')
  if (length <= 64) {
    return {
      zh: `签名只有 ${length} 字节，不是 RSA 签名，更像是 HMAC 或哈希`,
      en: `it has ${length} bytes, too few for RSA: an HMAC or a hash has as many`,
    }
  }
  return {
    zh: `签名有 ${length} 字节，与商户公钥的长度不符：私钥与公钥不成对，或签名不完整`,
    en: `it has ${length} bytes, which is not the length of the merchant's key: another key, or a part is missing`,
  }
}

const NO_TIMESTAMP: Text = {
  zh: '缺少请求头 Pingplusplus-Request-Timestamp',
  en: 'the header Pingplusplus-Request-Timestamp is missing',
}

const OTHER_CONTENT: Text = {
  zh: '私钥正确，但签名的内容与收到的不同：签名之后请求被改动过（代理、中间件），或签名的不是实际发送的字节',
  en: 'the key is right, but it covers something else than what arrived: the request was changed after it was signed (by a proxy, say), or other text was signed than sent',
}

function enumerate(clauses: readonly (Text | undefined)[]): Text {
  const all = clauses.filter((clause) => clause !== undefined)
  return {
    zh: all.map(({ zh }) => zh).join('；'),
    en: all.map(({ en }) => en).join('; '),
  }
}
