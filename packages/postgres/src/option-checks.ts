import { OptionError } from '@hongbao/core'

// Node's timers hold 31 bits and fire at once above that.
const MAX_MS = 2 ** 31 - 1

/** A misspelt `lockTimeoutMS` would silently change nothing. */
export function refuseUnknown(options: object, names: Readonly<Record<string, true>>): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(names, name))
  if (unknown === undefined) return
  throw new OptionError(
    'option-invalid',
    `\`${unknown}\` is no option. There are: ${Object.keys(names).join(', ')}.`,
  )
}

export function readMs(option: string, ms: number): number {
  if (Number.isSafeInteger(ms) && ms >= 1 && ms <= MAX_MS) return ms
  throw wrong(option, 'a whole number of milliseconds from 1 to 2,147,483,647')
}

/** The error of a wrong option: `expected` ends the sentence "`option` must be …". */
export function wrong(option: string, expected: string): OptionError {
  return new OptionError('option-invalid', `\`${option}\` must be ${expected}.`)
}
