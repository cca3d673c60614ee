import { SIGNATURE_HEADER, type SigningKey } from '@hongbao/core/internal'
import { createPublicKey, verify } from 'node:crypto'
import type { Attempt, SandboxEvent } from '../../events/sandbox-event.ts'

/** What the signature of an attempt is worth to an app, and why. */
export type SentSignatureVerdict = 'valid' | 'absent' | 'bodyDiffers' | 'otherKey'

/** Verifies what an attempt really sent, as an app would. */
export function judgeSignature(
  { headers, body }: Attempt['sent'],
  { bytes, signature: genuine }: SandboxEvent,
  { privateKey }: SigningKey,
): SentSignatureVerdict {
  const header = headers[SIGNATURE_HEADER]
  if (header === undefined) return 'absent'
  const signature = Buffer.from(header, 'base64')
  const covers = (content: Buffer) =>
    verify('sha256', content, createPublicKey(privateKey), signature)
  if (covers(body)) return 'valid'
  return header === genuine || covers(bytes) ? 'bodyDiffers' : 'otherKey'
}
