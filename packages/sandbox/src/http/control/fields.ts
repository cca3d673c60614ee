import {
  asGiven,
  isRecord,
  readEach,
  readStrictJson,
  type Reader,
  type Readers,
} from '@hongbao/core/internal'
import type { Context } from 'hono'
import { invalidOption, Refusal } from '../../errors.ts'
import { readLimitedBody } from '../limited-body.ts'

/** Like core's `must`, with the refusal of the control API. @param expected as the end of "must be …" */
export function check<Value>(
  expected: string,
  isValid: (value: unknown) => value is Value,
): Reader<unknown, Value> {
  return (value, name) => {
    if (isValid(value)) return value
    throw invalidOption(name, expected)
  }
}

/** Of a query, where every value is a text. */
export const anyText: Reader<string | undefined> = asGiven()

export const text: Reader<unknown, string> = check(
  'a text that is not empty',
  (value): value is string => typeof value === 'string' && value !== '',
)

export const record: Reader<unknown, Fields> = check('an object', isRecord)

export function oneOf<const Choice extends string>(
  choices: readonly Choice[],
): Reader<unknown, Choice> {
  return (value, name) => {
    const chosen = choices.find((each) => each === value)
    if (chosen !== undefined) return chosen
    throw new Refusal('option-choice', { name, choices: choices.join(', ') })
  }
}

type Fields = Readonly<Record<string, unknown>>

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
export async function readBody<Values>(
  c: Context,
  readers: Readers<Fields, Values>,
): Promise<Values> {
  return readFields(await readObject(c), readers)
}

export function readFields<Given extends object, Values>(
  given: Given,
  readers: Readers<Given, Values>,
): Values {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(readers, name))
  if (unknown === undefined) return readEach(given, readers)
  const names = Object.keys(readers).join(', ') || 'none'
  throw new Refusal('field-unknown', { name: JSON.stringify(unknown), names })
}
