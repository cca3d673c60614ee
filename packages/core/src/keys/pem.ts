import { Buffer } from 'node:buffer'
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import base64 from 'tweetnacl-util'
import { isBytes } from './bytes.ts'
import { fingerprintOf, isPublished } from './published-keys.ts'
import { OptionError, type OptionErrorCode } from '../options/errors.ts'
import { unquote } from '../options/readers.ts'
import { isRecord } from '../options/record.ts'

/**
 * A `KeyObject` of `node:crypto`. Declared here, so that the types of hongbao check without those of
 * Node, as on Workers.
 */
export interface KeyObjectLike {
  readonly type: 'secret' | 'public' | 'private'
  export(...options: never[]): unknown
}

/** Where reading public and private keys differs: which key is expected, and the ends of messages. */
export interface KeyKind {
  readonly option: string
  readonly half: 'public' | 'private'
  readonly otherHalf: string
  readonly missing: string
  readonly several: string
  readonly unreadable: string
  /** The sentences about PEM that Node cannot read, by a part of its label. */
  readonly unusable: readonly (readonly [label: string, problem: string])[]
  /** What to do about a key that is too small or published. */
  readonly replace: string
}

/** A key that passed every check. */
export interface CheckedKey {
  readonly key: KeyObject
  /** SHA-256 of the SPKI DER of its public half, in hexadecimal. */
  readonly fingerprint: string
  readonly modulusBits: number
}

/**
 * Reads a key in every layout that survives an environment variable or a file, and checks that it is an
 * RSA key of the expected half that protects something. @throws OptionError with a code `key-…`
 */
export function readKey(input: unknown, kind: KeyKind, allowPublishedKeys: boolean): CheckedKey {
  const key = parseKey(input, kind)
  const modulusBits = checkRsa(key, kind)
  const fingerprint = fingerprintOf(key.type === 'private' ? createPublicKey(key) : key)
  if (isPublished(fingerprint) && !allowPublishedKeys) {
    const problem = "is an example of Ping++'s SDKs, which anyone can download."
    throw refuse(kind, 'key-published', `${problem} ${kind.replace}`)
  }
  return { key, fingerprint, modulusBits }
}

function checkRsa(key: KeyObject, kind: KeyKind): number {
  const { type, asymmetricKeyType: algorithm = type, asymmetricKeyDetails = {} } = key
  if (type !== 'secret' && type !== kind.half) throw refuse(kind, `key-${type}`, kind.otherHalf)
  // Node signs and verifies with EC and RSA-PSS keys too when asked for RSA-SHA256.
  if (algorithm !== 'rsa') {
    throw refuse(kind, 'key-not-rsa', `is of type ${algorithm}; RSA is expected.`)
  }
  const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails
  // NIST SP 800-131A, section 3, disallows smaller ones.
  if (modulusLength < 2048) {
    const problem = `has ${modulusLength} bits; 2048 or more are expected, as shorter keys can be forged.`
    throw refuse(kind, 'key-too-small', `${problem} ${kind.replace}`)
  }
  if (publicExponent < 3n || publicExponent % 2n === 0n) {
    throw refuse(kind, 'key-weak-exponent', 'has an RSA exponent that protects nothing.')
  }
  return modulusLength
}

function refuse(
  { option }: KeyKind,
  code: OptionErrorCode,
  problem: string,
  options?: ErrorOptions,
): OptionError {
  return new OptionError(code, `\`${option}\` ${problem}`, options)
}

function refuseMissing(kind: KeyKind): OptionError {
  return refuse(kind, 'key-missing', `is empty or not set. ${kind.missing}`)
}

function parseKey(input: unknown, kind: KeyKind): KeyObject {
  if (typeof input === 'string') return parseText(input, kind)
  if (isBytes(input)) return parseBytes(input, kind)
  if (!isRecord(input)) throw refuseMissing(kind)
  const { path } = input
  if ('type' in input && 'export' in input) return toKeyObject(input)
  if (typeof path !== 'string') throw refuseMissing(kind)
  return parseFile(unquote(path), kind)
}

/** Returns a key that Node made, with Node's own type. */
export function toKeyObject(input: object): KeyObject {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only Node makes them
  return input as KeyObject
}

