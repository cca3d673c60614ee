import { brand, vouchFor } from '../options/errors.ts'

/**
 * An inbox could not admit an event: what `admit`, `ready` and `flush` of every store reject with.
 * Each store has its codes, with its own prefix: `redis-…`, `postgres-…`.
 */
export class InboxError<Code extends string = string> extends Error {
  override readonly name = 'InboxError'
  readonly code: Code

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/**
 * How a store makes its errors: from its own table of codes and sentences. The log shows the table's
 * sentence; of an `InboxError` that an app has made itself, it shows neither code nor message.
 */
export function inboxErrors<Code extends string>(
  sentences: Readonly<Record<Code, string>>,
): <Of extends Code>(code: Of, options?: ErrorOptions) => InboxError<Of> {
  return function inboxError(code, options) {
    const error = new InboxError(code, sentences[code], options)
    vouchFor(error, sentences[code])
    return error
  }
}

brand(InboxError, 'InboxError')
