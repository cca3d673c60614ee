import type { KeyObject } from 'node:crypto'
import base64 from 'tweetnacl-util'
import { isBytes } from './bytes.ts'
import { OptionError, type OptionErrorCode } from '../options/errors.ts'
import type { KeyObjectLike } from './key-input.ts'
import { unquote } from '../options/readers.ts'

/** A key as text, as bytes, or in a file. */
export type KeySource = string | Uint8Array | { readonly path: string }

/** What sets the reading of public and of private keys apart. */
export interface KeyReader {
  /** What to do about several keys in one text. */
  readonly several: string
  /** Makes the error for a key that cannot be used; names the option. */
  readonly refuse: (code: OptionErrorCode, problem: string, options?: ErrorOptions) => OptionError
  /** Throws for a PEM block of a kind that is not expected. Bare base64 and DER have no label. */
  checkLabel(label: string): void
  /** Makes a key of DER, or throws. */
  fromDer(der: Uint8Array): KeyObject
}

const DER_SEQUENCE = 0x30

/**
 * Reads a key in every layout that survives an environment variable or a file.
 *
 * @throws OptionError made by the reader; never with key material in it
 */
export function readKeySource(source: KeySource, reader: KeyReader): KeyObject {
  if (typeof source === 'string') return readText(source, reader)
  if (isBytes(source)) return readBytes(source, reader)
  return readKeyFile(unquote(source.path), reader)
}

/** Whether Node has read the key already. */
export function isKeyObject(input: object): input is KeyObjectLike {
  return 'type' in input && 'export' in input
}

/** Node's own type of it. */
export function toKeyObject(input: KeyObjectLike): KeyObject {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing but Node makes them
  return input as KeyObject
}

function readBytes(bytes: Uint8Array, reader: KeyReader): KeyObject {
  if (bytes[0] === DER_SEQUENCE) return reader.fromDer(bytes)
  return readText(new TextDecoder().decode(bytes), reader)
}

/** PEM or bare base64, with whatever an environment file did to its line ends and around it. */
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
  return reader.fromDer(decodeBase64(content.replaceAll(/\s/g, ''), reader))
}

/** PKCS#1 says so in a header within the block (RFC 1421, section 4.6.1.1), PKCS#8 in its label. */
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
  // A key in the place of its path must not end up in a message. In bare base64, every key starts
  // with the bytes of a SEQUENCE of more than 255.
  if (/[\r\n\0]|-----|^\W*MII.{200}/.test(path)) {
    throw reader.refuse('key-unreadable', 'has a `path` that is a key, not a path.')
  }
  try {
    // Not imported: `node:fs` stays out of the import graph, for runtimes without files.
    return readBytes(process.getBuiltinModule('node:fs').readFileSync(path), reader)
  } catch (cause) {
    if (cause instanceof OptionError)
      throw new OptionError(cause.code, `${cause.message} (${path})`)
    const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : 'no reason given'
    throw reader.refuse('key-unreadable', `file ${path} cannot be read: ${String(code)}.`, {
      cause,
    })
  }
}
