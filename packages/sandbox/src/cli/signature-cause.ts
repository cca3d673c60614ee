import {
  findSigner,
  readPublicKeys,
  readSignature,
  WebhookError,
  type VerificationKey,
} from '@hongbao/core/internal'
import { BODY_MISTAKES, withoutBreaks } from '../http/api/body-mistakes.ts'

/** A key that may have signed instead. */
export interface OtherKey {
  readonly publicKey: string
  /** Whose it is, as the end of "it was made with …". */
  readonly owner: string
}

/** What is found of a signature; `cause` is the likeliest one. */
export type Verdict =
  | { readonly valid: true; readonly fingerprint: string }
  | { readonly valid: false; readonly code: string; readonly cause: string }

/** Verifies a signature over a body, and looks for the reason where it does not cover it. */
export function judgeSignature(
  body: Uint8Array,
  header: string,
  keys: readonly VerificationKey[],
  others: readonly OtherKey[],
): Verdict {
  const signature = readSignature(header, keys)
  if (signature instanceof WebhookError)
    return { valid: false, code: signature.code, cause: signature.message }
  const signer = findSigner(body, signature, keys)
  if (signer !== undefined) return { valid: true, fingerprint: signer.fingerprint }
  const cause =
    findOtherKey(body, signature, others) ?? findOtherBody(Buffer.from(body), signature, keys)
  return { valid: false, code: 'signature-mismatch', cause: cause ?? NOTHING_KNOWN }
}

function findOtherKey(
  body: Uint8Array,
  signature: Uint8Array,
  others: readonly OtherKey[],
): string | undefined {
  const found = others.find(
    ({ publicKey }) => findSigner(body, signature, readPublicKeys(publicKey, true)) !== undefined,
  )
  return found === undefined
    ? undefined
    : `The body is genuine, but it was signed with ${found.owner}.`
}

function findOtherBody(
  body: Buffer,
  signature: Uint8Array,
  keys: readonly VerificationKey[],
): string | undefined {
  const found = [...BODY_CHANGES, ...SPELLINGS].find(({ of }) => {
    const signed = of(body)
    return signed !== undefined && findSigner(signed, signature, keys) !== undefined
  })
  return found?.says
}

interface BodyChange {
  readonly says: string
  /** What may have been signed, seen from what is here. */
  readonly of: (body: Buffer) => Buffer | undefined
}

/** What happens to a body between the signer and a file. */
const BODY_CHANGES: readonly BodyChange[] = [
  {
    says: 'A line break was added at the end of the body, as editors and `echo` do.',
    of: withoutBreaks,
  },
  {
    says: 'A line break at the end of the body is missing, which `curl -d` takes away; use --data-binary.',
    of: (body) => Buffer.concat([body, Buffer.from('\n')]),
  },
  {
    says: 'The line breaks of the body became CR LF.',
    of: (body) => Buffer.from(body.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'),
  },
  {
    says: 'A byte order mark was put before the body, as some editors do.',
    of: (body) => (body.subarray(0, 3).equals(BYTE_ORDER_MARK) ? body.subarray(3) : undefined),
  },
  {
    says: 'The body is text that was read as latin1 and written as UTF-8.',
    of: (body) => Buffer.from(body.toString(), 'latin1'),
  },
]

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** The same JSON written in another way: whoever wrote the body had parsed it before. */
const SPELLINGS: readonly BodyChange[] = BODY_MISTAKES.map(({ says, of }) => ({
  says: `The body was parsed and written anew, and so is not what was signed: ${says.en}.`,
  of,
}))

const NOTHING_KNOWN =
  'Either another key signed it (is this the Ping++ public key of the account, and not your own?), or the body has changed since.'
