import { isEventType, type EventType } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { isRecord, readStrictJson } from '@hongbao/core/internal'
import { isTriggerable } from '../engine/trigger.ts'
import { EVENT_TYPES } from '../events/event-types.ts'
import { usageError } from './exit.ts'

/** One `--set path=value`: `amount=500`, `extra.send_name=红包` or, as the event has it, `data.object.amount=500`. */
export interface Change {
  readonly path: readonly string[]
  readonly value: string
}

/** The types that Ping++ has webhooks for. */
export const WEBHOOK_TYPES: readonly EventType[] = EVENT_TYPES.filter(isTriggerable)

type Fields = Readonly<Record<string, unknown>>

/**
 * Makes changes to `data.object` of what was typed, each value of the kind that the event has there:
 * `order_no=123` is a text, `amount=100` a number.
 *
 * @throws CliError for a field that the event does not have, or a value of another kind
 */
export function readChanges(type: string, changes: readonly Change[]): Fields | undefined {
  // The sandbox refuses an unknown type, and suggests another.
  if (!isEventType(type)) return undefined
  let object: Fields = { ...eventFixture(type).data.object }
  const names = changes.map(({ path: [name = ''] }) => name)
  for (const [at, { path, value }] of changes.entries()) {
    const name = names[at] ?? ''
    if (!Object.hasOwn(object, name)) {
      throw usageError('noField', { name, type, names: Object.keys(object).join(', ') })
    }
    object = changeAt(object, path, value, path.join('.'))
  }
  // Order numbers of red envelopes are digits (guide, step 1); an app would refuse the event.
  const hasDigits = /^\d{1,28}$/.test(String(object['order_no']))
  if (type.startsWith('red_envelope.') && !hasDigits) throw usageError('orderNoDigits')
  return Object.fromEntries(names.map((name) => [name, object[name]]))
}

function changeAt(
  fields: Fields,
  [first = '', ...rest]: readonly string[],
  value: string,
  name: string,
): Fields {
  const before = fields[first] ?? undefined
  if (rest.length === 0) return { ...fields, [first]: readValue(before, value, name) }
  if (before !== undefined && !isRecord(before)) throw usageError('noMember', { name })
  return { ...fields, [first]: changeAt(before ?? {}, rest, value, name) }
}

/** A value of the kind of the one that is there; where none is, JSON, or else the text as it is. */
function readValue(before: unknown, text: string, name: string): unknown {
  if (text === 'null') return null
  if (typeof before === 'string') return text
  const json = readStrictJson(Buffer.from(text))
  const value = json.ok ? json.value : text
  if (before === undefined || kindOf(value) === kindOf(before)) return value
  throw usageError((t) => t('setMustBe', { name, kind: t(`kindOfValue.${kindOf(before)}`) }))
}

/** Numbers of events are times and amounts in fen, and so integers. */
function kindOf(value: unknown): 'integer' | 'number' | 'boolean' | 'list' | 'object' | 'text' {
  if (Number.isSafeInteger(value)) return 'integer'
  if (typeof value === 'number') return 'number'
  if (typeof value === 'boolean') return 'boolean'
  if (Array.isArray(value)) return 'list'
  return typeof value === 'object' ? 'object' : 'text'
}
