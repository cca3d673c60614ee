/**
 * Makes `instanceof` true for errors of another copy of hongbao in the process, such as ESM beside
 * CommonJS: the brand of a class is the same in every copy.
 */
export function brand(type: ErrorClass, name: string): void {
  const mark = Symbol.for(`hongbao.error.${name}`)
  Object.defineProperty(type.prototype, mark, { value: true })
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, thrown: unknown): boolean {
      // A subclass inherits this, and has no brand of its own.
      if (this !== type) return Function.prototype[Symbol.hasInstance].call(this, thrown)
      return typeof thrown === 'object' && thrown !== null && mark in thrown
    },
  })
}

interface ErrorClass {
  readonly prototype: Error
}

/** Codes of wrong options, which are refused at start-up. */
export type OptionErrorCode =
  | 'option-invalid'
  | 'key-missing'
  | 'key-unreadable'
  | 'key-ambiguous'
  | 'key-private'
  | 'key-public'
  | 'key-not-rsa'
  | 'key-too-small'
  | 'key-weak-exponent'
  | 'key-published'

/** A wrong option: names the option and the expected value; never shows the value of a key. */
export class OptionError extends TypeError {
  override readonly name = 'OptionError'
  readonly code: OptionErrorCode

  constructor(code: OptionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    vouchFor(this, message)
  }
}

/** The property with an error's sentence for the log; the same in every copy of hongbao. */
const SENTENCE: unique symbol = Symbol.for('hongbao.sentence')

/**
 * Lets the default log show the code of an error and a sentence about it. The sentence must never contain
 * a secret, and is fixed when the error is made, because an app may change `message`.
 */
export function vouchFor(error: Error, sentence: string): void {
  Object.defineProperty(error, SENTENCE, { value: sentence })
}

/** The same for every error of a class: a property for each would be a fifth of what a refusal costs. */
export function vouchForAll<Thrown extends Error>(
  { prototype }: { readonly prototype: Thrown },
  sentence: (error: Thrown) => string,
): void {
  const get = function (this: Thrown): string {
    return sentence(this)
  }
  Object.defineProperty(prototype, SENTENCE, { get })
}

export function sentenceOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !(SENTENCE in thrown)) return undefined
  const { [SENTENCE]: sentence } = thrown
  return typeof sentence === 'string' ? sentence : undefined
}

brand(OptionError, 'OptionError')
