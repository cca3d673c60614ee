import type { ErrorAnswer } from './types.ts'
import { Refusal } from '../../errors.ts'
import REFUSALS from '../../refusals.json' with { type: 'json' }

/** Answers with the status of the refusal; any other error is a bug. */
export function answerError(error: Error): Response {
  const refusal =
    error instanceof Refusal
      ? error
      : new Refusal('internal-error', { error: `${error.name}: ${error.message}` })
  const { code, message, reason, about } = refusal
  const { status } = REFUSALS[reason]
  return Response.json({ error: { code, message, reason, about } } satisfies ErrorAnswer, {
    status,
  })
}
