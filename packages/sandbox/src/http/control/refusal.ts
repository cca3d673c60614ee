import type { SandboxError, SandboxErrorCode } from '../../errors.ts'

/** What the control API answers when it does not do what was asked. */
export interface ControlError {
  readonly error: { readonly code: string; readonly message: string }
}

/** A request that a route does not even look at. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: 400 | 403 | 404 | 413 | 415
  readonly code: string

  constructor(status: Refusal['status'], code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** Error code → status: one table. */
const STATUS: Readonly<Record<SandboxErrorCode, 400 | 403 | 404 | 409 | 502 | 503 | 504>> = {
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

/** Answers an error; one that nobody foresaw too, as nobody but its developer reads it here. */
export function answerError(error: unknown): Response {
  if (error instanceof Refusal) return answer(error.status, error.code, error.message)
  if (isSandboxError(error)) return answer(STATUS[error.code], error.code, error.message)
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return answer(500, 'internal-error', `The sandbox failed, which is a bug. ${said}`)
}

// By its code rather than by `instanceof`: another copy of the package may have thrown it.
function isSandboxError(error: unknown): error is SandboxError {
  return error instanceof Error && 'code' in error && Object.hasOwn(STATUS, String(error.code))
}

function answer(status: number, code: string, message: string): Response {
  const body: ControlError = { error: { code, message } }
  return Response.json(body, { status })
}
