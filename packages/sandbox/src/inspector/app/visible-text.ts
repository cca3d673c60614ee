/** A run of plain text, or one character that would not be seen, or would reorder what is seen. */
export interface TextPart {
  readonly text: string
  readonly isHidden: boolean
}

// Bidirectional controls (UAX #9), zero-width spaces, and control characters except tab and line feed.
// A joiner (U+200C, U+200D) stays: emoji and some scripts need it.
const HIDDEN = /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]|[^\P{Cc}\n\t]/u

/** Splits a text so that hidden characters can be shown by their number, such as `U+202E`. */
export function splitHidden(text: string): readonly TextPart[] {
  if (!HIDDEN.test(text)) return [{ text, isHidden: false }]
  return text
    .split(new RegExp(`(${HIDDEN.source})`, 'u'))
    .filter((part) => part !== '')
    .map((part) => (HIDDEN.test(part) ? { text: nameOf(part), isHidden: true } : plain(part)))
}

function plain(text: string): TextPart {
  return { text, isHidden: false }
}

function nameOf(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}
