import {
  WebhookError,
  findSigner,
  readPublicKeys,
  readSignature,
  type VerificationKey,
} from '@hongbao/core/internal'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { BODY_MISTAKES } from '../../http/api/signature-mistakes.ts'
import type { Keys } from '../../keys/keys.ts'
import { command, text, type Command } from '../command.ts'
import { EXIT, usageError, type Say } from '../exit.ts'
import { openFolder, readBody } from '../inputs.ts'
import type { Session } from '../session.ts'
import { writeRefusal } from '../texts/refusals.ts'

interface VerifyOptions {
  readonly key: string | undefined
  readonly signature: string | undefined
  readonly signatureFile: string | undefined
}

export const verify: Command = command({
  args: ['[file]'],
  options: { signature: text('<value>'), signatureFile: text('<path>'), key: text('<path>') },
  run: (session, options, file) => verifyBody(session, file, options),
})

async function verifyBody(
  session: Session,
  file: string | undefined,
  options: VerifyOptions,
): Promise<void> {
  const { output, host, texts, directory } = session
  const header = await readSignatureText(options)
  const folder = existsSync(directory) ? await openFolder(session) : undefined
  const path = options.key ?? folder?.webhook.publicPath
  if (path === undefined) {
    throw usageError('noKey', { directory })
  }
  // Also the example keys of Ping++'s SDKs: their published notifications can be verified.
  const keys = readPublicKeys({ path }, true)
  const body = await readBody(file, host)
  const signature = readSignature(header, keys)
  if (signature instanceof WebhookError) {
    const { code, message } = signature
    return refuse(session, code, (t) => writeRefusal({ code, message }, t))
  }
  const signer = findSigner(body, signature, keys)
  if (signer !== undefined) {
    return output.result({ valid: true, fingerprint: signer.fingerprint }, texts('valid'))
  }
  const cause = findOtherKey(body, signature, folder) ?? findOtherBody(body, signature, keys)
  return refuse(session, 'signature-mismatch', cause ?? ((t) => t('cause.unknown')))
}

function refuse({ output, texts, endWith }: Session, code: string, say: Say): void {
  const cause = say(texts)
  output.result({ valid: false, code, cause }, texts('invalid'))
  output.note(cause)
  endWith(EXIT.invalidSignature)
}

async function readSignatureText({ signature, signatureFile }: VerifyOptions): Promise<string> {
  if (signature !== undefined && signatureFile === undefined) return signature
  if (signature === undefined && signatureFile !== undefined) return readFile(signatureFile, 'utf8')
  throw usageError('noSignature')
}

/** Keys of the folder that may have been used by mistake. */
function findOtherKey(
  body: Buffer,
  signature: Uint8Array,
  folder: Keys | undefined,
): Say | undefined {
  if (folder === undefined) return undefined
  const { webhook, merchant, directory } = folder
  const others = [
    [webhook.publicKey, 'webhook'],
    [merchant.publicKey, 'merchant'],
    [webhook.previousPublicKey, 'previous'],
  ] as const
  const found = others.find(
    ([key]) =>
      key !== undefined && findSigner(body, signature, readPublicKeys(key, true)) !== undefined,
  )
  return found && ((t) => t(`signedWith.${found[1]}`, { directory }))
}

/** What often happens to a body between Ping++ and a file. */
const BODY_CHANGES: readonly (readonly [
  cause: 'lineBreak' | 'byteOrderMark' | 'latin1',
  signed: (body: Buffer) => Buffer,
])[] = [
  ['lineBreak', withoutBreaks],
  ['byteOrderMark', (body) => (body[0] === 0xef ? body.subarray(3) : body)],
  ['latin1', (body) => Buffer.from(body.toString(), 'latin1')],
]

function findOtherBody(
  body: Buffer,
  signature: Uint8Array,
  keys: readonly VerificationKey[],
): Say | undefined {
  const isSigned = (bytes: Buffer | string | undefined): boolean =>
    bytes !== undefined && findSigner(Buffer.from(bytes), signature, keys) !== undefined
  const change = BODY_CHANGES.find(([, signed]) => isSigned(signed(body)))
  if (change !== undefined) return (t) => t(`cause.${change[0]}`)
  const mistake = BODY_MISTAKES.find(({ signed }) => isSigned(signed(body)))
  return mistake && ((t) => t('cause.serialised'))
}

/** Not with `/[\r\n]+$/`, which is quadratic if there are many breaks elsewhere. */
function withoutBreaks(body: Buffer): Buffer {
  let end = body.length
  while (body[end - 1] === 0x0a || body[end - 1] === 0x0d) end -= 1
  return body.subarray(0, end)
}
