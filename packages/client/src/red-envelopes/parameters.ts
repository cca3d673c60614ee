import { Buffer } from 'node:buffer'
import { isRecord, nearestTo } from '@hongbao/core/internal'
import type { PingppErrorFacts } from '../errors.ts'
import type { JsonObject } from '../http/answer.ts'

/** What Ping++ documents of a parameter. There may be several rules for one. */
export type Rule = readonly [
  /** Name as Ping++ writes it: `amount`, `app[id]`, `extra[send_name]`. */
  param: string,
  /** Ends the sentence "`amount` must be …", with unit and limit. */
  expected: string,
  passes: (value: unknown, given: JsonObject) => boolean,
]

/** The documented parameters of a call, in the order in which they are checked. */
export interface Documented {
  readonly required?: readonly Rule[]
  readonly optional?: readonly Rule[]
  /** Names that have no rule of their own: `created[gte]`. */
  readonly names?: readonly string[]
}

/** What is wrong with one parameter. `detail` names it, and never has the text of its value. */
export type ParameterFlaw = Pick<PingppErrorFacts, 'detail' | 'param'>

export function findFlaw(
  call: string,
  given: unknown,
  documented: Documented,
): ParameterFlaw | undefined {
  if (!isRecord(given)) return { detail: `\`${call}\` expects an object of parameters.` }
  // The unknown first, so that an `amuont` is not reported as an `amount` that is missing.
  return findUnknown(given, documented) ?? findWrong(given, documented)
}

/** The first parameter that breaks a rule. Null and an empty PHP array, `[]`, count as missing. */
export function findWrong(
  given: JsonObject,
  { required = [], optional = [] }: Documented,
): ParameterFlaw | undefined {
  for (const rule of [...required, ...optional]) {
    const flaw = judge(rule, given, required.includes(rule))
    if (flaw !== undefined) return flaw
  }
  return undefined
}

function judge(
  [param, expected, passes]: Rule,
  given: JsonObject,
  isRequired: boolean,
): ParameterFlaw | undefined {
  const [name = '', member] = param.split(/[[\]]/)
  const outer = read(given, name)
  if (member !== undefined && outer !== undefined && !isRecord(outer)) {
    return wrong(name, `an object with \`${member}\``, outer)
  }
  const value = member === undefined ? outer : read(outer, member)
  if (value !== undefined) return passes(value, given) ? undefined : wrong(param, expected, value)
  return isRequired ? { param, detail: `\`${param}\` is missing: ${expected}.` } : undefined
}

function wrong(param: string, expected: string, value: unknown): ParameterFlaw {
  return { param, detail: `\`${param}\` must be ${expected}; it is ${describe(value)}.` }
}

/** What JSON would carry: a member of the object's own, and not null. */
function read(from: unknown, name: string): unknown {
  if (!isRecord(from) || !Object.hasOwn(from, name)) return undefined
  const value = from[name] ?? undefined
  return Array.isArray(value) && value.length === 0 ? {} : value
}

function describe(value: unknown): string {
  if (typeof value === 'number') return String(value)
  if (Array.isArray(value)) return 'a list'
  if (isRecord(value)) return `an object (members: ${Object.keys(value).length})`
  if (typeof value !== 'string') return `a ${typeof value}`
  return value.isWellFormed() ? `a string of ${Buffer.byteLength(value)} bytes` : HALF_A_CHARACTER
}

const HALF_A_CHARACTER =
  'a string with half a character (a lone surrogate): was an emoji cut in two? UTF-8 cannot carry it'

/** Whether a value is a text that is not empty, and that UTF-8 can carry. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed()
}

/** The first parameter that is not documented: a misspelt one would be sent, and do nothing. */
function findUnknown(given: JsonObject, documented: Documented): ParameterFlaw | undefined {
  const known = namesIn(documented)
  // A key with brackets is not the member of the same name.
  const isKey = (name: string): boolean => name.includes('[') && given[name] !== undefined
  const param = namesOf(given, known).find((name) => !known.includes(name) || isKey(name))
  if (param === undefined) return undefined
  const nearest = isKey(param) ? undefined : nearestTo(param, known)
  const advice =
    nearest === undefined ? `There are: ${known.join(', ')}.` : `Did you mean \`${nearest}\`?`
  const way = 'A parameter that Ping++ accepts but does not document goes into `extraParams`.'
  return { param, detail: `\`${param}\` is not a documented parameter. ${advice} ${way}` }
}

/**
 * The first of `extraParams` that is documented: it would replace what was checked. In a query a key with
 * brackets is the same as the member, and `limit[]` would replace `limit`.
 */
export function findDocumented(extra: unknown, documented: Documented): ParameterFlaw | undefined {
  if (!isRecord(extra)) return { detail: '`extraParams` must be an object.' }
  const known = namesIn(documented)
  const ends = known.filter((name) => !hasMembers(name, known))
  const param = namesOf(extra, known).find(
    (name) => known.includes(name) || ends.some((end) => name.startsWith(`${end}[`)),
  )
  const advice = 'is a documented parameter: pass it with the others, not in `extraParams`.'
  return param === undefined ? undefined : { param, detail: `\`${param}\` ${advice}` }
}

export function withExtra(given: JsonObject, extra: JsonObject): JsonObject {
  const added = Object.entries(extra).map(([name, value]) => {
    const own = given[name]
    return [name, isRecord(own) && isRecord(value) ? { ...own, ...value } : value] as const
  })
  return { ...given, ...Object.fromEntries(added) }
}

/** `app`, `app[id]`, `channel`, … */
function namesIn({ required = [], optional = [], names = [] }: Documented): string[] {
  const params = [...required, ...optional].map(([param]) => param)
  return [...new Set([...params, ...names].flatMap((name) => [name.replace(/\[.*/, ''), name]))]
}

/** If members of an object are documented, they count in place of the object. */
function namesOf(given: JsonObject, known: readonly string[], outer?: string): string[] {
  return Object.entries(given).flatMap(([key, value]) => {
    // JSON and queries carry neither.
    if (value === undefined || typeof value === 'function') return []
    const name = outer === undefined ? key : `${outer}[${key}]`
    return hasMembers(name, known) && isRecord(value) ? namesOf(value, known, name) : [name]
  })
}

function hasMembers(name: string, known: readonly string[]): boolean {
  return known.some((each) => each.startsWith(`${name}[`))
}
