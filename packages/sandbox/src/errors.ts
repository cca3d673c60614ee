import { brand } from '@hongbao/core/internal'
import { fill, type Values } from './fill.ts'
import REFUSALS from './refusals.json' with { type: 'json' }

export type SandboxErrorCode =
  | 'option-invalid'
  | 'target-invalid'
  | 'target-remote'
  | 'host-remote'
  | 'port-taken'
  | 'fault-invalid'
  | 'envelope-unknown'
  | 'event-unknown'
  | 'type-unknown'
  | 'type-without-webhook'
  | 'move-invalid'
  | 'wait-timed-out'
  | 'unreachable'
  | 'closed'

/** Thrown if a sandbox cannot do what was requested; the message has the reason and a remedy. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError'
  readonly code: SandboxErrorCode

  constructor(code: SandboxErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

brand(SandboxError, 'SandboxError')

/** A row of `refusals.json`: its code, its status in the control API, and its sentence in both languages. */
export type RefusalName = keyof typeof REFUSALS

/** A refusal of the table. The command line writes its sentence anew, in the user's language. */
export class Refusal extends SandboxError {
  readonly #reason: RefusalName
  readonly #about: Values

  constructor(reason: RefusalName, about: Values = {}, options?: ErrorOptions) {
    const { code, en } = REFUSALS[reason]
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table has this type's, and those of the control API alone
    super(code as SandboxErrorCode, fill(en, about), options)
    this.#reason = reason
    this.#about = about
  }

  // Not own properties, so that a log of the error does not show them.
  get reason(): RefusalName {
    return this.#reason
  }

  get about(): Values {
    return this.#about
  }
}

/** What was asked for, in quotes, as messages show it. */
export function quote(text: string): string {
  return JSON.stringify(text.slice(0, 64))
}

export function closedError(): Refusal {
  return new Refusal('closed')
}

/** @param expected as the end of "must be …" */
export function invalidOption(name: string, expected: string): Refusal {
  return new Refusal('option', { name, expected })
}
