import { nearestTo } from '@hongbao/core/internal'
import type { PingppErrorFacts } from '../errors.ts'
import { isJsonObject, type JsonObject } from '../http/answer.ts'

/** Parameters that Ping++ documents; those that are objects with members of their own, with these. */
export type KnownParameters = Readonly<Record<string, true | Readonly<Record<string, true>>>>

/** The first parameter that is not documented: a misspelt one would be sent, and do nothing. */
export function findUnknown(
  given: JsonObject,
  known: KnownParameters,
): PingppErrorFacts | undefined {
  for (const [path, name, names] of levelsOf(given, known)) {
    if (!Object.hasOwn(names, name)) return unknown(path, name, Object.keys(names))
  }
  return undefined
}

/** The first of `extraParams` that is documented: it would replace what was checked. */
export function findDocumented(
  extra: unknown,
  known: KnownParameters,
): PingppErrorFacts | undefined {
  if (!isJsonObject(extra)) return { detail: '`extraParams` must be an object.' }
  for (const [path, name, names] of levelsOf(extra, known)) {
    const members = Object.hasOwn(names, name) ? names[name] : undefined
    if (members === undefined || (typeof members === 'object' && isJsonObject(extra[name])))
      continue
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

/** Every name with the names that are known beside it; `path` is the object that it is in. */
function* levelsOf(
  given: JsonObject,
  known: KnownParameters,
  path?: string,
): Generator<readonly [path: string | undefined, name: string, names: KnownParameters]> {
  for (const [name, value] of Object.entries(given)) {
    // JSON and queries carry neither.
    if (value === undefined || typeof value === 'function') continue
    yield [path, name, known]
    const members = Object.hasOwn(known, name) ? known[name] : undefined
    if (typeof members === 'object' && isJsonObject(value)) yield* levelsOf(value, members, name)
  }
}

function unknown(
  path: string | undefined,
  name: string,
  names: readonly string[],
): PingppErrorFacts {
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
