/**
 * A lazy statement of postgres 3.4 (`Query` in its src/query.js): it is sent when it is first awaited,
 * not when it is created, or is a fragment of another one. `file` reads its text when it is sent.
 */
interface LazyStatement {
  handler: (statement: LazyStatement) => unknown
  strings: readonly string[]
  args: unknown[]
  reject(error: unknown): void
}

/** Returns the error if the transaction is over, or if the text may not be sent. */
type Refusal = (sql: unknown) => Error | undefined

/** Refuses a lazy statement when it would be sent. Returns any other value unchanged. */
export function guardLazy(made: unknown, refusal: Refusal): unknown {
  if (!isLazy(made)) return made
  const { handler } = made
  function guarded(statement: LazyStatement): unknown {
    const error = refusal(textOf(statement))
    if (error !== undefined) return statement.reject(error)
    if (statement.strings.length === 0) guardFile(statement, refusal)
    return handler(statement)
  }
  // postgres keeps `debug` as a property of the handler.
  made.handler = Object.assign(guarded, handler)
  return made
}

/** Refuses the text of a file when it has been read; postgres sends it after that. */
function guardFile(file: LazyStatement, refusal: Refusal): void {
  let strings: readonly string[] = []
  Object.defineProperty(file, 'strings', {
    get: () => strings,
    set(read: readonly string[]) {
      const error = refusal(read[0])
      strings = error === undefined ? read : ['']
      if (error === undefined) return
      file.reject(error)
      // postgres still sends it: an empty text, which does nothing in any transaction.
      file.args = []
    },
  })
}

/** The text with that of the fragments in it, as postgres joins them; `?` for any other value. */
function textOf({ strings, args }: LazyStatement): string {
  return String.raw({ raw: strings }, ...args.map(textOfValue))
}

function textOfValue(value: unknown): string {
  if (isLazy(value)) return textOf(value)
  return Array.isArray(value) && isLazy(value[0]) ? value.map(textOfValue).join(' ') : '?'
}

function isLazy(made: unknown): made is LazyStatement {
  const { handler, reject } = Object(made)
  return typeof handler === 'function' && typeof reject === 'function'
}
