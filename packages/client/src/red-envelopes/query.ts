import { PingppError } from '../errors.ts'
import type { JsonObject } from '../http/answer.ts'

/**
 * Writes a query as Ping++ reads it: `{ created: { gte: 1 } }` is `created%5Bgte%5D=1`, a list is
 * `expand%5B%5D=app`. What is undefined or null is left out.
 *
 * Everything but RFC 3986's unreserved characters is escaped. The request signature covers the
 * query as it is sent, so no URL parser may find something in it to rewrite: the one of `fetch`
 * escapes `'`, which `encodeURIComponent` leaves.
 *
 * @throws PingppError `parameter-invalid` for a value that is not a text, number, true or false
 */
export function encodeQuery(query: JsonObject): string {
  return Object.entries(query)
    .flatMap(([name, value]) => pairsOf(name, value))
    .map((pair) => pair.map(escape).join('='))
    .join('&')
}

function pairsOf(name: string, value: unknown): string[][] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value.flatMap((each) => pairsOf(`${name}[]`, each))
  // Not a `Date`: it has no members, and would be left out.
  if (Object.prototype.toString.call(value) === '[object Object]') {
    return Object.entries(value).flatMap(([member, each]) => pairsOf(`${name}[${member}]`, each))
  }
  if (typeof value === 'string') return [[name, value]]
  if (typeof value === 'boolean' || typeof value === 'bigint') return [[name, String(value)]]
  if (typeof value === 'number' && Number.isFinite(value)) return [[name, String(value)]]
  throw invalid(`\`${name}\` is no text, number, true or false.`)
}

function escape(text: string): string {
  if (!text.isWellFormed())
    throw invalid('A query cannot hold half a character (a lone surrogate).')
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function invalid(detail: string): PingppError {
  return new PingppError('parameter-invalid', { detail })
}
