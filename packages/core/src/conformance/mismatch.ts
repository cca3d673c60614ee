/** An inbox did something else than what was expected; both are ends of a sentence. */
export class Mismatch extends Error {
  readonly expected: string
  readonly happened: string

  constructor(expected: string, happened: string, cause?: unknown) {
    super(`Expected: ${expected} Happened: ${happened}`, { cause })
    this.expected = expected
    this.happened = happened
  }
}

/** Compares by identity, as for the errors that `admit` must pass on. `what` is the subject of both sentences. */
export function expectSame(what: string, actual: unknown, expected: unknown): void {
  if (Object.is(actual, expected)) return
  throw new Mismatch(`${what} is ${show(expected)}.`, `It is ${show(actual)}.`)
}

/** A value for a message. Keys of 240 characters are cut. */
export function show(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (typeof value !== 'string') return String(value)
  return JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value)
}
