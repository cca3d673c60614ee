/** `\uXXXX` for all that is not ASCII, as tools write that parse JSON and serialise it again. */
export function escapeUnicode(text: string): string {
  return text.replaceAll(/[\u0080-\uffff]/g, escapeUnit)
}

export function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Changes one digit, the amount's if there is one; it is still JSON. */
export function tamper(body: Buffer): Buffer {
  const text = body.toString('latin1')
  const place = Math.max(text.search(/(?<="amount":)\d/), text.search(/\d/))
  const digit = Number(text[place])
  const tampered = Buffer.from(body)
  tampered.write(String(digit === 9 ? 8 : digit + 1), place, 'latin1')
  return tampered
}
