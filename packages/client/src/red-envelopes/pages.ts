import type { RedEnvelope } from '@hongbao/core'
import type { PingppError } from '../errors.ts'
import { invalidAnswer, type GoodAnswer } from '../http/answer.ts'
import { readEnvelope } from './red-envelope.ts'

/** A page of a list, newest first. */
export interface RedEnvelopePage {
  readonly data: readonly RedEnvelope[]
  /** Whether there is more: further into the past, or nearer to now with `ending_before`. */
  readonly hasMore: boolean
  /** Requests the next page; undefined if there is none. */
  next(): Promise<RedEnvelopePage | undefined>
}

/**
 * A list of red envelopes: `await` returns its first page, `for await` iterates over all of them.
 * Nothing is sent before, and the first page is requested once: call `list` again to request it again.
 *
 * Envelopes come newest first. With `ending_before` pages go the other way, towards now, so that
 * `for await` returns the oldest first; within a page Ping++'s order stays.
 */
export interface RedEnvelopeList extends PromiseLike<RedEnvelopePage>, AsyncIterable<RedEnvelope> {}

type AnsweredPage = Omit<RedEnvelopePage, 'next'>

/**
 * Makes a list of the pages that `ask` requests: the one after an envelope, or the first. They go into the
 * past if `isBackwards`, as they do without `ending_before`.
 */
export function createEnvelopeList(
  ask: (cursor: string | undefined) => Promise<AnsweredPage>,
  isBackwards: boolean,
): RedEnvelopeList {
  let first: Promise<RedEnvelopePage> | undefined

  async function open(cursor: string | undefined): Promise<RedEnvelopePage> {
    const { data, hasMore } = await ask(cursor)
    const last = isBackwards ? data.at(-1) : data[0]
    return {
      data,
      hasMore,
      next: async () => (hasMore && last !== undefined ? open(last.id) : undefined),
    }
  }

  function openFirst(): Promise<RedEnvelopePage> {
    first ??= open(undefined)
    return first
  }

  async function* iterate(): AsyncGenerator<RedEnvelope, void, undefined> {
    let page: RedEnvelopePage | undefined = await openFirst()
    while (page !== undefined) {
      yield* isBackwards ? page.data : page.data.toReversed()
      // oxlint-disable-next-line no-await-in-loop -- a page names the next one
      page = await page.next()
    }
  }

  return {
    // oxlint-disable-next-line unicorn/no-thenable -- a list is awaited for its first page
    then: (onPage, onError) => openFirst().then(onPage, onError),
    [Symbol.asyncIterator]: iterate,
  }
}

/**
 * Reads a page of an answer: every item is a checked envelope, and the page is beyond the cursor. With
 * a server that ignores the cursor, the list would never end.
 */
export function readPage(answer: GoodAnswer, cursor: string | undefined): AnsweredPage {
  const { object, data: items, has_more: hasMore } = answer.value
  const invalid = (detail: string): PingppError => invalidAnswer(answer, detail)
  if (object !== 'list' || !Array.isArray(items)) throw invalid('It is not a list.')
  if (typeof hasMore !== 'boolean') throw invalid('Its `has_more` is not true or false.')
  const data = items.map((item) => readEnvelope(answer, {}, item))
  if (hasMore && data.length === 0) throw invalid('It is empty, but its `has_more` is true.')
  if (data.some(({ id }) => id === cursor)) {
    throw invalid('It does not start after the requested envelope.')
  }
  return { data: Object.freeze(data), hasMore }
}
