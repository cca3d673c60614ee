import { stripVTControlCharacters } from 'node:util'

/**
 * Text that somebody else wrote, for a terminal: it must not move the cursor, recolour anything, or
 * turn what follows around. Line breaks and tabs stay.
 */
export function plainText(text: string): string {
  return stripVTControlCharacters(text).replaceAll(
    /[\u202a-\u202e\u2066-\u2069]|(?![\n\t])\p{Cc}/gu,
    ' ',
  )
}

/** The same on one line. */
export function plainLine(text: string): string {
  return plainText(text).replaceAll(/\s+/g, ' ').trim()
}
