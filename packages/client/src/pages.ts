/** A page of a list, newest first. */
export interface Page<Item> {
  readonly data: readonly Item[]
  /** Whether there is more, further into the past. */
  readonly hasMore: boolean
  /** The next page; undefined where there is none. */
  next(): Promise<Page<Item> | undefined>
}

/** A list that was asked for: `await` gives its first page, `for await` all of its items. Nothing is sent before. */
export interface PagedList<Item> extends PromiseLike<Page<Item>>, AsyncIterable<Item> {}
