/**
 * A lazy statement of postgres 3.4 (`Query` in its src/query.js): it is sent when it is first awaited,
 * not when it is created.
 */
interface LazyStatement {
  handler: (statement: LazyStatement) => unknown
  args: unknown[]
  reject(error: unknown): void
}

/** Returns the error if the transaction is over, or if the text may not be sent. */
type Refusal = (sql?: unknown) => Error | undefined

/** Refuses a lazy statement when it would be sent. Returns any other value unchanged. */
export function guardLazy(made: unknown, refusal: Refusal): unknown {
  if (!isLazy(made)) return made
  const { handler } = made
  function guarded(statement: LazyStatement): unknown {
    const error = refusal()
    return error === undefined ? handler(statement) : statement.reject(error)
  }
  // postgres keeps `debug` as a property of the handler.
  made.handler = Object.assign(guarded, handler)
  return made
}

/** The same for `file`, which reads the SQL when it runs, and sends it after that. */
export function guardFile(made: unknown, refusal: Refusal): unknown {
  if (!isLazy(made)) return made
  let strings: readonly unknown[] = []
  Object.defineProperty(made, 'strings', {
    get: () => strings,
    set(read: readonly unknown[]) {
      const error = refusal(read[0])
      strings = error === undefined ? read : ['']
      if (error === undefined) return
      made.reject(error)
      // postgres still sends it: an empty text, which does nothing in any transaction.
      made.args = []
    },
  })
  return guardLazy(made, refusal)
}

function isLazy(made: unknown): made is LazyStatement {
  const { handler, reject } = Object(made)
  return typeof handler === 'function' && typeof reject === 'function'
}
