import { readStrictJson } from '@hongbao/core/internal'
import type { HonoRequest } from 'hono'
import { SandboxError } from '../../errors.ts'
import { readLimitedBody } from '../limited-body.ts'
import { Refusal } from './refusal.ts'

/** The body of a request: an object whose members nobody has looked at. */
export type Fields = Readonly<Record<string, unknown>>

const MAX_BODY_BYTES = 256 * 1024

/**
 * Reads a JSON object; an empty body counts as an empty one.
 *
 * @param known the fields that the route has; others are refused, a misspelt one would do nothing.
 * Absent where somebody else refuses them.
 * @throws SandboxError `option-invalid`; Refusal for a body that is too large
 */
export async function readFields(request: HonoRequest, known?: readonly string[]): Promise<Fields> {
  const bytes = await readLimitedBody(request.raw, MAX_BODY_BYTES)
  if (bytes === undefined) {
    throw new Refusal(413, 'body-too-large', 'A body has at most 256 KiB here.')
  }
  if (bytes.byteLength === 0) return {}
  const json = readStrictJson(bytes)
  if (!json.ok) throw invalid(`The body is not strict JSON. ${json.reason}`)
  if (!isFields(json.value)) throw invalid('The body must be a JSON object.')
  if (known !== undefined) refuseUnknown(json.value, known)
  return json.value
}

/** @throws SandboxError `option-invalid` for a field that is none, say of a query */
export function refuseUnknown(fields: Fields, known: readonly string[]): void {
  const unknown = Object.keys(fields).find((name) => !known.includes(name))
  if (unknown === undefined) return
  const there = known.length === 0 ? 'There are none here.' : `There are: ${known.join(', ')}.`
  throw invalid(`${JSON.stringify(unknown)} is no field. ${there}`)
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function readText(fields: Fields, name: string): string {
  const value = optionalText(fields, name)
  if (value === undefined) throw wrong(name, 'a text')
  return value
}

export function optionalText(fields: Fields, name: string): string | undefined {
  const { [name]: value } = fields
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '') throw wrong(name, 'a text that is not empty')
  return value
}

export function optionalFields(fields: Fields, name: string): Fields | undefined {
  const { [name]: value } = fields
  if (value === undefined || isFields(value)) return value
  throw wrong(name, 'an object')
}

/** The error for a field that has not what it should have. */
export function wrong(name: string, expected: string): SandboxError {
  return invalid(`\`${name}\` must be ${expected}.`)
}

function invalid(message: string): SandboxError {
  return new SandboxError('option-invalid', message)
}
