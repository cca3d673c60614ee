import type { ListAnswer, ListQuery } from './types.ts'
import { invalidOption } from '../../errors.ts'

/** Field of a search → its text. */
export type Searchable = Readonly<Record<string, string | undefined>>

export interface Pages<Item, View> {
  readonly idOf: (item: Item) => string
  readonly searchable: (item: Item) => Searchable
  readonly view: (item: Item) => View
}

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000

/**
 * The latest items that match, oldest first. The item of a cursor need not match any more.
 *
 * @throws SandboxError `option-invalid`
 */
export function pageOf<Item, View>(
  items: readonly Item[],
  { limit = String(DEFAULT_LIMIT), before, q = '' }: ListQuery,
  { idOf, searchable, view }: Pages<Item, View>,
  isMatch: (item: Item) => boolean = () => true,
): ListAnswer<View> {
  const most = /^\d{1,4}$/.test(limit) ? Number(limit) : 0
  if (most < 1 || most > MAX_LIMIT) throw invalidOption('limit', `from 1 to ${MAX_LIMIT}`)
  // The item of a cursor may have been removed, and then all that were older.
  const end = before === undefined ? items.length : items.findIndex((item) => idOf(item) === before)
  const words = q.toLowerCase().split(/\s+/).filter(Boolean)
  const found = items
    .slice(0, Math.max(0, end))
    .filter(isMatch)
    .filter((item) => words.length === 0 || isFound(searchable(item), words))
  const page = found.slice(-most)
  const [first] = page
  const isLast = first === undefined || found.length === page.length
  return { data: page.map(view), before: isLast ? null : idOf(first) }
}

/** Whether every word occurs: `order:12` in the order number, `12` in any field. */
function isFound(fields: Searchable, words: readonly string[]): boolean {
  return words.every((word) => {
    const [, name = '', text = ''] = /^([a-z]+):(.*)$/.exec(word) ?? []
    const texts = Object.hasOwn(fields, name) ? [fields[name]] : Object.values(fields)
    const sought = Object.hasOwn(fields, name) ? text : word
    return texts.some((each) => each?.toLowerCase().includes(sought))
  })
}
