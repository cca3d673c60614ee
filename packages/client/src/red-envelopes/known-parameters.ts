import { nearestTo } from '@hongbao/core/internal'
import type { PingppErrorFacts } from '../errors.ts'
import { isJsonObject, type JsonObject } from '../http/answer.ts'

/** The parameters that Ping++ documents, each with the names of its members. */
export type KnownParameters = Readonly<Record<string, readonly string[]>>

/** The first parameter that is not documented: a misspelt one would be sent, and do nothing. */
export function findUnknown(
  given: JsonObject,
  known: KnownParameters,
): PingppErrorFacts | undefined {
  for (const [name, siblings, path] of namesOf(given, known)) {
    if (!siblings.includes(name)) return unknown(name, siblings, path)
  }
  return undefined
}

/** The first of `extraParams` that is documented: it would replace what was checked. */
export function findDocumented(
  extra: unknown,
  known: KnownParameters,
): PingppErrorFacts | undefined {
  if (!isJsonObject(extra)) return { detail: '`extraParams` must be an object.' }
  for (const [name, siblings, path] of namesOf(extra, known)) {
    if (!siblings.includes(name)) continue
    const param = paramOf(path, name)
    const detail = `\`${param}\` is a documented parameter: pass it with the others, not in \`extraParams\`.`
    return { param, detail }
  }
  return undefined
}

/** The parameters with the extra ones beside them, members of objects too. */
export function withExtra(given: JsonObject, extra: JsonObject): JsonObject {
  const added = Object.entries(extra).map(([name, value]) => {
    const own = given[name]
    return [name, isJsonObject(own) && isJsonObject(value) ? { ...own, ...value } : value] as const
  })
  return { ...given, ...Object.fromEntries(added) }
}

type GivenName = readonly [name: string, siblings: readonly string[], path: string | undefined]

/** Each name with those that are documented beside it. An object with members counts by its members. */
function* namesOf(
  given: JsonObject,
  known: KnownParameters,
  siblings: readonly string[] = Object.keys(known),
  path?: string,
): Generator<GivenName> {
  for (const [name, value] of Object.entries(given)) {
    // JSON and queries carry neither.
    if (value === undefined || typeof value === 'function') continue
    const members = Object.hasOwn(known, name) ? (known[name] ?? []) : []
    if (members.length > 0 && isJsonObject(value)) yield* namesOf(value, {}, members, name)
    else yield [name, siblings, path]
  }
}

function unknown(name: string, names: readonly string[], path?: string): PingppErrorFacts {
  const param = paramOf(path, name)
  const meant = nearestTo(name, names)
  const advice =
    meant === undefined
      ? `There are: ${names.map((each) => paramOf(path, each)).join(', ')}.`
      : `Did you mean \`${paramOf(path, meant)}\`?`
  const way = 'What Ping++ takes and does not document goes into `extraParams` of the call.'
  return { param, detail: `\`${param}\` is not a documented parameter. ${advice} ${way}` }
}

function paramOf(path: string | undefined, name: string): string {
  return path === undefined ? name : `${path}[${name}]`
}
