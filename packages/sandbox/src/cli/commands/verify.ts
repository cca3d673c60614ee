import { readPublicKeys } from '@hongbao/core/internal'
import type { Command } from 'commander'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Keys } from '../../keys/keys.ts'
import { readBody } from '../body-source.ts'
import { addDirectory, type DirectoryOptions } from '../directory.ts'
import { EXIT, usageError } from '../exit.ts'
import type { OpenSession, Session } from '../session.ts'
import { judgeSignature, type OtherKey } from '../signature-cause.ts'
import { openFor } from './keys.ts'

interface VerifyOptions extends DirectoryOptions {
  readonly key?: string
  readonly signature?: string
  readonly signatureFile?: string
}

export function addVerify(program: Command, open: OpenSession): void {
  addDirectory(program.command('verify'))
    .description(
      'verify the signature of a notification; says the likeliest cause where it is wrong',
    )
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
  const signature = await readSignatureText(options)
  const folder = existsSync(options.dir) ? await openFor(output, options.dir) : undefined
  const path = options.key ?? folder?.webhook.publicPath
  if (path === undefined) {
    throw usageError(
      `There is no key in ${options.dir}. Give one with --key, or its folder with --dir.`,
    )
  }
  // The example keys of Ping++'s SDKs too: their published notifications can be verified.
  const keys = readPublicKeys({ path }, true)
  const verdict = judgeSignature(await readBody(file, host), signature, keys, othersIn(folder))
  output.result(verdict, verdict.valid ? 'valid' : 'invalid')
  if (verdict.valid) return
  output.note(verdict.cause)
  session.endWith(EXIT.invalidSignature)
}

async function readSignatureText({ signature, signatureFile }: VerifyOptions): Promise<string> {
  if (signature !== undefined && signatureFile === undefined) return signature
  if (signature === undefined && signatureFile !== undefined) return readFile(signatureFile, 'utf8')
  throw usageError('Give the signature, with --signature or with --signature-file.')
}

/** The keys of the folder that somebody may have taken for the right one. */
function othersIn(folder: Keys | undefined): readonly OtherKey[] {
  if (folder === undefined) return []
  const { webhook, merchant, directory } = folder
  const { previousPublicKey } = webhook
  const previous =
    previousPublicKey === undefined
      ? []
      : [
          {
            publicKey: previousPublicKey,
            owner: `the key that ${directory} had before its rotation`,
          },
        ]
  return [
    { publicKey: webhook.publicKey, owner: `the webhook key of ${directory}` },
    { publicKey: merchant.publicKey, owner: "the merchant's key, with which requests are signed" },
    ...previous,
  ]
}
