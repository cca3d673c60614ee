export type TokenKind = 'key' | 'string' | 'number' | 'word' | 'mark'

export interface Token {
  readonly kind: TokenKind
  readonly text: string
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)|([{}[\],])|\s+/gy

/**
 * Indents JSON without parsing it: numbers, escapes and repeated members stay as they were sent.
 *
 * @returns undefined if the text is not JSON
 */
export function indentJson(text: string): readonly Token[] | undefined {
  if (!isJson(text)) return undefined
  const tokens: Token[] = []
  let depth = 0
  for (const [, string, colon, number, word, mark] of text.matchAll(TOKEN)) {
    if (string !== undefined)
      tokens.push({ kind: colon === undefined ? 'string' : 'key', text: string })
    if (colon !== undefined) tokens.push({ kind: 'mark', text: ': ' })
    if (number !== undefined) tokens.push({ kind: 'number', text: number })
    if (word !== undefined) tokens.push({ kind: 'word', text: word })
    if (mark !== undefined) {
      depth += DEPTHS[mark] ?? 0
      pushMark(tokens, mark, '\n' + '  '.repeat(depth))
    }
  }
  return tokens
}

/** Mark → by how much what follows is deeper. */
const DEPTHS: Readonly<Record<string, number>> = { '{': 1, '[': 1, '}': -1, ']': -1 }

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function pushMark(tokens: Token[], mark: string, newLine: string): void {
  const last = tokens.at(-1)
  const opener = mark === '}' ? '{' : '['
  if (mark !== '}' && mark !== ']') {
    tokens.push({ kind: 'mark', text: mark + newLine })
  } else if (last?.text.trimEnd() === opener && last.kind === 'mark') {
    tokens.splice(-1, 1, { kind: 'mark', text: opener + mark })
  } else {
    tokens.push({ kind: 'mark', text: newLine + mark })
  }
}
