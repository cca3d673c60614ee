import type { RedEnvelope } from '@hongbao/core'

/** Filters and cursors of a list; `created` in Unix seconds. */
export interface EnvelopeQuery {
  readonly limit: number
  readonly startingAfter?: string | undefined
  readonly endingBefore?: string | undefined
  readonly app?: string | undefined
  readonly channel?: string | undefined
  readonly status?: string | undefined
  readonly created?: Readonly<Partial<Record<'gt' | 'gte' | 'lt' | 'lte', number>>>
}

export interface EnvelopePage {
  readonly data: readonly RedEnvelope[]
  readonly hasMore: boolean
}

/**
 * One page; undefined if a cursor is unknown.
 *
 * @param oldestFirst all envelopes, in the order in which they were created
 */
export function listEnvelopes(
  oldestFirst: readonly RedEnvelope[],
  query: EnvelopeQuery,
): EnvelopePage | undefined {
  const { limit, startingAfter, endingBefore } = query
  const newestFirst = oldestFirst.toReversed()
  const placeOf = (id: string) => newestFirst.findIndex((envelope) => envelope.id === id)
  const after = startingAfter === undefined ? undefined : placeOf(startingAfter)
  const before = endingBefore === undefined ? undefined : placeOf(endingBefore)
  if (after === -1 || before === -1) return undefined

  const inRange = newestFirst.slice((after ?? -1) + 1, before)
  const found = inRange.filter((envelope) => isMatch(envelope, query))
  // Before a cursor: the page next to it; the newest page would leave a gap.
  const data = endingBefore === undefined ? found.slice(0, limit) : found.slice(-limit)
  return { data, hasMore: found.length > limit }
}

function isMatch(envelope: RedEnvelope, query: EnvelopeQuery): boolean {
  const { app = envelope.app, channel = envelope.channel, status = envelope.status } = query
  return (
    app === envelope.app &&
    channel === envelope.channel &&
    status === envelope.status &&
    isInRange(envelope.created, query.created)
  )
}

function isInRange(created: number, range: EnvelopeQuery['created'] = {}): boolean {
  const { gt = -Infinity, gte = -Infinity, lt = Infinity, lte = Infinity } = range
  return created > gt && created >= gte && created < lt && created <= lte
}
