/** Removes API keys from foreign texts: of Ping++, which repeats them, and of a `fetch` that fails. */
export interface Secrets {
  readonly mask: (said: string) => string
  /** A copy of an error with its causes and codes, without anything that could hold a key. */
  readonly maskCause: (thrown: unknown) => unknown
}

const API_KEY = /\b(sk_(?:test|live)_)\w+/g
const MAX_CAUSES = 8

export function createSecrets(apiKey: string): Secrets {
  function mask(said: string): string {
    return said.replaceAll(apiKey, '[API key]').replaceAll(API_KEY, '$1****')
  }

  function maskCause(thrown: unknown, depth = 0): unknown {
    if (typeof thrown === 'string') return mask(thrown)
    if (!isErrorLike(thrown) || depth === MAX_CAUSES) return undefined
    const cause = maskCause(thrown.cause, depth + 1)
    const options = cause === undefined ? {} : { cause }
    const message = mask(thrown.message)
    const copy = Array.isArray(thrown.errors)
      ? new AggregateError(
          thrown.errors.map((each) => maskCause(each, depth + 1)),
          message,
          options,
        )
      : new Error(message, options)
    if (typeof thrown.name === 'string') copy.name = mask(thrown.name)
    if (typeof thrown.stack === 'string') copy.stack = mask(thrown.stack)
    return typeof thrown.code === 'string' ? Object.assign(copy, { code: mask(thrown.code) }) : copy
  }

  return { mask, maskCause: (thrown) => maskCause(thrown) }
}

interface ErrorLike {
  readonly message: string
  readonly name?: unknown
  readonly stack?: unknown
  readonly cause?: unknown
  readonly code?: unknown
  readonly errors?: unknown
}

/** By its shape: an error of another realm is no `instanceof Error`. */
function isErrorLike(thrown: unknown): thrown is ErrorLike {
  return (
    typeof thrown === 'object' &&
    thrown !== null &&
    'message' in thrown &&
    typeof thrown.message === 'string'
  )
}
