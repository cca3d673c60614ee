import { InboxError, WebhookError, type DispatchResult, type Webhooks } from '@hongbao/core'
import { ERRORS, originOf, withTimeout } from '@hongbao/core/internal'
import type { JobFate, JobVerdict } from './broker.ts'
import { subjectOf } from './dead-letters.ts'
import { unpackEvent, type Reading } from './event-job.ts'

/** How a worker applies a job. */
export interface JobRules extends Reading {
  /** How long the job is held while its handlers run. Then it is retried. */
  readonly timeoutMs: number
  /** Called when the handlers pass their deadline. */
  readonly onLate?: (() => void) | undefined
}

/**
 * Applies the event of a job with the keys, the inbox and the handlers of a receiver. Waits for handlers
 * that pass their deadline, so that the broker holds the job and no second run starts beside the first.
 * Never rejects.
 */
export async function applyJob(
  webhooks: Pick<Webhooks, 'dispatch'>,
  data: unknown,
  rules: JobRules,
): Promise<JobVerdict> {
  const result = await withTimeout(rules.timeoutMs, apply(webhooks, data, rules), timedOut)
  const subject = `(${subjectOf(data)})`
  if (!('error' in result)) {
    const { outcome } = result
    return { fate: 'done', outcome, reason: `${outcome} ${subject}`, cause: undefined }
  }
  const { error } = result
  const { code } = error
  const detail = error instanceof WebhookError ? error.detail : error.message
  const why = detail === undefined ? '' : `: ${detail}`
  const [cause, origin] = 'cause' in error ? [error.cause, originOf(error.cause)] : [error, '']
  const fate = FATES[code]?.job ?? 'dead'
  return { fate, outcome: code, reason: `${code} ${subject}${why}${origin}`, cause }
}

/** Codes that are not in core's table are those of the queue: a retry would fail too. */
const FATES: Readonly<Record<string, { readonly job: JobFate } | undefined>> = ERRORS

/** The error with which a job is refused before it is dispatched. */
interface Refusal {
  readonly error: WebhookError | InboxError
}

function timedOut(): Refusal {
  return { error: new WebhookError('handler-timed-out') }
}

async function apply(
  webhooks: Pick<Webhooks, 'dispatch'>,
  data: unknown,
  rules: JobRules,
): Promise<DispatchResult | Refusal> {
  try {
    const { event, how } = await unpackEvent(data, rules)
    const result = await webhooks.dispatch(event, how)
    if (!('finalResult' in result) || result.finalResult === undefined) return result
    rules.onLate?.()
    return await result.finalResult
  } catch (error) {
    if (error instanceof WebhookError || error instanceof InboxError) return { error }
    return { error: new WebhookError('internal-error', undefined, { cause: error }) }
  }
}
