/** A fenced block of code. */
export interface CodeBlock {
  readonly language: string
  readonly text: string
}

/** A heading, and its anchor on GitHub. */
export interface Heading {
  readonly level: number
  readonly text: string
  readonly anchor: string
}

export function codeBlocks(markdown: string): CodeBlock[] {
  return [...markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(
    ([, language = '', text = '']) => ({ language, text }),
  )
}

export function headings(markdown: string): Heading[] {
  const seen = new Map<string, number>()
  return [...prose(markdown).matchAll(/^(#+) (.+)$/gm)].map(([, marks = '', text = '']) => {
    const slug = slugOf(text)
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    return { level: marks.length, text, anchor: count === 0 ? slug : `${slug}-${count}` }
  })
}

/** The rows of each table as cells, without the line below the header. */
export function tables(markdown: string): string[][][] {
  return [...prose(markdown).matchAll(/(?:^\|.*\|\n)+/gm)].map(([table]) =>
    table
      .trim()
      .split('\n')
      .filter((_line, index) => index !== 1)
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      ),
  )
}

/** The targets of links and images, `[text](target)`. */
export function links(markdown: string): string[] {
  const withoutCode = prose(markdown).replaceAll(/`[^`\n]*`/g, '')
  return [...withoutCode.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
}

/** The part below a heading, up to the next one of its level or above. */
export function section(markdown: string, heading: string): string {
  const start = markdown.indexOf(`\n${heading}\n`)
  if (start === -1) throw new Error(`There is no heading "${heading}".`)
  const level = /^#+/.exec(heading)?.[0].length ?? 1
  const rest = markdown.slice(start + heading.length + 2)
  const end = rest.search(new RegExp(`^#{1,${level}} `, 'm'))
  return end === -1 ? rest : rest.slice(0, end)
}

/** The text of `inline code`, if a cell is nothing else. */
export function codeOf(cell: string | undefined): string | undefined {
  return /^`([^`]+)`$/.exec(cell ?? '')?.[1]
}

/** The texts of all `inline code` in a cell. */
export function codesOf(cell: string | undefined): string[] {
  return [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
}

function prose(markdown: string): string {
  return markdown.replaceAll(/^```[\s\S]*?^```$/gm, '')
}

export function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}
