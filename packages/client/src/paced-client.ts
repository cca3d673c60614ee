import type { RedEnvelope } from '@hongbao/core'
import type { Client } from './client.ts'
import type { ListRedEnvelopes } from './list-query.ts'
import type { Page } from './pages.ts'
import type { TokenBucket } from './token-bucket.ts'

/** A client that asks no faster than it may. */
export interface PacedClient {
  retrieve(id: string): Promise<RedEnvelope>
  /** All envelopes of a list, newest first; each of its pages is a request. */
  list(query: ListRedEnvelopes): AsyncIterable<RedEnvelope>
}

export interface Pace {
  readonly bucket: TokenBucket
  readonly signal: AbortSignal
  /** Told of every request, before it is made. */
  readonly onRequest: () => void
}

/**
 * Gives a client a pace, its list's pages included. Retries of the client itself come on top: they
 * alone know the `Retry-After` of an answer.
 */
export function paceClient(client: Client, { bucket, signal, onRequest }: Pace): PacedClient {
  const { redEnvelopes } = client

  async function request<Result>(send: () => PromiseLike<Result>): Promise<Result> {
    await bucket.take(signal)
    onRequest()
    return send()
  }

  async function* list(query: ListRedEnvelopes): AsyncGenerator<RedEnvelope, void> {
    let next = (): PromiseLike<Page<RedEnvelope> | undefined> =>
      redEnvelopes.list(query, { signal })
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- a page is known by the one before
      const page = await request(next)
      if (page === undefined) return
      yield* page.data
      if (!page.hasMore) return
      next = () => page.next()
    }
  }

  return { retrieve: (id) => request(() => redEnvelopes.retrieve(id, { signal })), list }
}
