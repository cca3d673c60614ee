import type { RedEnvelope } from '@hongbao/core'

/** What a list is narrowed to; `created` in Unix seconds. */
export interface EnvelopeQuery {
  readonly limit: number
  readonly startingAfter?: string | undefined
  readonly endingBefore?: string | undefined
  readonly app?: string | undefined
  readonly channel?: string | undefined
  readonly status?: string | undefined
  readonly created?: {
    readonly gt?: number | undefined
    readonly gte?: number | undefined
    readonly lt?: number | undefined
    readonly lte?: number | undefined
  }
}

/** A page, newest first. */
export interface EnvelopePage {
  readonly data: readonly RedEnvelope[]
  readonly hasMore: boolean
}

/**
 * One page of what there is, newest first; undefined where a cursor is unknown.
 *
 * @param oldestFirst all envelopes, in the order in which they were made
 */
export function listEnvelopes(
  oldestFirst: readonly RedEnvelope[],
  query: EnvelopeQuery,
): EnvelopePage | undefined {
  const { limit, startingAfter, endingBefore } = query
  const newestFirst = oldestFirst.toReversed()
  const after = placeOf(newestFirst, startingAfter, -1)
  const before = placeOf(newestFirst, endingBefore, newestFirst.length)
  if (after === undefined || before === undefined) return undefined

  const found = newestFirst.slice(after + 1, before).filter((envelope) => isMeant(envelope, query))
  // Before a cursor, the page is the one next to it; that of the newest would leave a gap.
  const data = endingBefore === undefined ? found.slice(0, limit) : found.slice(-limit)
  return { data, hasMore: found.length > limit }
}

/** Where a cursor stands; undefined where there is no such envelope. */
function placeOf(
  envelopes: readonly RedEnvelope[],
  id: string | undefined,
  otherwise: number,
): number | undefined {
  if (id === undefined) return otherwise
  const place = envelopes.findIndex((envelope) => envelope.id === id)
  return place === -1 ? undefined : place
}

function isMeant(envelope: RedEnvelope, { app, channel, status, created }: EnvelopeQuery): boolean {
  return (
    (app ?? envelope.app) === envelope.app &&
    (channel ?? envelope.channel) === envelope.channel &&
    (status ?? envelope.status) === envelope.status &&
    isWithin(envelope.created, created)
  )
}

function isWithin(time: number, { gt, gte, lt, lte }: EnvelopeQuery['created'] = {}): boolean {
  return (
    time > (gt ?? -Infinity) &&
    time >= (gte ?? -Infinity) &&
    time < (lt ?? Infinity) &&
    time <= (lte ?? Infinity)
  )
}
