import { isRecord, readStrictJson } from '@hongbao/core/internal'
import type { Context } from 'hono'
import { invalidOption, Refusal } from '../../errors.ts'
import { readLimitedBody } from '../limited-body.ts'

/** Returns the value of a field; undefined if it is absent. @throws Refusal if it is of another kind */
type Check<Value> = (name: string, value: unknown) => Value | undefined
type Checks = Readonly<Record<string, Check<unknown>>>
type Checked<Given extends Checks> = { readonly [Name in keyof Given]: ReturnType<Given[Name]> }

/** @param expected as the end of "must be …" */
export function check<Value>(
  expected: string,
  isValid: (value: unknown) => value is Value,
): Check<Value> {
  return (name, value) => {
    if (value === undefined || isValid(value)) return value
    throw invalidOption(name, expected)
  }
}

export const anything: Check<unknown> = (_name, value) => value

/** Of a query, where every value is one. */
export const anyText: Check<string> = check('a text', (value) => typeof value === 'string')

export const text: Check<string> = check(
  'a text that is not empty',
  (value): value is string => typeof value === 'string' && value !== '',
)

export const record: Check<Readonly<Record<string, unknown>>> = check('an object', isRecord)

export function oneOf<const Choice extends string>(choices: readonly Choice[]): Check<Choice> {
  return (name, value) => {
    const chosen = choices.find((each) => each === value)
    if (value === undefined || chosen !== undefined) return chosen
    throw new Refusal('option-choice', { name, choices: choices.join(', ') })
  }
}

const MISSING = Symbol('missing')

/** The same of a field that must be there. */
export function required<Value>(checkValue: Check<Value>): (name: string, value: unknown) => Value {
  return (name, value) => {
    const checked = checkValue(name, value === undefined ? MISSING : value)
    if (checked !== undefined) return checked
    throw invalidOption(name, 'given')
  }
}

const MAX_BODY_BYTES = 256 * 1024

/** Reads a JSON object; an empty body counts as an empty one. @throws Refusal */
export async function readObject({ req }: Context): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readLimitedBody(req.raw, MAX_BODY_BYTES)
  if (bytes === undefined) throw new Refusal('body-too-large')
  if (bytes.byteLength === 0) return {}
  const json = readStrictJson(bytes)
  if (!json.ok) throw new Refusal('body-no-json', { reason: json.reason })
  if (isRecord(json.value)) return json.value
  throw new Refusal('body-no-object')
}

/** The fields of a body. Unknown ones are refused, because a misspelt one would do nothing. */
export async function readBody<Given extends Checks>(
  c: Context,
  checks: Given,
): Promise<Checked<Given>> {
  return readFields(await readObject(c), checks)
}

export function readFields<Given extends Checks>(
  given: Readonly<Record<string, unknown>>,
  checks: Given,
): Checked<Given> {
  const known = Object.keys(checks)
  const unknown = Object.keys(given).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    const names = known.join(', ') || 'none'
    throw new Refusal('field-unknown', { name: JSON.stringify(unknown), names })
  }
  const values = Object.entries(checks).map(([name, read]) => [name, read(name, given[name])])
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each value came from its own check
  return Object.fromEntries(values) as Checked<Given>
}
