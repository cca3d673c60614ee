/** A page of objects, as Ping++ nests it in others (API reference, "list"). */
export interface ListObject<Item> {
  /** Always `list`. */
  readonly object: 'list'
  /** Path under which the API returns the whole list; null if there is none. */
  readonly url: string | null
  /** Whether the API has more than `data` shows. */
  readonly has_more: boolean
  /** The objects of this page. */
  readonly data: readonly Item[]
}
