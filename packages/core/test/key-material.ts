import { expect } from 'vitest'

/** No twelve characters of what was given, base64 or hexadecimal, are in the error. */
export function expectNoKeyMaterial(error: Error, given: unknown): void {
  const shown = `${error.message} ${String(error.stack).split('\n')[0]} ${String(error.cause)}`
  for (const text of textsOf(given)) {
    for (let at = 0; at + 12 <= text.length; at += 1) {
      expect(shown.includes(text.slice(at, at + 12))).toBe(false)
    }
  }
}

function textsOf(given: unknown): readonly string[] {
  if (Array.isArray(given)) return given.flatMap(textsOf)
  if (typeof given === 'string') return [given.replaceAll(/-----[^-]+-----|\\n|[\s"']/g, '')]
  if (given instanceof Uint8Array) {
    const bytes = Buffer.from(given)
    return [bytes.toString('base64'), bytes.toString('hex')]
  }
  return []
}
