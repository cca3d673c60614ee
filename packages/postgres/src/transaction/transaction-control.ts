// ROLLBACK TO a savepoint neither begins nor ends a transaction.
const CONTROL =
  /^\s*(?:begin|start\s+transaction|commit|end|abort|rollback(?!\s+(?:work\s+|transaction\s+)?to\b)|prepare\s+transaction)\b/i

// The statements of the body and its END belong to the function. A parameter may be called BEGIN too.
const BODY =
  /^\s*create\s+(?:or\s+replace\s+)?(?:function|procedure)\b.*\bbegin\s+atomic\b(?!\s*(?:end\b|default\b|[),=[]))/is
const END = /^\s*end\b/i

const WORD = /\b(?:begin|start|commit|end|abort|rollback|prepare)\b/i

// The start of a comment or of a quoted text (Postgres documentation, 4.1).
const OPAQUE =
  /--|\/\*|["']|(?<![\w$\x80-\uffff])(?:[eE]'|\$(?:[a-zA-Z_\x80-\uffff][\w\x80-\uffff]*)?\$)/g

/** Start → what may be its end. A dollar-quoted text ends with its start. */
const MARKS: Readonly<Record<string, RegExp>> = {
  '--': /[\n\r]/g,
  '/*': /\/\*|\*\//g,
  '"': /"/g,
  "'": /'/g,
  // A quote goes on after `''`, and after a line end between the two, with its escapes (4.1.2.1).
  "e'": /\\[^]|'(?:\s*--[^\n\r]*[\n\r])*\s*'|'/g,
}

const CLOSING = /^(?:\*\/|["'\n\r])$/

/**
 * Whether any statement of a text begins or ends a transaction. Comments and quoted texts are ignored.
 * The time is proportional to the length of the text.
 *
 * The first word of the text is not enough. After `insert …; commit` the event's key is committed
 * together with half of the work: the check before COMMIT still answers 500, but the redelivery is a
 * duplicate, and the other half is lost.
 */
export function controlsTransaction(sql: string): boolean {
  // Hardly any text has one of the words at all.
  if (!WORD.test(sql)) return false
  let isInBody = false
  for (const statement of withoutOpaque(sql).split(';')) {
    if (isInBody && END.test(statement)) isInBody = false
    else if (CONTROL.test(statement)) return true
    else isInBody ||= BODY.test(statement)
  }
  return false
}

/** The SQL with a blank for each comment and each quoted text. */
function withoutOpaque(sql: string): string {
  let bare = ''
  let at = 0
  for (;;) {
    OPAQUE.lastIndex = at
    const opaque = OPAQUE.exec(sql)
    if (opaque === null) return bare + sql.slice(at)
    bare += `${sql.slice(at, opaque.index)} `
    at = endOf(opaque[0], sql, OPAQUE.lastIndex)
  }
}

/** Where the comment or the text ends that starts before `from`: at the end of the SQL if it is open. */
function endOf(start: string, sql: string, from: number): number {
  const marks = MARKS[start.toLowerCase()]
  if (marks === undefined) {
    const end = sql.indexOf(start, from)
    return end === -1 ? sql.length : end + start.length
  }
  // Block comments nest.
  let depth = 1
  for (const { 0: mark, index } of sql.slice(from).matchAll(marks)) {
    if (mark === '/*') depth += 1
    else if (CLOSING.test(mark)) depth -= 1
    if (depth === 0) return from + index + mark.length
  }
  return sql.length
}
