import { createFailure, withStack, WebhookError } from '../reply/errors.ts'
import { isBytes } from '../keys/bytes.ts'
import type { WebhookEvent } from '../events/event.ts'
import { parseEvent } from '../events/parse-event.ts'
import type { Verifier } from '../keys/verifier.ts'

/** Where the receiver of a queue finds the signature in its handler's context. The same in every copy of hongbao. */
export const SIGNATURE: unique symbol = Symbol.for('hongbao.signature')

export function signatureOf(context: object): Uint8Array | undefined {
  const { [SIGNATURE]: signature } = context as { readonly [SIGNATURE]?: Uint8Array }
  return signature
}

/** A method that receivers have, and their type does not show: verifies what a queue carries. */
export const VERIFY_CARRIED: unique symbol = Symbol.for('hongbao.verify-carried')

/**
 * Verifies a delivery that a queue has carried, under the receiver's own keys. Its age does not count:
 * it was accepted when it arrived. @throws WebhookError with the code of what is wrong
 */
export type VerifyCarried = (body: Uint8Array, signature: string) => Promise<CarriedEvent>

export interface CarriedEvent {
  readonly event: WebhookEvent
  /** SHA-256 (hexadecimal) of the key that verified it. */
  readonly keyFingerprint: string
}

export function verifierOf(receiver: object): VerifyCarried | undefined {
  const { [VERIFY_CARRIED]: verify } = receiver as { readonly [VERIFY_CARRIED]?: VerifyCarried }
  return typeof verify === 'function' ? verify : undefined
}

/** Verifies bytes and their signature, and parses the event. Neither its age nor its app counts. */
export async function verifyBytes(
  body: Uint8Array,
  header: string | undefined,
  verifier: Verifier,
): Promise<CarriedEvent> {
  const result = await readVerified(body, header, verifier)
  if (result instanceof WebhookError) throw withStack(result)
  return result
}

async function readVerified(
  body: Uint8Array,
  header: string | undefined,
  verifier: Verifier,
): Promise<CarriedEvent | WebhookError> {
  if (!isBytes(body)) return createFailure('body-consumed', NOT_RAW)
  const signature = await verifier.readSignature(header)
  if (signature instanceof WebhookError) return signature
  const signer = await verifier.findSigner(body, signature)
  if (signer instanceof WebhookError) return signer
  const event = parseEvent(body)
  if (event instanceof WebhookError) return event
  return { event, keyFingerprint: signer.fingerprint }
}

const NOT_RAW =
  '`verify` expects the raw body as bytes (Uint8Array): a string or a parsed object is not what was signed.'
