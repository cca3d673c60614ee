import { isRecord, readStrictJson } from '@hongbao/core/internal'
import type { HonoRequest } from 'hono'
import { invalidOption, Refusal } from '../../errors.ts'
import { readLimitedBody } from '../limited-body.ts'

/** The members of a JSON body, not yet checked. */
export type Fields = Readonly<Record<string, unknown>>

const MAX_BODY_BYTES = 256 * 1024

/**
 * Reads a JSON object; an empty body counts as an empty one.
 *
 * @param known the fields of the route; others are refused, because a misspelt one would do nothing.
 * Absent if the route checks them itself.
 * @throws SandboxError `option-invalid`; Refusal for a body that is too large
 */
export async function readFields(request: HonoRequest, known?: readonly string[]): Promise<Fields> {
  const bytes = await readLimitedBody(request.raw, MAX_BODY_BYTES)
  if (bytes === undefined) throw new Refusal('body-too-large')
  if (bytes.byteLength === 0) return {}
  const json = readStrictJson(bytes)
  if (!json.ok) throw new Refusal('body-no-json', { reason: json.reason })
  if (!isRecord(json.value)) throw new Refusal('body-no-object')
  if (known !== undefined) refuseUnknown(json.value, known)
  return json.value
}

/** @throws SandboxError `option-invalid` for an unknown field of a body or a query */
export function refuseUnknown(fields: Fields, known: readonly string[]): void {
  const unknown = Object.keys(fields).find((name) => !known.includes(name))
  if (unknown === undefined) return
  const names = known.length === 0 ? 'none' : known.join(', ')
  throw new Refusal('field-unknown', { name: JSON.stringify(unknown), names })
}

export function optionalText(fields: Fields, name: string): string | undefined {
  const { [name]: value } = fields
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw invalidOption(name, 'a text that is not empty')
}

/** A field that has one of these values, or is absent. */
export function optionalChoice<Choice extends string>(
  fields: Fields,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const { [name]: value } = fields
  const choice = choices.find((each) => each === value)
  if (choice === undefined && value !== undefined) {
    throw invalidOption(name, `one of ${choices.join(', ')}`)
  }
  return choice
}

export function optionalRecord(fields: Fields, name: string): Fields | undefined {
  const { [name]: value } = fields
  if (value === undefined || isRecord(value)) return value
  throw invalidOption(name, 'an object')
}
