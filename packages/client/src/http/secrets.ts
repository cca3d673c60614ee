import { isRecord } from '@hongbao/core/internal'

/** Removes API keys from foreign texts: of Ping++, which repeats them, and of a `fetch` that fails. */
export interface Secrets {
  readonly mask: (text: string) => string
  /** A copy of an error with its causes and codes, without anything that could hold a key. */
  readonly maskCause: (thrown: unknown) => unknown
}

const API_KEY = /\b(sk_(?:test|live)_)\w+/g
const MAX_CAUSES = 8

export function createSecrets(apiKey: string): Secrets {
  function mask(text: string): string {
    return text.replaceAll(apiKey, '[API key]').replaceAll(API_KEY, '$1****')
  }

  function maskCause(thrown: unknown, depth = 0): unknown {
    if (typeof thrown === 'string') return mask(thrown)
    // By its shape: an error of another realm is no `instanceof Error`.
    if (!isRecord(thrown) || depth === MAX_CAUSES) return undefined
    const { message, errors } = thrown
    if (typeof message !== 'string') return undefined
    const cause = maskCause(thrown['cause'], depth + 1)
    const options = cause === undefined ? {} : { cause }
    const copies = [errors].flat().map((each) => maskCause(each, depth + 1))
    const copy = Array.isArray(errors)
      ? new AggregateError(copies, mask(message), options)
      : new Error(mask(message), options)
    for (const name of ['name', 'stack', 'code']) {
      const text = thrown[name]
      if (typeof text === 'string') Object.assign(copy, { [name]: mask(text) })
    }
    return copy
  }

  return { mask, maskCause: (thrown) => maskCause(thrown) }
}
