import { isRecord } from '@hongbao/core/internal'
import { newDigits, newId } from './ids.ts'

type Fields = Readonly<Record<string, unknown>>

const DAY_SECONDS = 24 * 60 * 60
const TIME = /^(?:created|received|refunded|time_\w+|summary_(?:from|to))$/

/**
 * A copy of a sample object that agrees with itself: test mode everywhere, times up to now, numbers of orders
 * and transactions that no other copy has, and URLs with the id of the object that they are in.
 *
 * @param seconds now, in Unix seconds
 */
export function freshen(object: Fields, seconds: number): Fields {
  const numbers = new Map<string, string>()

  function freshenFields(fields: Fields, id: unknown): Fields {
    const shift = seconds - latestTime(fields)
    const own = typeof fields['id'] === 'string' ? fields['id'] : id
    const entries = Object.entries(fields).map(([name, value]) => [
      name,
      freshenValue(name, value, shift, own),
    ])
    return Object.fromEntries(entries)
  }

  function freshenValue(name: string, value: unknown, shift: number, id: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => freshenValue('', each, shift, id))
    if (isRecord(value)) return freshenFields(value, id)
    if (name === 'livemode') return false
    if (typeof value === 'number' && TIME.test(name)) return value + wholeDays(name, shift)
    if (typeof value !== 'string') return value
    if (name === 'url') return value.replace(/\bch_\w+/, String(id))
    return name.endsWith('_no') ? newNumber(value) : value
  }

  /** The same for the same one: a refund names the order of its charge. */
  function newNumber(before: string): string {
    const [, prefix, digits] = /^([A-Za-z]*)(\d+)$/.exec(before) ?? []
    const after = digits === undefined ? newId('') : `${prefix}${newDigits(digits.length)}`
    const known = numbers.get(before) ?? after
    numbers.set(before, known)
    return known
  }

  return freshenFields(object, undefined)
}

/** The latest of an object's own times; what expires does so later. */
function latestTime(fields: Fields): number {
  const times = Object.entries(fields).map(([name, value]) =>
    TIME.test(name) && name !== 'time_expire' && typeof value === 'number' ? value : 0,
  )
  return Math.max(0, ...times)
}

/** A summary is of whole days. */
function wholeDays(name: string, shift: number): number {
  return name.startsWith('summary_') ? shift - (shift % DAY_SECONDS) : shift
}
