/**
 * Writes a query as Ping++ reads it: `{ created: { gte: 1 } }` is `created%5Bgte%5D=1`, a list is
 * `expand%5B%5D=app`. What is undefined or null is left out.
 *
 * Everything but RFC 3986's unreserved characters is escaped. The request signature covers the
 * query as it is sent, so no URL parser may find something in it to rewrite: the one of `fetch`
 * escapes `'`, which `encodeURIComponent` leaves.
 *
 * @throws TypeError for what has no text of its own, and URIError for half a character
 */
export function encodeQuery(query: Readonly<Record<string, unknown>>): string {
  return Object.entries(query)
    .flatMap(([name, value]) => pairsOf(name, value))
    .map(([name, value]) => `${escape(name)}=${escape(value)}`)
    .join('&')
}

type Pair = readonly [name: string, value: string]

function pairsOf(name: string, value: unknown): readonly Pair[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value.flatMap((each) => pairsOf(`${name}[]`, each))
  if (isPlainObject(value)) {
    return Object.entries(value).flatMap(([member, each]) => pairsOf(`${name}[${member}]`, each))
  }
  return [[name, textOf(name, value)]]
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  throw new TypeError(`\`${name}\` is no text, number, true or false.`)
}

/** A `Date` has no members either, and would be left out without a word. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function escape(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
