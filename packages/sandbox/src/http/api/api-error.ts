import { fill } from '../../fill.ts'
import { maskKeys } from '../../mask-keys.ts'
import type { Answer } from './answer.ts'
import CAUSES from './causes.json' with { type: 'json' }
import type { Language, Text } from './language.ts'
import PROBLEMS from './problems.json' with { type: 'json' }

/**
 * What can be wrong with a request → Ping++'s answer. Statuses and types as documented; messages are
 * Ping++'s own if one was seen. `{…}` is replaced by details, and `{cause}` by a text of `causes.json`.
 *
 * That a wrong signature is a 401 is the sandbox's choice: Ping++'s answer was never seen.
 */
export type ProblemName = keyof typeof PROBLEMS

/** Why a request is wrong, in a problem's `{cause}`. */
export type CauseName = keyof typeof CAUSES

interface Problem extends Text {
  readonly status: number
  /** Ping++'s own code; most errors have none. */
  readonly code?: string
}

export interface ProblemDetails {
  readonly cause?: CauseName
  /** Values for `{…}` in the message and in its cause. */
  readonly about?: Readonly<Record<string, string>>
  /** Name of the wrong parameter. */
  readonly param?: string | undefined
  /** In place of the problem's own. */
  readonly code?: string | undefined
  /** In place of the problem's own. */
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string>>
}

export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly #problem: Problem
  readonly #details: ProblemDetails

  constructor(name: ProblemName, details: ProblemDetails = {}) {
    const problem: Problem = PROBLEMS[name]
    super(write(problem, details, 'en'))
    this.status = details.status ?? problem.status
    this.#problem = problem
    this.#details = details
  }

  /** `{"error":{…}}` with type and message, and without nulls: the Go SDK panics otherwise. */
  toAnswer(language: Language): Answer {
    const { code = this.#problem.code, param, headers } = this.#details
    const error = {
      type: typeOf(this.status),
      message: write(this.#problem, this.#details, language),
      ...(code === undefined ? {} : { code }),
      ...(param === undefined ? {} : { param }),
    }
    return { status: this.status, body: { error }, headers }
  }
}

function typeOf(status: number): string {
  if (status === 402) return 'channel_error'
  // 403 and 429 are limits, not mistakes of the request.
  return status >= 500 || status === 403 || status === 429 ? 'api_error' : 'invalid_request_error'
}

function write(
  problem: Problem,
  { cause, about = {} }: ProblemDetails,
  language: Language,
): string {
  const details =
    cause === undefined ? about : { ...about, cause: fill(CAUSES[cause][language], about) }
  return maskKeys(fill(problem[language], details))
}