const DER_SEQUENCE = 0x30

function parseBytes(bytes: Uint8Array, kind: KeyKind): KeyObject {
  if (bytes[0] === DER_SEQUENCE) return parseDer(Buffer.from(bytes), kind)
  return parseText(new TextDecoder().decode(bytes), kind)
}

/** Reads PEM or bare base64, whatever an environment file did to its line ends and around it. */
function parseText(text: string, kind: KeyKind): KeyObject {
  // `\\n` too: JSON in JSON, and YAML in a shell.
  const plain = text.replaceAll(/\\+[rn]|["'\uFEFF]/g, '\n').trim()
  if (plain === '') throw refuseMissing(kind)
  const blocks = [...plain.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([^]*?)-----END \1-----/g)]
  if (blocks.length > 1) {
    throw refuse(kind, 'key-ambiguous', `holds several keys. ${kind.several}`)
  }
  const [, label, content = plain] = blocks[0] ?? []
  if (label !== undefined) checkLabel(isEncrypted(content) ? `ENCRYPTED ${label}` : label, kind)
  return parseDer(Buffer.from(decodeBase64(content.replaceAll(/\s/g, ''), kind)), kind)
}

/** PKCS#1 has a header for it within the block (RFC 1421, section 4.6.1.1), PKCS#8 a label. */
function isEncrypted(content: string): boolean {
  return /^\s*Proc-Type:\s*4,\s*ENCRYPTED/.test(content)
}

function checkLabel(label: string, kind: KeyKind): void {
  const other = kind.half === 'public' ? 'private' : 'public'
  if (label.includes(other.toUpperCase())) throw refuse(kind, `key-${other}`, kind.otherHalf)
  const [, problem] = kind.unusable.find(([each]) => label.includes(each)) ?? []
  if (problem !== undefined) throw refuse(kind, 'key-unreadable', problem)
  if (label.endsWith(`${kind.half.toUpperCase()} KEY`)) return
  throw refuse(kind, 'key-unreadable', `is a ${label}, not a ${kind.half} key.`)
}

function decodeBase64(text: string, kind: KeyKind): Uint8Array {
  try {
    return base64.decodeBase64(text)
  } catch {
    const problem = 'is neither PEM nor base64, or a part is missing. For a file, pass { path }.'
    throw refuse(kind, 'key-unreadable', problem)
  }
}

/** Private layouts first: of a private key in PKCS#1, Node would make the public half without a warning. */
const LAYOUTS: readonly ((key: Buffer) => KeyObject)[] = [
  (key) => createPrivateKey({ key, format: 'der', type: 'pkcs8' }),
  (key) => createPrivateKey({ key, format: 'der', type: 'pkcs1' }),
  (key) => createPrivateKey({ key, format: 'der', type: 'sec1' }),
  (key) => createPublicKey({ key, format: 'der', type: 'spki' }),
  (key) => createPublicKey({ key, format: 'der', type: 'pkcs1' }),
]

function parseDer(der: Buffer, kind: KeyKind): KeyObject {
  for (const parse of LAYOUTS) {
    try {
      return parse(der)
    } catch {
      // Not this layout; the next one may be.
    }
  }
  const problem = `is not a ${kind.half} key, or a part of it is missing. ${kind.unreadable}`
  throw refuse(kind, 'key-unreadable', problem.trim())
}

function parseFile(path: string, kind: KeyKind): KeyObject {
  // A key that is given as a path must not end up in a message. In bare base64, every key starts
  // with the bytes of a SEQUENCE of more than 255.
  if (/[\r\n\0]|-----|^\W*MII.{200}/.test(path)) {
    throw refuse(kind, 'key-unreadable', 'has a `path` that is a key, not a path.')
  }
  try {
    // Not imported: `node:fs` stays out of the import graph, for runtimes without files.
    return parseBytes(process.getBuiltinModule('node:fs').readFileSync(path), kind)
  } catch (cause) {
    if (cause instanceof OptionError) {
      throw new OptionError(cause.code, `${cause.message} (${path})`)
    }
    const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : 'no reason given'
    const problem = `file ${path} cannot be read: ${String(code)}.`
    throw refuse(kind, 'key-unreadable', problem, { cause })
  }
}
