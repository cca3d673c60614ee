/** What a row can be found by; several words of a field stand in one text. */
export interface Filterable {
  /** An event type, or method and path of a request. */
  readonly type: string
  /** Such as `pending failed 500`. */
  readonly status: string
  readonly order: string
  /** Kinds of the faults that acted. */
  readonly fault: string
  readonly id: string
}

/**
 * Reads a filter such as `type:sent status:failed 20260217`: all terms must match, each as a part of
 * a text, in any case. `fault:` without a value finds rows on which any fault acted.
 */
export function readFilter(query: string): (row: Filterable) => boolean {
  const terms = query.toLowerCase().split(/\s+/).filter(Boolean)
  return (row) => {
    const texts = new Map(Object.entries(row))
    return terms.every((term) => matches(term, texts))
  }
}

function matches(term: string, texts: ReadonlyMap<string, string>): boolean {
  const [, field = '', value = ''] = /^(\w+):(.*)$/.exec(term) ?? []
  const text = texts.get(field)
  if (text === undefined) return [...texts.values()].join('\n').toLowerCase().includes(term)
  return text !== '' && text.toLowerCase().includes(value)
}
