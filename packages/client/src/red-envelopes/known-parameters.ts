import { isRecord, nearestTo } from '@hongbao/core/internal'
import type { PingppErrorFacts } from '../errors.ts'
import type { JsonObject } from '../http/answer.ts'

/** The names that Ping++ documents, members as it writes them: `amount`, `app`, `app[id]`. */
export type KnownParameters = readonly string[]

/** The first parameter that is not documented: a misspelt one would be sent, and do nothing. */
export function findUnknown(
  given: JsonObject,
  known: KnownParameters,
): PingppErrorFacts | undefined {
  // A key with brackets is not the member of the same name.
  const isKey = (name: string): boolean => name.includes('[') && given[name] !== undefined
  const param = namesOf(given, known).find((name) => !known.includes(name) || isKey(name))
  if (param === undefined) return undefined
  const outer = isKey(param) ? '' : (/^\w+\[/.exec(param)?.[0] ?? '')
  const others = known.filter(
    (name) => name.startsWith(outer) && name.includes('[') === (outer !== ''),
  )
  // Without what all of them start with, which is no sign that one of them is meant.
  const [own, ...inner] = [param, ...others].map((name) => name.slice(outer.length))
  const nearest = nearestTo(own ?? '', inner)
  const advice =
    nearest === undefined
      ? `There are: ${others.join(', ')}.`
      : `Did you mean \`${outer}${nearest}\`?`
  const way = 'A parameter that Ping++ accepts but does not document goes into `extraParams`.'
  return { param, detail: `\`${param}\` is not a documented parameter. ${advice} ${way}` }
}

/**
 * The first of `extraParams` that is documented: it would replace what was checked. In a query a key with
 * brackets is the same as the member, and `limit[]` would replace `limit`.
 */
export function findDocumented(
  extra: unknown,
  known: KnownParameters,
): PingppErrorFacts | undefined {
  if (!isRecord(extra)) return { detail: '`extraParams` must be an object.' }
  const ends = known.filter((name) => !hasMembers(name, known))
  const param = namesOf(extra, known).find(
    (name) => known.includes(name) || ends.some((end) => name.startsWith(`${end}[`)),
  )
  const advice = 'is a documented parameter: pass it with the others, not in `extraParams`.'
  return param === undefined ? undefined : { param, detail: `\`${param}\` ${advice}` }
}

/** The parameters with the extra ones beside them, members of objects too. */
export function withExtra(given: JsonObject, extra: JsonObject): JsonObject {
  const added = Object.entries(extra).map(([name, value]) => {
    const own = given[name]
    return [name, isRecord(own) && isRecord(value) ? { ...own, ...value } : value] as const
  })
  return { ...given, ...Object.fromEntries(added) }
}

/** The names of parameters. If members of an object are documented, they count in place of the object. */
function namesOf(given: JsonObject, known: KnownParameters, outer?: string): string[] {
  return Object.entries(given).flatMap(([key, value]) => {
    // JSON and queries carry neither.
    if (value === undefined || typeof value === 'function') return []
    const name = outer === undefined ? key : `${outer}[${key}]`
    return hasMembers(name, known) && isRecord(value) ? namesOf(value, known, name) : [name]
  })
}

function hasMembers(name: string, known: KnownParameters): boolean {
  return known.some((each) => each.startsWith(`${name}[`))
}
