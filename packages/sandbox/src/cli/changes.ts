import type { EventType } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { readStrictJson } from '@hongbao/core/internal'
import { isRecord } from '../is-record.ts'
import { usageError } from './exit.ts'

/** One `--set path=value`. */
export interface Change {
  readonly path: readonly string[]
  readonly value: string
}

/** Reads `amount=500`, `extra.send_name=红包` or, as the event has it, `data.object.amount=500`. */
export function parseChange(text: string, before: readonly Change[] = []): readonly Change[] {
  const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  const path = name.replace(/^(?:data\.)?object\./, '').split('.')
  // A path through a prototype would change every object there is.
  if (!path.every((part) => /^\w+$/.test(part) && !(part in Object.prototype))) {
    throw usageError(`--set ${text}: write it as amount=500 or extra.send_name=红包.`)
  }
  return [...before, { path, value }]
}

type Fields = Readonly<Record<string, unknown>>

/**
 * Makes changes to `data.object` of what was typed, each value of the kind that the event has there:
 * `order_no=123` is a text, `amount=100` a number.
 *
 * @throws CliError for a field that the event does not have, or a value of another kind
 */
export function readChanges(type: EventType, changes: readonly Change[]): Fields {
  const sample: object = eventFixture(type).data.object
  const object = new Map<string, unknown>(Object.entries(sample))
  const made = new Map<string, unknown>()
  for (const { path, value } of changes) {
    const [name = '', ...rest] = path
    if (!object.has(name)) {
      const names = [...object.keys()].join(', ')
      throw usageError(
        `--set ${name}: \`data.object\` of a ${type} has no such field. It has: ${names}.`,
      )
    }
    const before = made.has(name) ? made.get(name) : object.get(name)
    const change = changeAt(before, rest, value, path.join('.'))
    // Order numbers of red envelopes are digits (guide, step 1); an app would refuse the event.
    const isEnvelope = type.startsWith('red_envelope.')
    if (isEnvelope && name === 'order_no' && !/^\d{1,28}$/.test(String(change))) {
      throw usageError('--set order_no must be 1 to 28 digits, as for every red envelope.')
    }
    made.set(name, change)
  }
  return Object.fromEntries(made)
}

function changeAt(before: unknown, path: readonly string[], value: string, name: string): unknown {
  const [first, ...rest] = path
  if (first === undefined) return readValue(before, value, name)
  if (before !== null && before !== undefined && !isRecord(before)) {
    throw usageError(`--set ${name}: there is no object to set a member of.`)
  }
  const fields = before ?? {}
  return { ...fields, [first]: changeAt(fields[first], rest, value, name) }
}

/** A value of the kind of the one that is there; where none is, JSON, or else the text as it is. */
function readValue(before: unknown, text: string, name: string): unknown {
  if (text === 'null') return null
  if (typeof before === 'string') return text
  const json = readStrictJson(Buffer.from(text))
  const value = json.ok ? json.value : text
  if (before === null || before === undefined || kindOf(value) === kindOf(before)) return value
  throw usageError(`--set ${name} must be ${kindOf(before)}.`)
}

/** Numbers of events are times and amounts in fen, and so integers. */
function kindOf(value: unknown): string {
  if (Number.isSafeInteger(value)) return 'an integer'
  if (typeof value === 'number') return 'a number'
  if (typeof value === 'boolean') return 'true or false'
  if (Array.isArray(value)) return 'a JSON list'
  return typeof value === 'object' ? 'a JSON object' : 'a text'
}
