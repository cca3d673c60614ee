import { isPlain } from '@hongbao/core/internal'
import { PingppError } from '../errors.ts'
import type { JsonObject } from '../http/answer.ts'

/**
 * Writes a query as Ping++ reads it: `{ created: { gte: 1 } }` is `created%5Bgte%5D=1`, a list is
 * `expand%5B%5D=app`. What is undefined or null is left out. @throws PingppError `parameter-invalid`
 *
 * Everything but RFC 3986's unreserved characters is escaped. The request signature covers the
 * query as it is sent, so no URL parser may find something in it to rewrite: the one of `fetch`
 * escapes `'`, which `encodeURIComponent` leaves.
 */
export function encodeQuery(query: JsonObject): string {
  return Object.entries(query)
    .flatMap(([name, value]) => pairsOf(name, value))
    .map((pair) => pair.map(escape).join('='))
    .join('&')
}

function pairsOf(name: string, value: unknown, outer: readonly unknown[] = []): string[][] {
  if (value === undefined || value === null) return []
  if (outer.includes(value)) throw invalid(`\`${name}\` contains itself.`)
  const path = [...outer, value]
  if (Array.isArray(value)) return value.flatMap((each) => pairsOf(`${name}[]`, each, path))
  // Not a `Date`, which has no members and would be left out.
  if (isPlain(value)) {
    return Object.entries(value).flatMap(([member, each]) =>
      pairsOf(`${name}[${member}]`, each, path),
    )
  }
  if (isScalar(value)) return [[name, String(value)]]
  throw invalid(`\`${name}\` is not a string, a number or a boolean.`)
}

export function isScalar(value: unknown): value is string | number | boolean | bigint {
  return ['string', 'boolean', 'bigint'].includes(typeof value) || Number.isFinite(value)
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
