// What begins or ends a transaction where a statement begins with it; ROLLBACK TO a savepoint does not.
const CONTROL =
  /(?:begin|start\s+transaction|commit|end|abort|rollback(?!\s+(?:work\s+|transaction\s+)?to\b)|prepare\s+transaction)\b/iy

// In the body of a function in SQL END is its own, and it may hold none of the others.
const CONTROL_BEHIND_BODY = /(?:commit|abort|rollback|prepare\s+transaction)\b/iy

const WORD = /\b(?:begin|start|commit|end|abort|rollback|prepare)\b/i

const BLANK = /\s+|;|--|\/\*/y

// The end of a statement, and what a `;` may be inside of.
const MARK =
  /;|--|\/\*|'|"|(?<![\w$\x80-\uffff])(?:e'|\$(?:[a-z_\x80-\uffff][\w\x80-\uffff]*)?\$|begin\s+atomic\b)/gi

/** How a comment or a quoted text begins → what counts inside of it (Postgres documentation, 4.1). */
const INSIDE: ReadonlyMap<string, RegExp> = new Map([
  ['--', /[\n\r]/g],
  ['/*', /\/\*|\*\//g],
  ['"', /"/g],
  [`'`, /'/g],
  [`e'`, /\\[\s\S]|''|'/g],
  [`E'`, /\\[\s\S]|''|'/g],
])

/** How much deeper it goes; comments nest. */
const STEPS: ReadonlyMap<string, number> = new Map([
  ['/*', 1],
  ['*/', -1],
  ['\n', -1],
  ['\r', -1],
  ['"', -1],
  [`'`, -1],
])

/**
 * Whether any statement of a text begins or ends a transaction. Comments and what is quoted are
 * passed over. It takes time in proportion to the text, whatever is in it.
 */
export function controlsTransaction(sql: string): boolean {
  // Hardly any text has one of the words at all.
  if (!WORD.test(sql)) return false
  let control = CONTROL
  let at = 0
  while (at < sql.length) {
    at = skipBlanks(sql, at)
    if (matchFrom(control, sql, at) !== undefined) return true
    const statement = skipStatement(sql, at)
    if (statement.opensBody) control = CONTROL_BEHIND_BODY
    at = statement.end
  }
  return false
}

function skipBlanks(sql: string, from: number): number {
  let at = from
  for (;;) {
    const blank = matchFrom(BLANK, sql, at)
    if (blank === undefined) return at
    at = skipInside(blank, sql, BLANK.lastIndex)
  }
}

/** To what is behind the next `;` that ends a statement, or to where the body of a function begins. */
function skipStatement(sql: string, from: number): { end: number; opensBody: boolean } {
  let end = from
  for (;;) {
    const mark = matchFrom(MARK, sql, end)
    if (mark === undefined) return { end: sql.length, opensBody: false }
    end = skipInside(mark, sql, MARK.lastIndex)
    const opensBody = /^b/i.test(mark)
    if (mark === ';' || opensBody) return { end, opensBody }
  }
}

/** To the end of what begins with the mark, or of the text where that is never closed. */
function skipInside(mark: string, sql: string, from: number): number {
  if (mark.startsWith('$')) return skipDollars(mark, sql, from)
  const inside = INSIDE.get(mark)
  if (inside === undefined) return from
  let at = from
  let depth = 1
  while (depth > 0) {
    const counted = matchFrom(inside, sql, at)
    if (counted === undefined) return sql.length
    depth += STEPS.get(counted) ?? 0
    at = inside.lastIndex
  }
  return at
}

function skipDollars(quote: string, sql: string, from: number): number {
  const end = sql.indexOf(quote, from)
  return end === -1 ? sql.length : end + quote.length
}

/** What it matches; its `lastIndex` is behind that then. */
function matchFrom(pattern: RegExp, sql: string, from: number): string | undefined {
  pattern.lastIndex = from
  return pattern.exec(sql)?.[0]
}
