import { Buffer } from 'node:buffer'
import type { KeyObject } from 'node:crypto'
import base64 from 'tweetnacl-util'
import { isBytes } from './bytes.ts'
import { OptionError, type OptionErrorCode } from '../options/errors.ts'
import { unquote } from '../options/readers.ts'

/**
 * A `KeyObject` of `node:crypto`. Declared here, so that the types of hongbao check without those of
 * Node, as on Workers.
 */
export interface KeyObjectLike {
  readonly type: 'secret' | 'public' | 'private'
  export(...options: never[]): unknown
}

/** An RSA key in any layout that people paste. */
export type KeyInput = string | Uint8Array | KeyObjectLike | { readonly path: string }

/** Makes the error for a key that cannot be used; names the option. */
export type Refuse = (code: OptionErrorCode, problem: string, options?: ErrorOptions) => OptionError

/** Where reading public and private keys differs. */
export interface KeyReader {
  /** What to do about several keys in one text. */
  readonly several: string
  /** What is expected in place of a key of another type. */
  readonly expected: string
  /** What to do about a key that is too small. */
  readonly larger: string
  readonly refuse: Refuse
  /** Throws for a PEM block of an unexpected kind. Bare base64 and DER have no label. */
  checkLabel(label: string): void
  /** Makes a key of DER, or throws. */
  fromDer(der: Buffer): KeyObject
}

const DER_SEQUENCE = 0x30

/**
 * Reads a key in every layout that survives an environment variable or a file.
 *
 * @throws OptionError made by the reader; never with key material in it
 */
export function readKey(input: KeyInput | undefined, reader: KeyReader): KeyObject {
  if (typeof input === 'string') return readText(input, reader)
  if (isBytes(input)) return readBytes(input, reader)
  if (typeof input !== 'object' || input === null) {
    throw reader.refuse('key-missing', 'is empty or not set.')
  }
  if ('type' in input && 'export' in input) return toKeyObject(input)
  if (typeof input.path !== 'string') throw reader.refuse('key-missing', 'has no `path`.')
  return readKeyFile(unquote(input.path), reader)
}

/** Returns a key that Node made, with Node's own type. */
export function toKeyObject(input: KeyObjectLike): KeyObject {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only Node makes them
  return input as KeyObject
}

/** Returns the key in the first layout of DER that Node can read. */
export function readDer<Layout>(
  layouts: readonly Layout[],
  read: (layout: Layout) => KeyObject,
): KeyObject | undefined {
  for (const layout of layouts) {
    try {
      return read(layout)
    } catch {
      // Not this layout; the next one, or the caller, decides.
    }
  }
  return undefined
}

/**
 * Refuses a key that is not RSA, or smaller than 2048 bits: NIST SP 800-131A, section 3, disallows it.
 * Returns the length of its modulus, in bits.
 */
export function checkRsa(
  { type, asymmetricKeyType, asymmetricKeyDetails }: KeyObject,
  expectedType: KeyObject['type'],
  { refuse, expected, larger }: KeyReader,
): number {
  // Node signs and verifies with EC and RSA-PSS keys too when asked for RSA-SHA256.
  if (type !== expectedType || asymmetricKeyType !== 'rsa') {
    throw refuse('key-not-rsa', `is of type ${asymmetricKeyType ?? type}; ${expected}.`)
  }
  const { modulusLength = 0 } = asymmetricKeyDetails ?? {}
  if (modulusLength >= 2048) return modulusLength
  throw refuse('key-too-small', `has ${modulusLength} bits; ${larger}`)
}

function readBytes(bytes: Uint8Array, reader: KeyReader): KeyObject {
  if (bytes[0] === DER_SEQUENCE) return reader.fromDer(Buffer.from(bytes))
  return readText(new TextDecoder().decode(bytes), reader)
}

/** Reads PEM or bare base64, whatever an environment file did to its line ends and around it. */
function readText(text: string, reader: KeyReader): KeyObject {
  // `\\n` too: JSON in JSON, and YAML in a shell.
  const plain = text.replaceAll(/\\+[rn]|["'\uFEFF]/g, '\n').trim()
  if (plain === '') throw reader.refuse('key-missing', 'is empty or not set.')
  const blocks = [...plain.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([^]*?)-----END \1-----/g)]
  if (blocks.length > 1) {
    throw reader.refuse('key-ambiguous', `holds several keys. ${reader.several}`)
  }
  const [, label, content = plain] = blocks[0] ?? []
  if (label !== undefined) reader.checkLabel(isEncrypted(content) ? `ENCRYPTED ${label}` : label)
  return reader.fromDer(Buffer.from(decodeBase64(content.replaceAll(/\s/g, ''), reader)))
}

/** PKCS#1 has a header for it within the block (RFC 1421, section 4.6.1.1), PKCS#8 a label. */
function isEncrypted(content: string): boolean {
  return /^\s*Proc-Type:\s*4,\s*ENCRYPTED/.test(content)
}

function decodeBase64(text: string, { refuse }: KeyReader): Uint8Array {
  try {
    return base64.decodeBase64(text)
  } catch {
    throw refuse(
      'key-unreadable',
      'is neither PEM nor base64, or a part is missing. For a file, pass { path }.',
    )
  }
}

function readKeyFile(path: string, reader: KeyReader): KeyObject {
  // A key that is given as a path must not end up in a message. In bare base64, every key starts
  // with the bytes of a SEQUENCE of more than 255.
  if (/[\r\n\0]|-----|^\W*MII.{200}/.test(path)) {
    throw reader.refuse('key-unreadable', 'has a `path` that is a key, not a path.')
  }
  try {
    // Not imported: `node:fs` stays out of the import graph, for runtimes without files.
    return readBytes(process.getBuiltinModule('node:fs').readFileSync(path), reader)
  } catch (cause) {
    if (cause instanceof OptionError) {
      throw new OptionError(cause.code, `${cause.message} (${path})`)
    }
    const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : 'no reason given'
    throw reader.refuse('key-unreadable', `file ${path} cannot be read: ${String(code)}.`, {
      cause,
    })
  }
}
