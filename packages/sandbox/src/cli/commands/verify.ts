import {
  WebhookError,
  findSigner,
  readPublicKeys,
  readSignature,
  type VerificationKey,
} from '@hongbao/core/internal'
import type { Command } from 'commander'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { BODY_MISTAKES } from '../../http/api/signature-mistakes.ts'
import type { Keys } from '../../keys/keys.ts'
import { EXIT, usageError } from '../exit.ts'
import { addDirectory, openFor, readBody, type DirectoryOptions } from '../inputs.ts'
import type { OpenSession, Session } from '../session.ts'

interface VerifyOptions extends DirectoryOptions {
  readonly key?: string
  readonly signature?: string
  readonly signatureFile?: string
}

export function addVerify(program: Command, open: OpenSession): void {
  addDirectory(program.command('verify'))
    .description('verify the signature of a notification; if it is wrong, print the likely cause')
    .argument('[file]', 'the body, byte for byte; - or nothing for standard input')
    .option('--signature <value>', 'of the x-pingplusplus-signature header')
    .option('--signature-file <path>', 'a file that holds it')
    .option('--key <path>', 'the public key; by default that of the folder')
    .action((file: string | undefined, options: VerifyOptions) => verify(open(), file, options))
}

async function verify(
  session: Session,
  file: string | undefined,
  options: VerifyOptions,
): Promise<void> {
  const { output, host } = session
  const header = await readSignatureText(options)
  const folder = existsSync(options.dir) ? await openFor(output, options.dir) : undefined
  const path = options.key ?? folder?.webhook.publicPath
  if (path === undefined) {
    throw usageError(
      `There is no key in ${options.dir}. Give one with --key, or its folder with --dir.`,
    )
  }
  // Also the example keys of Ping++'s SDKs: their published notifications can be verified.
  const keys = readPublicKeys({ path }, true)
  const body = await readBody(file, host)
  const signature = readSignature(header, keys)
  if (signature instanceof WebhookError) {
    const { code, message: cause } = signature
    output.result({ valid: false, code, cause }, 'invalid')
    output.note(cause)
    return session.endWith(EXIT.invalidSignature)
  }
  const signer = findSigner(body, signature, keys)
  if (signer !== undefined) {
    return output.result({ valid: true, fingerprint: signer.fingerprint }, 'valid')
  }
  const cause =
    findOtherKey(body, signature, folder) ?? findOtherBody(body, signature, keys) ?? UNKNOWN_CAUSE
  output.result({ valid: false, code: 'signature-mismatch', cause }, 'invalid')
  output.note(cause)
  return session.endWith(EXIT.invalidSignature)
}

async function readSignatureText({ signature, signatureFile }: VerifyOptions): Promise<string> {
  if (signature !== undefined && signatureFile === undefined) return signature
  if (signature === undefined && signatureFile !== undefined) return readFile(signatureFile, 'utf8')
  throw usageError('Give the signature, with --signature or with --signature-file.')
}

/** Keys of the folder that may have been used by mistake. */
function findOtherKey(
  body: Buffer,
  signature: Uint8Array,
  folder: Keys | undefined,
): string | undefined {
  if (folder === undefined) return undefined
  const { webhook, merchant, directory } = folder
  const others = [
    [webhook.publicKey, `the webhook key of ${directory}`],
    [merchant.publicKey, "the merchant's key, which signs requests"],
    [webhook.previousPublicKey, `the webhook key of ${directory} before its rotation`],
  ] as const
  const found = others.find(
    ([key]) =>
      key !== undefined && findSigner(body, signature, readPublicKeys(key, true)) !== undefined,
  )
  return found && `The body is genuine, but it was signed with ${found[1]}.`
}

/** What often happens to a body between Ping++ and a file. */
const BODY_CHANGES: readonly (readonly [cause: string, signed: (body: Buffer) => Buffer])[] = [
  ['A line break was added at the end of the body, as editors and `echo` do.', withoutBreaks],
  [
    'A byte order mark was added before the body, as some editors do.',
    (body) => (body[0] === 0xef ? body.subarray(3) : body),
  ],
  [
    'The body was read as latin1 and written as UTF-8.',
    (body) => Buffer.from(body.toString(), 'latin1'),
  ],
]

function findOtherBody(
  body: Buffer,
  signature: Uint8Array,
  keys: readonly VerificationKey[],
): string | undefined {
  const isSigned = (bytes: Buffer | string | undefined): boolean =>
    bytes !== undefined && findSigner(Buffer.from(bytes), signature, keys) !== undefined
  const change = BODY_CHANGES.find(([, signed]) => isSigned(signed(body)))
  if (change !== undefined) return change[0]
  const mistake = BODY_MISTAKES.find(({ signed }) => isSigned(signed(body)))
  return mistake && `The body was parsed and serialised again, so it is not what was signed.`
}

/** Not with `/[\r\n]+$/`, which is quadratic if there are many breaks elsewhere. */
function withoutBreaks(body: Buffer): Buffer {
  let end = body.length
  while (body[end - 1] === 0x0a || body[end - 1] === 0x0d) end -= 1
  return body.subarray(0, end)
}

const UNKNOWN_CAUSE =
  'Either another key signed it (is this the Ping++ public key of the account, and not your own?), or the body has changed since.'
