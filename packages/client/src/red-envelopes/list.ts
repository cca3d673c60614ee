import type { RedEnvelope } from '@hongbao/core'
import type { JsonObject } from '../http/answer.ts'
import { readEnvelope } from './red-envelope.ts'
import { Failure } from '../http/failure.ts'
import type { AnsweredPage } from './pages.ts'

/**
 * Makes a page of an answer: every item a checked envelope, and a page that moves on from the
 * cursor. A server that did not know the cursor and started again would be asked for ever.
 */
export function readEnvelopeList(
  { object, data, has_more: hasMore }: JsonObject,
  cursor: string | undefined,
): AnsweredPage | Failure {
  if (object !== 'list' || !Array.isArray(data)) return invalid('It is no list.')
  if (typeof hasMore !== 'boolean') return invalid('Its `has_more` is not true or false.')
  const envelopes: RedEnvelope[] = []
  for (const item of data) {
    const envelope = readEnvelope(item)
    if (envelope instanceof Failure) return envelope
    envelopes.push(envelope)
  }
  if (hasMore && envelopes.length === 0) return invalid('It is empty, and says that there is more.')
  if (cursor !== undefined && envelopes.some(({ id }) => id === cursor)) {
    return invalid('It starts again, where the page after an envelope was asked for.')
  }
  return { data: Object.freeze(envelopes), hasMore }
}

function invalid(detail: string): Failure {
  return new Failure('response-invalid', { detail })
}
