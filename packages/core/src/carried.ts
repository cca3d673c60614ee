import { WebhookError } from './errors.ts'
import { parseEvent, type WebhookEvent } from './event.ts'
import { Failure } from './failure.ts'
import type { VerificationKey } from './keys.ts'
import { findSigner, readSignature } from './signature.ts'

/** Where the receiver of a queue finds the signature in its handler's context. The same in every copy of hongbao. */
export const SIGNATURE: unique symbol = Symbol.for('hongbao.signature')

/** The signature that a delivery came with; undefined for an event that was dispatched. */
export function signatureOf(context: object): Uint8Array | undefined {
  const { [SIGNATURE]: signature } = context as { readonly [SIGNATURE]?: Uint8Array }
  return signature
}

/** A method that receivers have, and their type does not show: verifies what a queue carries. */
export const VERIFY_CARRIED: unique symbol = Symbol.for('hongbao.verify-carried')

/**
 * Verifies a delivery that a queue has carried, under the receiver's own keys. Its age does not count:
 * it was accepted when it arrived.
 *
 * @throws WebhookError `signature-malformed`, `signature-mismatch`, or what is wrong with the event
 */
export type VerifyCarried = (body: Uint8Array, signature: string) => Promise<CarriedEvent>

export interface CarriedEvent {
  readonly event: WebhookEvent
  /** SHA-256 (hexadecimal) of the key that verified it. */
  readonly keyFingerprint: string
}

/** The method of a receiver made by `createWebhooks`; undefined for anything else. */
export function verifierOf(receiver: object): VerifyCarried | undefined {
  const { [VERIFY_CARRIED]: verify } = receiver as { readonly [VERIFY_CARRIED]?: VerifyCarried }
  return typeof verify === 'function' ? verify : undefined
}

export function verifyCarried(
  body: Uint8Array,
  text: string,
  keys: readonly VerificationKey[],
): CarriedEvent {
  const signature = readSignature(text, keys)
  if (signature instanceof Failure) throw signature.toError()
  const signer = findSigner(body, signature, keys)
  if (signer === undefined) throw new WebhookError('signature-mismatch')
  const event = parseEvent(body)
  if (event instanceof Failure) throw event.toError()
  return { event, keyFingerprint: signer.fingerprint }
}
