import type { RedEnvelope } from '@hongbao/core'
import type { PingppClient } from '../client.ts'
import type { RedEnvelopeListParams } from '../red-envelopes/list-parameters.ts'
import type { TokenBucket } from './token-bucket.ts'

/** A client that asks no faster than it may. */
export interface PacedClient {
  retrieve(id: string): Promise<RedEnvelope>
  /** All envelopes of a list, newest first; each of its pages is a request. */
  list(query: RedEnvelopeListParams): AsyncIterable<RedEnvelope>
}

export interface Pace {
  readonly bucket: TokenBucket
  readonly signal: AbortSignal
  /** Told of every request, before it is made. */
  readonly onRequest: () => void
}

/** Gives a client a pace, the pages of lists and its own retries included. */
export function paceClient(
  { redEnvelopes }: PingppClient,
  { bucket, signal, onRequest }: Pace,
): PacedClient {
  async function beforeAttempt(): Promise<void> {
    await bucket.take(signal)
    onRequest()
  }

  const how = { signal, beforeAttempt }
  return {
    retrieve: (id) => redEnvelopes.retrieve(id, how),
    list: (query) => redEnvelopes.list(query, how),
  }
}
