/** Characters that a terminal shows two columns wide (Unicode, UAX 11, "Wide" and "Fullwidth"). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/gu

export function widthOf(text: string): number {
  return text.length + (text.match(WIDE) ?? []).reduce((sum, wide) => sum + 2 - wide.length, 0)
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

/**
 * Rows under each other, each column as wide as its widest cell. A row that is wider than the terminal
 * goes on in the next line, `indent` further in.
 */
export function alignColumns(
  rows: readonly (readonly string[])[],
  columns: number,
  indent = 4,
): string[] {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, at) => Math.max(widest[at] ?? 0, widthOf(cell))),
    [],
  )
  return rows.map((row) => {
    const cells = row.map((cell, at) => pad(cell, widths[at] ?? 0))
    return wrap(cells.join('  ').trimEnd(), columns, indent).join('\n')
  })
}

/** Terms and what they mean, in two columns; the second is wrapped. */
export function describeTerms(
  terms: readonly (readonly [term: string, about: string])[],
  columns: number,
): string[] {
  const widest = Math.max(0, ...terms.map(([term]) => widthOf(term)))
  return alignColumns(terms, columns, Math.min(widest + 2, Math.floor(columns / 2)))
}

/** Lines of at most so many columns, broken between words. */
export function wrap(text: string, columns: number, indent = 0): string[] {
  if (widthOf(text) <= columns) return [text]
  const lines = ['']
  // Also between Chinese characters, and never before a punctuation mark.
  for (const piece of text.match(
    /\s*(?:[\u2e80-\u9fff]|[^\s\u2e80-\u9fff]+)[，。；：、！？）」”]*/gu,
  ) ?? []) {
    const isFull = widthOf(`${lines.at(-1)}${piece}`) > columns && lines.at(-1) !== ''
    if (isFull) lines.push(' '.repeat(indent) + piece.trimStart())
    else lines.push(`${lines.pop()}${piece}`)
  }
  return lines
}
