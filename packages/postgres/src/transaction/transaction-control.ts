// A statement that begins or ends a transaction. ROLLBACK TO a savepoint does neither.
const CONTROL =
  /(?:^|;)\s*(?:begin|start\s+transaction|commit|end|abort|rollback(?!\s+(?:work\s+|transaction\s+)?to\b)|prepare\s+transaction)\b/i

// In the body of an SQL function END closes the body, and the other statements are not allowed.
const CONTROL_AFTER_BODY = /(?:^|;)\s*(?:commit|abort|rollback|prepare\s+transaction)\b/i

// The word BEGIN stays with the text before it, so that a statement that begins with it is found.
const BODY = /(?<=\bbegin)\s+atomic\b/i

const WORD = /\b(?:begin|start|commit|end|abort|rollback|prepare)\b/i

// A quoted text or a comment, to its end or to the end of the SQL (Postgres documentation, 4.1). Of a
// block comment it finds only the start, because block comments nest.
const OPAQUE =
  /--[^\n\r]*|\/\*|'[^']*(?:'|$)|"[^"]*(?:"|$)|(?<![\w$\x80-\uffff])(?:[eE]'(?:\\[\s\S]?|''|[^'\\])*(?:'|$)|(\$(?:[a-zA-Z_\x80-\uffff][\w\x80-\uffff]*)?\$)[\s\S]*?(?:\1|$))/g

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
  const [statements = '', ...bodies] = withoutOpaque(sql).split(BODY)
  return CONTROL.test(statements) || bodies.some((body) => CONTROL_AFTER_BODY.test(body))
}

/** The SQL with a blank for each comment and an empty text for each quoted one. */
function withoutOpaque(sql: string): string {
  let bare = ''
  let at = 0
  for (;;) {
    OPAQUE.lastIndex = at
    const opaque = OPAQUE.exec(sql)
    if (opaque === null) return bare + sql.slice(at)
    const isComment = /^[-/]/.test(opaque[0])
    bare += sql.slice(at, opaque.index) + (isComment ? ' ' : `''`)
    at = opaque[0] === '/*' ? endOfComment(sql, OPAQUE.lastIndex) : OPAQUE.lastIndex
  }
}

function endOfComment(sql: string, from: number): number {
  let depth = 1
  for (const { 0: mark, index } of sql.slice(from).matchAll(/\/\*|\*\//g)) {
    depth += mark === '/*' ? 1 : -1
    if (depth === 0) return from + index + mark.length
  }
  return sql.length
}
