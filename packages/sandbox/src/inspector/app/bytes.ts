/** A character of UTF-8, or one byte that is not valid UTF-8. */
export interface Unit {
  readonly text: string
  readonly bytes: Uint8Array
  readonly isValid: boolean
}

/** @throws DOMException for what is not base64 */
export function fromBase64(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}

export function fromText(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** The text of bytes, or undefined if they are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Bytes as characters, with each invalid byte for itself. */
export function unitsOf(bytes: Uint8Array): Unit[] {
  const units: Unit[] = []
  for (let at = 0; at < bytes.length;) {
    const unit = unitAt(bytes, at)
    units.push(unit)
    at += unit.bytes.length
  }
  return units
}

function unitAt(bytes: Uint8Array, at: number): Unit {
  const part = bytes.subarray(at, at + lengthFrom(bytes[at] ?? 0))
  const text = part.length === 0 ? undefined : textOf(part)
  if (text !== undefined) return { text, bytes: part, isValid: true }
  const byte = bytes.subarray(at, at + 1)
  return { text: `\\x${hexOf(byte)}`, bytes: byte, isValid: false }
}

/** First byte → how many bytes its character has (RFC 3629, section 3). */
function lengthFrom(first: number): number {
  if (first < 0x80) return 1
  if (first < 0xe0) return 2
  return first < 0xf0 ? 3 : 4
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** SHA-256 in hex; a dash where the browser has no WebCrypto: on a page of another machine without TLS. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  if (!globalThis.isSecureContext) return '—'
  return hexOf(new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes))))
}
