import { WebhookError } from '@hongbao/core'
import {
  findSigner,
  readPublicKeys,
  readSignature,
  SIGNATURE_HEADER,
  type SigningKey,
} from '@hongbao/core/internal'
import type { Attempt, SandboxEvent } from '../../events/sandbox-event.ts'
import { publicPemOf } from '../../keys/keys.ts'

/** What the signature of an attempt is worth to an app, and why. */
export type SentSignatureVerdict = 'valid' | 'absent' | 'bodyDiffers' | 'otherKey'

/** Verifies what attempts really sent, as an app would. */
export function createSignatureJudge(
  { privateKey }: SigningKey,
  { bytes, signature: genuine }: SandboxEvent,
): (sent: Attempt['sent']) => SentSignatureVerdict {
  const keys = readPublicKeys(publicPemOf(privateKey), true)

  function covers(header: string, body: Buffer): boolean {
    const signature = readSignature(header, keys)
    if (signature instanceof WebhookError) return false
    return findSigner(body, signature, keys) !== undefined
  }

  return function judge({ headers, body }) {
    const header = headers[SIGNATURE_HEADER]
    if (header === undefined) return 'absent'
    if (covers(header, body)) return 'valid'
    return header === genuine || covers(header, bytes) ? 'bodyDiffers' : 'otherKey'
  }
}
