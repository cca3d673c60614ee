import { Buffer } from 'node:buffer'
import { signBytes, type SigningKey } from '@hongbao/core/internal'

/** What of a request is signed. */
export interface SignedParts {
  /** The bytes of the body; none for GET. */
  readonly body: Uint8Array | undefined
  /** Path and query, byte for byte as they are sent: `/v1/red_envelopes?limit=3`. */
  readonly target: string
  /** Unix time in seconds. */
  readonly timestamp: number
}

/**
 * The headers that say who sent a request, and when: RSA-SHA256 over body, target and timestamp,
 * one after another, as Ping++'s own SDKs have signed since 2016, GET included. Without a key, only
 * the time.
 */
export function signRequest(
  { body, target, timestamp }: SignedParts,
  key: SigningKey | undefined,
): Record<string, string> {
  const headers = { 'Pingplusplus-Request-Timestamp': String(timestamp) }
  if (key === undefined) return headers
  const bytes = Buffer.concat([body ?? Buffer.alloc(0), Buffer.from(`${target}${timestamp}`)])
  return { ...headers, 'Pingplusplus-Signature': signBytes(bytes, key.privateKey) }
}
