import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { ErrorAnswer } from './types.ts'
import type { SandboxError, SandboxErrorCode } from '../../errors.ts'

/** A request that a route refuses before the sandbox sees it. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: ContentfulStatusCode
  readonly code: string

  constructor(status: ContentfulStatusCode, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** Error code → status. */
const STATUS: Readonly<Record<SandboxErrorCode, ContentfulStatusCode>> = {
  'option-invalid': 400,
  'target-invalid': 400,
  'target-remote': 403,
  'host-remote': 403,
  'port-taken': 409,
  'fault-invalid': 400,
  'type-unknown': 400,
  'type-without-webhook': 400,
  'envelope-unknown': 404,
  'event-unknown': 404,
  'move-invalid': 409,
  'wait-timed-out': 504,
  unreachable: 502,
  closed: 503,
}

export function answerError(error: Error): Response {
  if (error instanceof Refusal) return answer(error.status, error.code, error.message)
  if (isSandboxError(error)) return answer(STATUS[error.code], error.code, error.message)
  const message = `The sandbox failed, which is a bug. ${error.name}: ${error.message}`
  return answer(500, 'internal-error', message)
}

// By its code, not by `instanceof`: another copy of the package may have thrown it.
function isSandboxError(error: Error): error is SandboxError {
  return 'code' in error && Object.hasOwn(STATUS, String(error.code))
}

function answer(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } } satisfies ErrorAnswer, { status })
}
