/**
 * Returns the payload of a catalogued type as Ping++ documents it, at any depth; the same payload if there
 * is nothing to change. Data of the merchant or the channel (`metadata`, `extra`, `credential`) stays.
 *
 * - A number that is documented as text, such as an `order_no`, becomes a text of exactly its digits:
 *   `exact` parses the payload with those numbers as they were written, and is called only if needed.
 * - A `status` is in lower case: live data of 2015 has `SENDING`.
 */
export function spellPayload(payload: Members, exact: () => unknown): Members {
  return isSpelt(payload) ? payload : respell(payload, exact())
}

/** Returns whether a member is documented as text although a sender may write it as a number. */
export function isNumeral(name: string): boolean {
  return name === 'id' || name === 'uid' || name.endsWith('_no') || name.endsWith('_id')
}

const FOREIGN: ReadonlySet<string> = new Set(['metadata', 'extra', 'credential'])

function isSpelt(value: Members): boolean {
  for (const name in value) {
    const member = value[name]
    if (typeof member === 'number' && isNumeral(name)) return false
    if (name === 'status' && member !== lowerCase(member)) return false
    if (!isNested(member) || FOREIGN.has(name)) continue
    // Old libraries extend Array.prototype.
    if (Object.hasOwn(value, name) && !isSpelt(member)) return false
  }
  return true
}

function respell(value: Members, exact: unknown): Members {
  const members = Object.entries(value).map(([name, member]: [string, unknown]) => {
    const source = isNested(exact) ? exact[name] : undefined
    return [name, respellMember(name, member, source)] as const
  })
  return Object.freeze(Object.fromEntries(members))
}

function respellMember(name: string, member: unknown, source: unknown): unknown {
  if (typeof member === 'number') return isNumeral(name) ? (source ?? digitsOf(member)) : member
  if (name === 'status') return lowerCase(member)
  if (!isNested(member) || FOREIGN.has(name)) return member
  const spelt = respell(member, source)
  return Array.isArray(member) ? Object.freeze(Object.values(spelt)) : spelt
}

/** Without its text, a number beyond 2^53 may have lost digits: it stays a number, which no key takes. */
function digitsOf(value: number): unknown {
  return Number.isSafeInteger(value) ? String(value) : value
}

type Members = Readonly<Record<string, unknown>>

function lowerCase(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase() : value
}

/** An object, or an array: its places are members too. */
function isNested(value: unknown): value is Members {
  return typeof value === 'object' && value !== null
}
