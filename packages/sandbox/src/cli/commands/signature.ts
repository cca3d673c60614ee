import {
  WebhookError,
  findSigner,
  readPrivateKey,
  readPublicKeys,
  readSignature,
  signBytes,
  type VerificationKey,
} from '@hongbao/core/internal'
import { existsSync, readFileSync } from 'node:fs'
import { BODY_MISTAKES } from '../../http/api/signature-mistakes.ts'
import type { Keys } from '../../keys/keys.ts'
import { command, number, text, type Commands, type Session } from '../command.ts'
import { EXIT, usageError, writeRefusal, type ExitStatus } from '../exit.ts'
import { openFolder, readBody, requestTarget } from '../inputs.ts'
import type { Texts } from '../texts/texts.ts'

const SIGN = {
  key: text('<path>'),
  request: requestTarget,
  timestamp: number('<seconds>', /^\d{1,12}$/, 'expected.unixTime'),
} as const

const VERIFY = {
  signature: text('<value>'),
  signatureFile: text('<path>'),
  key: text('<path>'),
} as const

export const commands: Commands = {
  /** Prints the header's value, or both headers of a request: `curl -H @<(hongbao-sandbox sign …)`. */
  sign: command(['[file]'], SIGN, async (session, options, file) => {
    const { key, request: target, timestamp = Math.floor(Date.now() / 1000) } = options
    const { output, host } = session
    const folder = key === undefined ? await openFolder(session) : undefined
    const own = target === undefined ? folder?.webhook : folder?.merchant
    const { privateKey } = readPrivateKey({ path: key ?? own?.privatePath ?? '' }, 'key', true)
    if (target === undefined) {
      const signature = signBytes(await readBody(file, host), privateKey)
      return output.result({ signature }, signature)
    }
    // A request without a file has no body, such as a GET.
    const body = file === undefined ? Buffer.alloc(0) : await readBody(file, host)
    const signature = signBytes(Buffer.concat([body, Buffer.from(target + timestamp)]), privateKey)
    return output.result(
      { signature, timestamp: String(timestamp) },
      `Pingplusplus-Signature: ${signature}\nPingplusplus-Request-Timestamp: ${timestamp}`,
    )
  }),
  verify: command(['[file]'], VERIFY, async (session, options, file) => {
    const { output, host, texts, directory } = session
    const { signature: given, signatureFile } = options
    if ((given === undefined) === (signatureFile === undefined)) throw usageError('noSignature')
    const header = given ?? readFileSync(signatureFile ?? '', 'utf8')
    const folder = existsSync(directory) ? await openFolder(session) : undefined
    const path = options.key ?? folder?.webhook.publicPath
    if (path === undefined) throw usageError('noKey', { directory })
    // Also the example keys of Ping++'s SDKs: their published notifications can be verified.
    const keys = readPublicKeys({ path }, true)
    const body = await readBody(file, host)
    const signature = readSignature(header, keys)
    if (signature instanceof WebhookError) {
      return refuse(session, signature.code, writeRefusal(signature, texts))
    }
    const signer = findSigner(body, signature, keys)
    if (signer === undefined) {
      return refuse(session, 'signature-mismatch', findCause(body, signature, keys, folder, texts))
    }
    return output.result({ valid: true, fingerprint: signer.fingerprint }, texts('valid'))
  }),
}

function refuse({ output, texts }: Session, code: string, cause: string): ExitStatus {
  output.result({ valid: false, code, cause }, texts('invalid'))
  output.note(cause)
  return EXIT.invalidSignature
}

/** What often happens to a body between Ping++ and a file. */
const BODY_CHANGES = [
  ['cause.lineBreak', withoutBreaks],
  ['cause.byteOrderMark', (body) => (body[0] === 0xef ? body.subarray(3) : body)],
  ['cause.latin1', (body) => Buffer.from(body.toString(), 'latin1')],
  ...BODY_MISTAKES.map(({ signed }) => ['cause.serialised', signed] as const),
] as const satisfies readonly (readonly [string, (body: Buffer) => Buffer | string | undefined])[]

/** What is signed instead: another body by the key, or this one by a key of the folder. */
function findCause(
  body: Buffer,
  signature: Uint8Array,
  keys: readonly VerificationKey[],
  folder: Keys | undefined,
  texts: Texts,
): string {
  const { webhook, merchant, directory = '' } = folder ?? {}
  const others = [
    ['signedWith.webhook', webhook?.publicKey],
    ['signedWith.merchant', merchant?.publicKey],
    ['signedWith.previous', webhook?.previousPublicKey],
  ] as const
  const other = others.find(
    ([, pem = '']) => pem !== '' && findSigner(body, signature, readPublicKeys(pem, true)),
  )
  if (other !== undefined) return texts(other[0], { directory })
  const change = BODY_CHANGES.find(([, signed]) => {
    const bytes = signed(body)
    return bytes !== undefined && findSigner(Buffer.from(bytes), signature, keys)
  })
  return texts(change?.[0] ?? 'cause.unknown')
}

/** Not with `/[\r\n]+$/`, which is quadratic if there are many breaks elsewhere. */
function withoutBreaks(body: Buffer): Buffer {
  let end = body.length
  while (body[end - 1] === 0x0a || body[end - 1] === 0x0d) end -= 1
  return body.subarray(0, end)
}
