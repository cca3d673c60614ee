/** A page of a list, newest first. */
export interface Page<Item> {
  readonly data: readonly Item[]
  /** Whether there is more: further into the past, or nearer to now with `ending_before`. */
  readonly hasMore: boolean
  /** Asks for the next page; undefined where there is none. */
  next(): Promise<Page<Item> | undefined>
}

/**
 * A list that was asked for: `await` gives its first page, `for await` all of its items. Nothing is
 * sent before, and the first page is asked for once: call `list` again to ask again.
 *
 * Items come newest first. With `ending_before` pages go the other way, towards now, so that
 * `for await` gives the oldest first; within a page Ping++'s order stays.
 */
export interface PagedList<Item> extends PromiseLike<Page<Item>>, AsyncIterable<Item> {}

/** One page as it was answered. */
export interface AnsweredPage<Item> {
  readonly data: readonly Item[]
  readonly hasMore: boolean
}

/** Where pages come from. */
export interface PageSource<Item> {
  /** Whether pages go into the past, as they do without `ending_before`. Default: true. */
  readonly isBackwards?: boolean
  /** Asks for the page beyond an item, or for the first one. */
  readonly ask: (cursor: string | undefined) => Promise<AnsweredPage<Item>>
}

export function createPagedList<Item extends { readonly id: string }>({
  isBackwards = true,
  ask,
}: PageSource<Item>): PagedList<Item> {
  let first: Promise<Page<Item>> | undefined

  async function open(cursor: string | undefined): Promise<Page<Item>> {
    const { data, hasMore } = await ask(cursor)
    const last = isBackwards ? data.at(-1) : data[0]
    return {
      data,
      hasMore,
      next: async () => (hasMore && last !== undefined ? open(last.id) : undefined),
    }
  }

  function openFirst(): Promise<Page<Item>> {
    first ??= open(undefined)
    return first
  }

  async function* iterate(): AsyncGenerator<Item, void, undefined> {
    let page: Page<Item> | undefined = await openFirst()
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
