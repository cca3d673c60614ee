/**
 * A statement of postgres 3.4 (`Query` in its src/query.js): it is sent when it is first awaited, by
 * whatever method, and not when it is made.
 */
interface LazyStatement {
  handler: (statement: LazyStatement) => unknown
  args: unknown[]
  reject(error: unknown): void
}

/** The error where a statement may not be sent any more, or its text may not be sent at all. */
type Refusal = (sql?: unknown) => Error | undefined

/** Has a statement refused at the moment at which it would be sent. Anything else is left alone. */
export function guardLazy(made: unknown, refusal: Refusal): unknown {
  if (!isLazy(made)) return made
  const { handler } = made
  function guarded(statement: LazyStatement): unknown {
    const error = refusal()
    return error === undefined ? handler(statement) : statement.reject(error)
  }
  // `debug` hangs on it.
  made.handler = Object.assign(guarded, handler)
  return made
}

/** The same for `file`, which reads when it runs, and sends when that is done. */
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
      // It is sent all the same: an empty text, which does nothing in any transaction.
      made.args = []
    },
  })
  return guardLazy(made, refusal)
}

function isLazy(made: unknown): made is LazyStatement {
  const { handler, reject } = Object(made)
  return typeof handler === 'function' && typeof reject === 'function'
}
